"""The processes that train one network together: their interface, and the usual case of one process alone."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

Found = TypeVar("Found")


class ProcessGroup(ABC):
    """Processes that train together. Each method is called by all of them, at the same place."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main_process(self) -> bool:
        """Whether this process shows progress, measures, and writes files."""
        return self.rank == 0

    @abstractmethod
    def all_reduce(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag, true where it is true in any process."""

    @abstractmethod
    def broadcast(self, find: Callable[[], Found]) -> Found:
        """What the main process finds, known to all; the others wait for it."""

    @abstractmethod
    def main_process_first(self) -> AbstractContextManager[None]:
        """What is done inside, the main process has done before the others begin."""


class SingleProcess(ProcessGroup):
    """One process, which has nobody to wait for."""

    def all_reduce(self, *flags: bool) -> tuple[bool, ...]:
        return flags

    def broadcast(self, find: Callable[[], Found]) -> Found:
        return find()

    def main_process_first(self) -> AbstractContextManager[None]:
        return nullcontext()


SINGLE_PROCESS = SingleProcess()
