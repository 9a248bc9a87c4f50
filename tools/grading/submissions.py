"""What came in: files as they come, exports of Moodle and Canvas, archives in them; whose each is, and what is wrong.

Nothing here trusts a name or an archive: members are read one by one, up to a size, into files with names of our own;
links are not followed; what cannot be graded is reported by the name that it came with.
"""

import hashlib
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from .assignment import NOTEBOOK, Assignment, Broken, Notebook, parse
from .results import write

MEMBERS = 5000       # entries of one archive
UNPACKED = 1 << 30   # bytes that one archive may unpack to, the archives inside it included
NESTED = 2           # an export, and an archive that a student handed in
IGNORED = re.compile(r"(^|/)(\.[^./]|__MACOSX|Thumbs\.db|desktop\.ini)", re.IGNORECASE)
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)$", re.DOTALL)
CANVAS = re.compile(r"^(?P<name>[^_]+(?:_[^_\d][^_]*)*?)(?:_LATE)?_(?P<id>\d+)_(?P<file>\d+)_(?P<rest>.+)$", re.DOTALL)


@dataclass(frozen=True)
class Submission:
    """One file that came in, by the ``name`` it came with; ``problem`` says why it is not graded, if it is not."""

    name: str
    student: str
    id: str = ""  # the learning platform's number of the student, where the name has one
    assignment: str = ""
    path: Path | None = None
    digest: str = ""
    time: float = 0.0
    problem: str = ""


@dataclass
class _Item:
    """A file on its way in: its name, and its bytes (or why they were not read)."""

    name: str
    data: bytes = b""
    time: float = 0.0
    problem: str = ""
    alone: bool = False  # the only notebook in its folder or archive


@dataclass
class _Budget:
    """What an archive may still unpack to."""

    left: int = field(default_factory=lambda: UNPACKED)


def find(folder: Path, store: Path, assignments: dict[str, Assignment], only: str = "") -> list[Submission]:
    """Every file that came in, in order of its name; the notebooks to grade are copied into ``store``.

    ``only`` names the assignment where all of them belong to one. Of several files by one student for one assignment
    the newest is graded, and the others say so.
    """
    found = [_submission(item, store, assignments, only) for item in _items(folder)]
    return _newest(_told_apart(found))


def whose(name: str, assignments: dict[str, Assignment], alone: bool = True) -> tuple[str, str]:
    """The student of a file and the platform's number (or ""), from its path as it came."""
    parts = PurePosixPath(name).parts
    for pattern in (MOODLE, CANVAS):
        for part in parts:
            if match := pattern.match(part):
                return _clean(match["name"]), match["id"]
    stem = PurePosixPath(parts[-1]).stem
    bare = _without(stem, assignments)
    if len(parts) > 1 and (alone or not bare):
        return _clean(_stem(parts[-2] if _stem(parts[-2]) not in assignments or len(parts) < 3 else parts[-3])), ""
    return _clean(bare or stem), ""


def which(notebook: Notebook, name: str, assignments: dict[str, Assignment]) -> str:
    """The assignment that a notebook belongs to, from its metadata, its cells or its name; "" where none fits."""
    if notebook.assignment in assignments:
        return notebook.assignment
    shared = {key: len(notebook.ids & one.notebook.ids) for key, one in assignments.items()}
    best = max(shared.values(), default=0)
    if best and list(shared.values()).count(best) == 1:
        return max(shared, key=shared.get)
    named = [key for key in assignments if key.casefold() in name.casefold()]
    return max(named, key=len) if named else ""


# ------------------------------------------------------------------------------------------------------- reading files


def _items(folder: Path) -> Iterator[_Item]:
    """The files of a folder and of the archives in it."""
    paths = sorted(path for path in folder.rglob("*") if not IGNORED.search(path.relative_to(folder).as_posix()))
    files = [path for path in paths if path.is_symlink() or not path.is_dir()]
    lone = _lone(path.relative_to(folder).as_posix() for path in files)
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            about = path.lstat()
            if stat.S_ISLNK(about.st_mode):
                yield _Item(name, problem="it is a link, which is not followed")
            elif not stat.S_ISREG(about.st_mode):
                yield _Item(name, problem="it is not a regular file")
            elif path.suffix.lower() == ".zip":
                with path.open("rb") as file:
                    yield from _archive(file, name, _Budget(), NESTED)
            elif path.suffix.lower() != ".ipynb":
                yield _Item(name, problem="it is not a notebook (.ipynb)")
            elif about.st_size > NOTEBOOK:
                yield _Item(name, problem=_large(about.st_size))
            else:
                yield _Item(name, path.read_bytes(), about.st_mtime, alone=name in lone)
        except OSError as error:
            yield _Item(name, problem=f"it cannot be read: {error.strerror}")


def _archive(file: object, name: str, budget: _Budget, depth: int) -> Iterator[_Item]:
    """The notebooks in an archive, and the archives in it down to ``depth``."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not IGNORED.search(m.filename)]
            if len(members) > MEMBERS:
                yield _Item(name, problem=f"the archive has more than {MEMBERS:,} files")
                return
            if not members:
                yield _Item(name, problem="the archive is empty")
            lone = _lone(member.filename for member in members)
            for member in members:
                yield from _member(archive, member, f"{name}/{member.filename}", budget, depth, member.filename in lone)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        yield _Item(name, problem="the archive is broken")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, budget: _Budget, depth: int,
            alone: bool) -> Iterator[_Item]:
    suffix = PurePosixPath(member.filename).suffix.lower()
    if problem := _suspicious(member):
        yield _Item(name, problem=problem)
    elif suffix not in (".ipynb", ".zip"):
        yield _Item(name, problem="it is not a notebook (.ipynb)")
    elif suffix == ".zip" and depth <= 1:
        yield _Item(name, problem="it is an archive in an archive in an archive, which is not opened")
    else:
        own = NOTEBOOK if suffix == ".ipynb" else UNPACKED // 4
        most = min(own, budget.left)
        try:
            with archive.open(member) as file:
                data = file.read(most + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, NotImplementedError):
            yield _Item(name, problem="this file of the archive is broken")
            return
        budget.left -= len(data)
        if len(data) > most:
            yield _Item(name, problem=_large(max(member.file_size, len(data))) if most == own else
                        f"its archive unpacks to more than {UNPACKED >> 20} MB")
        elif suffix == ".zip":
            yield from _archive(io.BytesIO(data), name, budget, depth - 1)
        else:
            yield _Item(name, data, _time(member), alone=alone)


def _suspicious(member: zipfile.ZipInfo) -> str:
    """Why a member is not read, or nothing."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"^[A-Za-z]:", member.filename):
        return "its path leads out of the archive"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "it is a link, which is not followed"
    if member.flag_bits & 1:
        return "it is encrypted"
    return ""


def _lone(names: Iterator[str]) -> set[str]:
    """The notebooks that are the only one in their folder, the top folder apart."""
    by_folder: dict[str, list[str]] = {}
    for name in names:
        if name.lower().endswith(".ipynb"):
            by_folder.setdefault(str(PurePosixPath(name).parent), []).append(name)
    return {names[0] for names in by_folder.values() if len(names) == 1}


def _time(member: zipfile.ZipInfo) -> float:
    try:
        return datetime(*member.date_time).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _large(size: int) -> str:
    return f"the file has {size / 1e6:.0f} MB, more than the {NOTEBOOK >> 20} MB that are read"


# -------------------------------------------------------------------------------------------------------- naming files


def _submission(item: _Item, store: Path, assignments: dict[str, Assignment], only: str) -> Submission:
    """A file as a submission, its notebook copied into the store."""
    student, number = whose(item.name, assignments, item.alone)
    made = Submission(_clean(item.name, 300), student, number, only, time=item.time, problem=item.problem)
    if made.problem:
        return made
    try:
        notebook = parse(item.data)
    except Broken as why:
        return replace(made, problem=str(why))
    assignment = only or which(notebook, item.name, assignments)
    if not assignment:
        return replace(made, problem="no assignment's cells are in it, and its name names none")
    digest = hashlib.sha256(item.data).hexdigest()
    path = store / f"{digest}.ipynb"
    if not path.exists():
        write(path, item.data)
    return replace(made, assignment=assignment, path=path, digest=digest)


def _told_apart(found: list[Submission]) -> list[Submission]:
    """Two students of one name get their platform's number behind it."""
    numbers: dict[str, set[str]] = {}
    for one in found:
        if one.id:
            numbers.setdefault(one.student, set()).add(one.id)
    return [replace(one, student=f"{one.student} ({one.id})") if one.id and len(numbers[one.student]) > 1 else one
            for one in found]


def _newest(found: list[Submission]) -> list[Submission]:
    """Of several files by a student for an assignment all but the newest get a problem that says so."""
    newest: dict[tuple[str, str], Submission] = {}
    for one in found:
        key = (one.student, one.assignment)
        if not one.problem and (key not in newest or one.time >= newest[key].time):
            newest[key] = one
    result = []
    for one in found:
        best = newest.get((one.student, one.assignment))
        if not one.problem and best is not one:
            same = "the same as" if one.digest == best.digest else "older than"
            one = replace(one, problem=f"not graded: {same} {best.name}")
        result.append(one)
    return result


def _stem(part: str) -> str:
    return re.sub(r"\.(ipynb|zip)$", "", part, flags=re.IGNORECASE)


def _without(stem: str, assignments: dict[str, Assignment]) -> str:
    """A file's stem without an assignment's name, a browser's "(1)" and what joined them."""
    stem = re.sub(r"(\s*\(\d+\)|[\s_-]+(copy|kopie))+$", "", stem, flags=re.IGNORECASE)
    for name in sorted(assignments, key=len, reverse=True):
        stem = re.sub(rf"[\s_.-]*{re.escape(name)}[\s_.-]*", " ", stem, flags=re.IGNORECASE)
    return stem.strip(" _.-")


def _clean(text: str, length: int = 100) -> str:
    """Text from outside on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:length] or "?"
