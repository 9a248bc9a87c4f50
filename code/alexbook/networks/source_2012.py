"""What the released source code of AlexNet says, as data: the network, its logged results, its schedule, its settings.

The source is ``computerhistory/AlexNet-Source-Code`` on GitHub, commit 2f8b81f: Alex Krizhevsky's own code of 2012 and
2013. Here stand facts from it, each with its :class:`Place`, and none of its text. Layers come in mirrored pairs, one
on each of two GPUs; sizes and counts are those of one GPU, until :func:`layers` joins them into one network.
"""

from dataclasses import dataclass
from math import ceil

from alexbook.layers import LRN, Activation, Conv, Dense, Dropout, Flatten, Layer, MaxPool, Normal, SpatialNorm

COMMIT = "2f8b81f"
INPUT_SIDE, INPUT_CHANNELS, GPUS = 224, 3, 2


@dataclass(frozen=True)
class Place:
    """Lines of a file of the released source."""

    file: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.file}:{self.first}" + (f"-{self.last}" if self.last > self.first else "")


def _cfg(first: int, last: int) -> Place:
    return Place("layers/layers-145.cfg", first, last)


def _log(run: str, first: int, last: int | None = None) -> Place:
    return Place(f"layers/layer-params-{run}.cfg", first, last or first)


# --- the network --------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Part:
    """One pair of layers, a and b, for GPU 0 and GPU 1; ``kind`` is the configuration's own word.

    ``outputs`` are filters or units on each GPU. ``both`` says that a layer reads both GPUs' outputs of the layer
    before; ``relu`` is applied to what comes out. A bias start of 0 is the parser's default (layer.py:833).
    """

    name: str
    kind: str
    where: Place
    outputs: int = 0
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    both: bool = False
    relu: bool = False
    start: Normal | None = None
    gpus: tuple[int, ...] = (0, 1)


PARTS = (
    Part("conv1", "conv", _cfg(9, 33), 48, 11, stride=4, start=Normal(0.01)),
    Part("rnorm1", "cmrnorm", _cfg(35, 45), kernel=5),
    Part("pool1", "pool", _cfg(47, 63), kernel=3, stride=2, relu=True),
    Part("conv2", "conv", _cfg(65, 93), 128, 5, padding=2, relu=True, start=Normal(0.01, bias=1)),
    Part("rnorm2", "cmrnorm", _cfg(95, 105), kernel=5),
    Part("cnorm2", "rnorm", _cfg(107, 117), kernel=5),
    Part("pool2", "pool", _cfg(119, 133), kernel=3, stride=2),
    Part("conv3", "conv", _cfg(135, 161), 192, 3, padding=1, both=True, relu=True, start=Normal(0.03)),
    Part("conv4", "conv", _cfg(163, 189), 192, 3, padding=1, relu=True, start=Normal(0.03, bias=1)),
    Part("conv5", "conv", _cfg(192, 218), 128, 3, padding=1, start=Normal(0.03, bias=1)),
    Part("pool3", "pool", _cfg(220, 236), kernel=3, stride=2, relu=True),
    Part("fc2048", "fc", _cfg(238, 254), 2048, both=True, relu=True, start=Normal(0.01, bias=1)),
    Part("hs1", "hs", _cfg(256, 264)),
    Part("fc2048b", "fc", _cfg(266, 282), 2048, both=True, relu=True, start=Normal(0.01, bias=1)),
    Part("hs2", "hs", _cfg(284, 292)),
    Part("fc1000", "fc", _cfg(294, 299), 1000, both=True, start=Normal(0.01), gpus=(0,)),
)
# What this book calls the parts that the configuration names otherwise.
BOOK_NAMES = {"pool3": "pool5", "fc2048": "fc6", "fc2048b": "fc7", "fc1000": "fc8"}
# scale, pow and minDiv of the two kinds of normalization. The configuration gives the spatial kind ("rnorm") no minDiv;
# what its kernel adds was not released, so the 1 is an assumption.
NORMS = {"cmrnorm": (1e-4, 0.75, 2.0), "rnorm": (1e-3, 0.75, 1.0)}
NORMS_AT = {"cmrnorm": _log("145", 137, 155), "rnorm": _log("145", 157, 163)}
KEEP = 0.5  # of the units that a "hs" layer passes on: dropout


@dataclass(frozen=True)
class Built:
    """A part with its sizes on one GPU: the output has ``side`` x ``side`` x ``channels`` values."""

    part: Part
    side: int
    channels: int
    parameters: int


def windows(side: int, kernel: int, stride: int, padding: int) -> int:
    """The source's own rule for the number of windows along a side: it rounds up (layer.py:1004 and 1164)."""
    return 1 + ceil((2 * padding + side - kernel) / stride)


def build(side: int = INPUT_SIDE) -> dict[str, Built]:
    """Every part's output and parameters on one GPU, for images of ``side`` x ``side`` pixels."""
    built = {}
    channels = INPUT_CHANNELS
    for part in PARTS:
        seen = channels * (GPUS if part.both else 1)
        area = side**2 if part.kind == "fc" else part.kernel**2
        parameters = part.outputs * (seen * area + 1) if part.kind in ("conv", "fc") else 0
        if part.kind in ("conv", "pool"):
            side = windows(side, part.kernel, part.stride, part.padding)
        side = 1 if part.kind == "fc" else side
        channels = part.outputs or channels
        built[part.name] = Built(part, side, channels, parameters)
    return built


def parameters_on(gpu: int) -> int:
    """Weights and biases that one GPU holds."""
    return sum(row.parameters for row in build().values() if gpu in row.part.gpus)


def _joined(part: Part, sees_image: bool) -> Layer:
    """The pair as one layer of the whole network."""
    name = BOOK_NAMES.get(part.name, part.name)
    outputs = part.outputs * len(part.gpus)
    match part.kind:
        case "conv":
            groups = 1 if part.both or sees_image else GPUS
            return Conv(outputs, part.kernel, part.stride, part.padding, groups=groups, start=part.start,
                        name=name)
        case "cmrnorm":
            return LRN(part.kernel, *NORMS["cmrnorm"], groups=GPUS, name=name)
        case "rnorm":
            return SpatialNorm(part.kernel, *NORMS["rnorm"], name=name)
        case "pool":
            return MaxPool(part.kernel, part.stride, name=name)
        case "fc":
            return Dense(outputs, start=part.start, name=name)
        case _:
            return Dropout(1 - KEEP)


def layers() -> tuple[Layer, ...]:
    """Both GPUs together, in this book's terms: what ``networks.get("alexnet_2012").layers`` has to be."""
    joined: list[Layer] = []
    for before, part in zip((None, *PARTS), PARTS, strict=False):
        if part.kind == "fc" and before and before.kind == "pool":
            joined.append(Flatten())
        joined.append(_joined(part, sees_image=before is None))
        if part.relu:
            joined.append(Activation("relu"))
    return (*joined, Activation("softmax"))


# --- the logged results -------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Result:
    """Errors that the log notes for one trained network, as fractions; ``views`` is the number of crops averaged."""

    network: str
    data: str
    views: int
    top1: float
    top5: float
    where: Place


RESULTS = {
    "145-2010": Result("the paper's network", "2010 test", 10, 0.374727, 0.169987, _log("145-2010", 178)),
    "145-2010-center": Result("the paper's network", "2010 test", 1, 0.390247, 0.182953, _log("145-2010", 180)),
    "145": Result("the paper's network", "2012 val", 10, 0.406640, 0.182100, _log("145", 182)),
    "145-longer": Result("trained on to epoch 135", "2012 val", 10, 0.402500, 0.179940, _log("145", 203)),
    "145-half": Result("one column on one GPU", "2010 test", 10, 0.391680, 0.182287, _log("145-half", 100)),
    "146": Result("six convolutions, pre-trained", "2012 val", 10, 0.389900, 0.166220, _log("146-2012-2011", 195)),
    "147": Result("pooling without overlap", "2012 val", 10, 0.410580, 0.185100, _log("147", 174)),
    "148": Result("no normalization", "2012 val", 10, 0.420340, 0.193620, _log("148", 148)),
    "150": Result("no links between GPUs", "2012 val", 10, 0.418280, 0.193300, _log("150", 179)),
}


@dataclass(frozen=True)
class Claim:
    """Errors that the paper prints, in percent; with ``minus`` a difference of two logged results."""

    what: str
    section: str
    top1: float
    top5: float
    log: str
    minus: str | None = None

    @property
    def logged(self) -> tuple[float, float]:
        """Top-1 and top-5 error (or their differences) from the log, in percent, not rounded."""
        first = RESULTS[self.log]
        if self.minus is None:
            return 100 * first.top1, 100 * first.top5
        second = RESULTS[self.minus]
        return 100 * (first.top1 - second.top1), 100 * (first.top5 - second.top5)


CLAIMS = (
    Claim("2010 test, ten crops", "Table 1", 37.5, 17.0, "145-2010"),
    Claim("2010 test, center crop", "6, footnote", 39.0, 18.3, "145-2010-center"),
    Claim("2012 val, 1 CNN", "Table 2", 40.7, 18.2, "145"),
    Claim("2012 val, 1 CNN*", "Table 2", 39.0, 16.6, "146"),
    Claim("one GPU, not two", "3.2", 1.7, 1.2, "145-half", "145-2010"),
    Claim("without LRN", "3.3", 1.4, 1.2, "148", "145"),
    Claim("without overlap", "3.4", 0.4, 0.3, "147", "145"),
)


# --- the schedule -------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Change:
    """A note in the log: from this epoch on, new rates for all weights but conv1's, for conv1's, or new color noise."""

    epoch: int
    where: Place
    others: float | None = None
    conv1: float | None = None
    color_noise: float | None = None


@dataclass(frozen=True)
class Run:
    """One training run: its notes in order, and the epoch at which it was stopped by hand."""

    data: str
    changes: tuple[Change, ...]
    stopped: int
    stopped_at: Place

    def at(self, what: str, epoch: int) -> float:
        """The value of ``"others"``, ``"conv1"`` or ``"color_noise"`` in an epoch; all start as the paper says."""
        value = 0.1 if what == "color_noise" else 0.01
        for change in self.changes:
            new = getattr(change, what)
            if change.epoch <= epoch and new is not None:
                value = new
        return value


def _run(data: str, log: str, epochs: tuple[int, ...], lines: tuple[Place, ...]) -> Run:
    first, second, conv1_lower, conv1_stops, third, stopped = epochs
    return Run(data, (
        Change(first, lines[0], others=1e-3, conv1=1e-3),
        Change(second, lines[1], others=1e-4, conv1=1e-4),
        Change(conv1_lower, lines[2], conv1=1e-5, color_noise=0.0),
        Change(conv1_stops, lines[3], conv1=0.0),
        Change(third, lines[4], others=1e-5),
    ), stopped, lines[5])


RUNS = (
    _run("ILSVRC-2012", "145", (25, 51, 67, 72, 79, 91),
         (_log("145", 169), _log("145", 174), _log("145", 177, 178), _log("145", 179), _log("145", 180),
          _log("145", 181))),
    _run("ILSVRC-2010", "145-2010", (23, 51, 68, 72, 78, 93),
         (_log("145-2010", 170), _log("145-2010", 171), _log("145-2010", 172, 173), _log("145-2010", 174),
          _log("145-2010", 175), _log("145-2010", 176))),
)


# --- single settings ----------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Setting:
    """One number of the recipe and where it stands."""

    value: float
    where: Place


SETTINGS = {
    "minibatch": Setting(128, Place("convnet.py", 177, 177)),
    "momentum": Setting(0.9, _log("145", 4, 5)),
    "weight decay, weights": Setting(0.0005, _log("145", 6)),
    "weight decay, biases": Setting(0, Place("src/layer.cu", 565, 565)),
    "rate of weights, config 120": Setting(0.01, _log("120-4gpu", 2)),
    "rate of biases, config 120": Setting(0.02, _log("120-4gpu", 3)),
    "rate of biases at the end, 2012": Setting(0.02, _log("145", 19)),
    "rate of biases at the end, 2010": Setting(0.002, _log("145-2010", 19)),
    "images that share a crop": Setting(32, Place("convdata_jpeg.py", 77, 77)),
    "divisor under color noise": Setting(1.1, Place("convdata_jpeg.py", 179, 179)),
}
