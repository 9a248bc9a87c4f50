"""What the book's widgets show, written from the package when the pages are built; nothing in it is typed.

``WIDGETS`` is the one list of them: custom elements in classic scripts, so that they work from a file as well as from a
server. A widget's tag is its name here, and its script is ``_static/widgets/NAME.js`` without the ``ax-``; a page loads
``base.js`` and the scripts of the widgets that it has.

What stands inside a tag is shown until its widget is ready, and instead of it in print and without JavaScript. Its
settings are its attributes, its ``settings`` property, and, in a link that was copied, the part of the address behind
``#``: the element's id, a question mark, the settings. tests/browser/test_widgets.py compares what is shown with the
package's own numbers.

``widgets-data/`` beside the pages holds scripts that each set one entry of ``alexbook.data`` (a page opened from a file
may load a script, but not fetch a file), and the small pictures that receptive fields are drawn on. A widget that needs
them loads them.
"""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from alexbook import datasets, intervals, networks, runs, weights
from alexbook.arithmetic import Row, paddings, trace
from alexbook.datasets import image_files
from alexbook.layers import LRN, RBF, Activation, Conv, Dense, Dropout, Layer, Pool, SpatialNorm, Windowed, pair
from alexbook.networks import Network
from alexbook.training import experiments
from docutils import nodes
from PIL import Image
from sklearn.datasets import load_sample_image
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from . import live
from .private_api import base_name, file_name

# Tag -> the height, in rem, that a wide screen keeps free until the script has drawn it.
WIDGETS = {"ax-output-size": 35, "ax-network-explorer": 120, "ax-convolution": 50, "ax-experiments": 55, "ax-digit": 40,
           "ax-photograph": 41}
SHARED = {"ax-digit": ("forward.js",), "ax-photograph": ("forward.js",)}  # scripts that a widget's own needs, before it
TAG = re.compile(r"<(ax-[a-z-]+)")
DIGITS = ("lenet5_modern", "lenet5")  # trained networks that a page computes
PHOTOGRAPHS = "alexnet_photos"
SCRIPTS = "/widgets/"
FOLDER = "widgets-data"
DECIDED = 0.05  # below it a corrected p decides
CREDIT = {"text": "Photograph: danielbuechele, CC BY 2.0, as shipped with scikit-learn",
          "link": "https://creativecommons.org/licenses/by/2.0/"}
KINDS = {"conv": "convolution", "maxpool": "max-pooling", "avgpool": "mean pooling", "subsample": "subsampling",
         "lrn": "response normalization", "spatialnorm": "normalization within maps", "dense": "dense layer",
         "rbf": "distances to fixed centers", "flatten": "flattening", "dropout": "dropout", "activation": "activation"}
KERNELS = (
    ("right", "right-hand edges", (1, 0, -1) * 3, 1),
    ("bottom", "lower edges", (1, 1, 1, 0, 0, 0, -1, -1, -1), 1),
    ("edges", "all edges", (-1, -1, -1, -1, 8, -1, -1, -1, -1), 1),
    ("blur", "blur", (1,) * 9, 9),
    ("sharpen", "sharpen", (0, -1, 0, -1, 5, -1, 0, -1, 0), 1),
    ("identity", "identity", (0, 0, 0, 0, 1, 0, 0, 0, 0), 1),
)
WORDS = {"all": "everything on", "no-crops-flips": "no crops, no mirror", "no-color": "no PCA color augmentation",
         "no-decay": "no weight decay", "nothing": "everything off", "no-lrn": "no response normalization",
         "batch-norm": "batch normalization", "pools-apart": "non-overlapping pooling",
         "half-images": "half of the images", "double-images": "twice the images",
         "no-crops-mirror": "no crops, no mirror", "only-crops-mirror": "crops and mirror alone",
         "only-dropout": "dropout alone", "only-color": "PCA color augmentation alone",
         "only-decay": "weight decay alone",
         "lrn-2012": "response normalization at the pixels of 2012",
         "no-lrn-2012": "no response normalization at the pixels of 2012",
         "pools-apart-equal": "non-overlapping pooling, equal sizes", "half-maps": "one tower, half the feature maps",
         "equal-maps": "one tower, equal parameters", "no-conv4-wider": "no conv4, wider",
         "lenet5": "LeNet-5 of 1998", "lenet5_modern": "LeNet-5 of today",
         "lenet5_rgb": "LeNet", "lenet": "LeNet",
         "alexnet-glorot": "AlexNet, Glorot initialization", "alexnet-he": "AlexNet, He initialization",
         "alexnet_small": "small AlexNet", "relu": "ReLU", "torch": "PyTorch", "keras": "Keras",
         **{f"today-split{split}": f"128 pixels, 30 images of each class, split {split}" for split in range(3)},
         **{f"today-{count}-split0": f"128 pixels, {count} images of each class, split 0" for count in (15, 5)},
         "ship": "224 pixels, all but the test images of split 0 (the shipped weights)",
         "cifar10": "CIFAR-10", "tiny_imagenet_20": "Tiny ImageNet, 20 classes"}


def condition(run: runs.Run) -> Iterator[str]:
    """The one thing that an experiment changed."""
    yield run.name.partition("-")[2].partition(f"-{run.framework}")[0]


def tried(run: runs.Run) -> Iterator[str]:
    yield from condition(run)
    yield f"rate {run.recipe['lr']:g}"


def activation(run: runs.Run) -> Iterator[str]:
    yield next((change for change in run.recipe["changes"] if change in ("tanh", "sigmoid")), "relu")
    if run.recipe["pixels"] == "2012":
        yield "with the pixels and the initialization of 2012"


def both(run: runs.Run) -> Iterator[str]:
    yield from activation(run)
    yield run.framework


def searched(run: runs.Run) -> Iterator[str]:
    yield from activation(run)
    yield f"rate {run.recipe['lr']:g}"


def framework(run: runs.Run) -> Iterator[str]:
    yield run.recipe["network"]
    yield run.framework


def color(run: runs.Run) -> Iterator[str]:
    yield run.recipe["network"]
    yield "in gray" if run.recipe["gray"] else "in color"


def rate(run: runs.Run) -> Iterator[str]:
    yield run.recipe["dataset"]
    yield run.recipe["network"]
    yield f"rate {run.recipe['lr']:g}"


@dataclass(frozen=True)
class Group:
    """Recorded runs to be compared: what their names begin with, and what tells one condition from the next.

    ``base`` is how the runs' names begin that the others are compared with, seed by seed.
    """

    name: str
    title: str
    prefix: str
    tell: Callable[[runs.Run], Iterator[str]]
    held_out: bool = False
    base: str = ""


GROUPS = tuple(group for group in (
    Group("ablation", experiments.get("ablation").question, "ablation-", condition, base="ablation-all-"),
    *(Group(name, experiments.get(name).question, f"{name}-", condition, base="regularization-all-")
      for name in ("regularization", "normalization", "capacity")),
    Group("rates", experiments.get("rates").question, "rates-", tried, held_out=True),
    Group("relu", experiments.get("relu").question, "relu-cifar10-four_layers-", both),
    Group("search", experiments.get("search").question, "search-cifar10-four_layers-", searched),
    Group("mnist", "LeNet-5 then and now, on handwritten digits (MNIST)", "mnist-", framework),
    Group("cifar10", "LeNet and a small AlexNet, in color and in gray, on CIFAR-10", "cifar10-", color),
    Group("tiny", "LeNet and a small AlexNet, in color and in gray, on Tiny ImageNet", "tiny_imagenet_20-", color),
    Group("shapes", experiments.get("shapes").question, "shapes-", tried, held_out=True),
    Group("photos", experiments.get("photos").question, "photos-", condition),
    Group("holdout", "Learning rates, tried on training images held out", "holdout-", rate, held_out=True),
) if any(name.startswith(group.prefix) for name in runs.names()))  # those of which a run has been recorded


def size(value: int | tuple[int, ...]) -> str:
    """``(11, 11)`` as ``11×11``."""
    return "×".join(map(str, value)) if isinstance(value, tuple) else str(value)


def settings(layer: Layer, sides: tuple | None) -> dict[str, str]:
    """What a layer is set to, in words; ``sides`` is its padding as ``((top, bottom), (left, right))``."""
    found: dict[str, object] = {}
    if isinstance(layer, Conv):
        found["kernels"] = f"{layer.filters} of {size(pair(layer.kernel))}"
    elif isinstance(layer, Windowed):
        found["window"] = size(pair(layer.kernel))
    if isinstance(layer, Windowed):
        found["stride"] = size(layer.stride)
        ends = set(sides)
        one = ends.pop() if len(ends) == 1 else None
        found["padding"] = one[0] if one and one[0] == one[1] else f"{sides[0]}, {sides[1]}"
    match layer:
        case Conv(groups=groups, connections=table):
            if groups > 1:
                found["groups"] = groups
            if table:
                found["maps seen"] = f"{min(map(len, table))} to {max(map(len, table))} of each kernel"
        case LRN(size=across, k=k, groups=groups):
            found |= {"neighbors": across, "k": f"{k:g}"} | ({"groups": groups} if groups > 1 else {})
        case SpatialNorm(size=across):
            found["neighbors"] = size((across, across))
        case Dense(units=units) | RBF(units=units):
            found["units"] = units
        case Dropout(rate=rate):
            found["rate"] = f"{rate:g}"
        case Activation(function=function):
            found["function"] = function.replace("_", " ")
    return {key: str(value) for key, value in found.items()}


def layers(network: Network) -> Iterator[dict]:
    """One dictionary for each row of the trace.

    ``start`` is where the receptive field of the first output begins, ``(vertical, horizontal)`` in input pixels,
    below 0 where padding is part of it; ``window`` is what the output-size calculator needs, along one side.
    """
    start, jump = (0, 0), (1, 1)
    for row in trace(network):
        layer, found = row.layer, _figures(row)
        sides = None
        if isinstance(layer, Windowed):
            sides = paddings(layer.padding, row.input_shape[:2], layer.reach, pair(layer.stride))
            start = tuple(at - ends[0] * step for at, ends, step in zip(start, sides, jump, strict=True))
            pooling = isinstance(layer, Pool)
            before, after = sides[1]
            found["window"] = {
                "kind": "pooling" if pooling else "convolution", "input": row.input_shape[1],
                "kernel": pair(layer.kernel)[1], "stride": pair(layer.stride)[1], "before": before, "after": after,
                "dilation": pair(layer.dilation)[1],
                "rounding": network.pool_rounding or network.rounding if pooling else network.rounding}
        if row.receptive_field:
            jump = row.jump
            found |= {"field": row.receptive_field, "jump": row.jump, "start": start}
        yield found | {"settings": settings(layer, sides)}


def _figures(row: Row) -> dict:
    return {"name": row.name, "kind": KINDS[row.layer.kind], "input": row.input_shape,
            "output": row.output_shape, "weights": row.weights, "biases": row.biases, "fixed": row.fixed,
            "parameters": row.parameters, "macs": row.macs, "bytes": row.activation_bytes}


def picture(shape: tuple[int, int, int]) -> str:
    """The name of the file with a picture of this size: photographs in color, a handwritten digit in gray."""
    side, _, channels = shape
    return f"digit-{side}.png" if channels == 1 else f"photograph-{side}.{'jpg' if side > 100 else 'png'}"


def family(network: Network) -> str:
    """LeNets by their names; AlexNets by their thousand classes, as in "Every layer's output size"."""
    if network.name.startswith("lenet"):
        return "LeNet"
    return "AlexNet" if trace(network).rows[-1].output_shape == (1000,) else "Small"


def networks_data() -> dict:
    """Every network of the book with its layers and totals."""
    found = []
    for network in networks.NETWORKS.values():
        traced = trace(network)
        found.append({
            "name": network.name, "title": network.title[:1].upper() + network.title[1:], "source": network.source,
            "family": family(network),
            "input": network.input_shape, "picture": picture(network.input_shape),
            "rounding": network.rounding, "pool_rounding": network.pool_rounding or network.rounding,
            "parameters": traced.parameters, "macs": traced.macs, "bytes": traced.parameter_bytes,
            "layers": list(layers(network))})
    return {"networks": found, "credit": CREDIT}


def photograph(side: int) -> np.ndarray:
    """The pagoda of "Every layer's output size" as a square, uint8, (side, side, 3)."""
    return image_files.fit(load_sample_image("china.jpg")[:, :427], side)


def images_data() -> dict:
    """Small gray images to slide a kernel over: the first digit of each class, and the photograph; and kernels."""
    digits = datasets.load("digits")
    firsts = [int(np.flatnonzero(digits.labels == label)[0]) for label in range(10)]
    found = [{"name": f"digit-{label}", "title": f"a handwritten {label}", "ink": True, "most": 16,
              "values": digits.images[first].tolist()} for label, first in enumerate(firsts)]
    gray = np.asarray(Image.fromarray(photograph(12)).convert("L"))
    found.append({"name": "photograph", "title": "a tiny photograph", "ink": False, "most": 255,
                  "values": gray.tolist(), "credit": CREDIT})
    kernels = [{"name": name, "title": title, "values": values, "divisor": divisor}
               for name, title, values, divisor in KERNELS]
    return {"images": found, "kernels": kernels}


def experiments_data() -> dict:
    """The recorded runs: training and test error in percent, for each epoch and seed.

    ``tested`` counts the images of a group's last errors where they are more than the official ones of its curves.
    """
    return {"groups": [{"name": group.name, "title": group.title, "held_out": group.held_out, "tested": tested(group),
                        "conditions": list(_conditions(group))} for group in GROUPS]}


def tested(group: Group) -> int | None:
    """On how many images the differences of a group were measured, where its curves are of fewer; else None."""
    first = runs.load(f"{group.prefix}*")[0]
    return first.dataset["test"]["images"] if first.recipe.get("extra_test") and not group.held_out else None


def _conditions(group: Group) -> Iterator[dict]:
    """A group's runs by condition: in the order in which the experiments name them, others by their names."""
    order = [name for experiment in experiments.EXPERIMENTS.values() for name, _ in experiment.recipes()]
    found: dict[str, list[runs.Run]] = {}
    for run in sorted(runs.load(f"{group.prefix}*"), key=lambda run: order.index(run.name) if run.name in order else 0):
        key = run.name.removeprefix(group.prefix).partition("-seed")[0].replace("-torch", "")
        found.setdefault(key, []).append(run)
    compared = {key: difference for key, same in found.items() if (difference := against(group, same))}
    corrected = dict(zip(compared, intervals.holm([each.p for each in compared.values()]), strict=True))
    for key, same in found.items():
        said = ", ".join(WORDS.get(word, word.replace("-", " ")) for word in group.tell(same[0]))
        yield {"name": key, "label": said, "seeds": [run.seed for run in same], "command": same[0].command,
               "train": [_percent(run, "train_error") for run in same],
               "test": [_percent(run, "test_error") for run in same],
               "against": worded(compared[key], corrected[key]) if key in compared else None}


def against(group: Group, same: list[runs.Run]) -> intervals.Interval | None:
    """How a condition's test error differs from the base's over the seeds that both have.

    None for the base itself, where there is none, and for fewer than two pairs, which have no interval.
    """
    base = {run.seed: run for run in runs.load(f"{group.base}*")} if group.base else {}
    pairs = [(run.test_error, base[run.seed].test_error) for run in same if run.seed in base]
    if len(pairs) < 2 or any(run.name == base[run.seed].name for run in same if run.seed in base):
        return None
    return intervals.difference(*zip(*pairs, strict=True))


def worded(found: intervals.Interval, corrected: float) -> list[str]:
    """A difference's mean, in percentage points, and its 95 % interval, which is not corrected; whether it is decided.

    The rule is that of "Overfitting": p, corrected by Holm for the comparisons of the experiment, is below 0.05.
    """
    mean, low, high = (f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}") for value in
                       (found.mean, found.low, found.high))
    return [mean, f" {low} to {high}, {'decided' if corrected < DECIDED else 'undecided'}"]


def _percent(run: runs.Run, figure: str) -> list[float]:
    return [round(100 * float(error), 4) for error in run.series(figure)]


def digits_data() -> dict:
    """The digits that a network can be shown, and how many kilobytes each network takes on its way to a reader."""
    travels = {name: len(gzip.compress(script(name, live.network_data(name)).encode(), 6)) for name in DIGITS}
    return live.examples_data() | {"kilobytes": {name: round(count / 1000) for name, count in travels.items()}}


def script(name: str, data: object) -> str:
    """A script for pages with a widget: it sets ``alexbook.data[name]``."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"alexbook.data[{json.dumps(name)}]={text};\n"


def write(folder: Path) -> None:
    """All data and pictures, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (("networks", networks_data()), ("images", images_data()),
                       ("experiments", experiments_data()), ("photographs", live.photographs_data()),
                       *live.photograph_files(), ("digits", digits_data()),
                       *((name, live.network_data(name)) for name in DIGITS)):
        (folder / f"{name}.js").write_text(script(name, data), encoding="utf-8")
    if PHOTOGRAPHS in weights.names():
        for name, part in live.in_parts(live.network_data(PHOTOGRAPHS)):
            (folder / f"{name}.js").write_text(script(name, part), encoding="utf-8")
    write_pictures(folder)


def write_pictures(folder: Path) -> None:
    """The small pictures that receptive fields are drawn on, into ``folder``."""
    digits = datasets.load("digits", "test")
    four = digits.images[int(np.flatnonzero(digits.labels == 4)[0])]
    for side, _, channels in {network.input_shape for network in networks.NETWORKS.values()}:
        image = photograph(side) if channels == 3 else 255 - image_files.frame(four[None], 20, side)[0]
        Image.fromarray(image).save(folder / picture((side, side, channels)), quality=82, optimize=True)


def mark(app: Sphinx, doctree: nodes.document) -> None:
    """Gives every widget's tag an attribute that style sheets know all of them by, and the room that it will take.

    Raises:
        ExtensionError: for a tag that is no widget's.
    """
    def one(tag: re.Match) -> str:
        if tag[1] not in WIDGETS:
            raise ExtensionError(f"{app.env.docname} has <{tag[1]}>, but the widgets are {', '.join(WIDGETS)}.")
        return f'{tag[0]} data-ax-widget style="--ax-room: {WIDGETS[tag[1]]}rem"'

    for raw in doctree.findall(nodes.raw):
        if TAG.search(raw.astext()):
            raw[:] = [nodes.Text(TAG.sub(one, raw.astext()))]


def needed(assets: list, body: str) -> list:
    """Of a page's scripts and style sheets (``body`` is its text) all that are no widget's, then those of its widgets.

    What widgets share comes first, as their own scripts ask for it.
    """
    tags = set(TAG.findall(body))
    files = {"widgets.css", "base.js", *(f"{tag.removeprefix('ax-')}.js" for tag in tags),
             *(name for tag in tags for name in SHARED.get(tag, ()))} if tags else set()
    ours = [asset for asset in assets if SCRIPTS in file_name(asset)]
    wanted = [asset for asset in ours if base_name(asset) in files]
    wanted.sort(key=lambda asset: ("base.js", "forward.js", base_name(asset)).index(base_name(asset)))
    return [asset for asset in assets if asset not in ours] + wanted


def on_finished(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        write(Path(app.outdir) / FOLDER)


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", mark)
    app.connect("build-finished", on_finished)
