"""LeNet-5 as published and as it is written today, and a small network to compare activations."""

from alexbook.layers import RBF, Activation, AvgPool, Conv, Dense, Flatten, Layer, MaxPool, Subsample
from alexbook.networks._network import Network

# LeCun et al. 1998, Table I: which of the six maps of S2 each of the sixteen maps of C3 sees.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)

# The 1998 network compares its 84 outputs with a 7x12 drawing of each digit. These drawings are this book's own, in
# the manner of the paper's Figure 3.
_DRAWN_DIGITS = """
.#####. ...#... .#####. .#####. ....##. ####### .#####. ####### .#####. .#####.
##...## ..##... ##...## ##...## ...###. ##..... ##...## .....## ##...## ##...##
##...## .###... .....## .....## ..####. ##..... ##..... ....##. ##...## ##...##
##...## ...#... .....## .....## .##.##. ##..... ##..... ....##. ##...## ##...##
##...## ...#... ....##. .....## ##..##. ######. ##..... ...##.. .##.##. ##...##
##...## ...#... ...##.. ..####. ##..##. .....## ######. ...##.. ..###.. .######
##...## ...#... ..##... .....## ####### .....## ##...## ..##... .##.##. .....##
##...## ...#... .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...#... ##..... .....## ....##. .....## ##...## .##.... ##...## .....##
##...## ...#... ##..... .....## ....##. .....## ##...## .##.... ##...## .....##
##...## ...#... ##..... ##...## ....##. ##...## ##...## ##..... ##...## ##...##
.#####. ..###.. ####### .#####. ....##. .#####. .#####. ##..... .#####. .#####.
"""


def _centers(drawing: str) -> tuple[tuple[int, ...], ...]:
    columns = zip(*(line.split() for line in drawing.split("\n") if line), strict=True)
    return tuple(tuple(1 if pixel == "#" else -1 for pixel in "".join(digit)) for digit in columns)


DIGIT_CENTERS = _centers(_DRAWN_DIGITS)


def _lenet5_1998() -> tuple[Layer, ...]:
    squash = Activation("scaled_tanh")
    return (
        Conv(6, 5, name="C1"), squash,
        Subsample(2, name="S2"), squash,
        Conv(16, 5, connections=C3_TABLE, name="C3"), squash,
        Subsample(2, name="S4"), squash,
        Conv(120, 5, name="C5"), squash,
        Flatten(),
        Dense(84, name="F6"), squash,
        RBF(DIGIT_CENTERS, name="OUTPUT"),
    )


def _lenet5_today(padding: int, squash: str = "tanh") -> tuple[Layer, ...]:
    return (
        Conv(6, 5, padding=padding, name="conv1"), Activation(squash), AvgPool(2, name="pool1"),
        Conv(16, 5, name="conv2"), Activation(squash), AvgPool(2, name="pool2"),
        Flatten(),
        Dense(120, name="fc1"), Activation(squash),
        Dense(84, name="fc2"), Activation(squash),
        Dense(10, name="fc3"), Activation("softmax"),
    )


def _four_layers() -> tuple[Layer, ...]:
    """Two convolutions and two dense layers: small enough to be trained to the end with a sigmoid, too."""
    relu = Activation("relu")
    return (
        Conv(16, 5, padding=2, name="conv1"), relu, MaxPool(3, 2, name="pool1"),
        Conv(32, 5, padding=2, name="conv2"), relu, MaxPool(3, 2, name="pool2"),
        Flatten(),
        Dense(128, name="fc3"), relu,
        Dense(10, name="fc4"), Activation("softmax"),
    )


LENETS = (
    Network("lenet5", "LeNet-5 as published", "LeCun et al. 1998, section II.B", (32, 32, 1), _lenet5_1998()),
    Network("lenet5_modern", "LeNet-5 as it is usually written today",
            "the 1998 network with dense C3, average pooling, dense layers for C5 and the output, softmax",
            (28, 28, 1), _lenet5_today(padding=2)),
    Network("lenet5_unpadded", "the same for 28x28 images without padding", "many Keras tutorials",
            (28, 28, 1), _lenet5_today(padding=0)),
    Network("lenet5_rgb", "the same for 32x32 color images", "computed: only C1 grows",
            (32, 32, 3), _lenet5_today(padding=0)),
    Network("lenet_d2l", "the LeNet of Dive into Deep Learning",
            "d2l-en, chapter_convolutional-neural-networks/lenet.md",
            (28, 28, 1), _lenet5_today(padding=2, squash="sigmoid")),
    Network("lenet_caffe", "Caffe's LeNet", "Caffe, examples/mnist/lenet.prototxt", (28, 28, 1), (
        Conv(20, 5, name="conv1"), MaxPool(2, name="pool1"),
        Conv(50, 5, name="conv2"), MaxPool(2, name="pool2"),
        Flatten(),
        Dense(500, name="ip1"), Activation("relu"),
        Dense(10, name="ip2"), Activation("softmax"),
    ), pool_rounding="ceil"),
)

FOUR_LAYERS = Network("four_layers", "four layers, to compare activations",
                "this book's own, after Krizhevsky et al. 2012, Figure 1, which does not give the layers' sizes",
                (32, 32, 3), _four_layers())
