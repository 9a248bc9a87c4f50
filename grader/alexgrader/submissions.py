"""What came in: files as they come, exports of Moodle and Canvas, archives in them; whose each is, and what is wrong.

Nothing here trusts a name or an archive: members are read one by one, up to a size, into files with names of our own;
links are not followed; what cannot be graded is reported by the name that it came with.
"""

import hashlib
import io
import re
import stat
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

from .assignment import NOTEBOOK, Assignment, InvalidNotebook, Notebook, parse, too_large
from .results import write

MEMBERS = 5000       # entries of one archive
UNPACKED = 1 << 30   # bytes that one archive may unpack to, the archives inside it included
NESTED = 2           # an export, and an archive that a student handed in
IGNORED = re.compile(r"(^|/)(\.[^./]|__MACOSX|Thumbs\.db|desktop\.ini)", re.IGNORECASE)
NAME = 300           # characters of a name that are looked at: a pattern's time may grow with the square
DAY = 86_400         # seconds; a clock in another time zone is less than that ahead
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?.*$", re.DOTALL)
CANVAS = re.compile(r"^(?P<name>[^_]+(?:_[^_\d][^_]*)*?)(?:_LATE)?_(?P<id>\d+)_\d+_.+$", re.DOTALL)
BLACKBOARD = re.compile(r"^.+_(?P<name>[^_]+)_attempt_(?P<date>\d{4}(?:-\d\d){5})(?:[_.].*)?$", re.DOTALL)
BRIGHTSPACE = re.compile(r"^(?P<id>\d+)-\d+ - (?P<name>.+?) - (?P<date>[^-]*\d{4}[^-]*?)(?: - .*)?$", re.DOTALL)
SAKAI = re.compile(r"^(?P<name>[^()]+)\((?P<id>[^()]+)\)$")  # where the attachments lie below it
ATTACHED = "submission attachment(s)"
DATE = re.compile(r"(?<!\d)(?:19|20)\d\d([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)")
WORK = r"(?:hw|homework|assignment|exercise|week|sheet|lab)[\s_.-]*\d+"
COUNTED = re.compile(rf"(?<![^\W_]){WORK}(?![^\W_])", re.IGNORECASE)
COMMON = re.compile(rf"{WORK}|(?:(?:all|bulk)[\s_-]*)?(?:submissions?|submitted|exports?|downloads?)|late|"
                    r"on[\s_-]*time|assignments?|homework|release|desktop|documents|"
                    r"(?:section|group|class|course|tutorial)[\s_-]*\w?|moodle|canvas|"
                    r"blackboard|brightspace|sakai", re.IGNORECASE)


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
    note: str = ""  # what a person has to look at, though the file is graded
    place: tuple[str, ...] = ()  # what the name that says who it is lies in


@dataclass(frozen=True)
class Owner:
    """Whose a file is: the student, the platform's number (or ""), and the folders and archives around that name."""

    student: str
    id: str = ""
    place: tuple[str, ...] = ()
    date: float = 0.0  # of the attempt, where the platform's name has one


@dataclass
class _Item:
    """A file on its way in: its name, and its bytes (or why they were not read)."""

    name: str
    data: bytes = b""
    time: float = 0.0
    problem: str = ""


@dataclass
class _Budget:
    """What an archive may still unpack to."""

    left: int = field(default_factory=lambda: UNPACKED)


def find(incoming: Path, store: Path, assignments: dict[str, Assignment], only: str = "") -> list[Submission]:
    """Every file that came in, in order of its name; the notebooks to grade are copied into ``store``.

    ``incoming`` is a folder, or an archive of everything. ``only`` names the assignment where all of them belong to
    one. Of several files by one student for one assignment the newest is graded, and the others say so.
    """
    items = [_submission(item, store, assignments, only) for item in _items(incoming)]
    whose = owners([one.name for one in items], assignments)
    found = [replace(one, student=owner.student, id=owner.id, place=owner.place, time=owner.date or one.time)
             for one, owner in zip(items, whose, strict=True)]
    return _newest(_claimed_once(_told_apart(found)))


def owners(names: list[str], assignments: dict[str, Assignment]) -> list[Owner]:
    """Whose each file is, from the paths as they came: the outermost name that differs says so.

    What all notebooks lie in (an export, a folder of the week) says nothing, nor does a folder called `late` or
    `homework 1`. A folder or an archive beside others is one student's, whatever the names inside it; only one that
    holds nothing but a platform's own names, of two students at least, is opened as an export.
    """
    paths = [_parts(name) for name in names]
    notebooks = [path for path in paths if path[-1].lower().endswith(".ipynb")] or paths
    shared = _shared(notebooks)
    exports = _exports(notebooks, shared, assignments)
    return [_owner(path, shared, exports, assignments, len(notebooks) == 1) for path in paths]


def which(notebook: Notebook, name: str, assignments: dict[str, Assignment]) -> str:
    """The assignment that a notebook belongs to, from its metadata, its cells or its name; "" where none fits."""
    if notebook.assignment in assignments:
        return notebook.assignment
    shared = {key: len(notebook.ids & one.notebook.ids) for key, one in assignments.items()}
    best = max(shared.values(), default=0)
    if best and list(shared.values()).count(best) == 1:
        return max(shared, key=lambda key: shared[key])
    named = [key for key in assignments if key.casefold() in name.casefold()]
    return max(named, key=len) if named else ""


# ------------------------------------------------------------------------------------------------------- reading files


def _items(folder: Path) -> Iterator[_Item]:
    """The files of a folder and of the archives in it; or those of one archive."""
    if folder.is_file():
        with folder.open("rb") as file:
            for item in _archive(file, folder.name, _Budget(), NESTED + 1):
                yield replace(item, name=item.name.removeprefix(f"{folder.name}/"))
        return
    paths = sorted(path for path in folder.rglob("*") if not IGNORED.search(path.relative_to(folder).as_posix()))
    files = [path for path in paths if path.is_symlink() or not path.is_dir()]
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
                yield _Item(name, problem=too_large(about.st_size))
            else:
                yield _Item(name, path.read_bytes(), about.st_mtime)
        except OSError as error:
            yield _Item(name, problem=f"it cannot be read: {error.strerror}")


def _archive(file: IO[bytes], name: str, budget: _Budget, depth: int) -> Iterator[_Item]:
    """The notebooks in an archive, and the archives in it down to ``depth``."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not IGNORED.search(m.filename)]
            if len(members) > MEMBERS:
                yield _Item(name, problem=f"the archive has more than {MEMBERS:,} files")
                return
            if not members:
                yield _Item(name, problem="the archive is empty")
            for member in members:
                yield from _member(archive, member, f"{name}/{member.filename[:NAME]}", budget, depth)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        yield _Item(name, problem="the archive is broken")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, budget: _Budget,
            depth: int) -> Iterator[_Item]:
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
            size = max(member.file_size, len(data))
            large = too_large(size) if suffix == ".ipynb" else (
                f"the archive in it has {size / 1e6:.0f} MB, more than the {own >> 20} MB that are read")
            yield _Item(name, problem=large if most == own else f"its archive unpacks to more than {UNPACKED >> 20} MB")
        elif suffix == ".zip":
            yield from _archive(io.BytesIO(data), name, budget, depth - 1)
        else:
            yield _Item(name, data, _time(member))


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


def _time(member: zipfile.ZipInfo) -> float:
    try:
        return datetime(*member.date_time).timestamp()
    except (ValueError, OverflowError):
        return 0.0


# -------------------------------------------------------------------------------------------------------- naming files


def _submission(item: _Item, store: Path, assignments: dict[str, Assignment], only: str) -> Submission:
    """A file as a submission of nobody yet, its notebook copied into the store."""
    made = Submission(_clean(item.name, NAME), "", "", only, time=item.time, problem=item.problem)
    if made.problem:
        return made
    if "/assignments/source/" in f"/{item.name}":
        return replace(made, problem="it is the source of an assignment, in a copy of the book")
    try:
        notebook = parse(item.data)
    except InvalidNotebook as why:
        return replace(made, problem=str(why))
    assignment = only or which(notebook, item.name[:NAME], assignments)
    if not assignment:
        return replace(made, problem="no assignment's cells are in it, and its name names none; "
                                     "ASSIGNMENT=name grades all as that one")
    digest = hashlib.sha256(item.data).hexdigest()
    path = store / f"{digest}.ipynb"
    if not path.exists():
        write(path, item.data)
    return replace(made, assignment=assignment, path=path, digest=digest)


def _parts(name: str) -> tuple[str, ...]:
    """A path's names, in one normal form of Unicode."""
    name = unicodedata.normalize("NFC", name[:NAME]).replace("\\", "/")
    return PurePosixPath(name).parts or ("?",)


def _shared(paths: list[tuple[str, ...]]) -> int:
    """How many of the outermost names all the paths have in common; 0 for one path alone."""
    if len(paths) < 2:
        return 0
    first, last = min(paths), max(paths)
    most = min(len(first), len(last)) - 1
    return next((i for i in range(most) if first[i] != last[i]), most)


def _outermost(path: tuple[str, ...], start: int, assignments: dict[str, Assignment]) -> int:
    """Where the name is that says who it is, from ``start`` on: the first that is not a common one."""
    return next((i for i in range(start, len(path) - 1) if not _common(path[i], assignments)), len(path) - 1)


def _exports(paths: list[tuple[str, ...]], start: int, assignments: dict[str, Assignment]) -> set[tuple[str, ...]]:
    """The folders and archives beside others in which all names are a platform's, of two students or more."""
    inside: dict[tuple[str, ...], list[Owner | None]] = {}
    for path in paths:
        at = _outermost(path, start, assignments)
        if at < len(path) - 1 and _platform(path, at) is None:
            inside.setdefault(path[:at + 1], []).append(
                next(filter(None, (_platform(path, i) for i in range(at + 1, min(at + 3, len(path))))), None))
    return {place for place, found in inside.items()
            if None not in found and len({one.student for one in found if one}) > 1}


def _owner(path: tuple[str, ...], start: int, exports: set[tuple[str, ...]], assignments: dict[str, Assignment],
           single: bool) -> Owner:
    """One file's owner: a platform's name for it, else the outermost name that is not a common one."""
    at = _outermost(path, min(start, len(path) - 1), assignments)
    last = len(path) if single or path[:at + 1] in exports else at + 1
    for i in range(last):
        if owner := _platform(path, i):
            return owner
    for i in (at, *reversed(range(at))):
        if (name := _bare(path[i], assignments)) and not _common(path[i], assignments):
            return Owner(_clean(name), "", path[:i])
    return Owner(_clean(_stem(path[at])), "", path[:at])


def _platform(path: tuple[str, ...], at: int) -> Owner | None:
    """The owner that a learning platform's own name says, or None."""
    name = path[at]
    if match := MOODLE.match(name) or BRIGHTSPACE.match(name) or BLACKBOARD.match(name):
        said = match.groupdict()
        return Owner(_clean(said["name"]), said.get("id", ""), path[:at], _date(said.get("date", "")))
    if match := CANVAS.match(DATE.sub("", name)) if at == len(path) - 1 or name.lower().endswith(".zip") else None:
        return Owner(_clean(match["name"]), match["id"], path[:at])
    if at + 1 < len(path) and path[at + 1].casefold() == ATTACHED and (match := SAKAI.match(name)):
        return Owner(_clean(match["name"]), match["id"], path[:at])
    return None


def _date(text: str) -> float:
    """The time of an attempt as Blackboard and Brightspace write it, or 0."""
    text = " ".join(text.replace(",", " ").split())
    for form in ("%Y-%m-%d-%H-%M-%S", "%b %d %Y %I%M %p", "%B %d %Y %I%M %p", "%d %B %Y %H%M"):
        try:
            return datetime.strptime(text, form).timestamp()
        except (ValueError, OverflowError):
            continue
    return 0.0


def _told_apart(found: list[Submission]) -> list[Submission]:
    """Two students of one name get their platform's number behind it."""
    numbers: dict[str, set[str]] = {}
    for one in found:
        if one.id:
            numbers.setdefault(one.student, set()).add(one.id)
    return [replace(one, student=f"{one.student} ({one.id})") if one.id and len(numbers[one.student]) > 1 else one
            for one in found]


def _claimed_once(found: list[Submission]) -> list[Submission]:
    """Different notebooks that say that they are one student's, in different folders or archives, stay apart.

    They may be two students of one name, or one that pretends to be another; none replaces another. The outermost
    keeps the name.
    """
    claims: dict[tuple[str, str], dict[tuple[str, ...], set[str]]] = {}
    for one in found:
        if not one.problem:
            claims.setdefault((one.student, one.assignment), {}).setdefault(one.place, set()).add(one.digest)
    result = []
    for one in found:
        places = claims.get((one.student, one.assignment), {})
        if not one.problem and len(places) > 1 and len(set.union(*places.values())) > 1:
            outer = min(map(len, places))
            keeps = len(one.place) == outer and [len(place) for place in places].count(outer) == 1
            student = one.student if keeps else f"{one.student} ({_clean('/'.join(one.place))})"
            one = replace(one, student=student, note=f"{len(places)} files in different places say that they are by "
                                                     f"{one.student}: are they?")
        result.append(one)
    return result


def _newest(found: list[Submission]) -> list[Submission]:
    """Of several files by a student for an assignment all but the newest get a problem that says so.

    A time in the future is not believed. Of equal times the last name counts ("a (2)" after "a (1)"), and it is said.
    """
    now = time.time() + DAY
    groups: dict[tuple[str, str], list[Submission]] = {}
    for one in found:
        if not one.problem:
            groups.setdefault((one.student, one.assignment), []).append(one)
    best = {key: max(group, key=lambda one: (one.time <= now, one.time, _natural(one.name)))
            for key, group in groups.items()}
    result = []
    for one in found:
        key = (one.student, one.assignment)
        if not one.problem and one is not best[key]:
            one = replace(one, problem=_replaced(one, best[key], now))
        elif not one.problem and (note := _doubtful(one, groups[key], now)):
            one = replace(one, note=note)
        result.append(one)
    return result


def _replaced(one: Submission, best: Submission, now: float) -> str:
    """Why a file is not the one that is graded."""
    if one.digest == best.digest:
        return f"not graded: the same as {best.name}"
    if one.time > now:
        return f"not graded: its date is in the future; {best.name} is graded: which one counts?"
    if one.time == best.time:
        return f"not graded: as old as {best.name}, which is graded: which one counts?"
    return f"not graded: older than {best.name}"


def _doubtful(one: Submission, group: list[Submission], now: float) -> str:
    """What a person has to decide about the file that is graded, or nothing."""
    others = [other for other in group if other.digest != one.digest]
    if any(other.time > now or other.time == one.time for other in others) or (others and one.time > now):
        return f"{one.student} has {len(others) + 1} files, and their dates do not say which is the last"
    return one.note


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers in names by value, and "a" before "a (1)"."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", _stem(name))]


def _stem(part: str) -> str:
    return re.sub(r"\.(ipynb|zip)$", "", part, flags=re.IGNORECASE)


def _common(part: str, assignments: dict[str, Assignment]) -> bool:
    """Whether a folder's or an archive's name is nobody's: an assignment's, `submissions`, `hw1`."""
    return not _bare(part, assignments) or COMMON.fullmatch(_stem(part).strip()) is not None


def _bare(part: str, assignments: dict[str, Assignment]) -> str:
    """A name without an ending, an assignment's name, a date, a browser's "(1)" and what joined them."""
    part = re.sub(r"\.[A-Za-z]\w{0,5}$", "", " ".join(part.split()))
    part = re.sub(r"(?:(?: ?\(\d{1,3}\))|[ _-](?:copy|kopie))$", "", part, flags=re.IGNORECASE)
    for name in sorted(assignments, key=len, reverse=True):
        part = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", " ", part, flags=re.IGNORECASE)
    part = COUNTED.sub(" ", DATE.sub(" ", part))
    return " ".join(part.split()).strip(" _.-")


def _clean(text: str, length: int = 100) -> str:
    """Text from outside on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:length] or "?"
