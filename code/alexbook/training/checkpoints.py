"""Checkpoints of a run: one ``.npz`` of plain arrays, replaced in one step, and never unpickled.

The archive's comment is the SHA-256 of all bytes before it, so that one flipped bit is noticed. A checkpoint remembers
the recipe and the data of its run, and one process at a time has it (:func:`held`).
"""

import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from alexbook import _renamed
from alexbook._files import lock, replace_file
from alexbook.training.recipe import FIELD_DEFAULTS

FORMAT = "alexbook checkpoint 3"
EARLIER = ("alexbook checkpoint 1", "alexbook checkpoint 2")
MEND = "give another --out, or start anew with --restart (in Python: another checkpoint)"
_DIGITS = hashlib.sha256().digest_size * 2
_HELD: set[Path] = set()


@dataclass
class Progress:
    """How far a run has come: its curve, a row for each whole epoch; seconds it took; steps done of the next epoch."""

    curve: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    steps: int = 0


def previous(path: Path) -> Path:
    """Where the checkpoint before the newest one is kept."""
    return path.with_name(f"{path.name}.previous")


def write(path: Path, recipe: dict, state: dict[str, np.ndarray], progress: Progress,
          data: Mapping | None = None) -> None:
    """Save a run: its recipe, what tells its data from others (:attr:`~.batches.data.Data.identity`), everything
    its next step depends on, its curve. The file before it is kept as well.
    """
    header = json.dumps({"format": FORMAT, "recipe": recipe, "data": data} | asdict(progress))
    content = _signed({"header": np.array(header)} | {f"state/{name}": values for name, values in state.items()})
    if path.exists():
        path.replace(previous(path))
    replace_file(path, content)


def _signed(arrays: dict[str, np.ndarray]) -> bytearray:
    """The ``.npz`` of these arrays, with its checksum as the archive's comment."""
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # NumPy's stub
    with zipfile.ZipFile(content, "a") as archive:
        archive.comment = bytes(_DIGITS)
    signed = bytearray(content.getbuffer())
    signed[-_DIGITS:] = _checksum(signed)
    return signed


def _checksum(content: bytes | bytearray) -> bytes:
    return hashlib.sha256(memoryview(content)[:-_DIGITS]).hexdigest().encode()


def remove(path: Path) -> None:
    """Remove a run's checkpoints, and what a kill in the middle of a write left of one."""
    for file in (path, previous(path), *path.parent.glob(f"{path.name}.*.part")):
        file.unlink(missing_ok=True)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """A checkpoint for this process alone: ``BlockingIOError`` where another one has it.

    Around a training that holds its checkpoint itself, this holds it for longer.
    """
    path = path.absolute()
    if path in _HELD:
        yield
        return
    missing = [folder for folder in path.parents if not folder.exists()]
    place = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        holding = lock(place)
    except BlockingIOError:
        raise BlockingIOError(f"Another process is training with {path}; wait until it has ended, or give another "
                              "--out.") from None
    except OSError as error:
        raise OSError(f"{path} cannot be written ({error.strerror}); give another --out.") from None
    _HELD.add(path)
    try:
        yield
    finally:
        _HELD.remove(path)
        with suppress(OSError):  # before it is unlocked, or it would be another's; Windows removes no open file
            place.unlink()
        holding.release()
        if os.name == "nt":
            with suppress(OSError):
                place.unlink()
        with suppress(OSError):  # what came to nothing leaves no folders
            for folder in missing:
                folder.rmdir()


def latest(path: Path, recipe: dict, log: Callable[[str], None],
           data: Mapping | None = None) -> tuple[dict[str, np.ndarray], Progress] | None:
    """The newest sound checkpoint of this recipe on this data, or ``None`` where there is no file.

    A damaged one is named in one sentence, and the one before it is used. Raises ``ValueError`` where none is sound,
    and where the run is another recipe's or on other data.
    """
    found = [file for file in (path, previous(path)) if file.exists()]
    for index, file in enumerate(found):
        try:
            return read(file, recipe, data)
        except Damaged as error:
            if index == len(found) - 1:
                raise
            log(f"{str(error).partition(';')[0]}; going on from the one before it.")
            file.unlink()  # or it would take the sound one's place at the next write
    return None


def batch_size(path: Path) -> int | None:
    """The batch size of the run that a checkpoint is of, or ``None`` where there is no sound one."""
    for file in (path, previous(path)):
        with suppress(Damaged):
            size = _open(file)[0]["recipe"].get("batch_size")
            if isinstance(size, int) and size > 0:
                return size
    return None


class Damaged(ValueError):
    """A file that is no checkpoint, or no longer one, or one of an earlier version."""


def read(path: Path, recipe: dict, data: Mapping | None = None) -> tuple[dict[str, np.ndarray], Progress]:
    """The state and the progress that :func:`write` saved for this recipe and, where it is given, this data.

    Raises ``ValueError`` for the checkpoint of another recipe or of other data, and its kind :class:`Damaged` for a
    damaged or foreign file. Nothing in the file is ever unpickled.
    """
    header, state = _open(path)
    if differing := difference(header["recipe"], recipe):
        raise ValueError(f"{path} belongs to a run with {differing}; {MEND}.")
    if data is not None and (differing := other_data(header["data"] or {}, data)):
        raise ValueError(f"{path} belongs to a run on {differing}; {MEND}.")
    progress = Progress(header["curve"], header["seconds"], header["steps"])
    if len(progress.curve) > recipe.get("epochs", math.inf):
        raise Damaged(f"{path} has {len(progress.curve)} epochs of {recipe['epochs']}; start anew with --restart.")
    return state, progress


def _open(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and state of a sound file; any other raises :class:`Damaged`."""
    content = path.read_bytes() if path.is_file() else b""  # a pipe would be waited for
    signed = len(content) > _DIGITS and content[-_DIGITS:] == _checksum(content)
    header: dict = {}
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].item())
            if signed and header["format"] == FORMAT and _whole(header):
                header["recipe"] = _renamed.recipe(header["recipe"])
                return header, {name.removeprefix("state/"): arrays[name] for name in arrays.files
                                if name.startswith("state/")}
    except Exception as error:  # a damaged archive raises nearly anything
        if signed and isinstance(error, MemoryError):
            raise  # it is sound, and too large for now
    if isinstance(header, dict) and header.get("format") in EARLIER:
        raise Damaged(f"{path} was written by an earlier version of this program; start anew with --restart.")
    raise Damaged(f"{path} is damaged or not a checkpoint of this program; start anew with --restart.")


def _whole(header: dict) -> bool:
    """Whether everything is there, of the right kind."""
    return (isinstance(header["recipe"], dict) and isinstance(header["data"], dict | None)
            and isinstance(header["curve"], list) and all(isinstance(row, dict) for row in header["curve"])
            and type(header["steps"]) is int and header["steps"] >= 0
            and type(header["seconds"]) in (int, float) and 0 <= header["seconds"] < math.inf)


def difference(saved: Mapping, recipe: Mapping) -> str | None:
    """How a saved recipe differs from another, as in ``lr 0.7, not 0.05``; ``None`` where they are equal.

    A field that is missing in the saved one, because it was made before there was one, has its default.
    """
    saved, recipe, defaults = (
        json.loads(json.dumps(dict(each))) for each in (saved, recipe, FIELD_DEFAULTS))  # tuples become lists
    for name, value in recipe.items():
        if value != (before := saved.get(name, defaults.get(name))):
            return f"{name} {before!r}, not {value!r}"
    unknown = next((name for name in saved if name not in recipe), None)
    return unknown and f"{unknown} {saved[unknown]!r}, which this version does not know"


def other_data(saved: Mapping, data: Mapping) -> str | None:
    """How saved data differs from other data, as in ``the classes cat, dog, not apple, pear``; ``None`` where it does
    not.
    """
    if saved.get("classes") != data.get("classes"):
        return f"the classes {_listed(saved.get('classes'))}, not {_listed(data.get('classes'))}"
    split = next((split for split in ("train", "test") if saved.get(split) != data.get(split)), None)
    return split and f"other images than these (the {split} split differs)"


def _listed(names: object) -> str:
    names = list(names) if isinstance(names, list | tuple) else []
    return ", ".join(map(str, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "of nothing"
