"""What comes in: files as they come, whose they are, and what cannot be graded, each by its name."""

import io
import json
import os
import shlex
import shutil
import stat
import struct
import subprocess
import time
import zipfile
from pathlib import Path

import grading_cases as cases
import pytest
from alexgrader import __main__ as main
from alexgrader import assignment, submissions
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
    owner, = submissions.owners([name], assignment.load(course.sources))
    assert (owner.student, owner.id) == (student, number)


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
    course.hand_in("late/hal.ipynb", submission(why="7"))
    graded = {one.student for one in found(course).values() if not one.problem}
    assert graded == {"abel", "Bo Li (77)", "Bo Li (78)", "Cy Ng", "diaz", "many", "hal"}
    rest = {name: one.problem for name, one in found(course).items() if one.problem}
    assert "which one counts?" in rest.pop("many.zip/fox.ipynb"), "an archive beside others is one student's"
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
        "older.ipynb": ('{"worksheets": [{"cells": []}], "nbformat": 3}', "format 4; open it"),
        "many.ipynb": (json.dumps(notebook([cell("", "1")] * 2001)), "2,000 cells"),
        "other.ipynb": (json.dumps(notebook([cell("", "1")])), "names none; ASSIGNMENT=name"),
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
    assert "200 MB, more than the 20 MB that are read; clear the outputs" in everything["huge.ipynb"].problem
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


LAYOUTS = {  # how files come in, and the students
    "a zip for each, with a folder in it": (["jane.zip/hw1/layers.ipynb", "rick.zip/hw1/layers.ipynb"], "jane rick"),
    "folders in the zip": (["jane.zip/Desktop/hw1/a.ipynb", "rick.zip/Desktop/hw1/a.ipynb"], "jane rick"),
    "one zip of zips": (["all.zip/jane.zip/hw1/a.ipynb", "all.zip/rick.zip/rick/a.ipynb"], "jane rick"),
    "one zip of folders": (["w3.zip/w3/jane/a.ipynb", "w3.zip/w3/rick/final/a.ipynb"], "jane rick"),
    "folders in folders": (["jane/hw1/final/x.ipynb", "rick/x.ipynb"], "jane rick"),
    "a classmate's name inside": (["alice.zip/bob/layers.ipynb", "bob.ipynb"], "alice bob"),
    "a classmate's name and number inside": (
        ["alice.zip/bob_9_assignsubmission_file_/layers.ipynb", "bob_9_assignsubmission_file_/x.ipynb"], "alice bob"),
    "one file alone": (["jane.zip/hw1/layers.ipynb"], "jane"),
    "Classroom": (["conv-jane/assignments/release/layers/layers.ipynb",
                   "conv-rick/assignments/release/layers/layers.ipynb"], "conv-jane conv-rick"),
    "nbgrader": (["submitted/jane/layers/layers.ipynb", "submitted/rick/layers/layers.ipynb"], "jane rick"),
    "by assignment": (["layers/jane.ipynb", "hw 2/rick.ipynb"], "jane rick"),
    "late ones apart": (["jane.ipynb", "late/rick.ipynb"], "jane rick"),
    "dates": (["hw1_2026_10_03_jane.ipynb", "rick_2026-10-03.zip/a.ipynb"], "jane rick"),
    "Sakai": (["HW/jane(j1)/Submission attachment(s)/x.ipynb", "HW/rick(r1)/Submission attachment(s)/x.ipynb"],
              "jane rick"),
    "Blackboard": (["gradebook_1.zip/Assignment 1_jane_attempt_2026-10-03-12-00-00_x.ipynb",
                    "gradebook_1.zip/Assignment 1_rick_attempt_2026-10-03-12-00-00_x.ipynb"], "jane rick"),
    "Brightspace": (["12-34 - jane - Oct 3, 2026 1205 PM - x.ipynb", "13-34 - rick - 3 October, 2026 1205/x.ipynb"],
                    "jane rick"),
    "Canvas beside Moodle": (["c.zip/jane_1_2_x.ipynb", "c.zip/rick_3_4_x.ipynb",
                              "m.zip/mia_5_assignsubmission_file_/x.ipynb",
                              "m.zip/noa_6_assignsubmission_file_/x.ipynb"], "jane rick mia noa"),
    "Unicode's normal forms": (["Zo\u00eb/x.ipynb", "Zoe\u0308 (1).ipynb"], "Zo\u00eb Zo\u00eb"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_outermost_name_that_differs_is_the_student(course: cases.Course, layout: str) -> None:
    names, students = LAYOUTS[layout]
    found = submissions.owners(names, assignment.load(course.sources))
    assert [one.student for one in found] == students.split()


def dated(name: str, year: int, content: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


@pytest.mark.parametrize("names", [
    ("alice.zip", "bob/layers.ipynb", "bob.ipynb"),
    ("alice.zip", "bobbrown_99_assignsubmission_file_/layers.ipynb", "bobbrown_99_7_layers.ipynb"),
    ("hw1.zip", "bob.ipynb", "bob.ipynb"),
    ("hw1.zip", "bob_99_7_layers.ipynb", "bob_99_7_layers.ipynb"),
])
def test_nobody_replaces_a_classmates_work(course: cases.Course, names: tuple[str, str, str]) -> None:
    outer, inner, honest = names
    course.hand_in(outer, dated(inner, 2099, submission(why="mine")))
    course.hand_in(honest, submission(why="bob's"))
    everything = found(course)
    assert not any(one.problem for one in everything.values())
    assert everything[honest].student == honest.partition(".")[0].partition("_")[0]
    assert len({one.student for one in everything.values()}) == 2
    if outer == "hw1.zip":  # which is nobody's name: a person has to look
        assert all("are they?" in one.note for one in everything.values())


def test_a_date_in_the_future_does_not_win_and_equal_dates_are_said(course: cases.Course) -> None:
    course.hand_in("doe.ipynb", submission(why="honest"))
    course.hand_in("doe.zip", dated("x.ipynb", 2099, submission(why="forged")))
    for name in ("eve (2).ipynb", "eve (10).ipynb"):
        os.utime(course.hand_in(name, submission(why=name)), (1e9, 1e9))
    everything = found(course)
    assert "date is in the future; doe.ipynb is graded" in everything["doe.zip/x.ipynb"].problem
    assert "dates do not say" in everything["doe.ipynb"].note and not everything["doe.ipynb"].problem
    assert "as old as eve (10).ipynb" in everything["eve (2).ipynb"].problem
    assert "dates do not say" in everything["eve (10).ipynb"].note


def test_two_students_of_one_name_stay_two(course: cases.Course) -> None:
    for section in "AB":
        course.hand_in(f"section {section}/jane/x.ipynb", submission(why=section))
    everything = found(course)
    assert {one.student for one in everything.values()} == {"jane (section A)", "jane (section B)"}
    assert all("are they?" in one.note and not one.problem for one in everything.values())


def test_attempts_of_a_platform_are_ordered_by_their_dates(course: cases.Course) -> None:
    for day, why in (("02", "old"), ("11", "new"), ("03", "middle")):
        path = course.hand_in(f"A 1_jane_attempt_2025-10-{day}-12-00-00_x.ipynb", submission(why=why))
        os.utime(path, (1e9, 1e9))
    graded, = (name for name, one in found(course).items() if not one.problem)
    assert "10-11" in graded


def test_long_names_take_no_time(course: cases.Course) -> None:
    fills = (" ", "-", "_", "(1)", "2026-", "a_1_2_", " copy", "layers ", "- ")
    odd = [(fill * 60_000)[:60_000] + ".ipynb" for fill in fills]
    course.hand_in("odd.zip", archive(dict.fromkeys(odd, "x") | {"doe.ipynb": submission()}))
    start = time.perf_counter()
    everything = found(course)
    assert time.perf_counter() - start < 2
    assert all(len(name) <= 300 for name in everything)


def test_a_zip_of_everything_is_taken_as_it_is(course: cases.Course) -> None:
    path = course.home / "week 3.zip"
    path.write_bytes(archive({f"{name}.zip": archive({"hw1/x.ipynb": submission(why=name)}) for name in "ab"}))
    store = course.home / "store"
    store.mkdir()
    assert [one.student for one in submissions.find(path, store, assignment.load(course.sources))] == ["a", "b"]


@pytest.mark.parametrize(("path", "reason"), [
    (None, "name the folder"), (Path("~nobody-here/x"), "home folder of a user"),
    (Path("gone"), "nothing of that name"), (Path(__file__), "not a folder and not a zip"),
])
def test_a_wrong_path_is_said(path: Path | None, reason: str) -> None:
    with pytest.raises(assignment.InvalidNotebook, match=reason):
        main.came_in(path)


def test_the_home_folder_is_known_without_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main.came_in(Path("~")) == tmp_path


@pytest.mark.parametrize("path", ["a$b", "it's", "~/x y", 'a`id`"', "a$(HOME)"])
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_hands_a_path_on_as_it_is(path: str) -> None:
    said = subprocess.run(["make", "-n", "-o", ".venv/ready", "grade", f"SUBMISSIONS={path}"], cwd=cases.ROOT,
                          capture_output=True, text=True, check=True).stdout
    line = said[said.index("PYTHONPATH=grader"):].replace("\\\n", " ")
    assert shlex.split(line)[4] == path


@pytest.mark.parametrize(("source", "names"), [
    ("def f(a):\n    b = a\n    return [c for c in b]", ["f"]),
    ("x, (y, *z) = 1, (2, 3)\nfor i in x: w = i\nwith a as k: pass", ["x", "y", "z", "i", "w", "k"]),
    ("import numpy as np\nfrom a import b\nclass C:\n    d = 1\ne: int = 1\nf += 1", ["C", "e", "f"]),
    ("%matplotlib inline\n!ls\nx = 1", ["x"]),
    ("x = = 1", []), ("x = \x00", []),
])
def test_names_that_a_cell_binds(source: str, names: list[str]) -> None:
    assert list(assignment.bound(source)) == names
