"""What runs in Gradescope's container: the submission's notebook in, ``results/results.json`` out.

The grader's ``grade`` does the work, without its sandbox: the container holds one submission and nothing of another
student. The student's code is a process beside the tests and can read them; see teaching/README.md. It needs the
grader and ``alexbook`` alone, since the rest of ``alexteach`` does not travel with it.
"""

import json
import os
import sys
from pathlib import Path

from alexgrader.assignment import Assignment, Cell, InvalidNotebook, load, parse
from alexgrader.grade_one import BY_HAND, HIDDEN, PASSED, grade
from alexgrader.results import write
from alexgrader.sandbox import Limits

# Gradescope ends a run after ten minutes if nothing else is set; the tests take some of them.
LIMITS = Limits(total=420)
ERRORS = 5  # cells that failed, which the student is told of


def notebook(folder: Path) -> Path:
    """The one notebook of a submission.

    Args:
        folder: What the student handed in.

    Returns:
        The notebook's path; folders that Jupyter and macOS make are passed over.

    Raises:
        InvalidNotebook: Where there is no notebook, or more than one.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".ipynb" and path.is_file() and not any(
        part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts))
    if not found:
        raise InvalidNotebook("there is no notebook (.ipynb) in the submission")
    if len(found) > 1:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found[:4])
        raise InvalidNotebook(f"the submission has {len(found)} notebooks ({names}); hand in one")
    return found[0]


def tested(assignment: Assignment) -> list[Cell]:
    """The questions that tests decide on, in order; the others are Gradescope's to grade by hand."""
    return [cell for cell in assignment.questions if cell.kind == "test"]


def entry(cell: Cell, number: int, score: float, why: str, passed: bool) -> dict:
    """A question as Gradescope shows it; one with hidden tests is shown when nobody can hand in any more."""
    return {"name": cell.id, "number": str(number), "score": score, "max_score": cell.points, "output": why,
            "output_format": "text", "status": "passed" if passed else "failed",
            "visibility": "after_due_date" if HIDDEN.search(cell.source) else "visible"}


def told(assignment: Assignment, result: dict) -> str:
    """What the student reads at once: which cells failed and what a person grades, and no points."""
    manual = {cell.id: cell.points for cell in assignment.questions if cell.kind == "manual"}
    asked = [q["id"] for q in result["questions"] if q["id"] in manual and q["state"] == BY_HAND]
    blank = [q["id"] for q in result["questions"] if q["id"] in manual and q["state"] != BY_HAND]
    failed = [cell for cell in result["cells"] if cell["error"]]
    lines = [f"{len(tested(assignment))} questions were tested."]
    lines += [f"{cell['id'] or 'A cell of yours'}: {cell['error']}" for cell in failed[:ERRORS]]
    lines += [f"Graded by hand: {', '.join(f'{name} ({manual[name]:g} points)' for name in asked)}."] if asked else []
    lines += [f"Nothing was written: {', '.join(blank)}."] if blank else []
    return "\n".join(lines)


def results(assignment: Assignment, submission: Path, limits: Limits = LIMITS) -> dict:
    """A submission's results.

    Args:
        assignment: Its source.
        submission: The folder with what the student handed in.
        limits: Seconds, memory and disk of the student's code.

    Returns:
        The content of ``results.json``. What cannot be graded gets no points and one sentence.
    """
    try:
        content = parse(notebook(submission).read_bytes())
        if content.assignment not in ("", assignment.name):
            raise InvalidNotebook(f"the notebook is of the assignment {content.assignment}, and this is "
                                  f"{assignment.name}")
        result = grade(assignment, content, limits, unsafe=True)
    except InvalidNotebook as why:
        return nothing(assignment, f"Not graded: {why}.")
    found = {q["id"]: q for q in result["questions"]}
    tests = [entry(cell, number, found[cell.id]["points"], found[cell.id]["why"], found[cell.id]["state"] == PASSED)
             for number, cell in enumerate(tested(assignment), 1)]
    for fault in result["faults"] + result["inside"]:
        print(f"{assignment.name}: {fault}")
    return {"score": sum(test["score"] for test in tests), "output": told(assignment, result), "output_format": "text",
            "visibility": "visible", "stdout_visibility": "hidden", "tests": tests}


def nothing(assignment: Assignment | None, sentence: str) -> dict:
    """The results of what was not graded: no points, and the reason."""
    cells = tested(assignment) if assignment else []
    return {"score": 0.0, "output": sentence, "output_format": "text", "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": [entry(cell, number, 0.0, "Not graded.", False) for number, cell in enumerate(cells, 1)]}


def run(root: Path) -> dict:
    """Grades the submission of a container and writes its results, whatever happens.

    Args:
        root: Gradescope's ``/autograder``, with ``source``, ``submission`` and ``results``.

    Returns:
        What was written.
    """
    assignment = None
    try:
        [assignment] = load(root / "source" / "assignments" / "source").values()
        made = results(assignment, root / "submission")
    except Exception as error:  # a container without results.json tells the student nothing
        made = nothing(assignment, f"The grader failed, which is not your fault; tell your instructor: "
                                   f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    (root / "results").mkdir(parents=True, exist_ok=True)
    write(root / "results" / "results.json", made)
    return made


if __name__ == "__main__":
    written = run(Path(os.environ.get("AUTOGRADER_ROOT", "/autograder")))
    json.dump({"score": written["score"], "tests": len(written["tests"])}, sys.stdout)
