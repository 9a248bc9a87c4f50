"""The course folder in nbgrader's own hands: generated, validated, through a local exchange, graded."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import grading_cases as cases
import pytest
from alexgrader.assignment import parse, read_source
from alexgrader.grade_one import grade
from alexgrader.sandbox import Limits
from alexteach.__main__ import main
from repository import ROOT

pytestmark = cases.unix


def api(course: Path, home: Path, student: str = "") -> Any:
    """nbgrader as it starts in a course's folder, with a local exchange; as a student where one is named."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    config.CourseDirectory.root = str(course)
    config.Exchange.root, config.Exchange.cache = str(home / "exchange"), str(home / "cache")
    config.Exchange.assignment_dir = str(home / "student")
    if student:
        config.CourseDirectory.student_id = student
    return NbGraderAPI(config=config)


def done(result: dict) -> None:
    assert result["success"], result.get("log") or result.get("error")


def as_student(made: Any, action: str) -> None:
    """`nbgrader fetch_assignment` or `nbgrader submit`, for which nbgrader has no function."""
    made.coursedir.assignment_id = "layers"
    getattr(made.exchange, action)(coursedir=made.coursedir, authenticator=made.authenticator, parent=made).start()


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which one student handed in the solution and one the release as it came."""
    home = tmp_path_factory.mktemp("nbgrader")
    cases.course(home / "mine")
    folder = home / "course"
    assert main(["nbgrader", "--sources", str(home / "mine" / "source"), "--out", str(folder)]) == 0
    for name in ("exchange", "student", "data"):
        (home / name).mkdir()
    (home / "exchange").chmod(0o777)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))  # alembic's
        patch.setenv("JUPYTER_DATA_DIR", str(home / "data"))
        teacher = api(folder, home)
        done(teacher.generate_assignment("layers"))
        done(teacher.release_assignment("layers"))
        handed_in = home / "student" / "layers" / "layers.ipynb"
        as_student(api(folder, home), "FetchAssignment")
        as_student(api(folder, home, "blank"), "Submit")
        handed_in.write_bytes((folder / "source" / "layers" / "layers.ipynb").read_bytes())
        as_student(api(folder, home, "solution"), "Submit")
        done(teacher.collect("layers"))
        for student in ("blank", "solution"):
            done(teacher.autograde("layers", student))
    return folder


def test_the_release_has_no_solutions_and_no_hidden_tests(course: Path) -> None:
    text = (course / "release" / "layers" / "layers.ipynb").read_text(encoding="utf-8")
    assert "YOUR CODE HERE" in text and "return sum(values)" not in text and "HIDDEN" not in text


def test_nbgrader_gives_the_points_of_our_grader(course: Path) -> None:
    from nbgrader.api import Gradebook

    source = read_source(course / "source" / "layers" / "layers.ipynb")
    tests = {cell.id for cell in source.questions if cell.kind == "test"}
    for student in ("blank", "solution"):
        submitted = course / "submitted" / student / "layers" / "layers.ipynb"
        ours = grade(source, parse(submitted.read_bytes()), Limits(), unsafe=bool(cases.isolation()))
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "alexnet-layer-by-layer") as book:
            grades = book.find_submission_notebook("layers", "layers", student).grades
            theirs = {grade.name: grade.auto_score for grade in grades if grade.name in tests}
            most = sum(grade.max_score for grade in grades)
        assert theirs == {q["id"]: q["points"] for q in ours["questions"] if q["id"] in tests}
        assert (sum(theirs.values()), most) == ({"blank": 0, "solution": 6}[student], 10)


def test_validation_passes_the_solution_and_not_the_release(course: Path) -> None:
    from nbgrader.validator import Validator

    assert "failed" not in Validator().validate(str(course / "source" / "layers" / "layers.ipynb"))
    assert Validator().validate(str(course / "release" / "layers" / "layers.ipynb"))["failed"]


def test_a_second_call_keeps_what_nbgrader_made(course: Path) -> None:
    (course / "source" / "layers" / "layers.ipynb").unlink()
    before = sorted(path for path in course.rglob("*.ipynb"))
    assert main(["nbgrader", "--sources", str(course.parent / "mine" / "source"), "--out", str(course)]) == 0
    assert set(before) < set(course.rglob("*.ipynb"))
    assert (course / "gradebook.db").exists()


def test_every_assignment_of_the_book_is_in_the_course(tmp_path: Path) -> None:
    sources = ROOT / "assignments" / "source"
    if not sources.exists():
        pytest.skip("this copy of the book has no sources of assignments")
    assert main(["nbgrader", "--out", str(tmp_path)]) == 0
    names = sorted(path.stem for path in sources.glob("*/*.ipynb"))
    assert sorted(path.stem for path in tmp_path.rglob("*.ipynb")) == names and len(names) >= 5
    for name in names:
        assert json.loads((tmp_path / "source" / name / f"{name}.ipynb").read_text(encoding="utf-8")) == json.loads(
            (sources / name / f"{name}.ipynb").read_text(encoding="utf-8"))
