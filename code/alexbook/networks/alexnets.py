"""The AlexNets, as data: the published network, its source code's, and the retellings, each with its source."""

from dataclasses import replace

from alexbook.layers import (
    LRN,
    Activation,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Normal,
    SpatialNorm,
)
from alexbook.networks._network import Network

BIASED = ("conv2", "conv4", "conv5", "fc6", "fc7")  # the layers whose biases start above 0 (paper, section 5)


def _starting(layers: tuple[Layer, ...], bias: float = 1.0, **deviations: float) -> tuple[Layer, ...]:
    """The same layers with a start: deviation 0.01 where no other is named, ``bias`` in the layers of ``BIASED``."""
    return tuple(
        replace(layer, start=Normal(deviations.get(layer.name, 0.01), bias if layer.name in BIASED else 0.0))
        if isinstance(layer, (Conv, Dense)) else layer for layer in layers)


def _classifier(dropout: str = "after", units: int = 4096, classes: int = 1000) -> tuple[Layer, ...]:
    """fc6 to fc8, with dropout ``after`` the first two (the paper), ``before`` them (torchvision), or ``none``."""
    before, after = ((Dropout(),) if dropout == place else () for place in ("before", "after"))
    relu = Activation("relu")
    return (Flatten(), *before, Dense(units, name="fc6"), relu, *after, *before, Dense(units, name="fc7"), relu, *after,
            Dense(classes, name="fc8"), Activation("softmax"))


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


def _alexnet_2012(filters: tuple[int, ...] = (96, 256, 384, 384, 256), towers: int = 2, units: int = 4096,
                  classes: int = 1000) -> tuple[Layer, ...]:
    """The paper's network as its source code has it (layers-145.cfg); ``towers`` is the number of GPUs.

    It starts as in lines 9-299 there: conv3, conv4 and conv5 with three times the deviation that the paper gives.
    """
    relu = Activation("relu")
    one, two, three, four, five = filters
    return _starting((
        Conv(one, 11, stride=4, name="conv1"), LRN(groups=towers, name="rnorm1"), MaxPool(3, 2, name="pool1"), relu,
        Conv(two, 5, padding=2, groups=towers, name="conv2"), relu,
        LRN(groups=towers, name="rnorm2"), SpatialNorm(name="cnorm2"), MaxPool(3, 2, name="pool2"),
        Conv(three, 3, padding=1, name="conv3"), relu,
        Conv(four, 3, padding=1, groups=towers, name="conv4"), relu,
        Conv(five, 3, padding=1, groups=towers, name="conv5"), MaxPool(3, 2, name="pool5"), relu,
        *_classifier(units=units, classes=classes),
    ), conv3=0.03, conv4=0.03, conv5=0.03)


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

# No start is given where the source leaves it to its framework (the article: Keras's Glorot uniform and zeros;
# torchvision: PyTorch's own rule), where it is Glorot's (d2l: Xavier), or where it is no normal distribution (TF-slim's
# dense layers: a truncated one).
ALEXNETS = (
    Network("alexnet_2012", "AlexNet as it ran in 2012", f"{_SOURCE}, layers/layers-145.cfg", _IN_224,
            _alexnet_2012(), rounding="ceil"),
    Network("alexnet_half", "the half network on one GPU", f"{_SOURCE}, layers/layers-145-half.cfg", _IN_224,
            _alexnet_2012((48, 128, 192, 192, 256), towers=1), rounding="ceil"),
    Network("alexnet_paper", "AlexNet, the paper's prose read literally", f"{_PAPER}, sections 3 and 4.2", _IN_224,
            _starting(_alexnet(groups=2, between="relu lrn pool"))),
    Network("alexnet_article", "AlexNet, the source article's code", "Conv2D(256, (5, 5), padding='same')", _IN_227,
            _alexnet()),
    Network("alexnet_article_text", "AlexNet, the source article's text read literally", "conv2 with 'Padding: 1'",
            _IN_227, _alexnet(padding2=1, dropout="none")),
    Network("alexnet_torchvision", "torchvision's alexnet", "pytorch/vision, torchvision/models/alexnet.py", _IN_224,
            _alexnet((64, 192, 384, 256, 256), padding1=2, dropout="before")),
    Network("alexnet_bvlc", "Caffe's AlexNet", "Caffe, models/bvlc_alexnet/train_val.prototxt", _IN_227,
            _starting(_alexnet(groups=2, between="relu lrn pool", k=1.0), bias=0.1, fc6=0.005, fc7=0.005),
            pool_rounding="ceil"),
    Network("caffenet", "CaffeNet", "Caffe, models/bvlc_reference_caffenet/train_val.prototxt", _IN_227,
            _starting(_alexnet(groups=2, between="relu pool lrn", k=1.0), fc6=0.005, fc7=0.005),
            pool_rounding="ceil"),
    Network("alexnet_d2l", "the AlexNet of Dive into Deep Learning, for color and 1000 classes",
            "d2l-en, chapter_convolutional-modern/alexnet.md", _IN_224, _alexnet(padding1=1)),
    Network("alexnet_slim", "TF-slim's alexnet_v2", "tensorflow/models, research/slim/nets/alexnet.py", _IN_224,
            _alexnet_slim()),
    Network("alexnet_photos", "AlexNet for Caltech-101, its dense layers narrow",
            "this book's own: the convolutions of 2012, 512 units in fc6 and fc7", _IN_224,
            _alexnet_2012(units=512, classes=101), rounding="ceil"),
    Network("alexnet_photos_128", "AlexNet for Caltech-101 at 128 pixels",
            "this book's own: alexnet_photos with a smaller input", (128, 128, 3),
            _alexnet_2012(units=512, classes=101), rounding="ceil"),
    Network("alexnet_small", "AlexNet's plan at a laptop's size", "this book's own, for 32x32 color images",
            (32, 32, 3), _alexnet_small()),
)
