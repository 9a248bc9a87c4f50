"""What the instructor and the students read: grades.csv, a page of feedback for each student, and the summary."""

import hashlib
import html
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .assignment import Assignment
from .grade_one import BY_HAND, FAILED, NOT_RUN, PASSED
from .results import ByHand, guarded, write, write_table

CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STATES = {PASSED: "Right", FAILED: "Not yet", NOT_RUN: "Not reached", BY_HAND: "To be read"}
MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]{1,60})")
STYLE = """
:root { color-scheme: light dark; --text: #1d2329; --muted: #5c6670; --line: #d5dae0; --page: #fff; --box: #f4f6f8;
  --good: #006b50; --bad: #a83e00; --open: #0063a0; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ec; --muted: #a0aab4; --line: #3b444d; --page: #14181c;
  --box: #1f252b; --good: #45c9a0; --bad: #f59a5c; --open: #7cc4f5; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 46rem; color: var(--text); background: var(--page);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
p { margin: .5rem 0; }
.sum { font-size: 1.15rem; }
.note { color: var(--muted); font-size: .92rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: .88rem; color: var(--muted); }
td.points { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; padding-right: 0; }
th.points { text-align: right; padding-right: 0; }
td code { font-size: .9rem; }
.passed { color: var(--good); } .failed, .stopped { color: var(--bad); } .open { color: var(--open); }
.state { white-space: nowrap; font-weight: 600; }
pre { background: var(--box); padding: .75rem .9rem; margin: .5rem 0; overflow-x: auto; border-radius: .35rem;
  font: .86rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre.out { background: none; border-left: 3px solid var(--line); border-radius: 0; padding: .1rem .9rem;
  color: var(--muted); white-space: pre-wrap; max-height: 22rem; overflow-y: auto; }
pre.text { white-space: pre-wrap; font: inherit; }
.cell { margin-top: 1.5rem; }
"""


@dataclass(frozen=True)
class Row:
    """What is known of one file that came in: its result, and each question with points given by hand put in."""

    student: str
    assignment: str
    file: str
    status: str
    questions: tuple[dict, ...] = ()
    cells: tuple[dict, ...] = ()
    unsafe: bool = False
    note: str = ""  # what a person has to look at, though the file is graded

    @property
    def points(self) -> float:
        return sum(q["points"] or 0 for q in self.questions)

    @property
    def of(self) -> float:
        return sum(q["of"] for q in self.questions)

    @property
    def open(self) -> int:
        """How many questions a person still has to grade."""
        return sum(q["points"] is None for q in self.questions)

    @property
    def graded(self) -> bool:
        return bool(self.questions)


def row(result: dict, by_hand: dict[tuple[str, str, str], ByHand]) -> Row:
    """A stored result with the points that were given by hand; those win over a test's."""
    questions = []
    for question in result.get("questions", ()):
        hand = by_hand.get((result["student"], result["assignment"], question["id"]))
        if hand is not None and hand.points is not None:
            state = PASSED if hand.points >= question["of"] else FAILED
            question = {**question, "points": hand.points, "state": state, "why": hand.comment, "hand": True}
        questions.append(question)
    status = result["status"]
    if result.get("stopped"):
        status += f": {result['stopped']}"
    if any(q["points"] is None for q in questions):
        status += f"; {BY_HAND}" if result.get("stopped") else f", {BY_HAND}"
    note = str(result.get("note", ""))
    return Row(result["student"], result["assignment"], result["file"], status, tuple(questions),
               tuple(result.get("cells", ())), bool(result.get("unsafe")), note)


def write_grades(path: Path, rows: Iterable[Row], assignments: dict[str, Assignment]) -> None:
    """grades.csv: a line for each file that came in, a column for each question of the assignments that occur."""
    rows = list(rows)
    used = [assignments[name] for name in dict.fromkeys(r.assignment for r in rows) if name in assignments]
    keys = [(one.name, question.id) for one in used for question in one.questions]
    names = Counter(question for _, question in keys)
    columns = {key: key[1] if names[key[1]] == 1 else "/".join(key) for key in keys}
    lines = []
    for r in rows:
        points = {(r.assignment, q["id"]): q["points"] for q in r.questions}
        total = [_number(r.points), _number(r.of)] if r.graded else ["", ""]
        lines.append([guarded(r.student), r.assignment, *(_number(points.get(key)) for key in columns), *total,
                      guarded("; ".join(filter(None, (r.status, r.note)))), guarded(r.file)])
    write_table(path, ["student", "assignment", *columns.values(), "points", "of", "status", "file"], lines)


def write_feedback(folder: Path, rows: Iterable[Row]) -> None:
    """A page for each student, with all that they handed in."""
    by_student: dict[str, list[Row]] = {}
    for r in rows:
        by_student.setdefault(r.student, []).append(r)
    for student, own in by_student.items():
        write(folder / page_name(student), page(student, own))


def page_name(student: str) -> str:
    """A file name of letters for any student's name; names that differ get files that differ.

    Every name gets the hash: one without it could be chosen to be another's with it.
    """
    letters = re.sub(r"[^\w-]+", "-", student).strip("-")[:60] or "student"
    return f"{letters}-{hashlib.sha256(student.encode('utf-8', 'replace')).hexdigest()[:12]}.html"


def page(student: str, rows: Sequence[Row]) -> str:
    """A student's page: all text from outside is escaped, and the page forbids scripts and anything from elsewhere."""
    title = f"Feedback for {_escaped(student)}"
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{CSP}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
            f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
            + "\n".join(_section(r) for r in rows) + "\n</main>\n</body>\n</html>\n")


def lacking(rows: Iterable[Row]) -> list[str]:
    """The packages that answers import and the grader's environment does not have, with how many files want each."""
    counts: Counter[str] = Counter()
    for r in rows:
        said = " ".join([*(str(cell["error"]) for cell in r.cells), *(str(q["why"]) for q in r.questions)])
        counts.update({name.rstrip(".") for name in MODULE.findall(said)})
    if not counts:
        return []
    names = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:8])
    return [f"Not installed here, and imported by answers: {names}; see \"Packages\" in instructors.md"]


def summary(rows: Sequence[Row], folder: Path, seconds: float, notes: Iterable[str] = (), screen: int = 24) -> str:
    """What there is to know, on one screen: counts, points by assignment, and the files that need a look."""
    lines = []
    for name in dict.fromkeys(r.assignment for r in rows if r.graded):
        of = [r for r in rows if r.graded and r.assignment == name]
        shares = sorted(r.points for r in of)
        middle = (shares[(len(shares) - 1) // 2] + shares[len(shares) // 2]) / 2
        lines.append(f"{name}: {_count(len(of), 'submission')} graded; points {_number(shares[0])} to "
                     f"{_number(shares[-1])} of {_number(of[0].of)}, median {_number(middle)}")
        ids = [q["id"] for q in of[0].questions]
        failed = {i: sum(q["state"] in (FAILED, NOT_RUN) for r in of for q in r.questions if q["id"] == i) for i in ids}
        hardest = sorted((i for i in ids if failed[i]), key=lambda i: failed[i], reverse=True)[:3]
        if hardest:
            lines.append("  most often without points: " + ", ".join(f"{i} ({failed[i]})" for i in hardest))
    by_hand = sum(r.open for r in rows)
    if by_hand:
        lines.append(f"{_count(by_hand, 'answer')} to grade by hand: fill in {folder / 'manual.csv'}, run this again")
    look = [f"  {r.file}: {r.note or r.status}" for r in sorted(rows, key=lambda r: not r.note)
            if r.note or not r.graded or r.status.startswith("stopped")]
    notes = [*lacking(rows), *notes]
    room = max(screen - len(lines) - len(notes) - 5, 3)
    if look:
        lines.append(f"{_count(len(look), 'file')} to look at:")
        lines += [line[:118] for line in look[:room]]
        if len(look) > room:
            lines.append(f"  and {len(look) - room} more, in grades.csv")
    if any(r.unsafe for r in rows):
        notes.append("Graded WITHOUT ISOLATION: the submissions could read and write everything that you can.")
    lines += notes
    lines.append(f"{_count(len(rows), 'file')} in {seconds:.0f} s: {folder / 'grades.csv'} and "
                 f"{folder / 'feedback'}/")
    return "\n".join(lines)


def _section(r: Row) -> str:
    """What a page says of one file."""
    parts = [f"<h2>{_escaped(r.assignment or r.file)}</h2>"]
    if not r.graded:
        return "\n".join([*parts, f'<p class="stopped">{_escaped(r.file)}: {_escaped(r.status)}.</p>'])
    rest = f", and {_count(r.open, 'answer')} still to be read" if r.open else ""
    parts.append(f'<p class="sum"><strong>{_number(r.points)}</strong> of {_number(r.of)} points{rest}</p>')
    parts.append(f'<p class="note">{_escaped(r.file)}</p>')
    if r.status.startswith("stopped"):
        reason = r.status.removesuffix(f"; {BY_HAND}")
        parts.append(f'<p class="stopped">Grading was {_escaped(reason)}. What was right before that counts.</p>')
    lines = "".join(_line(q) for q in r.questions)
    parts.append('<table>\n<thead><tr><th>Question</th><th>Result</th><th class="points">Points</th></tr></thead>\n'
                 f"<tbody>\n{lines}</tbody>\n</table>")
    if r.cells:
        parts.append("<h3>What you handed in</h3>")
        parts += [_cell(cell) for cell in r.cells]
    return "\n".join(parts)


def _line(q: dict) -> str:
    kind = {PASSED: "passed", BY_HAND: "open"}.get(q["state"], "failed")
    state = STATES[q["state"]]
    if q.get("hand"):
        state = "Read"
        kind = "open"
    why = f"<br>{_escaped(q['why'])}" if q["why"] else ""
    points = "–" if q["points"] is None else _number(q["points"])
    return (f'<tr><td><code>{_escaped(q["id"])}</code></td><td><span class="state {kind}">{state}</span>{why}</td>'
            f'<td class="points">{points} / {_number(q["of"])}</td></tr>\n')


def _cell(cell: dict) -> str:
    kind = "" if cell["code"] else ' class="text"'
    label = {"answer": "Answer", "manual": "Answer"}.get(cell["kind"], "Your own cell")
    name = f" <code>{_escaped(cell['id'])}</code>" if cell["id"] and label == "Answer" else ""
    parts = [f'<p class="note cell">{label}{name}</p>', f'<pre tabindex="0"{kind}>{_escaped(cell["source"])}</pre>']
    if cell["output"]:
        parts.append(f'<pre class="out" tabindex="0">{_escaped(cell["output"])}</pre>')
    if cell["error"]:
        parts.append(f'<p class="failed">{_escaped(cell["error"])}</p>')
    return "\n".join(parts)


def _escaped(text: str) -> str:
    return html.escape("".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text))


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 3):g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
