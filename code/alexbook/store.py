"""The folder in which downloaded and unpacked data is kept: where it is, and how processes share it.

Whatever stands there under its own name is complete: files and folders are made under a name that starts with ``tmp``
(or ends with ``.part``) and renamed when they are whole. One process at a time works in a dataset's folder.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pooch

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt


def folder() -> Path:
    """``ALEXBOOK_CACHE`` if it is set, else the operating system's folder for such things."""
    return Path(os.environ.get("ALEXBOOK_CACHE") or pooch.os_cache("alexbook")).expanduser().absolute()


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """The folder of one dataset, for this process alone; what a killed process left half done is cleared away.

    The operating system ends the lock with the process that holds it, so none can be left behind.
    """
    place = folder() / name
    try:
        place.mkdir(parents=True, exist_ok=True)
        file = (place / ".lock").open("a+b")
    except OSError as error:
        raise OSError(f"The folder for downloaded data, {place}, cannot be written ({error.strerror}); set "
                      "ALEXBOOK_CACHE to a folder that can.") from None
    with file:
        _wait_for(file, name)
        for leftover in place.glob("tmp*"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        yield place


def _wait_for(file: IO[bytes], name: str) -> None:
    started, told = time.monotonic(), False
    while not _try_lock(file):
        if not told and time.monotonic() - started > 1:
            print(f"Another process is fetching {name}; waiting for it ...", file=sys.stderr, flush=True)
            told = True
        time.sleep(0.05)


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    return True
