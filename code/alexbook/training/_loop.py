"""The training loop, the same for both frameworks: it orders the images, sets the learning rate, shows progress, keeps
checkpoints and measures. What a framework does by itself is behind :class:`~alexbook.training._trainer.Trainer`.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from alexbook.batches.data import Data
from alexbook.batches.prefetch import prefetch
from alexbook.training import checkpoints
from alexbook.training._trainer import Trainer
from alexbook.training.checkpoints import Progress
from alexbook.training.distributed import SINGLE_PROCESS, ProcessGroup
from alexbook.training.recipe import Recipe


def train(recipe: Recipe, trainer: Trainer, data: Data, checkpoint: Path | None = None, show: bool = True,
          log: Callable[[str], None] = print, save_every: float = 60,
          on_first_step: Callable[[], object] = lambda: None, group: ProcessGroup = SINGLE_PROCESS) -> Progress:
    """Train to the recipe's last epoch, or go on where a checkpoint left off.

    A run that was killed, at whatever moment, and started again ends with the same weights, to the bit, as one that was
    not, on the same machine with the same number of threads. Ctrl-C ends with the step that is being done, writes the
    checkpoint and raises KeyboardInterrupt.

    Args:
        recipe: How to train.
        trainer: What :func:`~alexbook.training.make_trainer` made for the recipe.
        data: What :func:`~alexbook.training.load` made of the recipe's dataset.
        checkpoint: The file to go on from, and to write after each epoch and, in between, every so often.
        show: Whether a bar shows the progress.
        log: What is called with each message.
        save_every: Seconds between checkpoints within an epoch.
        on_first_step: Called once the first step has been made, and so has fitted in memory.
        group: The processes that train together. All of them call this; the main process logs, measures and writes.

    Returns:
        The curve, a row for each epoch, and the seconds that it took.

    Raises:
        ValueError: The checkpoint is damaged, or of another recipe or other data.
        BlockingIOError: Another process is using the checkpoint.
        FloatingPointError: The loss is not finite.
        ConnectionError: Another process of the group has ended.

    Example:
        >>> recipe = Recipe("lenet5_modern", "digits", "torch", epochs=3)
        >>> network, data = training.load(recipe)
        >>> progress = training.train(recipe, training.make_trainer(recipe, network), data)
        >>> progress.curve[-1]["test_error"]
    """
    log, show = (log, show) if group.is_main_process else (lambda text: None, False)
    with checkpoints.held(checkpoint) if checkpoint and group.is_main_process else nullcontext():
        return _train(recipe, trainer, data, checkpoint, show, log, save_every, on_first_step, group)


def _train(recipe: Recipe, trainer: Trainer, data: Data, checkpoint: Path | None, show: bool,
           log: Callable[[str], None], save_every: float, on_first_step: Callable[[], object],
           group: ProcessGroup) -> Progress:
    progress, first = Progress(), [on_first_step]
    with group.main_process_first():
        found = checkpoints.latest(checkpoint, asdict(recipe), log, data.identity) if checkpoint else None
    if checkpoint and found:
        state, progress = found
        _take_up(trainer, state, progress, math.ceil(len(data.train) / recipe.batch_size), checkpoint)
        log(f"Going on after epoch {len(progress.curve)} of {recipe.epochs}"
            f"{f' and {progress.steps} steps' if progress.steps else ''} ({checkpoint}).")

    def save() -> None:
        if checkpoint:
            state = trainer.state()
            if group.is_main_process:
                checkpoints.write(checkpoint, asdict(recipe), state, progress, data.identity)

    with _interruptions() as interrupted:
        while not recipe.ended(progress.curve):
            began, before = time.perf_counter(), progress.seconds
            saved = began
            with closing(_steps(recipe, trainer, data, progress, show)) as steps:
                for _ in steps:
                    while first:
                        first.pop()()
                    now = time.perf_counter()
                    progress.seconds = before + now - began
                    stop, due = group.all_reduce(interrupted(), now - saved >= save_every)
                    if stop or due:
                        save()
                        saved = now
                        if stop:
                            raise KeyboardInterrupt
            _measure(recipe, trainer, data, progress, group)
            progress.seconds = before + time.perf_counter() - began
            progress.curve[-1]["seconds"] = round(progress.seconds - sum(row.get("seconds", 0) for row in
                                                                         progress.curve[:-1]), 2)
            save()
            if any(group.all_reduce(interrupted())):
                raise KeyboardInterrupt
    return progress


def _take_up(trainer: Trainer, state: dict[str, np.ndarray], progress: Progress, steps: int, checkpoint: Path) -> None:
    """Restore a trainer; a state or a progress that cannot be this network's raises ``ValueError``."""
    try:
        if progress.steps > steps:
            raise ValueError(f"{progress.steps} steps of {steps}")
        for epoch, row in enumerate(progress.curve, 1):
            metrics = [row[name] for name in ("train_loss", "train_error", "test_error")]
            if row["epoch"] != epoch or not np.isfinite(np.array(metrics, float)).all():
                raise ValueError(f"epoch {epoch} of its curve is {row}")
        trainer.restore(state)
    except ConnectionError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(".:")
        raise ValueError(f"{checkpoint} does not fit this network ({why}); start anew with --restart.") from None


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


def _steps(recipe: Recipe, trainer: Trainer, data: Data, progress: Progress,
           show: bool) -> Generator[None, None, None]:
    """The rest of an epoch, step by step, in an order that depends on seed and epoch alone."""
    epoch = len(progress.curve)
    if not progress.steps:
        trainer.begin_epoch()
    steps = math.ceil(len(data.train) / recipe.batch_size)
    looked = time.monotonic()
    plan = data.plan(recipe.batch_size, [recipe.seed, epoch], recipe.augmentation, progress.steps)
    shown = tqdm(total=len(data.train), desc=f"epoch {epoch + 1}/{recipe.epochs}", unit=" images", unit_scale=True,
                 disable=not show, mininterval=0.5, initial=progress.steps * recipe.batch_size)
    with shown as bar, prefetch(map(trainer.loader(data).make_batch, plan)) as batches:
        for images, labels in batches:
            done = (epoch * steps + progress.steps) / (recipe.epochs * steps)
            trainer.step(images, labels, recipe.lr_at(done, progress.curve))
            progress.steps += 1
            if show and time.monotonic() - looked > 1:
                looked = time.monotonic()
                bar.set_postfix(loss=f"{trainer.metrics()[0]:.4f}", refresh=False)
            bar.update(len(labels))
            yield


def _measure(recipe: Recipe, trainer: Trainer, data: Data, progress: Progress, group: ProcessGroup) -> None:
    """Close an epoch: its row of the curve."""
    loss, error = trainer.metrics()
    epoch = len(progress.curve) + 1
    if not math.isfinite(loss):
        fault = data.normalization.fault(data.train.images)
        raise FloatingPointError(f"The loss is {loss} in epoch {epoch}; "
                                 f"{fault or f'a learning rate below {recipe.lr} may help'}.")
    watched = data.first_tests()
    wrong = group.broadcast(lambda: predictions(trainer, watched, recipe)) != watched.test.labels
    row = {"epoch": epoch, "train_loss": round(loss, 6), "train_error": round(error, 6)}
    if recipe.measure_training:
        known, plain = replace(data, test=data.train), replace(recipe, views=1)
        missed = group.broadcast(lambda: predictions(trainer, known, plain)) != known.test.labels
        row["train_error_evaluated"] = round(float(missed.mean()), 6)
    progress.curve.append(row | {"test_error": round(float(wrong.mean()), 6)})
    progress.steps = 0


def predictions(trainer: Trainer, data: Data, recipe: Recipe) -> np.ndarray:
    """The class that the network predicts for each test image; with ten views, by the mean of their probabilities.

    Args:
        trainer: The network, with its weights of now.
        data: The test images, with their normalization.
        recipe: Says how many views of an image there are.

    Returns:
        The classes, int64 ``(images,)``, in the order of the test images.
    """
    normalize = trainer.loader(data).normalize
    stored = (views.reshape(-1, *views.shape[2:]) for views in data.test_views(recipe.views, recipe.crop))
    with prefetch(map(normalize, stored)) as batches:
        found = map(trainer.probabilities, batches)
        return np.concatenate([shares.reshape(-1, recipe.views, shares.shape[-1]).mean(axis=1).argmax(axis=1)
                               for shares in found])
