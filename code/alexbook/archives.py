"""Unpacking archives that nobody has looked into: tar (also compressed) and zip.

Only plain files and folders inside the target are made. A path that leads elsewhere, a link or a device file makes the
whole archive refused, and nothing of it is left.
"""

import errno
import re
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

SUFFIXES = (".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".zip")

Member = tuple[str, str, Callable[[], IO[bytes]]]
"""Name, kind ("file", "folder" or what it is instead), and how to open it."""


def is_archive(path: Path) -> bool:
    """Whether the name of this file says that :func:`unpack` can read it."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, target: Path, keep: Callable[[str], bool] = lambda name: True) -> None:
    """Unpack the members that ``keep`` accepts into the new folder ``target``, which appears only when all is there.

    The caller holds the lock of the store's folder in which ``target`` is. Raises ValueError for an archive that is
    refused, damaged or cut short.
    """
    unfinished = target.with_name(f"tmp-{target.name}")
    unfinished.mkdir()
    try:
        _unpack(archive, unfinished, keep)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack(archive: Path, target: Path, keep: Callable[[str], bool]) -> None:
    members = _zip_members if archive.name.lower().endswith(".zip") else _tar_members
    bar = tqdm(members(archive), f"unpacking {archive.name}", unit=" files", leave=False, mininterval=1, delay=1)
    try:
        for name, kind, opened in bar:
            path = target / _inside(archive, name)
            if kind not in ("file", "folder"):
                raise _Refused(f"{archive} is refused: its member {name!r} is a {kind}, and only files and folders "
                               "are unpacked.")
            if kind == "file" and keep(name):
                path.parent.mkdir(parents=True, exist_ok=True)
                with opened() as source, path.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
    except _Refused as refused:
        raise ValueError(str(refused)) from None
    except Exception as error:  # tarfile, zipfile, lzma, zlib and bz2 each have errors of their own
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS):
            raise  # not the archive's fault
        raise _damaged(archive, error) from None


class _Refused(Exception):
    """An archive that asks for something that unpacking never does."""


def _damaged(archive: Path, error: Exception) -> ValueError:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".:")
    return ValueError(f"{archive} is damaged, cut short or no archive ({reason}); get it again.")


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or re.match(r"[A-Za-z]:", name):
        raise _Refused(f"{archive} is refused: its member {name!r} has an absolute path.")
    if ".." in path.parts:
        raise _Refused(f"{archive} is refused: its member {name!r} leads out of the folder with '..'.")
    return path


def _tar_members(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive) as tar:
        for member in tar:
            kind = ("file" if member.isreg() else "folder" if member.isdir() else
                    "symbolic link" if member.issym() else "hard link" if member.islnk() else "device file")
            yield member.name, kind, lambda member=member: tar.extractfile(member)
            tar.members = []  # tarfile remembers every member otherwise


def _zip_members(archive: Path) -> Iterator[Member]:
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symbolic link"}
    with zipfile.ZipFile(archive) as content:
        for info in content.infolist():
            kind = "folder" if info.is_dir() else kinds.get(stat.S_IFMT(info.external_attr >> 16), "device file")
            yield info.filename, kind, lambda info=info: content.open(info)
