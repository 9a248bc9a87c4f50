"""Images sorted into one folder for each class: finding the splits, and a rule that makes them where there are none."""

import hashlib
import re
import unicodedata
from collections import Counter
from pathlib import Path

from alexbook.datasets._readers import class_files, class_folders, image_files
from alexbook.datasets.image_files import UNREADABLE

# What folders of splits are called; "training_set", "seg_train" and "Test1" are understood too.
SPLITS = {"train": "train", "training": "train", "trn": "train",
          "val": "val", "valid": "val", "validation": "val", "validate": "val", "dev": "val", "eval": "val",
          "evaluation": "val", "test": "test", "testing": "test", "tst": "test"}
BESIDE = {"", "set", "seg", "data", "dataset", "images", "image", "img", "imgs", "split"}  # words that may stand beside
EVERY = 5  # in a folder without splits, every fifth file of a class is held out

Files = dict[str, list[Path]]
"""Class -> its image files."""


def read(root: Path) -> dict[str, Files]:
    """The splits of a student's folder: ``train`` and ``val`` and/or ``test``, each class -> files.

    A folder of class folders without splits is split by a rule that gives the same on every computer: in each class,
    the files sorted by name, and every fifth (the 5th, the 10th, ...) goes to ``val``.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder: give the folder that holds train and val, or one folder per class.")
    inner = class_folders(root)
    while len(inner) == 1 and split_of(inner[0].name) != "train" and class_folders(inner[0]):
        root = inner[0]
        inner = class_folders(root)
    found = _splits(root, inner)
    if not found:
        _refuse_unknown_splits(root, inner)
        return _split(read_classes(root))
    if "train" not in found:
        raise ValueError(f"{root} has a folder {next(iter(found.values())).name} but none to train on: call that one "
                         "train.")
    splits = {split: read_classes(path) for split, path in found.items()}
    if len(splits) == 1:
        raise ValueError(f"{root} has a folder {found['train'].name} but neither val nor test: add one, or give "
                         f"{found['train']} itself to have every fifth image held out.")
    for split, files in splits.items():
        if odd := files.keys() ^ splits["train"].keys():
            raise ValueError(f"{root}: the class folder {min(odd)!r} is in only one of train and {split}; both need "
                             "the same classes.")
    return splits


def split_of(name: str) -> str | None:
    """The split that a folder's name means ("Training_set": train), or None where it means none."""
    words = re.split(r"[^a-z]+", name.lower())
    words = [re.sub(r"(?<=.)set$", "", word) for word in words if word not in BESIDE]
    return SPLITS.get(words[0]) if len(words) == 1 else None


def _splits(root: Path, inner: list[Path]) -> dict[str, Path]:
    """Split -> its folder, the one to train on first; none where the names stand for classes.

    A class may be called train (car, train, bus): its images lie in it, and other classes beside it.
    """
    named = [(split_of(path.name), path) for path in inner]
    meant = [(split, path) for split, path in named if split]
    if len(meant) < len(inner) and not any(class_folders(path) for _, path in meant):
        return {}
    found: dict[str, Path] = {}
    for split, path in sorted(meant, key=lambda pair: pair[0] != "train"):
        if split in found:
            raise ValueError(f"{root} has two folders for the {split} split, {found[split].name} and {path.name}; "
                             "rename or move one of them.")
        found[split] = _inner(path)
    return found


def _inner(split: Path) -> Path:
    """Where a split's classes are: in its folder, or in an only folder that repeats its name (seg_train/seg_train)."""
    inner = class_folders(split)
    while len(inner) == 1 and split_of(inner[0].name) == split_of(split.name):
        split = inner[0]
        inner = class_folders(split)
    return split


def _refuse_unknown_splits(root: Path, inner: list[Path]) -> None:
    """Folders that all hold the same folders are splits under names that are not known, and no classes."""
    held = [{folder.name for folder in class_folders(path)} for path in inner]
    if len(held) > 1 and len(held[0]) > 1 and all(names == held[0] for names in held):
        raise ValueError(f"{root}: {', '.join(path.name for path in inner)} each hold the folders "
                         f"{', '.join(sorted(held[0]))}, so they seem to be splits; call them train and val or test.")


def read_classes(folder: Path, wanted: list[str] | None = None) -> Files:
    """The image files of each class folder in a folder, classes in the order of ``wanted``, else sorted by name."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is missing; this copy of the data is not complete.")
    found: Files = {}
    for path in class_folders(folder):  # an accented letter is one character or two: macOS writes it the other way
        files = found.setdefault(unicodedata.normalize("NFC", path.name), [])
        files += image_files(path)
    found = dict(sorted(found.items()))  # in this order in every split, however each of them writes the names
    if wanted is not None and set(found) != set(wanted):
        odd = min(set(found) ^ set(wanted))
        raise ValueError(f"{folder} {'lacks' if odd in wanted else 'has'} the class folder {odd!r}; it should hold "
                         f"exactly {', '.join(wanted)}.")
    if len(found) < 2:
        raise ValueError(f"{folder} has {len(found)} class folders, but at least 2 are needed: one folder for each "
                         "class, with the images of that class in it.")
    _refuse_unreadable(folder)
    for name, files in found.items():
        if not files:
            raise ValueError(f"{folder / name} has no image in it; a class folder needs at least one file that ends "
                             "in .jpg, .png or another image's suffix.")
    return found if wanted is None else {name: found[name] for name in wanted}


def draw(root: Path, classes: list[str], split: str, per_class: int | None, test: int, seed: int,
         rest: bool = False) -> Files:
    """A split, drawn at random, of images that come without splits (or with some that are put together again).

    In each class the images stand in an order that follows from the seed and their names alone. The first ``per_class``
    are trained on (None: all but the test's), and of the rest the last ones, ``test`` at most, are the test.
    With ``rest`` those between are trained on, too.
    """
    found = {}
    for name in classes:
        parts = [part for part in (root / name, *(root / split / name for split in ("train", "val"))) if part.is_dir()]
        files = sorted((file for part in parts for file in image_files(part)),
                       key=lambda file: hashlib.sha256(f"{seed}/{name}/{file.name}".encode()).digest())
        count = len(files) - min(test, len(files) - 1) if per_class is None else per_class
        if not 0 < count < len(files):
            raise ValueError(f"The class {name!r} has {len(files)} images in {root}, so per_class must be 1 to "
                             f"{len(files) - 1}, and not {count}.")
        tested = files[count:][-test:]
        trained = files[:len(files) - len(tested)] if rest else files[:count]
        found[name] = sorted(trained if split == "train" else tested, key=lambda file: file.name)
    return found


def _refuse_unreadable(folder: Path) -> None:
    """Photographs of a kind that is not read here would be missing without a word."""
    counts = Counter(path.suffix.lower() for path in class_files(folder) if path.suffix.lower() in UNREADABLE)
    if counts:
        kinds = " and ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))
        them = "them" if sum(counts.values()) > 1 else "it"
        raise ValueError(f"{folder} holds images that cannot be read here ({kinds}); save {them} as JPEG or PNG, or "
                         f"move {them} elsewhere.")


def _split(classes: Files) -> dict[str, Files]:
    for name, files in classes.items():
        if len(files) < EVERY:
            raise ValueError(f"The class {name!r} has {len(files)} image{'s' * (len(files) > 1)}, but at least {EVERY} "
                             "are needed for every fifth to be held out.")
    return {"train": {name: [file for place, file in enumerate(files, 1) if place % EVERY]
                      for name, files in classes.items()},
            "val": {name: files[EVERY - 1::EVERY] for name, files in classes.items()}}
