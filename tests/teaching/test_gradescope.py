"""Gradescope's container, simulated: a zip unpacked where its harness does, submissions in, results.json out."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import grading_cases as cases
import pytest
from alexgrader.assignment import parse, read_source
from alexgrader.grade_one import grade
from alexgrader.sandbox import Limits
from alexteach import gradescope
from alexteach.__main__ import main
from grading_cases import POINTS, RIGHT, submission
from repository import ROOT

pytestmark = cases.unix
BY_TESTS = {name: points for name, points in POINTS.items() if name != "why"}
BLANK = json.dumps(cases.notebook(cases.layers(
    {**dict.fromkeys(RIGHT, "# YOUR CODE HERE\nraise NotImplementedError()"), "why": "YOUR ANSWER HERE"},
    cases.released())))
SUBMISSIONS = {
    "solution": submission(), "blank": BLANK, "wrong": submission(total="def total(values):\n    return 0"),
    "fails": submission(side="side = 1 / 0"),
    "deleted": json.dumps(cases.notebook(cases.layers(tests={}))),
}


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("gradescope")
    cases.course(home)
    assert main(["gradescope", "--sources", str(home / "source"), "--out", str(home / "zips")]) == 0
    return home / "zips"


@pytest.fixture(scope="module")
def container(zips: Path) -> Path:
    """Gradescope's folders, with this environment in the place of the one that setup.sh makes."""
    root = zips.parent / "autograder"
    with zipfile.ZipFile(zips / "layers.zip") as package:
        package.extractall(root / "source")
        modes = {name: package.getinfo(name).external_attr >> 16 for name in ("setup.sh", "run_autograder")}
    assert modes == {"setup.sh": 0o100755, "run_autograder": 0o100755}
    shutil.copy(root / "source" / "run_autograder", root)
    (root / "run_autograder").chmod(0o755)
    (root / "venv").symlink_to(sys.prefix)
    return root


def handed_in(root: Path, files: dict[str, str]) -> Path:
    shutil.rmtree(root / "submission", ignore_errors=True)
    shutil.rmtree(root / "results", ignore_errors=True)
    for name, content in files.items():
        path = root / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (root / "submission").mkdir(exist_ok=True)
    return root


def harness(root: Path, files: dict[str, str]) -> dict:
    """What Gradescope does with a submission, and what it reads afterwards."""
    handed_in(root, files)
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    run = subprocess.run([root / "run_autograder"], env={**environment, "AUTOGRADER_ROOT": str(root)}, cwd=root,
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))


def ours(source: Path, text: str) -> dict[str, float]:
    """The points by tests that the grader gives."""
    result = grade(read_source(source), parse(text.encode()), Limits(), unsafe=bool(cases.isolation()))
    tests = {cell.id for cell in read_source(source).questions if cell.kind == "test"}
    return {q["id"]: q["points"] for q in result["questions"] if q["id"] in tests}


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_scores_are_those_of_the_grader(container: Path, name: str) -> None:
    made = harness(container, {"layers.ipynb": SUBMISSIONS[name], ".ipynb_checkpoints/layers.ipynb": "{"})
    scores = {test["name"]: test["score"] for test in made["tests"]}
    assert scores == ours(container / "source" / "assignments" / "source" / "layers" / "layers.ipynb",
                          SUBMISSIONS[name])
    assert {test["name"]: test["max_score"] for test in made["tests"]} == BY_TESTS
    assert made["score"] == sum(scores.values())
    assert [test["number"] for test in made["tests"]] == ["1", "2", "3"]
    for test in made["tests"]:
        assert test["status"] == ("passed" if test["score"] else "failed")
        assert bool(test["output"]) == (test["status"] == "failed")
        assert test["visibility"] == "after_due_date"  # each has hidden tests


def test_the_solution_gets_all_and_the_others_do_not(container: Path) -> None:
    source = container / "source" / "assignments" / "source" / "layers" / "layers.ipynb"
    assert {name: sum(ours(source, SUBMISSIONS[name]).values()) for name in ("solution", "blank", "wrong")} == {
        "solution": 6, "blank": 0, "wrong": 3}


def test_a_student_reads_at_once_which_cells_fail_and_no_points(container: Path) -> None:
    source = container / "source" / "assignments" / "source" / "layers" / "layers.ipynb"
    folder = handed_in(container, {"a.ipynb": SUBMISSIONS["fails"]}) / "submission"
    made = gradescope.results(read_source(source), folder)
    assert made["output"].splitlines() == ["3 questions were tested.",
                                           "side-answer: This cell ends in ZeroDivisionError: division by zero.",
                                           "Graded by hand: why (4 points)."]
    folder = handed_in(container, {"a.ipynb": BLANK}) / "submission"
    assert gradescope.results(read_source(source), folder)["output"].endswith("Nothing was written: why.")


def test_a_question_without_hidden_tests_is_shown_at_once(container: Path) -> None:
    source = container / "source" / "assignments" / "source" / "layers" / "layers.ipynb"
    cells = gradescope.tested(read_source(source))
    assert "HIDDEN" in cells[0].source
    open_cell = parse(json.dumps(cases.notebook([cases.cell("t", "assert x", grade=True, points=1)])).encode()).cells[0]
    assert gradescope.entry(open_cell, 1, 1, "", True)["visibility"] == "visible"


@pytest.mark.parametrize(("files", "sentence"), [
    ({"answer.py": "1"}, "Not graded: there is no notebook (.ipynb) in the submission."),
    ({}, "Not graded: there is no notebook (.ipynb) in the submission."),
    ({"a.ipynb": BLANK, "b/b.ipynb": BLANK}, "Not graded: the submission has 2 notebooks (a.ipynb, b/b.ipynb); "
                                             "hand in one."),
    ({"a.ipynb": "{"}, "Not graded: the file is not a notebook (it is not JSON)."),
    ({"a.ipynb": "[]"}, "Not graded: the file is not a notebook (it has no cells)."),
    ({"a.ipynb": json.dumps({**json.loads(BLANK), "metadata": {"alexbook": {"assignment": "lenet"}}})},
     "Not graded: the notebook is of the assignment lenet, and this is layers."),
])
def test_what_cannot_be_graded_gets_one_sentence(container: Path, files: dict[str, str], sentence: str) -> None:
    gradescope.run(handed_in(container, files))
    made = json.loads((container / "results" / "results.json").read_text(encoding="utf-8"))
    assert (made["output"], made["score"], made["visibility"]) == (sentence, 0, "visible")
    assert {test["name"]: (test["score"], test["max_score"]) for test in made["tests"]} == {
        name: (0, points) for name, points in BY_TESTS.items()}


def test_a_fault_of_the_zip_is_said_to_be_none_of_the_students(tmp_path: Path) -> None:
    made = gradescope.run(handed_in(tmp_path, {"a.ipynb": BLANK}))
    assert made["output"].startswith("The grader failed, which is not your fault; tell your instructor: ")
    assert (made["score"], made["tests"]) == (0, [])


def test_an_assignment_of_the_book_is_graded_in_the_container(container: Path, tmp_path: Path) -> None:
    source = ROOT / "assignments" / "source" / "convolution-arithmetic" / "convolution-arithmetic.ipynb"
    if not source.exists():
        pytest.skip("this copy of the book has no sources of assignments")
    (tmp_path / "source").mkdir()
    for entry in (container / "source").iterdir():
        if entry.name != "assignments":
            (tmp_path / "source" / entry.name).symlink_to(entry)
    (tmp_path / "source" / "assignments" / "source" / source.stem).mkdir(parents=True)
    shutil.copy(source, tmp_path / "source" / "assignments" / "source" / source.stem)
    shutil.copy(container / "run_autograder", tmp_path)
    (tmp_path / "venv").symlink_to(sys.prefix)
    made = harness(tmp_path, {source.name: source.read_text(encoding="utf-8")})
    assert (made["score"], sum(test["max_score"] for test in made["tests"])) == (38, 38)


def test_a_folder_without_assignments_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gradescope", "--sources", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path} has no assignments: it should have NAME/NAME.ipynb for each\n"


def test_the_zip_has_what_is_imported_in_it(container: Path) -> None:
    """All that the grader needs comes from the zip: nothing there leads to this clone."""
    code = ("import alexteach.gradescope, alexgrader, alexbook\n"
            "print(alexteach.__file__, alexgrader.__file__, alexbook.__file__)")
    path = os.pathsep.join(str(container / "source" / part) for part in ("teaching", "grader", "code"))
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": path})
    assert all(line.startswith(str(container / "source")) for line in said.stdout.split())
    listed = (container / "source" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {"ipython", "numpy>=2.0", "torch>=2.11", "keras>=3.13"} <= set(listed)
    assert {path.name for path in (container / "source").iterdir()} == {
        "setup.sh", "run_autograder", "requirements.txt", "requirements", "teaching", "grader", "code", "data", "tools",
        "assignments", "LICENSE", "LICENSE-text"}
