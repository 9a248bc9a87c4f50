"""What is kept between runs: a file for each submission's result, and the points that a person gives.

A file is written beside its place and moved there, so that one that is there is whole, whenever the grading was killed.
"""

import contextlib
import csv
import io
import json
import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alexbook import _files

WESTERN = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœ’")
COLUMNS = ("student", "assignment", "question", "of", "points", "comment")


class Unreadable(Exception):
    """A table that a person wrote cannot be read; the message says why."""


class Locked(Exception):
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
    _files.replace_file(path, content)


def read(path: Path) -> dict | None:
    """A result, or None where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Holds the folder for one grading at a time; the system lets go of it when the process ends.

    Raises:
        Locked: Another grading is at work there.
    """
    try:
        holding = _files.lock(folder / ".lock")
    except BlockingIOError:
        raise Locked(f"another grading is at work in {folder}") from None
    try:
        for left in folder.rglob(_files.HALF):  # of a grading that was killed while it wrote
            left.unlink(missing_ok=True)
        yield
    finally:
        holding.release()


def read_by_hand(path: Path, students: Iterable[str] = ()
                 ) -> tuple[dict[tuple[str, str, str], ByHand], list[dict], list[str]]:
    """``manual.csv``: points by (student, assignment, question), its rows as they are, and what is wrong with them.

    As spreadsheets write it: see :func:`decoded`, which the ``students`` help; commas, semicolons or tabs; decimal
    point or comma. Raises Unreadable for a file that is no such table, which is then left as it is.
    """
    if not path.exists():
        return {}, [], []
    text = decoded(path, students)
    first = text.partition("\n")[0].strip()
    named = first[4:5] if first[:4].lower() == "sep=" else ""
    if named or first.lower() == "sep=":
        text = text.partition("\n")[2]
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    given: dict[tuple[str, str, str], ByHand] = {}
    rows: list[dict] = []
    wrong: list[str] = []
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    if text.strip():
        reader.fieldnames = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        if lacking := [name for name in COLUMNS[:3] + COLUMNS[4:5] if name not in reader.fieldnames]:
            raise Unreadable(f"{path} has no column {lacking[0]}; its first line should be {','.join(COLUMNS)}. "
                             "Nothing was changed")
    for row in _rows(reader, path):
        row = {key: value if isinstance(value, str) else "" for key, value in row.items() if key}
        if not any(value.strip() for value in row.values()):
            continue
        rows.append(row)
        line = reader.line_num + bool(named)
        student, assignment, question = (_name(row.get(column, "")) for column in COLUMNS[:3])
        key = (student, assignment, question)
        points, problem = _points(row.get("points", ""), row.get("of", ""))
        if problem:
            wrong.append(f"{path.name}, line {line}: {problem}")
        if (before := given.get(key)) is not None and before.points is not None and points is None:
            continue
        if before is not None and before.points is not None and before.points != points:
            wrong.append(f"{path.name}, line {line}: {key[0]} has two lines for {key[2]}, and the last one counts")
        given[key] = ByHand(points, row.get("comment", "").strip())
    return given, rows, wrong


def unmatched(path: Path, given: dict[tuple[str, str, str], ByHand],
              known: Iterable[tuple[str, str, str]]) -> list[str]:
    """A sentence for each row with points or a comment whose student, assignment and question are nobody's."""
    known = set(known)
    return [f"{path.name}: no submission matches {', '.join(key)}; its points are not counted"
            for key, hand in given.items() if key not in known and (hand.points is not None or hand.comment)]


def decoded(path: Path, students: Iterable[str] = ()) -> str:
    """The text of a table as spreadsheets save it: UTF-8, UTF-16, Windows-1252 or Mac Roman; raises Unreadable.

    Nothing in a file says whether it is Windows-1252 or Mac Roman: the names of the ``students`` do, or its letters.
    """
    data = path.read_bytes()
    encoding = {b"\xef\xbb": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}.get(data[:2], "")
    if not encoding and b"\0" in data[:200]:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        if encoding:
            raise Unreadable(f"{path} is broken: save it as CSV UTF-8. Nothing was changed") from None
        read = [data.decode(one) for one in ("cp1252", "mac_roman") if _fits(data, one)]
        students = set(students)
        text = max(read, key=lambda text: (sum(name in text for name in students), _likely(text)))
    if "\0" in text:
        raise Unreadable(f"{path} is not a table of text: save it as CSV UTF-8. Nothing was changed")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _likely(text: str) -> int:
    """How much a text looks like the words of a Western language: their letters speak for it, other signs against."""
    pairs = [(before, sign) for before, sign in zip(" " + text, text, strict=False) if ord(sign) > 127]
    return sum(1 if sign in WESTERN or (sign.lower() in WESTERN and not before.islower()) else -1
               for before, sign in pairs)


def _rows(reader: csv.DictReader, path: Path) -> Iterator[dict]:
    """The reader's rows; raises Unreadable where there is an end to reading."""
    try:
        yield from reader
    except csv.Error as why:
        raise Unreadable(f"{path}, line {reader.line_num}: {why}. Nothing was changed") from None


def _name(text: str) -> str:
    """A key of a table as it was before it went into one, in the normal form of Unicode that names have here."""
    return unicodedata.normalize("NFC", unguarded(text.strip())).strip()


def write_by_hand(path: Path, rows: list[dict], new: Iterable[tuple[str, str, str, float]]) -> None:
    """``manual.csv`` with its rows as they were, and an empty one for each new (student, assignment, question, of)."""
    added = [dict(zip(COLUMNS, (*map(guarded, key[:3]), f"{key[3]:g}", "", ""), strict=True)) for key in new]
    if added:
        columns = list(dict.fromkeys([*COLUMNS, *(key for row in rows for key in row)]))
        write_table(path, columns, [[row.get(column, "") for column in columns] for row in [*rows, *added]])


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """CSV text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def write_table(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A CSV file in UTF-8 with a byte order mark, without which spreadsheets take it for another encoding."""
    write(path, "\ufeff" + table(columns, rows))


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
