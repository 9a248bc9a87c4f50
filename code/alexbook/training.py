"""Training a network of the book on one of its datasets, in either framework, to a recorded run.

:func:`train` is the same loop for both frameworks: it orders the images, sets the learning rate, shows progress, keeps
checkpoints and measures. What a framework does by itself is behind :class:`Learner`, which ``torch_training`` and
``keras_training`` implement.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from alexbook import checkpoints, datasets, networks, pipeline, preparing, variants
from alexbook.checkpoints import Progress
from alexbook.datasets import Dataset
from alexbook.layers import RBF
from alexbook.network import Network
from alexbook.pipeline import Loader
from alexbook.preparing import Data
from alexbook.recipes import Recipe
from alexbook.team import ALONE, Alone

# LeCun et al. 1998, eq. 9: the "rubbish class" that keeps the distances to wrong classes from growing
# for ever. The paper gives no value for its constant j.
RUBBISH = 10.0


class Learner(Protocol):
    """A network that learns, in one framework. Images are channels last, float32, as its loader makes them."""

    def loader(self, data: Data) -> Loader:
        """What makes batches where the network wants them: ``data`` itself, in NumPy, or one that uses the device."""

    def begin_epoch(self) -> None:
        """Start the sums of :meth:`figures` anew."""

    def step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> None:
        """One step of the optimizer on one batch."""

    def figures(self) -> tuple[float, float]:
        """Mean loss and share of wrong answers in training, since the epoch began."""

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """``(count, classes)``: what the network gives each class, for each image."""

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the rest of the epoch depends on: weights, optimizer, random state, the epoch's sums."""

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up a state that :meth:`state` returned."""

    def weights(self) -> dict[str, np.ndarray]:
        """The trained values alone, by name."""

    def about(self) -> dict:
        """Versions of the framework, the device, its threads."""


def rubbish(network: Network) -> float | None:
    """The constant j of the 1998 loss (eq. 9) for a network with RBF outputs, ``None`` for all others."""
    return RUBBISH if isinstance(network.layers[-1], RBF) else None


def learner(recipe: Recipe, network: Network, team: Alone = ALONE) -> Learner:
    """The network, initialized from the recipe's seed, ready to learn in the recipe's framework."""
    try:
        return team.learner(recipe, network)
    except ModuleNotFoundError as error:
        raise ValueError(f"Training in {recipe.framework} needs the package {error.name}, which is not "
                         f"installed; `pip install alexbook[{recipe.framework}]` adds it.") from None


def load(recipe: Recipe, folder: str | Path | None = None) -> tuple[Network, Data]:
    """The recipe's network, adapted to its dataset, and the dataset, prepared for the network."""
    network = variants.vary(networks.get(recipe.network), recipe.changes)
    train, test = (datasets.load(recipe.dataset, split, folder) for split in ("train", "test"))
    if recipe.holdout:
        train, test = hold_out(train, recipe.holdout)
    if recipe.images:
        train = part(train, recipe.images)
    colored = not recipe.grey and train[0][0].ndim == 3
    network = preparing.adapt(network, 3 if colored else 1, len(train.class_names))
    return network, preparing.prepare(network, train, test, recipe.grey, recipe.pixels, recipe.crop)


def hold_out(train: Dataset, count: int) -> tuple[Dataset, Dataset]:
    """A training set in two: without and with ``count`` images, taken at even steps through the set."""
    if not count < len(train):
        raise ValueError(f"The holdout is {count} images, but {train.name} has only {len(train)} to "
                         "train on; hold out fewer.")
    held = np.arange(count) * len(train) // count
    return train.take(np.setdiff1d(np.arange(len(train)), held)), train.take(held)


def part(train: Dataset, count: int) -> Dataset:
    """``count`` images of a training set, taken at even steps through the set."""
    if count > len(train):
        raise ValueError(f"The images to train on are {count}, but {train.name} has only {len(train)}; take fewer.")
    return train.take(np.arange(count) * len(train) // count)


def train(recipe: Recipe, learner: Learner, data: Data, checkpoint: Path | None = None,
          show: bool = True, say: Callable[[str], None] = print, every: float = 60,
          begun: Callable[[], object] = lambda: None) -> Progress:
    """Train to the recipe's last epoch; with a ``checkpoint`` go on where that file left off.

    The file is written after each epoch and, in between, ``every`` so many seconds. A run that was killed, at whatever
    moment, and started again ends with the same weights, to the bit, as one that was not, on the same machine with the
    same number of threads. Ctrl-C ends with the step that is being done, writes the file and raises KeyboardInterrupt.
    Of several processes (:mod:`alexbook.team`) all run this; the first one speaks, measures and writes. ``begun`` is
    called once the first step has been made, and so has fitted in memory.
    """
    team: Alone = getattr(learner, "team", ALONE)
    say, show = (say, show) if team.first else (lambda text: None, False)
    progress, first = Progress(), [begun]
    with team.in_turn():
        found = checkpoint and checkpoints.latest(checkpoint, asdict(recipe), say)
    if found:
        state, progress = found
        learner.restore(state)
        say(f"Going on after epoch {len(progress.curve)} of {recipe.epochs}"
            f"{f' and {progress.steps} steps' if progress.steps else ''} ({checkpoint}).")

    def save() -> None:
        if checkpoint:
            state = learner.state()
            if team.first:
                checkpoints.write(checkpoint, asdict(recipe), state, progress)

    with _interruptions() as interrupted:
        while not recipe.ended(progress.curve):
            began, before = time.perf_counter(), progress.seconds
            saved = began
            with closing(_steps(recipe, learner, data, progress, show)) as steps:
                for _ in steps:
                    while first:
                        first.pop()()
                    now = time.perf_counter()
                    progress.seconds = before + now - began
                    stop, due = team.agree(interrupted(), now - saved >= every)
                    if stop or due:
                        save()
                        saved = now
                        if stop:
                            raise KeyboardInterrupt
            _measure(recipe, learner, data, progress, team)
            progress.seconds = before + time.perf_counter() - began
            progress.curve[-1]["seconds"] = round(progress.seconds - sum(row.get("seconds", 0) for row in
                                                                         progress.curve[:-1]), 2)
            save()
            if any(team.agree(interrupted())):
                raise KeyboardInterrupt
    return progress


@contextmanager
def _interruptions() -> Iterator[Callable[[], bool]]:
    """Holds the first Ctrl-C back and tells of it, so that no step is left half done; a second one acts at once."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread() or \
            signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return

    def note(number: int, frame: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _steps(recipe: Recipe, learner: Learner, data: Data, progress: Progress, show: bool) -> Iterator[None]:
    """The rest of an epoch, step by step, in an order that depends on seed and epoch alone."""
    epoch = len(progress.curve)
    if not progress.steps:
        learner.begin_epoch()
    steps = math.ceil(len(data.train) / recipe.batch_size)
    looked = time.monotonic()
    plan = data.plan(recipe.batch_size, [recipe.seed, epoch], recipe.augmentation, progress.steps)
    shown = tqdm(total=len(data.train), desc=f"epoch {epoch + 1}/{recipe.epochs}", unit=" images", unit_scale=True,
                 disable=not show, mininterval=0.5, initial=progress.steps * recipe.batch_size)
    with shown as bar, pipeline.ahead(map(learner.loader(data).ready, plan)) as batches:
        for images, labels in batches:
            done = (epoch * steps + progress.steps) / (recipe.epochs * steps)
            learner.step(images, labels, recipe.rate_at(done, progress.curve))
            progress.steps += 1
            if show and time.monotonic() - looked > 1:
                looked = time.monotonic()
                bar.set_postfix(loss=f"{learner.figures()[0]:.4f}", refresh=False)
            bar.update(len(labels))
            yield


def _measure(recipe: Recipe, learner: Learner, data: Data, progress: Progress, team: Alone) -> None:
    """Close an epoch: its row of the curve."""
    loss, error = learner.figures()
    epoch = len(progress.curve) + 1
    if not math.isfinite(loss):
        raise FloatingPointError(f"The loss is {loss} in epoch {epoch}; a learning rate below {recipe.rate} may help.")
    wrong = team.told(lambda: predictions(learner, data, recipe)) != data.test.labels
    progress.curve.append({"epoch": epoch, "train_loss": round(loss, 6), "train_error": round(error, 6),
                           "test_error": round(float(wrong.mean()), 6)})
    progress.steps = 0


def predictions(learner: Learner, data: Data, recipe: Recipe) -> np.ndarray:
    """The class that the network gives each test image; with ten views, by the mean of their probabilities."""
    numbers = learner.loader(data).numbers
    stored = (views.reshape(-1, *views.shape[2:]) for views in data.test_views(recipe.views, recipe.crop))
    with pipeline.ahead(map(numbers, stored)) as batches:
        found = map(learner.probabilities, batches)
        return np.concatenate([shares.reshape(-1, recipe.views, shares.shape[-1]).mean(axis=1).argmax(axis=1)
                               for shares in found])
