"""Unpacking archives that nobody has looked into: tar (also compressed) and zip. Nothing leads out of the target."""

import errno
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

from tqdm import tqdm

SUFFIXES = (".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".zip")

AT_LEAST, TIMES = 1 << 30, 50
"""An archive may unpack to so many bytes, or to so many times its own size: images hardly get smaller in one."""

NOT_THE_ARCHIVE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)  # whose fault these errors are
Member = TypeVar("Member")


class _Refused(Exception):
    """An archive that asks for something that unpacking never does."""


def is_archive(path: Path) -> bool:
    """Whether the name of this file says that :func:`unpack` can read it."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, target: Path, keep: Callable[[str], bool] = lambda name: True) -> None:
    """Unpack the files that ``keep`` accepts into the new folder ``target``, which appears only when all is there.

    The caller holds the lock of the store's folder in which ``target`` is. Raises ValueError for an archive that is
    refused, damaged or cut short.
    """
    unfinished = target.with_name(f"tmp-{target.name}")
    unfinished.mkdir()
    try:
        (_unzip if archive.name.lower().endswith(".zip") else _untar)(archive, unfinished, keep)
        unfinished.rename(target)
    except (_Refused, tarfile.FilterError) as refused:
        raise ValueError(f"{archive} is refused: {refused}.") from None
    except Exception as error:  # tarfile, zipfile, lzma, zlib and bz2 each have errors of their own
        if isinstance(error, OSError) and error.errno in NOT_THE_ARCHIVE:
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise ValueError(f"{archive} is damaged, cut short or no archive ({reason[:200]}); get it again.") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _untar(archive: Path, target: Path, keep: Callable[[str], bool]) -> None:
    with tarfile.open(archive) as tar:
        wanted = ((member, member.size) for member in tar if not member.isdir() and keep(member.name))
        tar.extractall(target, _counted(archive, wanted), filter="data")


def _unzip(archive: Path, target: Path, keep: Callable[[str], bool]) -> None:
    """No file gets larger than its declared size, so that is what is counted."""
    with zipfile.ZipFile(archive) as content:
        wanted = ((info, info.file_size) for info in content.infolist() if not info.is_dir() and keep(info.filename))
        for info in _counted(archive, wanted):
            path = PurePosixPath(info.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise _Refused(f"its member {info.filename!r} leads out of the folder")
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
                raise _Refused(f"its member {info.filename!r} is a link or a device")
            content.extract(info, target)


def _counted(archive: Path, members: Iterable[tuple[Member, int]]) -> Iterator[Member]:
    """The members, as long as there is room for their bytes: a small archive can hold zeros enough for any disk."""
    limit = max(AT_LEAST, TIMES * archive.stat().st_size)
    left = limit
    for member, size in tqdm(members, f"unpacking {archive.name}", unit=" files", leave=False, mininterval=1, delay=1):
        left -= size
        if left < 0:
            raise _Refused(f"it unpacks to more than {limit:,} bytes")
        yield member
