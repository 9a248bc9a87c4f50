"""One training run from beginning to end: data, trainer, training or going on with it, and the record of it.

Here alone a framework's name becomes its trainer and its process group; nothing of a framework is imported before that.
"""

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

from alexbook import weights as weights_files
from alexbook.batches.data import Data
from alexbook.datasets import DatasetUnavailable
from alexbook.networks import Network
from alexbook.runs import Run
from alexbook.training import _loop, _malloc, batch_size, checkpoints, record
from alexbook.training._data import load
from alexbook.training._trainer import Trainer
from alexbook.training.distributed import SINGLE_PROCESS, ProcessGroup
from alexbook.training.recipe import Recipe

MakeTrainer = Callable[[Recipe, Network], Trainer]


# --- a framework's trainer and process group

def _torch_trainer(recipe: Recipe, network: Network) -> Trainer:
    from alexbook.training.torch_trainer import TorchTrainer
    return TorchTrainer(recipe, network)


def _keras_trainer(recipe: Recipe, network: Network) -> Trainer:
    from alexbook.training.keras_trainer import KerasTrainer
    return KerasTrainer(recipe, network)


def _torch_group(devices: int | None) -> tuple[ProcessGroup, MakeTrainer]:
    if devices is not None:
        raise ValueError(f"The devices are {devices}, but PyTorch takes a process for each: `torchrun --nproc-per-node "
                         f"{devices} -m alexbook train ...`, without --devices.")
    if _started() == 1:
        return SINGLE_PROCESS, make_trainer
    from alexbook.training.torch_ddp import DDPGroup, DDPTrainer
    group = DDPGroup()
    return group, lambda recipe, network: DDPTrainer(recipe, network, group)


def _keras_group(devices: int | None) -> tuple[ProcessGroup, MakeTrainer]:
    if _started() > 1:
        raise ValueError(f"torchrun started {_started()} processes, but Keras trains on several devices in one; give "
                         f"--devices {_started()} to it.")
    if devices is not None and devices < 1:
        raise ValueError(f"The devices are {devices}, but must be at least 1.")
    import keras
    if (backend := keras.backend.backend()) != "tensorflow":
        if devices is None or devices == 1:
            return SINGLE_PROCESS, make_trainer
        raise ValueError(f"The devices are {devices}, but the Keras backend is {backend}, with which this program "
                         "trains on one; with KERAS_BACKEND=tensorflow it takes several.")
    from alexbook.training.keras_mirrored import MirroredTrainer, gpus, mirrored
    devices = gpus() if devices is None else devices
    if devices < 2:
        return SINGLE_PROCESS, make_trainer
    strategy = mirrored(devices)
    return SINGLE_PROCESS, lambda recipe, network: MirroredTrainer(recipe, network, strategy)


TRAINERS: dict[str, MakeTrainer] = {"torch": _torch_trainer, "keras": _keras_trainer}
PROCESS_GROUPS: dict[str, Callable[[int | None], tuple[ProcessGroup, MakeTrainer]]] = {
    "torch": _torch_group, "keras": _keras_group}


def _started() -> int:
    """How many processes ``torchrun`` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def _missing_package(framework: str) -> Iterator[None]:
    """One sentence where the framework, or what it needs, is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ValueError(f"Training in {framework} needs the package {error.name}, which is not installed; `pip "
                         f"install {error.name}` adds it.") from None


def make_trainer(recipe: Recipe, network: Network) -> Trainer:
    """The network, initialized from the recipe's seed, ready to be trained in the recipe's framework.

    It trains in this process alone, on one device.

    Args:
        recipe: How to train.
        network: The network, with as many inputs and outputs as the dataset has (:func:`~alexbook.training.load`).

    Returns:
        The trainer; its ``model`` is the framework's own, an ``nn.Module`` or a ``keras.Model``.

    Raises:
        ValueError: The framework is not installed, or cannot do what the recipe says.

    Example:
        >>> recipe = Recipe("lenet5_modern", "digits", "torch")
        >>> network, data = load(recipe)
        >>> make_trainer(recipe, network).model
    """
    with _missing_package(recipe.framework):
        return TRAINERS[recipe.framework](recipe, network)


def init_distributed(framework: str, devices: int | None = None) -> tuple[ProcessGroup, MakeTrainer]:
    """The processes that train together, ready to, and what makes the trainer of this one.

    Args:
        framework: In PyTorch they are those that ``torchrun`` started; in Keras there is one process.
        devices: How many devices share each batch, in Keras (``None``: all GPUs that there are).

    Returns:
        The process group, and a function of a recipe and a network.

    Raises:
        ValueError: The framework cannot train so, or is not installed.
    """
    with _missing_package(framework):
        return PROCESS_GROUPS[framework](devices)


# --- a run

def run(recipe: Recipe, out: Path, folder: Path | None = None, devices: int | None = None, auto_batch: bool = False,
        restart: bool = False, save_every: float = 60, show: bool = True, weights: Path | None = None) -> int:
    """Train by the recipe and write the record.

    Args:
        recipe: What to train, and how.
        out: The file for the record. A checkpoint is kept beside it, from which the same call goes on.
        folder: A folder that holds the dataset.
        devices: How many devices share each batch (Keras).
        auto_batch: Whether a batch that does not fit in memory becomes one that does.
        restart: Start anew, whatever checkpoint or record there is.
        save_every: Seconds between checkpoints.
        show: Whether a bar shows the progress.
        weights: A file for the trained weights, which :func:`alexbook.weights.load` reads.

    Returns:
        The exit status of the command.

    Raises:
        ValueError: Something cannot be done as it was asked for; nothing has been trained then.
        MemoryError: The batch does not fit in memory; the sentence names one that does.
    """
    if not 0 <= save_every < math.inf:
        raise ValueError(f"The seconds between checkpoints are {save_every}, but must be a finite number of at least "
                         "0.")
    writable(out)
    if weights is not None:
        writable(weights, "--weights", "runs/mine.safetensors")
    checkpoint = out.with_suffix(".checkpoint.npz")
    group, make = init_distributed(recipe.framework, devices)
    try:
        network, data = load(recipe, folder)
    except DatasetUnavailable as error:
        print(error, file=sys.stderr)
        return 2
    with checkpoints.held(checkpoint) if group.is_main_process else nullcontext():
        if restart and group.is_main_process:
            checkpoints.remove(checkpoint)
        elif group.is_main_process:
            keep_record(out, recipe, data, auto_batch)
        return _run(recipe, out, checkpoint, network, data, group, make, auto_batch, save_every, show, weights)


def writable(out: Path, option: str = "--out", example: str = "runs/mine.json") -> None:
    """Refuse a file that could not be written, before the work for it is done; nothing is made on the disk."""
    what = "run" if option == "--out" else "weights"
    if out.exists() and not out.is_file():
        raise ValueError(f"The file for the {what}, {out}, is {'a folder' if out.is_dir() else 'no ordinary file'}; "
                         f"give {option} a file, such as {example}.")
    there = next(folder for folder in out.absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"The file for the {what}, {out}, cannot be written, for {there} is "
                         f"{'a folder without the right to write' if there.is_dir() else 'no folder'}; give another "
                         f"{option}.")


def card(recipe: Recipe, network: Network, data: Data, done: Run) -> weights_files.Card:
    """What a file of the run's weights says of itself."""
    return weights_files.Card(
        network=recipe.network, changes=recipe.changes, channels=network.input_shape[2],
        classes=tuple(data.about["classes"]), dataset=recipe.dataset,
        mean=tuple(data.normalization.mean.tolist()), std=tuple(data.normalization.std.tolist()),
        side=min(network.input_shape[:2]) + 2 * recipe.crop, test_error=done.test_error, command=done.command,
        run=done.name)


def keep_record(out: Path, recipe: Recipe, data: Data, any_batch: bool = False) -> None:
    """Refuse to replace the record of a run with another recipe, of any batch size if so said, or on other data."""
    if not out.exists():
        return
    mend = "give another --out, or replace it with --restart"
    try:
        recorded = Run.read(out)
        saved = {"classes": recorded.dataset["classes"]} | {
            split: recorded.dataset[split]["fingerprint"] for split in ("train", "test")}
        theirs = asdict(Recipe.of(recorded.recipe)) | ({"batch_size": recipe.batch_size} if any_batch else {})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{out} exists and is no recorded run of this program; {mend}.") from None
    if differing := checkpoints.difference(theirs, asdict(recipe)):
        raise ValueError(f"{out} is the record of a run with {differing}; {mend}.")
    if differing := checkpoints.other_data(saved, data.identity):
        raise ValueError(f"{out} is the record of a run on {differing}; {mend}.")


def _run(recipe: Recipe, out: Path, checkpoint: Path, network: Network, data: Data, group: ProcessGroup,
         make: MakeTrainer, auto_batch: bool, save_every: float, show: bool, weights: Path | None) -> int:
    def make_one(recipe: Recipe) -> Trainer:
        return make(recipe, network)

    apart = group.world_size > 1  # one process cannot try alone what all must do together
    if auto_batch:
        if apart:
            raise ValueError(f"--auto-batch tries in one process, but torchrun started {group.world_size}; leave it "
                             "out.")
        recipe = batch_size.auto_batch(recipe, data, make_one, checkpoint)
    trainer, ran_out = None, False
    try:
        trainer = make_one(recipe)
        if recipe.framework == "torch" and group.is_main_process:
            from alexbook.training.torch_trainer import slowness  # which imports PyTorch
            if said := slowness(recipe.precision):
                print(said, file=sys.stderr)
        # Memory is kept only once a step has fitted: it would be in the way of a smaller batch that is tried instead.
        progress = _loop.train(recipe, trainer, data, checkpoint, show=show, save_every=save_every,
                              on_first_step=_malloc.keep, group=group)
    except KeyboardInterrupt:
        if group.is_main_process:
            print(f"\nStopped. The same command goes on from where this run ended ({checkpoint}).",
                  file=sys.stderr)
        return 130
    except Exception as error:
        if not batch_size.out_of_memory(error):
            raise
        ran_out = True
    if trainer is None or ran_out:  # outside of the except, which would keep the trainer's memory
        trainer = None
        batch_size.clear()
        fit = max(1, recipe.batch_size // 2) if apart else batch_size.largest(
            recipe, data, make_one, below=recipe.batch_size)
        raise MemoryError(batch_size.advice(recipe, fit, tried=not apart))
    if not group.is_main_process:
        return 0
    done = record.record(recipe, network, data, trainer, progress, out.stem)
    if weights is not None:  # before the record: where there is a record, there are weights
        weights_files.write(weights, card(recipe, network, data, done), trainer.stored(), recipe.framework)
    done.save(out)
    checkpoints.remove(checkpoint)
    print(f"{done!r}\nwritten to {out}")
    return 0
