"""What is kept between runs: a file for each submission's result, and the points that a person gives.

A file is written beside its place and moved there, so that one that is there is whole, whenever the grading was killed.
"""

import contextlib
import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("student", "assignment", "question", "of", "points", "comment")


class Busy(Exception):  # noqa: N818
    """Another grading works in this folder."""


@dataclass(frozen=True)
class ByHand:
    """Points that a person gave for a question, and a comment; ``points`` is None where none are given yet."""

    points: float | None
    comment: str = ""


def write(path: Path, content: dict | str | bytes) -> None:
    """Bytes, a text or a dictionary (as JSON) in a file, whole or not at all."""
    if isinstance(content, dict):
        content = json.dumps(content, indent=1)
    if isinstance(content, str):
        content = content.encode("utf-8", "replace")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def read(path: Path) -> dict | None:
    """A result, or None where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the folder for one grading at a time; the system lets go of it when the process ends. Raises Busy."""
    with (folder / ".lock").open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # Windows, where nothing is graded but UNSAFE=1
        except OSError:
            raise Busy(f"another grading is at work in {folder}") from None
        for left in folder.rglob(".*.part"):  # of a grading that was killed while it wrote
            left.unlink(missing_ok=True)
        yield


def read_by_hand(path: Path) -> tuple[dict[tuple[str, str, str], ByHand], list[dict], list[str]]:
    """``manual.csv``: points by (student, assignment, question), its rows as they are, and what is wrong with them.

    Commas or semicolons, with or without a byte order mark, decimal point or comma: as spreadsheets write it.
    """
    if not path.exists():
        return {}, [], []
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    given, rows, wrong = {}, [], []
    for number, row in enumerate(csv.DictReader(io.StringIO(text), delimiter=delimiter), start=2):
        row = {key: value if isinstance(value, str) else "" for key, value in row.items() if key}
        rows.append(row)
        key = tuple(unguarded(row.get(column, "")).strip() for column in COLUMNS[:3])
        points, problem = _points(row.get("points", ""), row.get("of", ""))
        if problem:
            wrong.append(f"{path.name}, line {number}: {problem}")
        given[key] = ByHand(points, row.get("comment", "").strip())
    return given, rows, wrong


def write_by_hand(path: Path, rows: list[dict], new: Iterable[tuple[str, str, str, float]]) -> None:
    """``manual.csv`` with its rows as they were, and an empty one for each new (student, assignment, question, of)."""
    new = [dict(zip(COLUMNS, (*map(guarded, key[:3]), f"{key[3]:g}", "", ""), strict=True)) for key in new]
    if new:
        columns = list(dict.fromkeys([*COLUMNS, *(key for row in rows for key in row)]))
        write(path, table(columns, [[row.get(column, "") for column in columns] for row in [*rows, *new]]))


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """CSV text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def guarded(text: str) -> str:
    """Text that came from outside for a table: a spreadsheet would run a cell that begins like a formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def unguarded(text: str) -> str:
    """The text as it was before :func:`guarded`."""
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@\t\r") else text


def _points(text: str, of: str) -> tuple[float | None, str]:
    text = text.strip().replace(",", ".")
    if not text:
        return None, ""
    try:
        points = float(text)
        most = float(of.strip().replace(",", ".") or "inf")
    except ValueError:
        return None, f"{text!r} is not a number of points"
    if not (math.isfinite(points) and 0 <= points <= most):
        return None, f"{text} is not between 0 and {most:g} points"
    return points, ""
