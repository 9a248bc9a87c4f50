"""Images sorted into one folder for each class: finding the splits, and a rule that makes them where there are none."""

from pathlib import Path

from alexbook.decode import class_folders, image_files

HELD_OUT = {"val": "val", "valid": "val", "validation": "val", "test": "test"}
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
    while len(inner) == 1 and inner[0].name != "train" and class_folders(inner[0]):
        root = inner[0]
        inner = class_folders(root)
    names = {path.name.lower(): path for path in inner}
    if "train" not in names:
        return _split(read_classes(root))
    splits = {"train": read_classes(names["train"])}
    splits |= {split: read_classes(names[name]) for name, split in HELD_OUT.items() if name in names}
    if len(splits) == 1:
        raise ValueError(f"{root} has a folder train but neither val nor test: add one, or give {names['train']} "
                         "itself to have every fifth image held out.")
    for split, files in splits.items():
        if odd := files.keys() ^ splits["train"].keys():
            raise ValueError(f"{root}: the class folder {min(odd)!r} is in only one of train and {split}; both need "
                             "the same classes.")
    return splits


def read_classes(folder: Path, wanted: list[str] | None = None) -> Files:
    """The image files of each class folder in a folder, classes in the order of ``wanted``, else sorted by name."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is missing; this copy of the data is not complete.")
    found = {path.name: image_files(path) for path in class_folders(folder)}
    if wanted is not None and set(found) != set(wanted):
        odd = min(set(found) ^ set(wanted))
        raise ValueError(f"{folder} {'lacks' if odd in wanted else 'has'} the class folder {odd!r}; it should hold "
                         f"exactly {', '.join(wanted)}.")
    if len(found) < 2:
        raise ValueError(f"{folder} has {len(found)} class folders, but at least 2 are needed: one folder for each "
                         "class, with the images of that class in it.")
    for name, files in found.items():
        if not files:
            raise ValueError(f"{folder / name} has no image in it; a class folder needs at least one file that ends "
                             "in .jpg, .png or another image's suffix.")
    return found if wanted is None else {name: found[name] for name in wanted}


def _split(classes: Files) -> dict[str, Files]:
    for name, files in classes.items():
        if len(files) < EVERY:
            raise ValueError(f"The class {name!r} has {len(files)} image{'s' * (len(files) > 1)}, but at least {EVERY} "
                             "are needed for every fifth to be held out.")
    return {"train": {name: [file for place, file in enumerate(files, 1) if place % EVERY]
                      for name, files in classes.items()},
            "val": {name: files[EVERY - 1::EVERY] for name, files in classes.items()}}
