"""The input pipeline: batches are made in a thread while the network learns from the ones before.

Where the network is on a GPU, its learner's ``loader`` sends the images there as they are stored, uint8, and crops,
mirrors, shifts and scales them there (``torch_augmenting``, ``keras_augmenting``); else NumPy does it in the thread.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Protocol, TypeVar

import numpy as np

from alexbook.augmenting import Batch
from alexbook.preparing import Data
from alexbook.recipes import Recipe

Item = TypeVar("Item")
END = object()


class Loader(Protocol):
    """What makes batches out of stored images; :class:`alexbook.preparing.Data` is one, in NumPy."""

    def ready(self, batch: Batch) -> tuple:
        """The batch as the network sees it, and its classes, where and how the learner wants them."""

    def numbers(self, images: np.ndarray) -> np.ndarray:
        """Stored images, uint8, already of the network's size, as the network sees them."""


@contextmanager
def ahead(items: Iterable[Item], depth: int = 2) -> Iterator[Iterator[Item]]:
    """The same items in the same order, made by a thread, up to ``depth`` of them before they are asked for.

    What goes wrong in the thread is raised where the item is asked for; at the end of the ``with`` the thread ends,
    whatever has been used and however the end came about.
    """
    made: SimpleQueue = SimpleQueue()
    free, left = threading.Semaphore(depth), threading.Event()

    def work() -> None:
        try:
            source = iter(items)
            while free.acquire() and not left.is_set():
                made.put((item := next(source, END), None))
                if item is END:
                    return
        except BaseException as error:
            made.put((END, error))

    def use() -> Iterator[Item]:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is END:
                return
            yield item
            del item  # or three would be kept where two were asked for
            free.release()

    thread = threading.Thread(target=work, name="alexbook-pipeline", daemon=True)
    thread.start()
    try:
        yield use()
    finally:
        left.set()
        free.release()
        thread.join()


def images_per_second(recipe: Recipe, data: Data, loader: Loader | None = None, seconds: float = 2.0) -> float:
    """What the pipeline alone makes of a recipe's training images, at best; ``loader`` is NumPy's if none is given.

    Batches are made one after another for so many seconds, at least three; the first is not counted.
    """
    loader = loader or data
    plan = data.plan(recipe.batch_size, [recipe.seed, 0], recipe.augmentation)
    loader.ready(next(plan))
    count, batches, began = 0, 0, time.perf_counter()
    while batches < 3 or time.perf_counter() - began < seconds:
        batch = next(plan, None)
        if batch is None:
            plan = data.plan(recipe.batch_size, [recipe.seed, 0], recipe.augmentation)
            continue
        loader.ready(batch)
        count, batches = count + len(batch), batches + 1
    return count / (time.perf_counter() - began)
