"""Grades for Canvas and Moodle, with weights, late days and a dropped lowest; a report for each student.

``make grade`` writes ``grades.csv``. A roster is a platform's own export: a table whose first column of these that it
has names the student as the submissions do: ``Student``, ``student``, ``Full name``, or ``First name`` and
``Surname``/``Last name``.
"""

import csv
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from alexgrader.report import page_name

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Username", "ID number", "Email address")


@dataclass(frozen=True)
class Policy:
    """How points become a total.

    ``weights`` has an assignment's share (1 where it is missing), ``late_days`` those of a student for an assignment;
    each costs ``per_day`` of the assignment's points, after ``free_days`` for each student in all, which are spent in
    the assignments' order. The ``drop`` assignments with the lowest shares do not count.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    late_days: Mapping[tuple[str, str], int] = field(default_factory=dict)
    per_day: float = 0.1
    free_days: int = 0
    drop: int = 0


@dataclass(frozen=True)
class Score:
    """A student's points for an assignment; ``comment`` is what the grader said, ``lost`` what late days cost."""

    assignment: str
    points: float
    of: float
    comment: str = ""
    lost: float = 0.0
    dropped: bool = False

    @property
    def counted(self) -> float:
        return self.points - self.lost


def read_grades(path: Path) -> dict[str, dict[str, Score]]:
    """The scores of ``grades.csv``, by student and assignment.

    Args:
        path: What ``make grade`` wrote.

    Returns:
        The graded lines; one that has no points (an older file, one that could not be read) is passed over.

    Raises:
        ValueError: Where the table lacks a column.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if missing := {"student", "assignment", "points", "of", "status"} - set(rows.fieldnames or ()):
            raise ValueError(f"{path.name} lacks the columns {', '.join(sorted(missing))}: is it from make grade?")
        found: dict[str, dict[str, Score]] = {}
        for row in rows:
            if row["points"]:
                score = Score(row["assignment"], float(row["points"]), float(row["of"]), row["status"])
                found.setdefault(row["student"], {})[score.assignment] = score
    return found


def settled(student: str, scores: Mapping[str, Score], assignments: Mapping[str, float],
            policy: Policy) -> tuple[list[Score], float]:
    """A student's scores after late days and drops, and the total in percent.

    Args:
        student: The name, as in ``policy.late_days``.
        scores: The student's, by assignment.
        assignments: Every assignment of the course with the points it has; one without a score counts as 0.
        policy: The rules.

    Returns:
        A score for each assignment, in order, and the weighted mean of those that are not dropped.

    Raises:
        ValueError: Where more assignments are dropped than there are, or what is left weighs nothing.
    """
    if not 0 <= policy.drop < len(assignments):
        raise ValueError(f"{policy.drop} of {len(assignments)} assignments cannot be dropped.")
    free, found = policy.free_days, []
    for name, of in assignments.items():
        score = scores.get(name, Score(name, 0.0, of, "nothing handed in"))
        late = policy.late_days.get((student, name), 0)
        spent = min(free, late)
        free -= spent
        lost = min(score.points, (late - spent) * policy.per_day * score.of)
        found.append(Score(name, score.points, score.of, score.comment, lost))
    lowest = sorted(range(len(found)), key=lambda place: found[place].counted / found[place].of)[:policy.drop]
    found = [Score(s.assignment, s.points, s.of, s.comment, s.lost, place in lowest) for place, s in enumerate(found)]
    kept = [(policy.weights.get(s.assignment, 1.0), s) for s in found if not s.dropped]
    if (whole := sum(weight for weight, _ in kept)) <= 0:
        raise ValueError("The assignments that are left have no weight.")
    return found, 100 * sum(weight * s.counted / s.of for weight, s in kept) / whole


def read_roster(path: Path) -> list[dict[str, str]]:
    """A platform's list of students, each with its own columns and ``_name``.

    Args:
        path: The platform's table, with commas.

    Returns:
        A dictionary for each student; Canvas's line of possible points is left out.

    Raises:
        ValueError: Where no column names the students.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [{key.strip(): (value or "").strip() for key, value in row.items() if key}
                for row in csv.DictReader(file)]
    found = []
    for row in rows:
        last = row.get("Surname") or row.get("Last name") or ""
        name = (row.get("Student") or row.get("student") or row.get("Full name")
                or f"{row.get('First name', '')} {last}".strip())
        if not name.startswith("Points Possible"):
            found.append({**row, "_name": name})
    if not found or not any(row["_name"] for row in found):
        raise ValueError(f"{path.name} has no column that names the students: Student, Full name, or First name and "
                         "Last name.")
    return found


def matched(roster: Sequence[Mapping[str, str]],
            students: Sequence[str]) -> tuple[dict[str, Mapping[str, str]], list[str]]:
    """The roster's line of each student of the grades, and the students who are not on it or whose name is there twice.

    ``Lovelace, Ada`` is ``Ada Lovelace``; upper and lower case do not count. Nothing is guessed beyond that.
    """
    lines: dict[str, list[Mapping[str, str]]] = {}
    for row in roster:
        lines.setdefault(_same(row["_name"]), []).append(row)
    found = {name: lines[_same(name)][0] for name in students if len(lines.get(_same(name), ())) == 1}
    return found, [name for name in students if name not in found]


def canvas(roster: Mapping[str, Mapping[str, str]], scores: Mapping[str, Sequence[Score]]) -> str:
    """A table that Canvas's gradebook imports: the roster's own columns, one for each assignment, possible points."""
    names = [score.assignment for score in next(iter(scores.values()))]
    possible = {s.assignment: s.of for s in next(iter(scores.values()))}
    rows = [["    Points Possible", *[""] * (len(CANVAS) - 1), *(f"{possible[name]:g}" for name in names)]]
    rows += [[*(line.get(column, "") for column in CANVAS), *(f"{s.counted:g}" for s in scores[student])]
             for student, line in roster.items()]
    return _table([*CANVAS, *names], rows)


def moodle(roster: Mapping[str, Mapping[str, str]], scores: Mapping[str, Sequence[Score]]) -> str:
    """A table that Moodle's grade import reads: what names a user, and points and feedback for each assignment."""
    used = [c for c in MOODLE if any(line.get(c) for line in roster.values())]
    if not used:
        raise ValueError(f"Moodle's roster needs one of these columns: {', '.join(MOODLE)}.")
    names = [score.assignment for score in next(iter(scores.values()))]
    head = [*used, *(part for name in names for part in (name, f"{name} (feedback)"))]
    rows = [[*(line.get(c, "") for c in used), *(part for s in scores[student] for part in (f"{s.counted:g}", said(s)))]
            for student, line in roster.items()]
    return _table(head, rows)


def said(score: Score) -> str:
    """What a student reads about a score."""
    late = f"{score.lost:g} points for late days" if score.lost else ""
    return "; ".join(filter(None, (score.comment, late, "dropped, since it is the lowest" if score.dropped else "")))


def report(student: str, scores: Sequence[Score], total: float) -> str:
    """A student's page: every assignment, what it lost, and the total. It needs nothing from anywhere else."""
    lines = "".join(f"<tr><th scope='row'>{html.escape(s.assignment)}</th><td>{s.counted:g} of {s.of:g}</td>"
                    f"<td>{html.escape(said(s))}</td></tr>\n" for s in scores)
    name = html.escape(student)
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Grades of {name}</title>\n'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
            "<style>:root{color-scheme:light dark}body{font:1rem/1.5 sans-serif;max-width:42rem;margin:2rem auto;"
            "padding:0 1rem}th,td{text-align:left;padding:.3rem .8rem .3rem 0}@page{margin:2cm}</style></head>\n"
            f"<body><main><h1>Grades of {name}</h1>\n<table><tr><th>Assignment</th><th>Points</th><th>Notes</th></tr>\n"
            f"{lines}</table>\n<p>Total: <strong>{total:.1f} %</strong></p></main></body></html>\n")


def read_policy(path: Path) -> Policy:
    """The rules of a course from a YAML file with ``weights``, ``per_day``, ``free_days``, ``drop`` and ``late_days``.

    Args:
        path: The file; ``late_days`` has a mapping of assignments to days for each student.

    Returns:
        The rules.

    Raises:
        ValueError: Where a key means nothing.
    """
    rules = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    known = {"weights", "per_day", "free_days", "drop", "late_days"}
    if not isinstance(rules, dict) or (set(rules) - known):
        raise ValueError(f"{path.name} may have the keys {', '.join(sorted(known))}, and no others.")
    late = {(student, name): days for student, of in (rules.pop("late_days", None) or {}).items()
            for name, days in of.items()}
    return Policy(late_days=late, **rules)


def write_all(grades: Path, roster: Path, policy: Policy, out: Path) -> tuple[list[Path], list[str]]:
    """Canvas's and Moodle's tables and a report for each student.

    Args:
        grades: ``grades.csv``.
        roster: The platform's list of students.
        policy: The rules.
        out: Where the files go.

    Returns:
        The files that were written, and the students whom the roster does not have or has twice.

    Raises:
        ValueError: Where nobody of the grades is on the roster.
    """
    read = read_grades(grades)
    assignments = {s.assignment: s.of for scores in read.values() for s in scores.values()}
    found, unknown = matched(read_roster(roster), list(read))
    if not found:
        raise ValueError(f"Nobody of {grades.name} is in {roster.name}: are the names written alike?")
    done = {name: settled(name, read[name], assignments, policy) for name in read}
    scores = {name: done[name][0] for name in found}
    files = {"canvas.csv": canvas(found, scores)}
    if any(line.get(column) for line in found.values() for column in MOODLE):
        files["moodle.csv"] = moodle(found, scores)
    files["totals.csv"] = _table(["student", "total"], [[name, f"{total:.2f}"] for name, (_, total) in done.items()])
    files |= {f"reports/{page_name(name)}": report(name, *done[name]) for name in done}
    (out / "reports").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_bytes(text.encode())
    return [out / name for name in files], unknown


def _same(name: str) -> str:
    last, comma, first = name.partition(",")
    return " ".join((f"{first} {last}" if comma else name).casefold().split())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """CSV; a cell that a spreadsheet would take for a formula gets an apostrophe in front of it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerows([head, *([f"'{cell}" if cell[:1] in "=+@\t" and cell else cell for cell in row] for row in rows)])
    return buffer.getvalue()
