"""The book's networks, as data: each one names its source, and its counts are tested against that source."""

from dataclasses import dataclass
from typing import Literal

from alexbook.layers import (
    LRN,
    RBF,
    Activation,
    AvgPool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    SpatialNorm,
    Subsample,
)

Rounding = Literal["floor", "ceil"]


@dataclass(frozen=True)
class Network:
    """A network: its input and its layers in order.

    ``input_shape`` is ``(height, width, channels)``. ``rounding`` says what happens to a window that would only
    partly fit: ``"floor"`` drops it (Keras, PyTorch), ``"ceil"`` keeps it (cuda-convnet, 2012); ``pool_rounding``
    differs from it in Caffe, which floors convolutions and ceils pooling.
    """

    name: str
    title: str
    source: str
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    rounding: Rounding = "floor"
    pool_rounding: Rounding | None = None

    def __post_init__(self) -> None:
        for field in ("rounding", "pool_rounding"):
            value = getattr(self, field)
            if value not in ("floor", "ceil") and not (field == "pool_rounding" and value is None):
                raise ValueError(f"{self.name}: {field} is {value!r}, but must be 'floor' or 'ceil'.")

    def __repr__(self) -> str:
        return f"<Network {self.name}: {self.title}; {len(self.layers)} layers>"


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


_LENETS = (
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

def _classifier(dropout: str = "after") -> tuple[Layer, ...]:
    """fc6 to fc8, with dropout ``after`` the first two (the paper), ``before`` them (torchvision), or ``none``."""
    before, after = ((Dropout(),) if dropout == place else () for place in ("before", "after"))
    relu = Activation("relu")
    return (Flatten(), *before, Dense(4096, name="fc6"), relu, *after, *before, Dense(4096, name="fc7"), relu, *after,
            Dense(1000, name="fc8"), Activation("softmax"))


def _alexnet(filters: tuple[int, ...] = (96, 256, 384, 384, 256), groups: int = 1, padding1: int = 0,
             padding2: int = 2, between: str = "relu pool", k: float = 2.0,
             dropout: str = "after") -> tuple[Layer, ...]:
    """Five convolutions and three dense layers; ``between`` is what follows conv1 and conv2, in its order."""
    relu = Activation("relu")
    one, two, three, four, five = filters

    def after(number: int) -> tuple[Layer, ...]:
        parts = {"relu": relu, "lrn": LRN(k=k, name=f"norm{number}"), "pool": MaxPool(3, 2, name=f"pool{number}")}
        return tuple(parts[word] for word in between.split())

    return (
        Conv(one, 11, stride=4, padding=padding1, name="conv1"), *after(1),
        Conv(two, 5, padding=padding2, groups=groups, name="conv2"), *after(2),
        Conv(three, 3, padding=1, name="conv3"), relu,
        Conv(four, 3, padding=1, groups=groups, name="conv4"), relu,
        Conv(five, 3, padding=1, groups=groups, name="conv5"), relu, MaxPool(3, 2, name="pool5"),
        *_classifier(dropout),
    )


def _alexnet_2012(filters: tuple[int, ...] = (96, 256, 384, 384, 256), towers: int = 2) -> tuple[Layer, ...]:
    """The paper's network as its source code has it (layers-145.cfg); ``towers`` is the number of GPUs."""
    relu = Activation("relu")
    one, two, three, four, five = filters
    return (
        Conv(one, 11, stride=4, name="conv1"), LRN(groups=towers, name="rnorm1"), MaxPool(3, 2, name="pool1"), relu,
        Conv(two, 5, padding=2, groups=towers, name="conv2"), relu,
        LRN(groups=towers, name="rnorm2"), SpatialNorm(name="cnorm2"), MaxPool(3, 2, name="pool2"),
        Conv(three, 3, padding=1, name="conv3"), relu,
        Conv(four, 3, padding=1, groups=towers, name="conv4"), relu,
        Conv(five, 3, padding=1, groups=towers, name="conv5"), MaxPool(3, 2, name="pool5"), relu,
        *_classifier(),
    )


def _alexnet_slim() -> tuple[Layer, ...]:
    """Its dense layers are written as convolutions, so that it can slide over larger images."""
    relu = Activation("relu")
    return (*_alexnet((64, 192, 384, 384, 256))[:13], Conv(4096, 5, name="fc6"), relu, Dropout(),
            Conv(4096, 1, name="fc7"), relu, Dropout(), Conv(1000, 1, name="fc8"), Flatten(), Activation("softmax"))


def _alexnet_small() -> tuple[Layer, ...]:
    """AlexNet's plan for images of 32x32 pixels: no stride in conv1, a fraction of the filters, the paper's order."""
    relu = Activation("relu")
    return (
        Conv(32, 5, padding=2, name="conv1"), relu, LRN(name="norm1"), MaxPool(3, 2, name="pool1"),
        Conv(64, 5, padding=2, name="conv2"), relu, LRN(name="norm2"), MaxPool(3, 2, name="pool2"),
        Conv(96, 3, padding=1, name="conv3"), relu,
        Conv(96, 3, padding=1, name="conv4"), relu,
        Conv(64, 3, padding=1, name="conv5"), relu, MaxPool(3, 2, name="pool5"),
        Flatten(),
        Dense(256, name="fc6"), relu, Dropout(), Dense(256, name="fc7"), relu, Dropout(),
        Dense(10, name="fc8"), Activation("softmax"),
    )


_PAPER = "Krizhevsky et al. 2012"
_SOURCE = "computerhistory/AlexNet-Source-Code"
_IN_224, _IN_227 = (224, 224, 3), (227, 227, 3)
_ALEXNETS = (
    Network("alexnet_2012", "AlexNet as it ran in 2012", f"{_SOURCE}, layers/layers-145.cfg", _IN_224,
            _alexnet_2012(), rounding="ceil"),
    Network("alexnet_half", "the half network on one GPU", f"{_SOURCE}, layers/layers-145-half.cfg", _IN_224,
            _alexnet_2012((48, 128, 192, 192, 256), towers=1), rounding="ceil"),
    Network("alexnet_paper", "AlexNet, the paper's prose read literally", f"{_PAPER}, sections 3 and 4.2", _IN_224,
            _alexnet(groups=2, between="relu lrn pool")),
    Network("alexnet_article", "AlexNet, the source article's code", "Conv2D(256, (5, 5), padding='same')", _IN_227,
            _alexnet()),
    Network("alexnet_article_text", "AlexNet, the source article's text read literally", "conv2 with 'Padding: 1'",
            _IN_227, _alexnet(padding2=1, dropout="none")),
    Network("alexnet_torchvision", "torchvision's alexnet", "pytorch/vision, torchvision/models/alexnet.py", _IN_224,
            _alexnet((64, 192, 384, 256, 256), padding1=2, dropout="before")),
    Network("alexnet_bvlc", "Caffe's AlexNet", "Caffe, models/bvlc_alexnet/train_val.prototxt", _IN_227,
            _alexnet(groups=2, between="relu lrn pool", k=1.0), pool_rounding="ceil"),
    Network("caffenet", "CaffeNet", "Caffe, models/bvlc_reference_caffenet/train_val.prototxt", _IN_227,
            _alexnet(groups=2, between="relu pool lrn", k=1.0), pool_rounding="ceil"),
    Network("alexnet_d2l", "the AlexNet of Dive into Deep Learning, for color and 1000 classes",
            "d2l-en, chapter_convolutional-modern/alexnet.md", _IN_224, _alexnet(padding1=1)),
    Network("alexnet_slim", "TF-slim's alexnet_v2", "tensorflow/models, research/slim/nets/alexnet.py", _IN_224,
            _alexnet_slim()),
    Network("alexnet_small", "AlexNet's plan at a laptop's size", "this book's own, for 32x32 color images",
            (32, 32, 3), _alexnet_small()),
)

NETWORKS: dict[str, Network] = {network.name: network for network in _LENETS + _ALEXNETS}


def get(name: str) -> Network:
    """The network of that name; an unknown name raises a ``ValueError`` that lists the known ones."""
    if name not in NETWORKS:
        raise ValueError(f"There is no network named {name!r}; there are {', '.join(NETWORKS)}.")
    return NETWORKS[name]
