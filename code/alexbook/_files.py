"""Files that others read at the same time: written in one step, and locked by one process at a time."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # what network drives without locks answer
HALF = "*.[0-9]*.part"  # the names of files that a process was killed in the middle of


def replace_file(path: Path, content: bytes | bytearray) -> None:
    """Write a file in one step: a reader, or a process killed meanwhile, finds the old or the new one.

    Args:
        path: The file; folders that it lacks are made.
        content: All of its bytes.

    Raises:
        OSError: The file cannot be written; the old one is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def lock(path: Path, seconds: float = 0) -> BaseFileLock:
    """Lock a file for this process; the operating system ends the lock with it, so none can be left behind.

    A drive that has no locks gives none, and the work goes on without.

    Args:
        path: The file that stands for what is locked; it is made where it is missing.
        seconds: How long to wait for another process; below 0, for as long as it takes.

    Returns:
        The lock: call its ``release()``.

    Raises:
        BlockingIOError: Another process has it.
        OSError: The file cannot be written.
    """
    from filelock import FileLock, Timeout  # not above: it takes longer to import than all of alexbook's core

    made = FileLock(path)
    try:
        made.acquire(timeout=seconds)
    except Timeout:
        raise BlockingIOError(errno.EAGAIN, "another process has it", str(path)) from None
    except NotImplementedError:  # earlier versions' word for a drive without locks
        pass
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return made
