"""The book's experiments, as data: one recipe, one thing changed at a time, and the seeds.

``python -m alexbook experiment NAME`` makes their runs; the chapters draw the recorded ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alexbook.training.recipe import Recipe, usual


@dataclass(frozen=True)
class Experiment:
    """``base`` is the recipe that all runs share; each of the ``conditions`` names what differs from it.

    ``pattern`` makes a run's name of the condition's name and the recipe's fields.
    """

    name: str
    question: str
    base: Mapping[str, Any]
    conditions: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...] = (0, 1, 2)
    frameworks: tuple[str, ...] = ("torch",)
    pattern: str = "{name}-{condition}-{framework}-seed{seed}"

    def recipes(self) -> Iterator[tuple[str, Recipe]]:
        """The runs' names with their recipes, seed by seed, so that all conditions soon have one run."""
        for seed in self.seeds:
            for framework in self.frameworks:
                for condition, changed in self.conditions.items():
                    recipe = usual(**{**self.base, **changed, "framework": framework, "seed": seed})
                    yield self.pattern.format(name=self.name, condition=condition.partition(" ")[0],
                                              framework=framework, seed=seed, rate=recipe.lr), recipe


# AlexNet paper, Figure 1: four layers, no regularization, and for each function the learning rate that is fastest.
# "2012" is where AlexNet's training started: pixels minus their mean, not scaled, and weights of std 0.01.
_FOUR: dict[str, Any] = {"network": "four_layers", "dataset": "cifar10", "schedule": "constant", "weight_decay": 0.0}
_2012 = {"pixels": "2012"}
_STARTS: dict[str, dict[str, Any]] = {"relu": {}, "tanh": {"changes": ("tanh",)}, "sigmoid": {"changes": ("sigmoid",)},
           "relu-2012": {"changes": ("small-start",)} | _2012,
           "tanh-2012": {"changes": ("tanh", "small-start")} | _2012}
_TRIED = {"relu": (0.003, 0.01, 0.03), "tanh": (0.001, 0.003, 0.01, 0.03), "sigmoid": (0.03, 0.1, 0.3),
          "relu-2012": (0.0003, 0.001, 0.003), "tanh-2012": (0.001, 0.003, 0.01, 0.03)}
_FASTEST = {"relu": 0.01, "tanh": 0.01, "sigmoid": 0.1, "relu-2012": 0.001, "tanh-2012": 0.01}

SEARCH = Experiment(
    "search", "At which learning rate does each activation learn fastest?",
    _FOUR | {"epochs": 5, "precision": "bfloat16"},
    {f"{name} {rate}": start | {"lr": rate} for name, start in _STARTS.items() for rate in _TRIED[name]},
    seeds=(0,), pattern="search-cifar10-four_layers-{condition}-{framework}-rate{rate:g}")

RELU = Experiment(
    "relu", "How long does each activation need to 25 % training error?",
    _FOUR | {"epochs": 60, "until": 0.25, "precision": "bfloat16"},
    {name: start | {"lr": _FASTEST[name]} for name, start in _STARTS.items()},
    seeds=(1, 2, 3), pattern="relu-cifar10-four_layers-{condition}-{framework}-seed{seed}")

RELU_KERAS = Experiment(
    "relu-keras", "Is it the same in the other framework?",
    _FOUR | {"epochs": 60, "until": 0.25},
    {name: _STARTS[name] | {"lr": _FASTEST[name]} for name in ("relu", "tanh")},
    seeds=(1, 2, 3), frameworks=("keras",), pattern=RELU.pattern)

_ALL: dict[str, Any] = {
    "network": "alexnet_small", "dataset": "tiny_imagenet_20", "epochs": 25, "images": 5000, "lr": 0.03, "crop": 4,
    "flip": True, "color": 0.1, "precision": "bfloat16"}
ABLATION = Experiment(
    "ablation", "What is each of AlexNet's ideas worth?", _ALL,
    {"all": {},
     "no-dropout": {"changes": ("no-dropout",)},
     "no-crops-flips": {"crop": 0, "flip": False},
     "no-color": {"color": 0.0},
     "no-decay": {"weight_decay": 0.0},
     "nothing": {"changes": ("no-dropout",), "crop": 0, "flip": False, "color": 0.0, "weight_decay": 0.0},
     "only-dropout": {"crop": 0, "flip": False, "color": 0.0, "weight_decay": 0.0},
     **{change: {"changes": (change,)}
        for change in ("no-lrn", "batch-norm", "pools-apart", "two-towers", "no-conv4", "half-width")},
     "half-images": {"images": 2500, "epochs": 50}})

# Experiments that decide. 2,500 photographs to train on, so that there is something to overfit; the 7,500 that training
# leaves are test images beside the 1,000 official ones, so that one run tells more; the same picture at the same scale
# in all conditions. Rates are those that RATES found, on images held out of the 2,500.
_FEW: dict[str, Any] = {
    "network": "alexnet_small", "dataset": "tiny_imagenet_20", "images": 2500, "extra_test": True, "batch_size": 32,
    "epochs": 100, "crop": 4, "flip": True, "color": 0.1, "precision": "bfloat16"}
_PLAIN: dict[str, Any] = {"changes": ("no-dropout",), "shift": False, "flip": False, "color": 0.0, "weight_decay": 0.0}
_OWN_RATE: dict[str, dict[str, Any]] = {
    "all": {}, "nothing": _PLAIN, "batch-norm": {"changes": ("batch-norm",)}, "lrn-2012": {"pixels": "2012"},
    "no-lrn-2012": {"pixels": "2012", "changes": ("no-lrn",)}}
_GRID = {"all": (0.005, 0.01, 0.02, 0.04), "nothing": (0.005, 0.01, 0.02, 0.04),
         "batch-norm": (0.001, 0.003, 0.01, 0.03, 0.1), "lrn-2012": (0.0003, 0.001, 0.003, 0.01),
         "no-lrn-2012": (0.0001, 0.0003, 0.001, 0.003)}

RATES = Experiment(
    "rates", "Which learning rate suits each condition, on images held out?",
    _FEW | {"epochs": 30, "holdout": 500},
    {f"{name} {rate}": _OWN_RATE[name] | {"lr": rate} for name in _OWN_RATE for rate in _GRID[name]},
    seeds=(0,), pattern="rates-{condition}-{framework}-rate{rate:g}")

REGULARIZATION = Experiment(
    "regularization", "What does each regularizer do where there is overfitting?",
    _FEW | {"lr": 0.01, "measure_training": True},
    {"all": {},
     "no-dropout": {"changes": ("no-dropout",)},
     "no-crops-mirror": {"shift": False, "flip": False},
     "no-color": {"color": 0.0},
     "no-decay": {"weight_decay": 0.0},
     "nothing": _PLAIN,
     "only-dropout": _PLAIN | {"changes": ()},
     "only-crops-mirror": _PLAIN | {"shift": True, "flip": True},
     "only-color": _PLAIN | {"color": 0.1},
     "only-decay": _PLAIN | {"weight_decay": 5e-4}},
    seeds=tuple(range(6)))

# These two are compared with the runs of "all" in REGULARIZATION, which have the same recipe and seeds; "no-lrn-2012"
# with "lrn-2012", the towers with one tower of half the maps (the paper's comparison, section 3.2) and of equally many
# parameters, and the network without conv4 with one that is wider by so much that its work is as before.
NORMALIZATION = Experiment(
    "normalization", "What are normalization, overlapping pooling and the two towers worth?",
    _FEW | {"lr": 0.01, "measure_training": True},
    {"no-lrn": {"changes": ("no-lrn",)},
     "batch-norm": {"changes": ("batch-norm",), "lr": 0.003},
     "lrn-2012": {"pixels": "2012", "lr": 0.003},
     "no-lrn-2012": {"pixels": "2012", "changes": ("no-lrn",), "lr": 0.001},
     "pools-apart-equal": {"changes": ("pools-apart-equal",)},
     "two-towers": {"changes": ("two-towers",)},
     "half-maps": {"changes": ("half-maps",)},
     "equal-maps": {"changes": ("equal-maps",)}},
    seeds=tuple(range(6)))

CAPACITY = Experiment(
    "capacity", "What do depth, width and the number of images bring?",
    _FEW | {"lr": 0.01, "measure_training": True},
    {"no-conv4": {"changes": ("no-conv4",)},  # in this network conv3 and conv4 are alike: without conv3 it is the same
     "no-conv4-wider": {"changes": ("no-conv4", "width-1.11")},
     "half-width": {"changes": ("half-width",)},
     "double-width": {"changes": ("double-width",)},
     "half-images": {"images": 1250, "epochs": 200},
     "double-images": {"images": 5000, "epochs": 50}},
    seeds=tuple(range(6)))

# "From LeNet to AlexNet": LeNet and the small AlexNet on the shapes, the latter with both initializations.
_SHAPES: dict[str, dict[str, Any]] = {
    "lenet": {"network": "lenet5_rgb"},
    "alexnet-he": {"network": "alexnet_small", "changes": ("he",)},
    "alexnet-glorot": {"network": "alexnet_small"}}
_SHAPES_TRIED = {"lenet": (0.0003, 0.001, 0.003, 0.01, 0.03), "alexnet-he": (0.0003, 0.001, 0.003),
                 "alexnet-glorot": (0.0003, 0.001, 0.003)}

SHAPES = Experiment(
    "shapes", "Which learning rate suits each network on the shapes, on images held out?",
    {"dataset": "shapes", "epochs": 4, "batch_size": 32, "optimizer": "adam", "holdout": 500},
    {f"{name} {rate}": network | {"lr": rate} for name, network in _SHAPES.items() for rate in _SHAPES_TRIED[name]},
    seeds=(0,), pattern="shapes-{condition}-{framework}-rate{rate:g}-seed{seed}")

# AlexNet's convolutions on photographs, 30 training images of each class, over three random splits; and fewer images of
# each class, in more epochs. "ship" is the network whose weights come with the book: 224 pixels, and all images but
# split 0's test images. Without batch normalization behind fc6 and fc7, He's initialization and dropout together stop
# them: nearly all of fc6's units die.
_TODAY = {"changes": ("he", "batch-norm", "batch-norm-dense")}
PHOTOS = Experiment(
    "photos", "How well does AlexNet recognize photographs that it learned from scratch?",
    {"network": "alexnet_photos_128", "dataset": "caltech101", "per_class": 30, "epochs": 60, "batch_size": 64,
     "lr": 0.02, "crop": 9, "flip": True, "color": 0.1, "precision": "bfloat16"},
    {**{f"today-split{split}": _TODAY | {"split": split} for split in range(3)},
     "today-15-split0": _TODAY | {"per_class": 15, "epochs": 90},
     "today-5-split0": _TODAY | {"per_class": 5, "epochs": 120},
     "ship": _TODAY | {"network": "alexnet_photos", "crop": 16, "rest": True, "epochs": 32}},
    seeds=(0,), pattern="photos-{condition}-{framework}")

# The recipes of chapters 2 to 4, on 5,000 training images held out: the learning rate that is used, and one on each
# side; and, for LeNet-5 as in 1998, the constant j of its loss, for which the paper gives no value.
MNIST_RATES = Experiment(
    "mnist-rates", "Which learning rate suits each of the two LeNets on MNIST, on images held out?",
    {"dataset": "mnist", "holdout": 5000},
    {**{f"lenet5 {rate}": {"network": "lenet5", "lr": rate} for rate in (0.0005, 0.001, 0.002, 0.004, 0.008)},
     **{f"lenet5_modern {rate}": {"network": "lenet5_modern", "lr": rate} for rate in (0.0125, 0.025, 0.05, 0.1, 0.2)}},
    seeds=(0,), pattern="holdout-mnist-{condition}-{framework}-rate{rate:g}")

MNIST_J = Experiment(
    "mnist-j", "What does the constant j of the 1998 loss do on MNIST, on images held out?",
    {"network": "lenet5", "dataset": "mnist", "holdout": 5000},
    {f"j{j:g}": {"j": j} for j in (0.1, 1.0, 100.0)},
    seeds=(0,), pattern="holdout-mnist-lenet5-{condition}-{framework}-seed{seed}")

EXPERIMENTS: dict[str, Experiment] = {each.name: each for each in (
    SEARCH, RELU, RELU_KERAS, ABLATION, RATES, REGULARIZATION, NORMALIZATION, CAPACITY,
    SHAPES, PHOTOS, MNIST_RATES, MNIST_J)}


def get(name: str) -> Experiment:
    """The experiment of that name; an unknown name raises a ``ValueError`` that lists the known ones."""
    if name not in EXPERIMENTS:
        raise ValueError(f"There is no experiment named {name!r}; there are {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[name]
