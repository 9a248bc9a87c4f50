"""Prefetching: batches are made in a thread while the network learns from the ones before.

Where the network is on a GPU, its trainer's ``loader`` sends the images there as they are stored, uint8, and crops,
mirrors, shifts and scales them there (``torch_loader``, ``keras_loader``); else NumPy does it in the thread.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
END = object()


@contextmanager
def prefetch(items: Iterable[Item], depth: int = 2) -> Iterator[Iterator[Item]]:
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
