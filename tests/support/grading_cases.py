"""A tiny assignment, submissions to it, and the grading of a folder of them: for test_grading_*.py."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from alexgrader import sandbox
from repository import ROOT

RIGHT = {
    "output-size-answer": "def output_size(side, kernel, stride):\n    return (side - kernel) // stride + 1",
    "total-answer": "def total(values):\n    return sum(values)",
    "side-answer": "side = 55",
    "why": "Because the stride is 4.",
}
TESTS = {
    "output-size": """
import random
assert output_size(7, 3, 2) == 3, "output_size(7, 3, 2) is wrong."
### BEGIN HIDDEN TESTS
for _ in range(5):
    given = random.randint(20, 300), random.randint(1, 11), random.randint(1, 5)
    secret_expected = (given[0] - given[1]) // given[2] + 1
    assert output_size(*given) == secret_expected, "output_size is wrong for other sides."
### END HIDDEN TESTS
""",
    "total": """
### BEGIN HIDDEN TESTS
values = [random.random() for _ in range(9)]
assert abs(total(values) - math.fsum(values)) < 1e-9, "total is not the sum of the values."
### END HIDDEN TESTS
""",
    "side": """
### BEGIN HIDDEN TESTS
assert side == 55, "side is not the side of conv1's output."
### END HIDDEN TESTS
""",
}
POINTS = {"output-size": 2, "total": 3, "side": 1, "why": 4}
FULL = {"output-size": "2", "total": "3", "side": "1", "why": ""}
NONE = {"output-size": "0", "total": "0", "side": "0", "why": ""}


def isolation() -> str:
    """Why nothing can be isolated here, or an empty string."""
    try:
        sandbox.check()
    except sandbox.Unusable as why:
        return str(why)
    return ""


needs_isolation = pytest.mark.skipif(bool(why := isolation()), reason=why or "isolation works")


unix = pytest.mark.skipif(sys.platform == "win32", reason="submissions are graded on Linux and macOS")


def cell(name: str, source: str, kind: str = "code", **marks: object) -> dict:
    """A cell with nbgrader's metadata; a plain one where ``name`` is empty."""
    about = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3, "grade_id": name}
    metadata = {"nbgrader": {**about, **marks}} if name else {}
    made = {"cell_type": kind, "metadata": metadata, "source": source}
    return {**made, "outputs": [], "execution_count": None} if kind == "code" else made


def notebook(cells: list[dict]) -> dict:
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def layers(answers: dict[str, str | None] = RIGHT, tests: dict[str, str | None] = TESTS) -> list[dict]:
    """The assignment's cells with some answers and tests; None leaves a cell out."""
    cells = [cell("setup", "import math", locked=True), cell("", "Text.", "markdown")]
    for question in ("output-size", "total", "side"):
        if (answer := answers.get(f"{question}-answer")) is not None:
            cells.append(cell(f"{question}-answer", answer, solution=True))
        if (test := tests.get(question)) is not None:
            cells.append(cell(question, test, grade=True, locked=True, points=POINTS[question]))
    if answers.get("why") is not None:
        cells.append(cell("why", answers["why"], "markdown", grade=True, solution=True, points=POINTS["why"]))
    return cells


def released() -> dict[str, str]:
    """The tests as students see them: without their hidden parts."""
    return {name: text.split("### BEGIN")[0] for name, text in TESTS.items()}


def submission(**answers: str | None) -> str:
    """A submission as text: right but for the given answers (``output_size="..."`` replaces that question's)."""
    given = {f"{name.replace('_', '-')}-answer" if name != "why" else name: text for name, text in answers.items()}
    return json.dumps(notebook(layers({**RIGHT, **given}, released())))


@dataclass(frozen=True)
class Graded:
    """What a run of the grader left: its exit status, what it printed, and grades.csv's rows by file."""

    status: int
    said: str
    rows: dict[str, dict[str, str]]
    folder: Path

    def points(self, file: str) -> dict[str, str]:
        return {name: self.rows[file][name] for name in POINTS}

    def feedback(self, file: str) -> str:
        from alexgrader.report import page_name

        return (self.folder / "feedback" / page_name(self.rows[file]["student"])).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Course:
    """A folder of an instructor: sources, what came in, and the grades."""

    home: Path

    @property
    def sources(self) -> Path:
        return self.home / "source"

    @property
    def incoming(self) -> Path:
        return self.home / "in"

    def hand_in(self, name: str, content: str | bytes) -> Path:
        path = self.incoming / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "alexgrader", str(self.incoming), "--sources", str(self.sources), *options]

    def grade(self, *options: str, timeout: float = 200) -> Graded:
        """Runs the grader as make does."""
        run = subprocess.run(self.command(*options), env=environment(), capture_output=True, text=True, timeout=timeout,
                             check=False)
        folder = self.incoming.with_name("in-graded")
        rows = {}
        if (folder / "grades.csv").exists():
            with (folder / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
                rows = {row["file"]: row for row in csv.DictReader(file)}
        return Graded(run.returncode, run.stdout + run.stderr, rows, folder)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "grader")}


def sandboxes(total: int) -> list[int]:
    """The processes of sandboxes that were started with a limit of ``total`` seconds for a submission."""
    import psutil

    mark = f'"cpu": {total + 5},'
    return [process.pid for process in psutil.process_iter(["cmdline"]) if mark in str(process.info["cmdline"])]


def course(home: Path) -> Course:
    """A course with the assignment `layers` and nothing handed in."""
    made = Course(home)
    (made.sources / "layers").mkdir(parents=True)
    made.incoming.mkdir()
    (made.sources / "layers" / "layers.ipynb").write_text(json.dumps(notebook(layers())), encoding="utf-8")
    return made
