"""One submission, graded: the student's cells in a sandbox, the tests out here, question by question.

The tests are the source's, hidden ones too; none of them ever enters the sandbox. A test's cell sees

- names of its own, of earlier tests, and of the source's locked cells, all run here and from the source;
- for each name that the source's answer cells bind: a proxy of the submission's function, which a call sends data to
  and brings data back from, or a copy of the submission's plain value.

A test passes where its cell ends without an exception. What the student may read is the exception's sentence. Points
that were earned before the submission's process ended stay earned.

    python -m alexgrader.grade_one < job.json     one job: see Job
"""

import contextlib
import ctypes
import dataclasses
import io
import json
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from . import serialization
from .assignment import Assignment, Cell, InvalidNotebook, Notebook, Step, parse, plan, read_source
from .proxies import NotPlainValue, Unreadable, proxy
from .results import write
from .sandbox import Limits, Sandbox, SandboxDied, limited

PASSED, FAILED, BY_HAND, NOT_RUN = "passed", "failed", "to grade by hand", "not run"
HIDDEN = re.compile(r"^\s*### BEGIN HIDDEN TESTS.*?^\s*### END HIDDEN TESTS[^\n]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Job:
    """A notebook to grade against a source, and the file that takes the result."""

    notebook: str
    source: str
    result: str
    about: dict
    limits: Limits
    secret: tuple[str, ...] = ()
    unsafe: bool = False


@dataclass
class Question:
    """What a question came to: ``points`` is None where a person has to say."""

    id: str
    of: float
    points: float | None
    state: str
    why: str = ""


class Grading:
    """The state of one submission's grading; :meth:`questions` does it all."""

    def __init__(self, assignment: Assignment, sandbox: Sandbox) -> None:
        self.assignment, self.sandbox = assignment, sandbox
        self.namespace: dict = {"__name__": "tests"}
        self.unreadable: dict[str, Unreadable] = {}  # names whose values took too long, which are not asked for again
        self.bound: dict[str, tuple[Cell, bool]] = {}  # the answers' names so far: its cell, and if that was deleted
        self.cells: list[dict] = []  # what the student wrote and what it showed, for the feedback
        self.common = {cell.given for cell in assignment.notebook.cells if cell.kind == "plain"}
        self.faults: list[str] = []  # what went wrong in the source's own cells, out here
        self.inside: list[str] = []  # and in the sandbox, where it may be the submission's doing

    def questions(self, submission: Notebook) -> list[Question]:
        """Every question, in order; the submission's process may end on the way."""
        found: list[Question] = []
        before: list[Cell] = []
        for step in plan(self.assignment.notebook, submission):
            if step.source is not None:
                found += self._place(step, step.source, [*before, *step.extra])
            for cell in step.extra:
                self._run(cell)
            before = step.extra
        return found

    def _place(self, step: Step, cell: Cell, around: list[Cell]) -> list[Question]:
        """A ``cell`` of the source, with the student's version of it and the cells ``around`` that."""
        match cell.kind:
            case "given":
                if cell.code:
                    self._given(cell)
                return []
            case "test":
                return [self._tested(cell)]
        if step.own is not None:
            self._run(step.own)
        self.bound.update(dict.fromkeys(cell.names, (cell, step.missing)))
        self.unreadable = {name: value for name, value in self.unreadable.items() if name not in cell.names}
        if cell.kind == "answer":
            return []
        if step.missing and all(map(self._common, around)):
            return [Question(cell.id, cell.points, 0.0, FAILED, "The answer's cell was deleted.")]
        if step.own is not None and step.own.blank and all(map(self._common, around)):
            return [Question(cell.id, cell.points, 0.0, FAILED, "Nothing was written here.")]
        return [Question(cell.id, cell.points, None, BY_HAND)]

    def _common(self, cell: Cell) -> bool:
        """Whether a cell is one that everybody has, or empty."""
        return not cell.source.strip() or cell.given in self.common

    def _run(self, cell: Cell) -> None:
        """One of the student's cells, run where it is code; what became of it is kept for the feedback."""
        if not cell.source.strip():
            return
        kept = {"id": cell.id, "kind": cell.kind, "code": cell.code, "source": cell.source[:20_000], "output": "",
                "error": ""}
        if not self._common(cell):  # what everybody has is run and not shown
            self.cells.append(kept)
        if not cell.code:
            return
        try:
            ran = self.sandbox.run(cell.source)
        except SandboxDied as gone:
            kept["error"] = f"The grader stopped here: {gone}."
            return
        except serialization.NotPlain as what:
            kept["error"] = f"This cell was not run: it is {what}."
            return
        kept["output"] = ran["output"]
        if ran["error"]:
            kept["error"] = _sentence("This cell", ran["error"])

    def _given(self, cell: Cell) -> None:
        """A cell that the instructor gave: the source's text, on both sides."""
        text = HIDDEN.sub("", cell.source)
        with contextlib.suppress(SandboxDied):
            if error := self.sandbox.run(text)["error"]:
                self.inside.append(f"{cell.id}: {_sentence('the given cell', error)}")
        try:
            self._execute(text, f"<{cell.id}>")
        except Exception as error:
            self.faults.append(f"the given cell {cell.id} ends in {type(error).__name__}: {error}"[:300])

    def _tested(self, cell: Cell) -> Question:
        """A test's verdict, and what the student may read of it."""
        before = self.sandbox.gone
        try:
            missing = self._proxies()
            self._execute(cell.source, f"<{cell.id}>")
        except SandboxDied as gone:
            state = NOT_RUN if before else FAILED
            return Question(cell.id, cell.points, 0.0, state, f"The submission was stopped: {gone}.")
        except Exception as error:
            return Question(cell.id, cell.points, 0.0, FAILED,
                            self._because(self._why(error, missing)))
        return Question(cell.id, cell.points, cell.points, PASSED)

    def _proxies(self) -> set[str]:
        """Puts the answers' names into the tests' namespace; returns those that the submission does not have."""
        missing = set()
        for name in self.bound:
            self.namespace.pop(name, None)
            there, value = (True, self.unreadable[name]) if name in self.unreadable else proxy(self.sandbox, name)
            if isinstance(value, Unreadable):
                self.unreadable[name] = value
            if there:
                self.namespace[name] = value
            else:
                missing.add(name)
        return missing

    def _execute(self, source: str, name: str) -> None:
        with limited(2 * self.sandbox.limits.cell), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, name, "exec"), self.namespace)  # the source's own code, never the submission's

    def _why(self, error: Exception, missing: set[str]) -> str:
        """A test's exception as a sentence for the student."""
        if isinstance(error, AssertionError):
            return str(error)[:1000] or "A test of this question did not pass."
        if hasattr(error, "sentence"):
            return f"{error.sentence}."
        if isinstance(error, NotPlainValue):
            return f"{error}."
        if isinstance(error, serialization.Malformed):
            return "An answer could not be read as plain data."
        if isinstance(error, TimeoutError):
            return f"{str(error)[:1].upper()}{str(error)[1:]}."
        if isinstance(error, NameError) and (name := getattr(error, "name", None)) in missing:
            cell, deleted = self.bound[name]
            return (f"{name} is not defined: the answer's cell ({cell.id}) was deleted." if deleted else
                    f"{name} is not defined.")
        return f"The answer could not be tested: {type(error).__name__}: {error}"[:500]

    def _because(self, sentence: str) -> str:
        """A sentence that says that a name is not defined, with how the cell ended that should have defined it."""
        for name in re.findall(r"(\w+)'? is not defined", sentence):
            own = self.bound[name][0].id if name in self.bound else None
            word, failed = re.compile(rf"\b{name}\b"), [cell for cell in self.cells if cell["error"]]
            for cell in [*(cell for cell in failed if cell["id"] == own), *(
                    cell for cell in failed if "ModuleNotFoundError" in cell["error"] and word.search(cell["source"]))]:
                where = f" ({cell['id']})" if cell["id"] else ""
                return f"{sentence} {cell['error'].replace('This cell', f'Its cell{where}', 1)}"
        return sentence


def _sentence(subject: str, error: dict) -> str:
    """An exception inside the sandbox as a sentence."""
    if error["type"] == "TooSlow":
        return f"{subject} {error['text']}."
    return f"{subject} ends in {error['type']}: {error['text']}".rstrip(": .") + "."


def grade(assignment: Assignment, submission: Notebook, limits: Limits, secret: tuple[Path, ...] = (),
          unsafe: bool = False) -> dict:
    """A submission's questions, the cells that were run, and faults of the source, as data for JSON."""
    with Sandbox(limits, secret, unsafe) as sandbox:
        grading = Grading(assignment, sandbox)
        questions = grading.questions(submission)
        return {"questions": [dataclasses.asdict(q) for q in questions], "cells": grading.cells,
                "stopped": sandbox.gone or "", "faults": grading.faults, "inside": grading.inside}


def work(job: Job) -> None:
    """Grades a job and writes its result, whatever happens."""
    assignment = read_source(Path(job.source))
    try:
        submission = parse(Path(job.notebook).read_bytes())
        result = grade(assignment, submission, job.limits, tuple(map(Path, job.secret)), job.unsafe)
        result["status"] = "stopped" if result["stopped"] else "graded"
    except InvalidNotebook as why:
        result = {"status": f"broken: {why}"}
    write(Path(job.result), {**job.about, **result, "unsafe": job.unsafe})


def die_with_parent() -> None:
    """A grader whose parent is killed ends too, and its sandbox with it (Linux)."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


def bound_memory(size: int) -> None:
    """What a submission sends may grow as it is read, but not beyond this (where the system keeps such a limit)."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def main() -> None:
    die_with_parent()
    job = json.load(sys.stdin)
    bound_memory(job["limits"]["memory"])
    work(Job(**{**job, "limits": Limits(**job["limits"]), "secret": tuple(job["secret"])}))


if __name__ == "__main__":
    main()
