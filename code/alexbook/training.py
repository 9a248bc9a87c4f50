"""Training a network of the book on one of its datasets, in either framework, to a recorded run.

:func:`train` is the same loop for both frameworks: it orders the images, sets the learning rate,
shows progress, keeps a checkpoint after each epoch and measures. What a framework does by itself is
behind :class:`Learner`, which ``torch_training`` and ``keras_training`` implement.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from alexbook import checkpoints, datasets, networks, preparing
from alexbook.checkpoints import Progress
from alexbook.datasets import Dataset
from alexbook.layers import RBF
from alexbook.networks import Network
from alexbook.preparing import Data

FRAMEWORKS = ("torch", "keras")
CHOICES = {"framework": FRAMEWORKS, "optimizer": ("sgd", "adam"), "pixels": ("standard", "1998"),
           "schedule": ("cosine", "constant")}

# LeCun et al. 1998, eq. 9: the "rubbish class" that keeps the distances to wrong classes from growing
# for ever. The paper gives no value for its constant j.
RUBBISH = 10.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run computes; the same recipe serves both frameworks.

    ``rate`` is the first learning rate, brought to 0 along half a cosine, step by step, or left
    ``constant``; ``decay`` is the weight decay, on weights and not on biases, as a term of the gradient
    (AlexNet paper, section 5); ``holdout`` keeps that many of the training images out of training and
    tests on them, so that a recipe can be chosen without a look at the test images.
    """

    network: str
    dataset: str
    framework: str
    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "sgd"
    rate: float = 0.05
    momentum: float = 0.9
    decay: float = 5e-4
    schedule: str = "cosine"
    pixels: str = "standard"
    grey: bool = False
    holdout: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for field, known in CHOICES.items():
            if getattr(self, field) not in known:
                raise ValueError(f"The {field} is {getattr(self, field)!r}, but must be one of "
                                 f"{', '.join(known)}.")
        for field, least in (("epochs", 1), ("batch_size", 1), ("holdout", 0), ("seed", 0)):
            value = getattr(self, field)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"The {field} is {value!r}, but must be a whole number of at least "
                                 f"{least}.")
        if not self.rate > 0 or self.decay < 0 or not 0 <= self.momentum < 1:
            raise ValueError(f"The rate is {self.rate}, the decay {self.decay} and the momentum "
                             f"{self.momentum}, but they must be above 0, at least 0, and from 0 to "
                             "below 1.")

    def rate_at(self, progress: float) -> float:
        """The learning rate when this share of all steps, 0 to 1, has been done."""
        if self.schedule == "constant":
            return self.rate
        return self.rate * (1 + math.cos(math.pi * progress)) / 2


# What `train` uses where nothing else is said. Rates and decay were chosen on the last 5,000 training images of
# MNIST, held out, never on test images; 20 passes are the 1998 paper's (section III.B).
DEFAULTS: dict[str, dict] = {
    "lenet5": {"epochs": 20, "optimizer": "adam", "rate": 0.002, "decay": 0.0, "pixels": "1998"},
    "lenet5_modern": {"epochs": 20, "rate": 0.05, "decay": 5e-4},
}


def usual(network: str, dataset: str, framework: str = "torch", **given) -> Recipe:
    """The recipe for a network, with what is usual for it wherever nothing is given."""
    return Recipe(**{"network": network, "dataset": dataset, "framework": framework}
                  | DEFAULTS.get(network, {}) | given)


class Learner(Protocol):
    """A network that learns, in one framework. Images are channels last, float32, as in ``Data``."""

    def begin_epoch(self) -> None:
        """Start the sums of :meth:`figures` anew."""

    def step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> None:
        """One step of the optimizer on one batch."""

    def figures(self) -> tuple[float, float]:
        """Mean loss and share of wrong answers in training, since the epoch began."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The class, an integer, that the network gives each image."""

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next step depends on: weights, optimizer, random state."""

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up a state that :meth:`state` returned."""

    def weights(self) -> dict[str, np.ndarray]:
        """The trained values alone, by name."""

    def about(self) -> dict:
        """Versions of the framework, the device, its threads."""


def rubbish(network: Network) -> float | None:
    """The constant j of the 1998 loss (eq. 9) for a network with RBF outputs, ``None`` for all others."""
    return RUBBISH if isinstance(network.layers[-1], RBF) else None


def learner(recipe: Recipe, network: Network) -> Learner:
    """The network, initialized from the recipe's seed, ready to learn in the recipe's framework."""
    try:
        module = import_module(f"alexbook.{recipe.framework}_training")
    except ModuleNotFoundError as error:
        raise ValueError(f"Training in {recipe.framework} needs the package {error.name}, which is not "
                         f"installed; `pip install alexbook[{recipe.framework}]` adds it.") from None
    return module.Learner(recipe, network)


def load(recipe: Recipe, folder: str | Path | None = None) -> tuple[Network, Data]:
    """The recipe's network, adapted to its dataset, and the dataset, prepared for the network."""
    network = networks.get(recipe.network)
    train, test = (datasets.load(recipe.dataset, split, folder) for split in ("train", "test"))
    if recipe.holdout:
        train, test = hold_out(train, recipe.holdout)
    colored = not recipe.grey and train[0][0].ndim == 3
    network = preparing.adapt(network, 3 if colored else 1, len(train.class_names))
    return network, preparing.prepare(network, train, test, recipe.grey, recipe.pixels)


def hold_out(train: Dataset, count: int) -> tuple[Dataset, Dataset]:
    """A training set in two: without and with ``count`` images, taken at even steps through the set."""
    if not count < len(train):
        raise ValueError(f"The holdout is {count} images, but {train.name} has only {len(train)} to "
                         "train on; hold out fewer.")
    held = np.arange(count) * len(train) // count
    return train.take(np.setdiff1d(np.arange(len(train)), held)), train.take(held)


def train(recipe: Recipe, learner: Learner, data: Data, checkpoint: Path | None = None,
          show: bool = True, say: Callable[[str], None] = print) -> Progress:
    """Train to the recipe's last epoch; with a ``checkpoint`` go on where that file left off.

    The file is written after each epoch. A run that was killed and started again ends with the same
    weights, to the bit, as one that was not, on the same machine with the same number of threads.
    """
    progress = Progress()
    if checkpoint and checkpoint.exists():
        state, progress = checkpoints.read(checkpoint, asdict(recipe))
        learner.restore(state)
        say(f"Going on after epoch {len(progress.curve)} of {recipe.epochs} ({checkpoint}).")
    for epoch in range(len(progress.curve), recipe.epochs):
        began = time.perf_counter()
        _epoch(recipe, learner, data, epoch, show)
        loss, error = learner.figures()
        if not math.isfinite(loss):
            raise FloatingPointError(f"The loss is {loss} in epoch {epoch + 1}; a learning rate below "
                                     f"{recipe.rate} may help.")
        wrong = predictions(learner, data) != data.test.labels
        seconds = time.perf_counter() - began
        progress.seconds += seconds
        progress.curve.append({"epoch": epoch + 1, "train_loss": round(loss, 6),
                               "train_error": round(error, 6),
                               "test_error": round(float(wrong.mean()), 6),
                               "seconds": round(seconds, 2)})
        if checkpoint:
            checkpoints.write(checkpoint, asdict(recipe), learner.state(), progress)
    return progress


def _epoch(recipe: Recipe, learner: Learner, data: Data, epoch: int, show: bool) -> None:
    """One pass over the training images, in an order that depends on seed and epoch alone."""
    learner.begin_epoch()
    steps = math.ceil(len(data.train) / recipe.batch_size)
    order = np.random.default_rng([recipe.seed, epoch])
    looked = time.monotonic()
    with tqdm(total=len(data.train), desc=f"epoch {epoch + 1}/{recipe.epochs}", unit=" images",
              unit_scale=True, disable=not show, mininterval=0.5) as bar:
        for step, (images, labels) in enumerate(data.batches(recipe.batch_size, order)):
            rate = recipe.rate_at((epoch * steps + step) / (recipe.epochs * steps))
            learner.step(images, labels, rate)
            if show and time.monotonic() - looked > 1:
                looked = time.monotonic()
                bar.set_postfix(loss=f"{learner.figures()[0]:.4f}", refresh=False)
            bar.update(len(labels))


def predictions(learner: Learner, data: Data) -> np.ndarray:
    """The class that the network gives each test image."""
    return np.concatenate([learner.predict(images) for images in data.test_batches()])
