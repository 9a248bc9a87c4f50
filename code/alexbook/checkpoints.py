"""Checkpoints of a run: one ``.npz`` of plain arrays, replaced in one step, and never unpickled."""

import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

FORMAT = "alexbook checkpoint 2"


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader, or a run killed meanwhile, finds the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@dataclass
class Progress:
    """How far a run has come: its curve, a row for each whole epoch; seconds it took; steps done of the next epoch."""

    curve: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    steps: int = 0


def previous(path: Path) -> Path:
    """Where the checkpoint before the newest one is kept."""
    return path.with_name(f"{path.name}.previous")


def write(path: Path, recipe: dict, state: dict[str, np.ndarray], progress: Progress) -> None:
    """Save a run: its recipe, everything its next step depends on, its curve. The file before it is kept as well."""
    header = json.dumps({"format": FORMAT, "recipe": recipe} | asdict(progress))
    content = io.BytesIO()
    np.savez(content, header=np.array(header), **{f"state/{name}": v for name, v in state.items()})
    if path.exists():
        os.replace(path, previous(path))
    replace_file(path, content.getvalue())


def remove(path: Path) -> None:
    """Remove a run's checkpoints, and what a kill in the middle of a write left of one."""
    for file in (path, previous(path), *path.parent.glob(f"{path.name}.*.part")):
        file.unlink(missing_ok=True)


def latest(path: Path, recipe: dict, say: Callable[[str], None]) -> tuple[dict[str, np.ndarray], Progress] | None:
    """The newest sound checkpoint of this recipe, or ``None`` where there is no file.

    A damaged one is named in one sentence, and the one before it is used. Raises ``ValueError`` where none is sound,
    and where the run is another recipe's.
    """
    found = [file for file in (path, previous(path)) if file.exists()]
    for place, file in enumerate(found):
        try:
            return read(file, recipe)
        except Damaged as error:
            if place == len(found) - 1:
                raise
            say(f"{str(error).partition(';')[0]}; going on from the one before it.")
            file.unlink()  # or it would take the sound one's place at the next write
    return None


def batch_size(path: Path) -> int | None:
    """The batch size of the run that a checkpoint is of, or ``None`` where there is no sound one."""
    for file in (path, previous(path)):
        try:
            with np.load(file, allow_pickle=False) as content:
                return json.loads(content["header"].item())["recipe"]["batch_size"]
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error):
            continue
    return None


class Damaged(ValueError):
    """A file that is no checkpoint, or no longer one."""


def read(path: Path, recipe: dict) -> tuple[dict[str, np.ndarray], Progress]:
    """The state and the progress that :func:`write` saved for this recipe.

    Raises ``ValueError`` for the checkpoint of another recipe, and its kind :class:`Damaged` for a damaged or foreign
    file. Nothing in the file is ever unpickled.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            header = json.loads(content["header"].item())
            known = header["format"] == FORMAT
            progress = Progress(header["curve"], header["seconds"], header["steps"])
            saved = header["recipe"]
            state = {name.removeprefix("state/"): content[name] for name in content.files
                     if name.startswith("state/")}
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError,
            zipfile.BadZipFile, zlib.error):
        known = False
    if not known:
        raise Damaged(f"{path} is damaged or not a checkpoint of this program; start anew with --restart.")
    recipe = json.loads(json.dumps(recipe))  # tuples become lists, as in the file
    differing = [name for name in recipe if recipe[name] != saved.get(name)]
    if differing:
        name = differing[0]
        raise ValueError(f"{path} belongs to a run with {name} {saved.get(name)!r}, not "
                         f"{recipe[name]!r}; give another --out, or start anew with --restart.")
    return state, progress
