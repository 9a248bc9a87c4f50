"""The file formats that the datasets come in, to images and labels; nothing in a file is ever executed."""

import gzip
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from alexbook.datasets.image_files import EXTENSIONS

# Folders and files that archives, network drives and systems put beside one's own.
NOT_OURS = frozenset(("__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information",
                      "lost+found", "thumbs.db", "desktop.ini"))
Arrays = tuple[np.ndarray, np.ndarray]


def idx(path: Path) -> np.ndarray:
    """A gzipped IDX file of unsigned bytes (MNIST's format): images (N, height, width) or labels (N,), uint8."""
    try:
        with gzip.open(path) as file:
            content = file.read()
        dimensions = struct.unpack(">HBB", content[:4])[2]
        header = struct.unpack(f">HBB{dimensions}I", content[:4 + 4 * dimensions])
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise ValueError(f"{path} is not a complete gzipped IDX file ({error}).") from None
    shape = header[3:]
    if header[:2] != (0, 8) or len(content) - 4 - 4 * dimensions != np.prod(shape, dtype=np.int64):
        raise ValueError(f"{path} is not an IDX file of bytes: its header does not fit its {len(content)} bytes.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def idx_split(folder: Path, split: str) -> Arrays:
    """One split ("train" or "test") of the four files of MNIST and its like."""
    prefix = "train" if split == "train" else "t10k"
    return idx(folder / f"{prefix}-images-idx3-ubyte.gz"), idx(folder / f"{prefix}-labels-idx1-ubyte.gz")


def npz_split(path: Path, split: str) -> Arrays:
    """One split of an ``.npz`` in Keras's layout: ``x_train``, ``y_train``, ``x_test``, ``y_test``."""
    images, labels = npz(path, f"x_{split}", f"y_{split}")
    return images, labels.reshape(-1)


def npz(path: Path, *names: str) -> list[np.ndarray]:
    """Arrays by name from an ``.npz``; pickled objects in it are refused."""
    try:
        with np.load(path, allow_pickle=False) as content:
            missing = [name for name in names if name not in content]
            if not missing:
                return [content[name] for name in names]
    except Exception as error:  # a damaged one raises nearly anything, a header that lies MemoryError
        raise ValueError(f"{path} is not a complete .npz file of plain arrays ({error}).") from None
    raise ValueError(f"{path} has no array {' or '.join(missing)}: Keras's layout is x_train, y_train, x_test, y_test.")


class _PlainUnpickler(pickle.Unpickler):
    """Reads a pickle that holds NumPy arrays, bytes, lists and dicts, and refuses every other object."""

    _allowed: ClassVar[dict[str, Any]] = {
        "_reconstruct": np.empty(0).__reduce__()[0], "ndarray": np.ndarray, "dtype": np.dtype}

    def find_class(self, module: str, name: str) -> object:
        if module.split(".")[0] == "numpy" and name in self._allowed:
            return self._allowed[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no plain data")


def cifar_split(folder: Path, split: str) -> Arrays:
    """One split of CIFAR-10's "python version": images (N, 32, 32, 3) and labels."""
    names = [f"data_batch_{number}" for number in range(1, 6)] if split == "train" else ["test_batch"]
    batches = [_cifar_batch(folder / name) for name in names]
    return np.concatenate([images for images, _ in batches]), np.concatenate([labels for _, labels in batches])


def _cifar_batch(path: Path) -> Arrays:
    try:
        with path.open("rb") as file:
            content = _PlainUnpickler(file, encoding="bytes").load()
        images = np.asarray(content[b"data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return images, np.asarray(content[b"labels"], np.int64)
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ValueError(f"{path} is not a batch of CIFAR-10's python version ({error}).") from None


def class_files(folder: Path) -> list[Path]:
    """All files under a folder, hidden ones and those of :data:`NOT_OURS` left out, sorted by their path from there."""
    relative = ((path.relative_to(folder), path) for path in folder.rglob("*") if not path.is_dir())
    seen = ((name.as_posix(), path) for name, path in relative if all(map(_is_ours, name.parts)))
    return [path for _, path in sorted(seen)]


def image_files(folder: Path) -> list[Path]:
    """The image files among :func:`class_files`."""
    return [path for path in class_files(folder) if path.suffix.lower() in EXTENSIONS]


def class_folders(folder: Path) -> list[Path]:
    """The folders directly under a folder, sorted by name, hidden ones and those of :data:`NOT_OURS` left out."""
    return sorted((path for path in folder.iterdir() if path.is_dir() and _is_ours(path.name)),
                  key=lambda path: path.name)


def _is_ours(name: str) -> bool:
    return name[0] != "." and name.lower() not in NOT_OURS


def tiny_split(folder: Path, split: str, wnids: list[str]) -> tuple[list[Path], list[int]]:
    """The files and labels of some of the 200 classes (by WordNet number) of the official Tiny ImageNet archive."""
    if split == "train":
        files = [(path, label) for label, wnid in enumerate(wnids)
                 for path in image_files(folder / "train" / wnid / "images")]
    else:
        notes = folder / "val" / "val_annotations.txt"
        pairs = (line.split("\t")[:2] for line in notes.read_text().splitlines() if line)
        wanted = {wnid: label for label, wnid in enumerate(wnids)}
        files = sorted(((folder / "val" / "images" / name, wanted[wnid]) for name, wnid in pairs if wnid in wanted),
                       key=lambda item: (item[1], item[0].name))
    return [path for path, _ in files], [label for _, label in files]
