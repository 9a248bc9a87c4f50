"""What comes in: files as they come, whose they are, and what cannot be graded, each by its name."""

import io
import json
import os
import stat
import struct
import zipfile
from pathlib import Path

import grading_cases as cases
import pytest
from grading import assignment, submissions
from grading_cases import cell, notebook, submission

pytestmark = cases.unix
LIMIT = assignment.NOTEBOOK


@pytest.fixture
def course(tmp_path: Path) -> cases.Course:
    return cases.course(tmp_path)


def found(course: cases.Course, only: str = "") -> dict[str, submissions.Submission]:
    store = course.home / "store"
    store.mkdir(exist_ok=True)
    return {one.name: one for one in submissions.find(course.incoming, store, assignment.load(course.sources), only)}


def archive(members: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(("name", "student", "number"), [
    ("doe.ipynb", "doe", ""),
    ("Müller-Lüdenscheidt.ipynb", "Müller-Lüdenscheidt", ""),
    ("doe_layers.ipynb", "doe", ""),
    ("layers - Jane Doe (2).ipynb", "Jane Doe", ""),
    ("Jane Doe_layers.docx", "Jane Doe", ""),
    ("doe/layers.ipynb", "doe", ""),
    ("doe/layers/layers.ipynb", "doe", ""),
    ("doe/my work.ipynb", "doe", ""),
    ("Jane Doe_12345_assignsubmission_file_/layers.ipynb", "Jane Doe", "12345"),
    ("Jane Doe_12345_assignsubmission_file_layers.ipynb", "Jane Doe", "12345"),
    ("Jane Doe_12345_assignsubmission_file_/hw.zip/a/layers.ipynb", "Jane Doe", "12345"),
    ("doejane_123_456_layers.ipynb", "doejane", "123"),
    ("doejane_LATE_123_456_layers-1.ipynb", "doejane", "123"),
    ("submissions.zip/doejane_123_456_layers.ipynb", "doejane", "123"),
    ("doe.zip/layers.ipynb", "doe", ""),
])
def test_students_are_read_from_names(course: cases.Course, name: str, student: str, number: str) -> None:
    assert submissions.whose(name, assignment.load(course.sources)) == (student, number)


def test_exports_and_single_files_together(course: cases.Course) -> None:
    course.hand_in("abel.ipynb", submission())
    course.hand_in("moodle.zip", archive({
        "Bo Li_77_assignsubmission_file_/layers.ipynb": submission(why="1"),
        "Bo Li_78_assignsubmission_file_/layers.ipynb": submission(why="2"),
        "Cy Ng_79_assignsubmission_file_/work.zip": archive({"work/layers.ipynb": submission(why="3"),
                                                             "work/notes.txt": "x"}),
        "__MACOSX/._layers.ipynb": "x",
    }))
    course.hand_in("canvas.zip", archive({"diaz_5_6_layers.ipynb": submission(why="4"), "eco_7_8_a.pdf": "%PDF"}))
    course.hand_in(".DS_Store", b"x")
    course.hand_in("many.zip", archive({"fox.ipynb": submission(why="5"), "gil.ipynb": submission(why="6")}))
    graded = {one.student for one in found(course).values() if not one.problem}
    assert graded == {"abel", "Bo Li (77)", "Bo Li (78)", "Cy Ng", "diaz", "fox", "gil"}
    rest = {name: one.problem for name, one in found(course).items() if one.problem}
    names = ["canvas.zip/eco_7_8_a.pdf", "moodle.zip/Cy Ng_79_assignsubmission_file_/work.zip/work/notes.txt"]
    assert rest == dict.fromkeys(names, "it is not a notebook (.ipynb)")


def test_broken_files_are_named_and_stop_nobody(course: cases.Course) -> None:
    expected = {
        "empty.ipynb": (b"", "empty"),
        "blank.ipynb": (b"  \n", "empty"),
        "cut.ipynb": (submission()[:500], "not JSON"),
        "binary.ipynb": (os.urandom(1000), "not JSON"),
        "deep.ipynb": (b"[" * 1_000_000, "not JSON"),
        "list.ipynb": ("[1, 2]", "no cells"),
        "strange.ipynb": ('{"cells": 3, "nbformat": 4}', "no cells"),
        "old.ipynb": ('{"cells": [], "nbformat": 3}', "format 4"),
        "many.ipynb": (json.dumps(notebook([cell("", "1")] * 2001)), "2,000 cells"),
        "other.ipynb": (json.dumps(notebook([cell("", "1")])), "names none"),
        "report.docx": (b"PK", "not a notebook"),
        "broken.zip": (archive({"a.ipynb": submission()})[:-30], "broken"),
        "nothing.zip": (archive({}), "empty"),
    }
    course.hand_in("honest.ipynb", submission())
    for name, (content, _) in expected.items():
        course.hand_in(name, content)
    (course.incoming / "folder.ipynb").mkdir()
    (course.incoming / "link.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(course.incoming / "pipe.ipynb")
    everything = found(course)
    for name, (_, reason) in expected.items():
        assert reason in everything[name].problem, name
    assert "link" in everything["link.ipynb"].problem and "regular" in everything["pipe.ipynb"].problem
    assert not everything["honest.ipynb"].problem
    assert len(everything) == len(expected) + 3


def test_cells_of_any_shape_are_read() -> None:
    odd = {"nbformat": 4, "metadata": [], "cells": [
        None, 3, {}, {"cell_type": "code"}, {"cell_type": "code", "source": ["a", 3, "b"]}, {"source": {"x": 1}},
        {"cell_type": "code", "source": "1", "metadata": {"nbgrader": {"grade_id": ["x"], "points": "many"}}},
        {"cell_type": "code", "source": "1", "metadata": {"nbgrader": {"grade_id": "x", "solution": True,
                                                                         "points": float("nan")}}},
    ]}
    cells = assignment.parse(json.dumps(odd).encode()).cells
    assert [c.source for c in cells[3:]] == ["", "ab", "", "1", "1"]
    assert cells[-1].kind == "answer" and cells[-1].points == 0


def test_a_notebook_of_200_mb_is_refused_by_its_size(course: cases.Course) -> None:
    path = course.hand_in("huge.ipynb", b"")
    os.truncate(path, 200_000_000)
    course.hand_in("huge.zip", archive({"a.ipynb": bytes(200_000_000), "b.ipynb": submission()}))
    everything = found(course)
    assert "200 MB, more than the 20 MB" in everything["huge.ipynb"].problem
    assert "200 MB, more than the 20 MB" in everything["huge.zip/a.ipynb"].problem
    assert not everything["huge.zip/b.ipynb"].problem


def lying(size: int) -> bytes:
    """An archive whose member is larger than its directory says."""
    made = bytearray(archive({"a.ipynb": bytes(30_000_000)}))
    central = made.rindex(b"PK\x01\x02")
    struct.pack_into("<I", made, central + 24, size)
    return bytes(made)


def test_archives_that_are_made_to_harm(course: cases.Course, monkeypatch: pytest.MonkeyPatch) -> None:
    course.hand_in("lying.zip", lying(100))
    paths = ["../../planted.ipynb", "/tmp/planted.ipynb", "C:\\planted.ipynb", "a/../../b.ipynb", "good.ipynb"]
    course.hand_in("paths.zip", archive(dict.fromkeys(paths, submission())))
    link = zipfile.ZipInfo("link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(link, "/etc/passwd")
    course.hand_in("link.zip", out.getvalue())
    inner = archive({"x.ipynb": submission()})
    for _ in range(4):
        inner = archive({"x.zip": inner})
    course.hand_in("matryoshka.zip", inner)
    bomb = archive({f"{j}.ipynb": bytes(LIMIT) for j in range(3)})
    course.hand_in("bomb.zip", archive({f"{i}.zip": bomb for i in range(4)}))
    monkeypatch.setattr(submissions, "UNPACKED", 5 * LIMIT)
    everything = found(course)
    problems = {name: one.problem for name, one in everything.items()}
    assert problems.pop("paths.zip/good.ipynb") == ""
    assert all(problems.values()), problems
    assert sum("leads out" in problem for problem in problems.values()) == 4
    assert "not followed" in problems["link.zip/link.ipynb"]
    assert any("in an archive in an archive" in problem for problem in problems.values())
    assert sum("unpacks to more than 100 MB" in problem for problem in problems.values()) >= 3
    assert {path.name for path in course.home.iterdir()} == {"source", "in", "store"}
    assert [len(list((course.home / "store").iterdir()))] == [1], "only the good notebook was kept"


def test_of_several_files_of_a_student_the_newest_is_graded(course: cases.Course) -> None:
    for name, content, age in [("doe.ipynb", submission(why="old"), 300), ("doe (1).ipynb", submission(why="new"), 100),
                               ("layers-doe.ipynb", submission(why="new"), 200)]:
        path = course.hand_in(name, content)
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    problems = {name: one.problem for name, one in found(course).items()}
    assert problems == {"doe (1).ipynb": "", "doe.ipynb": "not graded: older than doe (1).ipynb",
                        "layers-doe.ipynb": "not graded: the same as doe (1).ipynb"}


def test_the_assignment_is_read_from_the_cells_and_then_from_the_name(course: cases.Course) -> None:
    (course.sources / "pooling").mkdir()
    text = json.dumps(notebook([cell("pool", "p = 1", solution=True)]))
    (course.sources / "pooling" / "pooling.ipynb").write_text(text)
    stripped = json.dumps(notebook([cell("", "p = 1")]))
    named = json.dumps({**notebook([cell("", "p = 2")]), "metadata": {"alexbook": {"assignment": "pooling"}}})
    course.hand_in("a.ipynb", submission())
    course.hand_in("b-layers.ipynb", text)
    course.hand_in("c-pooling.ipynb", stripped)
    course.hand_in("d.ipynb", named)
    course.hand_in("e.ipynb", stripped)
    assignments = {name: one.assignment for name, one in found(course).items()}
    assert assignments == {"a.ipynb": "layers", "b-layers.ipynb": "pooling", "c-pooling.ipynb": "pooling",
                           "d.ipynb": "pooling", "e.ipynb": ""}
    assert all(one.assignment == "layers" for one in found(course, "layers").values())


def test_cells_are_put_into_the_sources_order() -> None:
    source = assignment.parse(json.dumps(notebook(cases.layers())).encode())
    cells = cases.layers(tests=cases.released())
    by_id = {c["metadata"]["nbgrader"]["grade_id"]: c for c in cells if c["metadata"]}
    mine = [cell("", "before = 1"), by_id["total-answer"], cell("", "after_total = 1"), by_id["output-size-answer"],
            {**by_id["output-size"], "source": "pass"}, cell("", "after_size = 1"), by_id["total-answer"]]
    steps = assignment.plan(source, assignment.parse(json.dumps(notebook(mine)).encode()))
    ran = []
    for step in steps:
        name = step.source.id if step.source else ""
        own = step.own.source.split("\n")[0] if step.own and step.source.kind in ("answer", "manual") else ""
        ran.append((name, own, [extra.source.split("\n")[0] for extra in step.extra]))
    assert ran == [
        ("", "", ["before = 1"]),
        ("setup", "", []),
        ("output-size-answer", "def output_size(side, kernel, stride):", []),
        ("output-size", "", ["after_size = 1", "def total(values):"]),
        ("total-answer", "def total(values):", ["after_total = 1"]),
        ("total", "", []),
        ("side-answer", "", []),
        ("side", "", []),
        ("why", "", []),
    ]
    assert [step.source.id for step in steps if step.missing] == ["side-answer", "why"]


@pytest.mark.parametrize(("source", "names"), [
    ("def f(a):\n    b = a\n    return [c for c in b]", ["f"]),
    ("x, (y, *z) = 1, (2, 3)\nfor i in x: w = i\nwith a as k: pass", ["x", "y", "z", "i", "w", "k"]),
    ("import numpy as np\nfrom a import b\nclass C:\n    d = 1\ne: int = 1\nf += 1", ["C", "e", "f"]),
    ("%matplotlib inline\n!ls\nx = 1", ["x"]),
    ("x = = 1", []), ("x = \x00", []),
])
def test_names_that_a_cell_binds(source: str, names: list[str]) -> None:
    assert list(assignment.bound(source)) == names
