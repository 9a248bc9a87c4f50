"""The datasets of the book: real images by name or from a folder, as NumPy arrays, the same for both frameworks.

>>> digits = load("digits", "test")
>>> image, label = digits[0]

``digits`` comes with the book and ``shapes`` is drawn by it. The others are taken from the folder that the environment
variable ``ALEXBOOK_DATA`` names, as archives or unpacked, or are downloaded once, verified, and kept in
:func:`alexbook.store.folder`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from tqdm import tqdm

from alexbook import decode, folders, sources, synthetic
from alexbook.archives import is_archive
from alexbook.images import ImageFiles, fit, frame
from alexbook.sources import DatasetUnavailable, Found

__all__ = ["Dataset", "DatasetUnavailable", "Description", "describe", "frame", "load", "names", "splits"]


@dataclass(frozen=True)
class Description:
    """What is known of a dataset before anything is downloaded; ``splits`` has the number of images of each."""

    name: str
    title: str
    image: str
    classes: tuple[str, ...]
    splits: dict[str, int]
    source: str
    license: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels. ``dataset[i]`` is ``(image, label)``, ``dataset.arrays()`` is all of it.

    ``images`` is a uint8 array, (N, height, width) or (N, height, width, 3), or :class:`~alexbook.images.ImageFiles`,
    which decodes a file when it is indexed; ``labels`` is int64, (N,), and counts into ``class_names``. ``copy`` says
    which copy of the data this is, ``files`` the checksum of each file that it came in.
    """

    name: str
    split: str
    images: np.ndarray | ImageFiles
    labels: np.ndarray
    class_names: tuple[str, ...]
    copy: str
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise ValueError(f"{self.name}: there are {len(self.images)} images, but {len(self.labels)} labels.")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise ValueError(f"{self.name}: the labels go from {self.labels.min()} to {self.labels.max()}, but must be "
                             f"0 to {len(self.class_names) - 1}.")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index], int(self.labels[index])

    def __repr__(self) -> str:
        return f"<{self.name}, {self.split}: {len(self):,} images of {len(self.class_names)} classes ({self.copy})>"

    def take(self, indices: Sequence[int] | np.ndarray) -> "Dataset":
        """The images at these places, in this order, as a dataset."""
        indices = np.arange(len(self))[indices]
        images = self.images.take(indices) if isinstance(self.images, ImageFiles) else self.images[indices]
        return replace(self, images=images, labels=self.labels[indices])

    def arrays(self, size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """All images, uint8, and all labels, int64. With ``size``, each image is a square of so many pixels.

        See :func:`alexbook.images.fit` for how; without it, images of different sizes raise ValueError.
        """
        if isinstance(self.images, np.ndarray) and size is None:
            return self.images, self.labels
        if not len(self):
            raise ValueError(f"{self.name}, {self.split} has no images to make an array of.")
        images = None
        for index in tqdm(range(len(self)), f"decoding {self.name}", unit=" images", leave=False, delay=2):
            image = self.images[index] if size is None else fit(self.images[index], size)
            if images is None:
                images = np.empty((len(self), *image.shape), np.uint8)
            if image.shape != images.shape[1:]:
                raise ValueError(f"{self.name} has images of {_size(images[0])} and of {_size(image)} pixels; give "
                                 "arrays a size, such as arrays(size=160), to bring all to one.")
            images[index] = image
        return images, self.labels

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all images (pixels of an array, bytes of files) and labels, in their order."""
        digest = hashlib.sha256(self.labels.astype("<i8").tobytes())
        if isinstance(self.images, ImageFiles):
            for path in self.images.paths:
                digest.update(path.read_bytes())
        else:
            digest.update(np.ascontiguousarray(self.images))
        return f"sha256:{digest.hexdigest()}"

    @property
    def provenance(self) -> dict:
        """What a recorded run keeps of its data: plain values, no paths."""
        return {"dataset": self.name, "split": self.split, "images": len(self), "copy": self.copy,
                "files": self.files, "fingerprint": self.fingerprint}


def names() -> tuple[str, ...]:
    """The names that :func:`load` knows."""
    return *sources.registry(), "folder"


def describe(name: str) -> Description:
    """What a dataset is, with class names and split sizes, without downloading it."""
    entry = _entry(name)
    return Description(name, entry["title"], entry["image"], tuple(entry["classes"]), entry["splits"],
                       entry["source"], entry["license"])


def splits(name: str) -> dict[str, int]:
    """The splits of a dataset and their sizes, the training set first; nothing is downloaded."""
    return dict(_entry(name)["splits"])


def load(name: str, split: str = "train", folder: str | Path | None = None) -> Dataset:
    """A split of a dataset. With ``folder``, its files are looked for there and nothing is downloaded.

    ``load("folder", split, folder)`` reads a folder (or an archive) of your own images: ``train`` and ``val`` folders
    with one folder for each class in them; or only class folders, of which every fifth image, by name, is the ``val``
    split. Where a dataset holds out just one split, ``"val"`` and ``"test"`` both mean that one.

    Raises DatasetUnavailable where the data cannot be had, and ValueError for data that is damaged.
    """
    folder = Path(folder).expanduser().absolute() if folder is not None else None
    if name == "folder":
        return _own(split, folder)
    entry = _entry(name)
    split = _which(name, split, entry["splits"])
    found = sources.find(name, folder)
    images, labels = _read(entry, found, split)
    return Dataset(name, split, images, labels.astype(np.int64), tuple(entry["classes"]), found.what, found.files)


def _entry(name: str) -> dict:
    registry = sources.registry()
    if name not in registry:
        raise ValueError(f"There is no dataset {name!r}; there are {', '.join(registry)}, and folder (your own).")
    return registry[name]


def _which(name: str, split: str, available: dict) -> str:
    held_out = [key for key in available if key != "train"]
    if split in ("val", "test") and len(held_out) == 1:
        return held_out[0]
    if split not in available:
        raise ValueError(f"{name} has no split {split!r}; it has {' and '.join(available)}.")
    return split


def _read(entry: dict, found: Found, split: str) -> tuple[np.ndarray | ImageFiles, np.ndarray]:
    match found.layout:
        case "shipped":
            images, labels = decode.npz(found.path, "images", "labels")
            first = entry["splits"]["train"]
            return (images[:first], labels[:first]) if split == "train" else (images[first:], labels[first:])
        case "drawn":
            return synthetic.shapes(split)
        case "idx":
            return decode.idx_split(found.path, split)
        case "npz":
            return decode.npz_split(found.path, split)
        case "cifar":
            return decode.cifar_split(found.path, split)
        case "tiny":
            paths, labels = decode.tiny_split(found.path, split, entry["wnids"])
            return ImageFiles(tuple(paths)), np.array(labels)
        case "folders":
            return _labeled(folders.read_classes(found.path / split, entry.get("folders", entry["classes"])))
    raise ValueError(f"The registry names a layout {found.layout!r} that nothing here reads.")


def _labeled(classes: folders.Files) -> tuple[ImageFiles, np.ndarray]:
    paths = tuple(path for files in classes.values() for path in files)
    return ImageFiles(paths), np.repeat(np.arange(len(classes)), [len(files) for files in classes.values()])


def _own(split: str, folder: Path | None) -> Dataset:
    if folder is None:
        raise ValueError('Say which folder: load("folder", folder="path/to/your/images").')
    what = "a folder of images"
    if is_archive(folder):
        what = f"the images in {folder.name}"
        folder = sources.unpacked(folder, "folder")
    found = folders.read(folder)
    split = _which("this folder", split, found)
    images, labels = _labeled(found[split])
    return Dataset("folder", split, images, labels, tuple(found[split]), what)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
