"""The folder in which downloaded and unpacked data is kept: where it is, and how processes share it.

Whatever stands there under its own name is complete: files and folders are made under a name that starts with ``tmp``
and renamed when they are whole. One process at a time works in a dataset's folder.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch
from filelock import BaseFileLock

from alexbook._files import lock


def folder() -> Path:
    """``ALEXBOOK_CACHE`` if it is set, else the operating system's folder for such things."""
    return absolute(os.environ.get("ALEXBOOK_CACHE") or pooch.os_cache("alexbook"))


def absolute(folder: str | Path) -> Path:
    """The folder's whole path, with ``~`` replaced; ValueError where that names nobody."""
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"{folder} is no folder: there is no user of that name here.") from None


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """The folder of one dataset, for this process alone; what a killed process left half done is cleared away."""
    place = folder() / name
    try:
        place.mkdir(parents=True, exist_ok=True)
        held = _lock(place / ".lock", name)
    except OSError as error:
        raise OSError(f"The folder for downloaded data, {place}, cannot be written ({error.strerror}); set "
                      "ALEXBOOK_CACHE to a folder that can.") from None
    try:
        for leftover in (*place.glob("tmp*"), *place.glob("*.part")):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        yield place
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(error.errno, f"The disk of {place} is full, so that {name} could not be kept; make room, or set "
                                   "ALEXBOOK_CACHE to a folder on another disk") from None
    finally:
        held.release()


def _lock(path: Path, name: str) -> BaseFileLock:
    try:
        return lock(path, seconds=1)
    except BlockingIOError:
        print(f"Another process is fetching {name}; waiting for it ...", file=sys.stderr, flush=True)
        return lock(path, seconds=-1)
