"""The book's experiments, as data: one recipe, one thing changed at a time, and the seeds.

``python -m alexbook experiment NAME`` makes their runs; the chapters draw the recorded ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alexbook.recipes import Recipe, usual


@dataclass(frozen=True)
class Experiment:
    """``base`` is the recipe that all runs share; each of the ``conditions`` names what differs from it.

    ``pattern`` makes a run's name of the condition's name and the recipe's fields.
    """

    name: str
    question: str
    base: Mapping
    conditions: Mapping[str, Mapping]
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
                                              framework=framework, seed=seed, rate=recipe.rate), recipe


# AlexNet paper, Figure 1: four layers, no regularization, and for each function the learning rate that is fastest.
# "2012" is where AlexNet's training started: pixels minus their mean, not scaled, and weights of deviation 0.01.
_FOUR = {"network": "four_layers", "dataset": "cifar10", "schedule": "constant", "decay": 0.0}
_2012 = {"pixels": "2012"}
_STARTS = {"relu": {}, "tanh": {"changes": ("tanh",)}, "sigmoid": {"changes": ("sigmoid",)},
           "relu-2012": {"changes": ("small-start",)} | _2012,
           "tanh-2012": {"changes": ("tanh", "small-start")} | _2012}
_TRIED = {"relu": (0.003, 0.01, 0.03), "tanh": (0.001, 0.003, 0.01, 0.03), "sigmoid": (0.03, 0.1, 0.3),
          "relu-2012": (0.0003, 0.001, 0.003), "tanh-2012": (0.001, 0.003, 0.01, 0.03)}
_FASTEST = {"relu": 0.01, "tanh": 0.01, "sigmoid": 0.1, "relu-2012": 0.001, "tanh-2012": 0.01}

SEARCH = Experiment(
    "search", "At which learning rate does each activation learn fastest?",
    _FOUR | {"epochs": 5, "precision": "bfloat16"},
    {f"{name} {rate}": start | {"rate": rate} for name, start in _STARTS.items() for rate in _TRIED[name]},
    seeds=(0,), pattern="search-cifar10-four_layers-{condition}-{framework}-rate{rate:g}")

RELU = Experiment(
    "relu", "How long does each activation need to 25 % training error?",
    _FOUR | {"epochs": 60, "until": 0.25, "precision": "bfloat16"},
    {name: start | {"rate": _FASTEST[name]} for name, start in _STARTS.items()},
    seeds=(1, 2, 3), pattern="relu-cifar10-four_layers-{condition}-{framework}-seed{seed}")

RELU_KERAS = Experiment(
    "relu-keras", "Is it the same in the other framework?",
    _FOUR | {"epochs": 60, "until": 0.25},
    {name: _STARTS[name] | {"rate": _FASTEST[name]} for name in ("relu", "tanh")},
    seeds=(1, 2, 3), frameworks=("keras",), pattern=RELU.pattern)

_ALL = {"network": "alexnet_small", "dataset": "tiny_imagenet_20", "epochs": 25, "images": 5000, "rate": 0.03,
        "crop": 4, "flip": True, "color": 0.1, "precision": "bfloat16"}
ABLATION = Experiment(
    "ablation", "What is each of AlexNet's ideas worth?", _ALL,
    {"all": {},
     "no-dropout": {"changes": ("no-dropout",)},
     "no-crops-flips": {"crop": 0, "flip": False},
     "no-color": {"color": 0.0},
     "no-decay": {"decay": 0.0},
     "nothing": {"changes": ("no-dropout",), "crop": 0, "flip": False, "color": 0.0, "decay": 0.0},
     "only-dropout": {"crop": 0, "flip": False, "color": 0.0, "decay": 0.0},
     **{change: {"changes": (change,)}
        for change in ("no-lrn", "batch-norm", "pools-apart", "two-towers", "no-conv4", "half-width")},
     "half-images": {"images": 2500, "epochs": 50}})

EXPERIMENTS: dict[str, Experiment] = {each.name: each for each in (SEARCH, RELU, RELU_KERAS, ABLATION)}


def get(name: str) -> Experiment:
    """The experiment of that name; an unknown name raises a ``ValueError`` that lists the known ones."""
    if name not in EXPERIMENTS:
        raise ValueError(f"There is no experiment named {name!r}; there are {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[name]
