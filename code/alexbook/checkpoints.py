"""Checkpoints of a run: one ``.npz`` of plain arrays, replaced in one step, and never unpickled."""

import io
import json
import os
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

FORMAT = "alexbook checkpoint 1"


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
    """How far a run has come: its curve, one row for each epoch, and the seconds it took so far."""

    curve: list[dict] = field(default_factory=list)
    seconds: float = 0.0


def write(path: Path, recipe: dict, state: dict[str, np.ndarray], progress: Progress) -> None:
    """Save a run after an epoch: its recipe, everything its next step depends on, its curve."""
    header = json.dumps({"format": FORMAT, "recipe": recipe} | asdict(progress))
    content = io.BytesIO()
    np.savez(content, header=np.array(header), **{f"state/{name}": v for name, v in state.items()})
    replace_file(path, content.getvalue())


def read(path: Path, recipe: dict) -> tuple[dict[str, np.ndarray], Progress]:
    """The state and the progress that :func:`write` saved for this recipe.

    Raises ``ValueError`` for a damaged or foreign file and for the checkpoint of another recipe.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            header = json.loads(content["header"].item())
            known = header["format"] == FORMAT
            progress = Progress(header["curve"], header["seconds"])
            saved = header["recipe"]
            state = {name.removeprefix("state/"): content[name] for name in content.files
                     if name.startswith("state/")}
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError,
            zipfile.BadZipFile, zlib.error):
        known = False
    if not known:
        raise ValueError(f"{path} is damaged or not a checkpoint of this program; start anew with "
                         "--restart.")
    differing = [name for name in recipe if recipe[name] != saved.get(name)]
    if differing:
        name = differing[0]
        raise ValueError(f"{path} belongs to a run with {name} {saved.get(name)!r}, not "
                         f"{recipe[name]!r}; give another --out, or start anew with --restart.")
    return state, progress
