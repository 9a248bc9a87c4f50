"""Who trains a network together: this process alone, or all those that ``torchrun`` started."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import TypeVar

from alexbook.network import Network
from alexbook.recipes import Recipe

Found = TypeVar("Found")


class Alone:
    """One process, which has nobody to wait for; :class:`alexbook.torch_processes.Team` is several."""

    rank, count = 0, 1

    @property
    def first(self) -> bool:
        """Whether this process shows progress, measures, and writes files."""
        return self.rank == 0

    def learner(self, recipe: Recipe, network: Network) -> object:
        """This process's :class:`alexbook.training.Learner`."""
        return import_module(f"alexbook.{recipe.framework}_training").Learner(recipe, network)

    def agree(self, *wishes: bool) -> tuple[bool, ...]:
        """What any process wishes, all do. Every process must ask at the same place."""
        return wishes

    def told(self, find: Callable[[], Found]) -> Found:
        """What the first process finds, known to all; the others wait for it."""
        return find()

    def in_turn(self) -> AbstractContextManager:
        """What is done inside, the first process has done before the others begin."""
        return nullcontext()


ALONE = Alone()


def gather(framework: str, devices: int | None = None) -> Alone:
    """Those who train together, ready to: in PyTorch the processes that ``torchrun`` started, in Keras one process with
    so many ``devices`` (``None``: all GPUs that there are), else this process alone with one device.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if framework == "keras":
        if count > 1:
            raise ValueError(f"torchrun started {count} processes, but Keras trains on several devices in one; give "
                             f"--devices {count} to it.")
        return _keras(devices)
    if devices is not None:
        raise ValueError(f"The devices are {devices}, but PyTorch takes a process for each: `torchrun --nproc-per-node "
                         f"{devices} -m alexbook train ...`, without --devices.")
    return import_module("alexbook.torch_processes").Team() if count > 1 else Alone()


def _keras(devices: int | None) -> Alone:
    if devices is not None and devices < 1:
        raise ValueError(f"The devices are {devices}, but must be at least 1.")
    try:
        backend = import_module("keras").backend.backend()
    except ModuleNotFoundError:  # the learner will say what is missing
        return Alone()
    if backend == "tensorflow":
        module = import_module("alexbook.keras_parallel")
        devices = module.gpus() if devices is None else devices
        return module.Replicas(devices) if devices > 1 else Alone()
    if devices is None or devices == 1:
        return Alone()
    raise ValueError(f"The devices are {devices}, but the Keras backend is {backend}, with which this program trains "
                     "on one; with KERAS_BACKEND=tensorflow it takes several.")
