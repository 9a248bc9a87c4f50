"""The datasets of the book: real images by name or from a folder, as NumPy arrays, the same for both frameworks.

``digits`` comes with the book and ``shapes`` is drawn by it. The others are taken from the folder that the environment
variable ``ALEXBOOK_DATA`` names, as archives or unpacked, or are downloaded once, verified, and kept in
:func:`alexbook.datasets.cache.folder`.

>>> digits = load("digits", "test")
>>> digits
<digits, test: 500 images of 10 classes (the copy shipped with the book)>
>>> image, label = digits[0]
>>> image.shape, digits.class_names[label]
((8, 8), '0')
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from tqdm import tqdm

from alexbook.datasets import _image_folder, _locate, _readers, cache
from alexbook.datasets import shapes as synthetic
from alexbook.datasets._archives import SUFFIXES, is_archive
from alexbook.datasets._locate import DatasetUnavailable, Found
from alexbook.datasets.image_files import ImageFiles, fit, frame

__all__ = ["Dataset", "DatasetUnavailable", "Description", "describe", "frame", "is_archive", "load", "names", "splits"]


@dataclass(frozen=True)
class Description:
    """What is known of a dataset before anything is downloaded.

    Attributes:
        name: What :func:`load` calls it.
        title: What people call it.
        image: Size and colors of an image, in words.
        classes: The classes' names, in the order of the labels.
        splits: The number of images of each split.
        source: Who made it, and where that is said.
        license: What its images may be used for.
    """

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

    Attributes:
        name: What :func:`load` calls the dataset.
        split: Which part of it this is.
        images: uint8, (N, height, width) or (N, height, width, 3), 0 to 255 but for ``digits`` (0 to 16); or
            :class:`~.image_files.ImageFiles`, which decodes a file when it is indexed.
        labels: int64, (N,): places in ``class_names``.
        class_names: The classes' names.
        copy: Which copy of the data this is, in words.
        files: The checksum of each file that it came in.

    Raises:
        ValueError: Images and labels do not fit each other, or are of another shape or type.
    """

    name: str
    split: str
    images: np.ndarray | ImageFiles
    labels: np.ndarray
    class_names: tuple[str, ...]
    copy: str
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_arrays(self.name, self.images, self.labels)
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
        """Some of the images, as a dataset.

        Args:
            indices: Their places, in the order that is wanted; or True or False for each image.

        >>> load("digits").take([5, 0, 0]).labels.shape
        (3,)
        """
        indices = np.arange(len(self))[indices]
        images = self.images.take(indices.tolist()) if isinstance(self.images, ImageFiles) else self.images[indices]
        return replace(self, images=images, labels=self.labels[indices])

    def join(self, other: "Dataset") -> "Dataset":
        """These images and then the other's, as one dataset.

        Raises:
            ValueError: The other has other classes, or arrays where this has files.
        """
        if self.class_names == other.class_names:
            labels, split = np.concatenate([self.labels, other.labels]), f"{self.split}+{other.split}"
            match self.images, other.images:
                case ImageFiles() as mine, ImageFiles() as others:
                    return replace(self, split=split, images=mine.join(others), labels=labels)
                case np.ndarray() as mine, np.ndarray() as others:
                    return replace(self, split=split, images=np.concatenate([mine, others]), labels=labels)
        raise ValueError(f"{self!r} and {other!r} cannot be joined: they have other classes or kinds of images.")

    def arrays(self, size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """All images and all labels.

        Args:
            size: Side of the square that each image becomes, in pixels (:func:`alexbook.datasets.image_files.fit`
                says how); None leaves the images as they are.

        Returns:
            Images, uint8, (N, height, width) or (N, height, width, 3), and labels, int64, (N,).

        Raises:
            ValueError: The images are of different sizes and none was given, or files cannot be read.

        >>> images, labels = load("digits", "test").arrays(size=28)
        >>> images.shape, labels.shape
        ((500, 28, 28), (500,))
        """
        if isinstance(self.images, np.ndarray) and size is None:
            return self.images, self.labels
        if not len(self):
            raise ValueError(f"{self.name}, {self.split} has no images to make an array of.")
        images, broken = np.empty(0, np.uint8), []
        for index in tqdm(range(len(self)), f"decoding {self.name}", unit=" images", leave=False, delay=2):
            try:
                image = self.images[index]
            except ValueError as error:
                broken.append(str(error))
                continue
            image = image if size is None else fit(image, size)
            if not images.size:
                images = np.empty((len(self), *image.shape), np.uint8)
            if image.shape != images.shape[1:]:
                raise ValueError(f"{self.name} has images of {_size(images[0])} and of {_size(image)} pixels; give "
                                 "arrays a size, such as arrays(size=160), to bring all to one.")
            images[index] = image
        if broken:
            raise ValueError(broken[0] if len(broken) == 1 else _all_broken(broken))
        return images, self.labels

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all images (pixels of an array, bytes of files) and labels, in their order."""
        digest = hashlib.sha256(self.labels.astype("<i8").tobytes())
        if isinstance(self.images, ImageFiles):
            for path in self.images.paths:
                digest.update(path.read_bytes())
        else:
            digest.update(np.ascontiguousarray(self.images).data)
        return f"sha256:{digest.hexdigest()}"

    @property
    def provenance(self) -> dict:
        """What a recorded run keeps of its data: plain values, no paths."""
        return {"dataset": self.name, "split": self.split, "images": len(self), "copy": self.copy,
                "files": self.files, "fingerprint": self.fingerprint}


def _check_arrays(name: str, images: np.ndarray | ImageFiles, labels: np.ndarray) -> None:
    """Files that are damaged or swapped give arrays of another shape or type."""
    if not isinstance(images, ImageFiles) and not (
            images.dtype == np.uint8 and (images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 3))):
        raise ValueError(f"{name}: the images are {images.dtype}, {images.shape}, but must be uint8, (N, height, width)"
                         " or (N, height, width, 3).")
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise ValueError(f"{name}: the labels are {labels.dtype}, {labels.shape}, but must be whole numbers, (N,).")


def names() -> tuple[str, ...]:
    """The names that :func:`load` knows.

    >>> names()[:3]
    ('digits', 'shapes', 'mnist')
    """
    return *_locate.registry(), "folder"


def describe(name: str) -> Description:
    """What a dataset is, with class names and split sizes; nothing is downloaded.

    Args:
        name: One of :func:`names`, but ``folder``.

    Raises:
        ValueError: There is no dataset of that name.

    >>> describe("imagenette_160").splits
    {'train': 9469, 'val': 3925}
    """
    entry = _entry(name)
    return Description(name, entry["title"], entry["image"], tuple(entry["classes"]), entry["splits"],
                       entry["source"], entry["license"])


def splits(name: str) -> dict[str, int]:
    """The splits of a dataset and their sizes, the training set first; nothing is downloaded."""
    return dict(_entry(name)["splits"])


def load(name: str, split: str = "train", folder: str | Path | None = None, *, per_class: int | None = None,
         seed: int = 0, rest: bool = False) -> Dataset:
    """A split of a dataset.

    ``caltech101`` and ``flowers`` come without splits. Theirs are drawn, class by class, from a seed and the images'
    names: the same ones on every computer. The images for a smaller ``per_class`` are among those for a larger one.

    Args:
        name: One of :func:`names`. ``folder`` is a folder (or an archive) of your own images: ``train`` and ``val``
            folders with one folder for each class in them; or only class folders, of which every fifth image, by name,
            is the ``val`` split.
        split: One of :func:`splits`. Where a dataset holds out just one split, ``val`` and ``test`` both mean that one.
        folder: Where the files are; nothing is downloaded then.
        per_class: For ``caltech101`` and ``flowers``, how many images of each class to train on. The default is 30 for
            the first, and for the second all that are not for the test. Of the others at most 50 (or 100) of each class
            are for the test.
        seed: For ``caltech101`` and ``flowers``, which draw this is.
        rest: For ``caltech101`` and ``flowers``, whether every image that is not for the test is trained on, beyond
            ``per_class``, too. The test images stay the same.

    Returns:
        The images and labels, with where they came from.

    Raises:
        DatasetUnavailable: The data cannot be had; the message says what was tried and how to get it.
        ValueError: There is no such dataset or split, or its data is damaged.

    >>> len(load("digits")), len(load("digits", "test"))
    (1297, 500)
    """
    place = cache.absolute(folder) if folder is not None else None
    entry = {} if name == "folder" else _entry(name)
    drawn = entry.get("draw")
    if drawn is None and (per_class is not None or seed != 0 or rest):
        raise ValueError(f"{name} has splits of its own; per_class, seed and rest are for caltech101 and flowers.")
    if name == "folder":
        return _own(split, place)
    split = _which(name, split, entry["splits"])
    found = _locate.find(name, place)
    images: np.ndarray | ImageFiles
    if drawn:
        count = drawn["per_class"] if per_class is None else per_class
        files = _image_folder.draw(found.path, entry["classes"], split, count, drawn["test"], seed, rest)
        images, labels = _labeled(files)
        split = f"{split} ({f'{count} of each class, ' if count else ''}{'and the rest, ' * rest}seed {seed})"
    else:
        images, labels = _read(entry, found, split)
    _check_arrays(name, images, labels)
    return Dataset(name, split, images, labels.astype(np.int64), tuple(entry["classes"]), found.what, found.files)


def _entry(name: str) -> dict:
    registry = _locate.registry()
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
            images, labels = _readers.npz(found.path, "images", "labels")
            first = entry["splits"]["train"]
            return (images[:first], labels[:first]) if split == "train" else (images[first:], labels[first:])
        case "drawn":
            return synthetic.shapes(split)
        case "idx":
            return _readers.idx_split(found.path, split)
        case "npz":
            return _readers.npz_split(found.path, split)
        case "cifar":
            return _readers.cifar_split(found.path, split)
        case "tiny":
            paths, numbers = _readers.tiny_split(found.path, split, entry["wnids"])
            return ImageFiles(tuple(paths)), np.array(numbers)
        case "folders":
            return _labeled(_image_folder.read_classes(found.path / split, entry.get("folders", entry["classes"])))
    raise ValueError(f"The registry names a layout {found.layout!r} that nothing here reads.")


def _labeled(classes: _image_folder.Files) -> tuple[ImageFiles, np.ndarray]:
    paths = tuple(path for files in classes.values() for path in files)
    return ImageFiles(paths), np.repeat(np.arange(len(classes)), [len(files) for files in classes.values()])


def _own(split: str, folder: Path | None) -> Dataset:
    if folder is None:
        raise ValueError('Say which folder: load("folder", folder="path/to/your/images").')
    if folder.is_file() and not is_archive(folder):
        raise ValueError(f"{folder} is no folder, and no archive that can be unpacked here ({', '.join(SUFFIXES)});"
                         " unpack it yourself and give the folder.")
    what = "a folder of images"
    if is_archive(folder):
        what = f"the images in {folder.name}"
        folder = _locate.unpacked(folder, "folder")
    found = _image_folder.read(folder)
    split = _which("this folder", split, found)
    images, labels = _labeled(found[split])
    return Dataset("folder", split, images, labels, tuple(found[split]), what)


def _all_broken(sentences: list[str]) -> str:
    """What is wrong with several files, in one message; the first twenty by name."""
    named = [sentence.partition(" cannot be read as an image ") for sentence in sentences[:20]]
    lines = [f"  {path} {reason.partition(';')[0]}" for path, _, reason in named]
    more = [f"  and {len(sentences) - 20} more"] if len(sentences) > 20 else []
    return "\n".join([f"{len(sentences)} files cannot be read as images; replace or remove them:", *lines, *more])


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
