"""Where a dataset's files are: in a folder that the reader has, in the store, or on a server."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pooch

from alexbook import package_data
from alexbook.datasets import cache
from alexbook.datasets._archives import SUFFIXES, is_archive, unpack
from alexbook.datasets._readers import class_folders
from alexbook.datasets.download import NotDownloaded, fetch


class DatasetUnavailable(RuntimeError):
    """The data is neither here nor to be had; the message says what was tried and how to get it."""


@dataclass(frozen=True)
class Copy:
    """One way in which a dataset is handed out, as ``data/registry.json`` lists it."""

    what: str
    layout: str
    files: dict[str, str | None]  # name -> checksum, where there is one
    root: str = ""  # the folder that an archive unpacks to
    inner: str = ""  # the archive in the archive that holds the data
    mirrors: tuple[str, ...] = ()
    megabytes: int = 0

    @property
    def checksums(self) -> dict[str, str]:
        """The files whose checksum is known; of a copy that is downloaded, all."""
        return {file: checksum for file, checksum in self.files.items() if checksum}


@dataclass(frozen=True)
class Found:
    """A copy that is here: ``path`` is its folder or file, ``files`` has the checksum of each file it came in."""

    what: str
    layout: str
    path: Path
    files: dict[str, str]


def registry() -> dict[str, dict]:
    """What ``data/registry.json`` says of each dataset, by name."""
    return json.loads((package_data.folder() / "registry.json").read_text(encoding="utf-8"))


def find(name: str, folder: Path | None = None) -> Found:
    """A copy of a dataset: in ``folder`` and only there if it is given, else in ``ALEXBOOK_DATA``, the store, the net.

    Raises DatasetUnavailable, within seconds, where there is none.
    """
    entry = registry()[name]
    copies = [Copy(**copy) for copy in entry["copies"]]
    if copies[0].layout == "drawn":
        return Found(copies[0].what, "drawn", package_data.folder(), {})
    if copies[0].layout == "shipped":
        return _whole(copies[0], package_data.folder() / next(iter(copies[0].files)))
    given = folder or os.environ.get("ALEXBOOK_DATA")
    tried = {} if given else {"ALEXBOOK_DATA": "is not set"}
    if given:
        base = cache.absolute(given)
        for copy in copies:
            if found := _local(name, entry, copy, base, {file for other in copies for file in other.files}):
                return found
        tried[str(base)] = "has no copy of it" if base.is_dir() else "is no folder"
    if not folder:
        for copy in (copy for copy in copies if copy.mirrors):
            try:
                return _download(name, entry, copy)
            except NotDownloaded as failed:
                tried |= failed.tried
    raise DatasetUnavailable(_message(name, entry, copies, tried)) from None


def unpacked(archive: Path, name: str, entry: dict | None = None, copy: Copy | None = None) -> Path:
    """The content of an archive that lies anywhere, unpacked once into the store's folder ``name``."""
    key = _key(archive.name, pooch.file_hash(str(archive)))
    if not (cache.folder() / name / key).exists():
        with cache.locked(name) as place:
            _unpack_once(archive, place / key, entry, copy)
    return cache.folder() / name / key


def _local(name: str, entry: dict, copy: Copy, base: Path, known: set[str]) -> Found | None:
    """The copy if it lies there, by the name of its files or by another that is none of the ``known`` ones."""
    spots = [spot for spot in (base / name, base) if spot.is_dir()]
    if copy.layout in ("idx", "npz"):
        for spot in spots:
            if all((spot / file).is_file() for file in copy.files):
                found = _whole(copy, spot if copy.layout == "idx" else spot / next(iter(copy.files)))
                if not _foreign(name) & set(found.files.values()):
                    return found
        return None
    places = [*(spot / copy.root for spot in spots), *spots]
    for place in places:
        if _has_layout(place, copy, entry):
            return Found(f"{copy.what}, unpacked", copy.layout, place, {})
    others = {stem + suffix for stem in (copy.root, name) for suffix in SUFFIXES} - known
    for file in (spot / file for spot in spots for file in (*copy.files, *sorted(others))):
        if is_archive(file) and (inside := _descend(unpacked(file, name, entry, copy), copy, entry)):
            checked = _whole(copy, file)
            return Found(checked.what, copy.layout, inside, checked.files)
    return None


def _download(name: str, entry: dict, copy: Copy) -> Found:
    with cache.locked(name) as place:
        if copy.layout == "idx":
            fetch(copy.files, copy.mirrors, place)
            return Found(copy.what, copy.layout, place, copy.checksums)
        [(file, checksum)] = copy.files.items()
        target = place / _key(file, checksum or "")
        if not target.exists():
            fetch(copy.files, copy.mirrors, place)
            _unpack_once(place / file, target, entry, copy)
            (place / file).unlink()
        folder = _descend(target, copy, entry)
        if folder is None:
            raise ValueError(f"{target} does not hold what {file} should; remove that folder and load {name} again.")
        return Found(copy.what, copy.layout, folder, copy.checksums)


def _unpack_once(archive: Path, target: Path, entry: dict | None, copy: Copy | None) -> None:
    if target.exists():  # another process was faster
        return
    inner = copy.inner if copy else ""
    if copy and entry and copy.layout == "tiny":  # 20 of 200 classes
        wnids = entry["wnids"]
        unpack(archive, target, lambda name: _is_wanted(name, wnids))
    elif inner and archive.name != inner:
        outer = target.with_name("tmp-outer")
        unpack(archive, outer, lambda name: name.split("/")[-1] == inner)
        for path in outer.rglob(inner):
            unpack(path, target)
        shutil.rmtree(outer)
        if not target.exists():
            raise ValueError(f"{archive} does not hold {inner}; get it again.")
    else:
        unpack(archive, target)


def _is_wanted(name: str, wnids: list[str]) -> bool:
    parts = name.split("/")
    return "val" in parts or ("train" in parts and parts[parts.index("train") + 1] in wnids)


def _key(file: str, checksum: str) -> str:
    """The name of an unpacked archive in the store: two archives of one name never share a folder."""
    return f"{file.split('.')[0]}-{checksum.split(':')[-1][:12]}"


def _foreign(name: str) -> set[str]:
    """The checksums of all other datasets' files: MNIST and Fashion-MNIST name theirs alike."""
    return {checksum for other, entry in registry().items() if other != name
            for copy in entry["copies"] for checksum in copy["files"].values() if checksum}


def _whole(copy: Copy, path: Path) -> Found:
    """A copy whose files are here, with their checksums; it says so where they are not the registered ones."""
    files, same = {}, True
    for file, known in copy.files.items():
        kind = known.split(":")[0] if known else "sha256"
        here = path / file if path.is_dir() else path
        files[here.name] = f"{kind}:{pooch.file_hash(str(here), alg=kind)}"
        same &= known is None or files[here.name] == known
    return Found(copy.what if same else f"not {copy.what}: another file of that name", copy.layout, path, files)


def _has_layout(folder: Path, copy: Copy, entry: dict) -> bool:
    if copy.layout in ("folders", "pooled", "classes"):
        inner = folder if copy.layout == "classes" else folder / "train"
        there = {path.name for path in class_folders(inner)} if inner.is_dir() else set()
        wanted = set(entry.get("folders", entry["classes"]))
        return there == wanted if copy.layout == "folders" else there >= wanted  # BACKGROUND_Google may be there too
    return (folder / {"cifar": "data_batch_1", "tiny": "val/val_annotations.txt"}[copy.layout]).is_file()


def _descend(folder: Path, copy: Copy, entry: dict) -> Path | None:
    """The folder in an unpacked archive that holds the data: itself, or what its only folders lead to."""
    while not _has_layout(folder, copy, entry):
        inner = class_folders(folder)
        if len(inner) != 1:
            return None
        folder = inner[0]
    return folder


def _message(name: str, entry: dict, copies: list[Copy], tried: dict[str, str]) -> str:
    def lines() -> Iterator[str]:
        official = next(copy for copy in copies if copy.mirrors)
        others = [file for copy in copies if not copy.mirrors for file in copy.files]
        yield f"{entry['title']} ({name}) is not here and could not be downloaded."
        yield f"Wanted: {', '.join(official.files)} ({official.megabytes} MB)" + (
            f", or {' or '.join(others)}." if others else ".")
        yield "Tried:"
        yield from (f"  {place}: {outcome}" for place, outcome in tried.items())
        yield "Three ways to get it:"
        yield "  1. Connect this computer to the internet and run this again."
        yield (f"  2. Save {'these files' if len(official.files) > 1 else 'this file'} from {official.mirrors[0]} in "
               "a folder, and set ALEXBOOK_DATA to that folder.")
        yield f"  3. Copy the folder {cache.folder() / name} from a computer on which it loads to the same place here."
        yield 'The real handwriting of load("digits") needs none of this: it comes with the book.'

    return "\n".join(lines())
