"""The assignments: solutions earn everything; blanks, typical mistakes and pasted outputs earn nothing.

A copy that keeps the solutions elsewhere has no ``assignments/source``, and nothing of this to test but the tool.

Cells are run here, in one namespace, and not in kernels: nbgrader's own converters make and check the notebooks.
"""

import contextlib
import json
import pickle
import re
import shutil
import symtable
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest
import release as tool
import torch
from assignment_mistakes import KERAS_MISTAKES, LENET_IN_KERAS, LENET_KERAS_MISTAKES, MISTAKES
from repository import ROOT

SOURCES = ROOT / "assignments" / "source"
RELEASE = ROOT / "assignments" / "release"
NAMES = ("convolution-arithmetic", "lenet", "alexnet", "ablation", "photographs")
needs_sources = pytest.mark.skipif(not SOURCES.is_dir(), reason="this copy keeps the assignments' solutions elsewhere")
SETUP = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8").rstrip("\n")


def read(folder: Path, name: str) -> nbformat.NotebookNode:
    return nbformat.read(folder / name / f"{name}.ipynb", as_version=4)


def marks(cell: nbformat.NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def kind(cell: nbformat.NotebookNode) -> str:
    mark = marks(cell)
    if mark.get("grade"):
        return "written" if mark["solution"] else "test"
    return "answer" if mark.get("solution") else "given"


class Work:
    """An assignment's cells, and one namespace in which they run; ``change`` makes other answers of its own."""

    def __init__(self, name: str, change: Callable[[str], str] = str) -> None:
        self.cells = {cell.id: cell for cell in read(SOURCES, name).cells if cell.cell_type == "code"}
        for cell in self.cells.values():
            cell.source = change(cell.source) if kind(cell) == "answer" else cell.source
        self.released = {cell.id: cell.source for cell in read(RELEASE, name).cells}
        self.space: dict = {}
        for id_, cell in self.cells.items():
            if kind(cell) in ("given", "answer") and id_ not in ("setup", "ablation-data"):
                self.run(id_)
        self.earned = {id_: self.earns(id_) for id_ in self.cells if kind(self.cells[id_]) == "test"}

    def run(self, id_: str, source: str | None = None) -> None:
        exec(compile(self.cells[id_].source if source is None else source, id_, "exec"), self.space)

    def earns(self, test: str) -> str:
        """What is wrong with the answers, by this test; nothing where it earns the points."""
        try:
            self.run(test)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def earns_with(self, test: str, change: Callable[[], None]) -> str:
        """The same after a change to the namespace, which is undone."""
        before = dict(self.space)
        try:
            change()
            return self.earns(test)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            self.space.clear()
            self.space.update(before)

    def earns_changed(self, test: str, old: str, new: str) -> str:
        """The same after a change of one answer's text."""
        (answer,) = [id_ for id_, cell in self.cells.items() if kind(cell) == "answer" and old in cell.source]
        changed = self.cells[answer].source.replace(old, new)
        return self.earns_with(test, lambda: self.run(answer, changed))


@pytest.fixture(scope="module")
def works() -> Callable[[str], Work]:
    made: dict[str, Work] = {}

    def work(name: str) -> Work:
        if name not in made:
            made[name] = Work(name)
        return made[name]

    return work


@needs_sources
def test_numbers_of_the_model_answer_on_a_photograph(works) -> None:
    """They are computed with the solutions, and with the last layer shuffled as the answer says."""
    space = works("photographs").space
    card, model, photograph = space["CARD"], space["MODEL"], space["photographs"].load("camera")
    with torch.no_grad():
        logits = model(torch.tensor(card.prepare(photograph).transpose(0, 3, 1, 2)))[0]
    shares, best = logits.softmax(0), logits.argsort(descending=True)[:3].tolist()
    camera = card.classes.index("camera")
    fall = space["occlusion_map"]("camera", best[0], 64, 32)
    weight = model.fc8.weight.detach()
    learned, order = weight.clone(), torch.randperm(weight.numel(), generator=torch.Generator().manual_seed(0))
    try:
        weight.copy_(learned.flatten()[order].reshape(learned.shape))
        shuffled = space["occlusion_map"]("camera", best[0], 64, 32)
    finally:
        weight.copy_(learned)
    assert fall.argmax() == shuffled.argmax()
    row, column = (32 * int(place) for place in np.unravel_index(fall.argmax(), fall.shape))
    [(name, share), *others] = [(card.classes[at], f"{100 * shares[at]:.0f} %") for at in best]
    essay = next(cell.source for cell in read(SOURCES, "photographs").cells if cell.id == "photo-essay")
    said = " ".join(essay.split())
    for words in (f"*{name}* with {share}", " and ".join(f"{other} ({part})" for other, part in others),
                  f"{100 * shares[camera]:.1f} % and rank {int((logits > logits[camera]).sum()) + 1} of {len(logits)}",
                  f"({logits[best[0]]:.1f})", f"{fall.size} positions", f"by {fall.max():.1f}, with",
                  f"row {row} and column {column}", f"At {(fall < 0).sum()} positions", f"up to {-fall.min():.1f}",
                  f"fall is {shuffled.max():.1f}", f"is {np.corrcoef(fall.ravel(), shuffled.ravel())[0, 1]:.2f}"):
        assert words in said, words


QUESTIONS = [(name, cell.id) for name in NAMES if SOURCES.is_dir()
             for cell in read(SOURCES, name).cells if kind(cell) == "test"]


@needs_sources
@pytest.mark.parametrize("name", NAMES)
def test_solutions_earn_everything(works, name: str) -> None:
    assert {test: why for test, why in works(name).earned.items() if why} == {}


@needs_sources
@pytest.mark.parametrize("name", NAMES)
def test_blanks_earn_nothing(works, name: str) -> None:
    work = works(name)
    answers = [id_ for id_ in work.cells if kind(work.cells[id_]) == "answer"]
    before = dict(work.space)
    for id_ in answers:
        for bound in re.findall(r"^(?:def )?(\w+)(?: =|\()", work.cells[id_].source, re.MULTILINE):
            work.space.pop(bound, None)
    try:
        for id_ in answers:
            with contextlib.suppress(NotImplementedError):
                work.run(id_, work.released[id_])
        earned = {test: work.earns(test) for test in work.earned}
    finally:
        work.space.clear()
        work.space.update(before)
    assert all(re.match("NotImplementedError|NameError", why) for why in earned.values()), earned


@needs_sources
def test_every_question_has_mistakes() -> None:
    assert {test for _, test in QUESTIONS} == set(MISTAKES)
    assert all(len(changes) >= 2 for changes in MISTAKES.values())


@needs_sources
@pytest.mark.parametrize(("name", "test", "old", "new"), [
    (name, test, *change) for name, test in QUESTIONS for change in MISTAKES[test]])
def test_mistakes_earn_nothing(works, name: str, test: str, old: str, new: str) -> None:
    why = works(name).earns_changed(test, old, new)
    assert why.startswith(("AssertionError", "Wrong")), why or "it earned the points"


@pytest.fixture(scope="module")
def in_keras() -> Work:
    """Assignment 3 as it is solved by those who choose Keras."""
    return Work("alexnet", lambda source: source.replace('FRAMEWORK = "torch"', 'FRAMEWORK = "keras"'))


@needs_sources
def test_the_solution_in_keras_earns_everything(in_keras: Work) -> None:
    assert in_keras.space["FRAMEWORK"] == "keras"
    assert set(KERAS_MISTAKES) < set(in_keras.earned) and len(in_keras.earned) == 5
    assert {test: why for test, why in in_keras.earned.items() if why} == {}


@needs_sources
@pytest.mark.parametrize(("test", "old", "new"), [
    (test, *change) for test, changes in KERAS_MISTAKES.items() for change in changes])
def test_mistakes_in_keras_earn_nothing(in_keras: Work, test: str, old: str, new: str) -> None:
    why = in_keras.earns_changed(test, old, new)
    assert why.startswith(("AssertionError", "Wrong")), why or "it earned the points"


@needs_sources
@pytest.mark.parametrize(("name", "test"), QUESTIONS)
def test_pasted_outputs_earn_nothing(works, name: str, test: str) -> None:
    """Answers that know what the visible tests ask, and repeat the last of it for all else."""
    work, seen = works(name), {}
    ids = list(work.cells)
    functions = re.findall(r"^def (\w+)", work.cells[ids[ids.index(test) - 1]].source, re.MULTILINE)
    originals = {function: work.space[function] for function in functions}

    def recorder(function: str) -> Callable:
        def call(*args, **kwargs):
            key = function, pickle.dumps((args, kwargs))
            try:
                seen[key] = originals[function](*args, **kwargs)
            except ValueError as error:
                seen[key] = error
                raise
            return seen[key]
        return call

    def player(function: str) -> Callable:
        def call(*args, **kwargs):
            known = [value for (name, _), value in seen.items() if name == function]
            value = seen.get((function, pickle.dumps((args, kwargs))), known[-1] if known else 0.97)
            if isinstance(value, ValueError):
                raise value
            return value
        return call

    def record() -> None:
        work.space.update({function: recorder(function) for function in functions})
        work.run(test, work.released[test])

    assert work.earns_with(test, record) is not None
    why = work.earns_with(test, lambda: work.space.update({function: player(function) for function in functions}))
    assert why, "pasted outputs earned the points"


@needs_sources
def test_a_lenet_in_keras_earns_its_points_and_its_mistakes_do_not(works) -> None:
    work = works("lenet")

    def why(old: str = "", new: str = "") -> str:
        assert old in LENET_IN_KERAS
        return work.earns_with("lenet-train", lambda: exec(LENET_IN_KERAS.replace(old, new), work.space))

    assert why() == ""
    for old, new in LENET_KERAS_MISTAKES:
        assert why(old, new).startswith("AssertionError"), new


def spoiled(value: object, by: float) -> object:
    """The same with ``by`` in the place of each number."""
    if isinstance(value, dict):
        return {key: spoiled(part, by) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(spoiled(part, by) for part in value)
    if isinstance(value, np.ndarray):
        return np.full(value.shape, by)
    return by if isinstance(value, (int, float, np.number)) else value  # a model stays as it is


@needs_sources
@pytest.mark.parametrize("by", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("name", "test"), QUESTIONS)
def test_what_is_no_finite_number_earns_nothing(works, name: str, test: str, by: float) -> None:
    """Right answers to what the visible tests ask; NaN, or infinity, in the place of each number in all others."""
    work, asked = works(name), set()
    ids = list(work.cells)
    functions = re.findall(r"^def (\w+)", work.cells[ids[ids.index(test) - 1]].source, re.MULTILINE)

    def function_that(spoils: bool, original: Callable) -> Callable:
        def call(*args, **kwargs):
            key = pickle.dumps((args, kwargs))
            if not spoils:
                asked.add(key)
            value = original(*args, **kwargs)
            return spoiled(value, by) if spoils and key not in asked else value
        return call

    def replace_all() -> None:
        originals = {function: work.space[function] for function in functions}
        work.space.update({function: function_that(False, originals[function]) for function in functions})
        exec(work.released[test], dict(work.space))
        work.space.update({function: function_that(True, originals[function]) for function in functions})

    why = work.earns_with(test, replace_all)
    assert why.startswith(("AssertionError", "Wrong")), why or "it earned the points"


# --- the notebooks ----------------------------------------------------------------------------------------------------

@needs_sources
def test_release_is_what_the_sources_give(tmp_path: Path) -> None:
    shutil.copytree(SOURCES, tmp_path / "course" / "source")
    tool.release(tmp_path / "course" / "source", tmp_path / "release")
    assert sorted(path.name for path in RELEASE.iterdir()) == sorted(NAMES)
    for name in NAMES:
        made = tmp_path / "release" / name / f"{name}.ipynb"
        assert made.read_bytes() == (RELEASE / name / made.name).read_bytes(), f"{name}: run make release"
    rubrics = tmp_path / "course" / "rubrics.md"  # beside the sources, which may be private
    assert rubrics.read_bytes() == (SOURCES.parent / "rubrics.md").read_bytes()


@needs_sources
@pytest.mark.parametrize("name", NAMES)
def test_the_grader_knows_what_everybody_gets(name: str) -> None:
    """Also with a link and an address in it: on a page of feedback, nothing of it is a cell of the student's."""
    from alexgrader.assignment import parse

    source = parse((SOURCES / name / f"{name}.ipynb").read_bytes())
    given = {cell.given for cell in source.cells if cell.kind == "plain"}
    notebook = json.loads((SOURCES / name / f"{name}.ipynb").read_text(encoding="utf-8"))
    linked = tool.finished(notebook, "https://colab.research.google.com/github/a/b/blob/main/c.ipynb")
    linked = linked.replace('book = \\"git+https://github.com/OWNER/', 'book = \\"git+https://github.com/teacher/')
    assert "github/a/b/" in linked and "github.com/teacher/" in linked
    for text in ((RELEASE / name / f"{name}.ipynb").read_bytes(), linked.encode()):
        assert {cell.given for cell in parse(text).cells if cell.kind == "plain"} == given
    assert parse(linked.replace("Read first", "Read never").encode()).cells[0].given not in given
    release = parse((RELEASE / name / f"{name}.ipynb").read_bytes())
    for there, answered in zip(release.cells, source.cells, strict=True):
        assert there.blank == (there.kind == "manual") and not answered.blank


def test_links_to_colab() -> None:
    link = tool.colab("https://github.com/teacher/book", "assignments/release/lenet/lenet.ipynb")
    assert link == ("https://colab.research.google.com/github/teacher/book/blob/main/"
                    "assignments/release/lenet/lenet.ipynb")
    assert tool.colab("https://github.com/OWNER/book", "a.ipynb") is None
    notebook = {"cells": [{"source": ["# Title\n", "\n", "Text."]}, {"id": "setup", "source": []}]}
    assert f"[Open in Colab]({link})" in tool.finished(notebook, link)


def test_a_folder_without_assignments_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has no assignments: it should have NAME/NAME.ipynb"):
        tool.release(tmp_path, tmp_path / "release")


@needs_sources
@pytest.mark.parametrize("folder", [SOURCES, RELEASE], ids=["source", "release"])
@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_sound(name: str, folder: Path) -> None:
    from nbgrader.preprocessors import CheckCellMetadata

    notebook = read(folder, name)
    nbformat.validate(notebook)
    CheckCellMetadata().preprocess(notebook, {})
    assert notebook.metadata["alexbook"] == {"assignment": name}
    assert set(notebook.metadata) <= {"alexbook", "kernelspec", "language_info", "celltoolbar"}
    assert next(cell.source for cell in notebook.cells if cell.cell_type == "code") == SETUP
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"nbgrader", *(("deletable", "editable") if folder == RELEASE else ())}
        assert not cell.get("outputs") and cell.get("execution_count") is None
        for line in cell.source.splitlines():
            assert len(line) <= 79 or "](http" in line or cell.id == "setup", (cell.id, line)
    if folder == RELEASE:
        assert "SOLUTION" not in str(notebook) and "HIDDEN" not in str(notebook)


@needs_sources
@pytest.mark.parametrize("name", NAMES)
def test_release_gives_nothing_away(name: str) -> None:
    released = {cell.id: cell.source for cell in read(RELEASE, name).cells}
    for cell in read(SOURCES, name).cells:
        regions = re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", cell.source, re.DOTALL)
        for region in regions:
            assert region.strip() not in released[cell.id]
        if kind(cell) in ("answer", "written"):
            assert re.search("YOUR (CODE|ANSWER) HERE", released[cell.id])
            assert regions or cell.source not in released[cell.id]
        if kind(cell) == "test":
            assert regions, f"{cell.id} tests nothing that students do not see"


def listed(text: str) -> list[int]:
    """"1, 7 and 8" or "2 to 6" as numbers."""
    first, to, last = text.partition(" to ")
    return list(range(int(first), int(last) + 1)) if to else [int(n) for n in re.findall(r"\d+", text)]


@needs_sources
@pytest.mark.parametrize("folder", [SOURCES, RELEASE], ids=["source", "release"])
@pytest.mark.parametrize("name", NAMES)
def test_points_are_those_that_the_text_states(name: str, folder: Path) -> None:
    cells = read(folder, name).cells
    stated = [int(n) for cell in cells for n in re.findall(r"^## \d+\. .* \((\d+) points?", cell.source, re.MULTILINE)]
    graded = [cell for cell in cells if marks(cell).get("grade")]
    assert stated == [marks(cell)["points"] for cell in graded]
    table = re.findall(r"^\| \d+ .* \| (\d+) \| by (\w+) \|$", cells[0].source, re.MULTILINE)
    by = {"test": "tests", "written": "hand"}
    assert table == [(str(marks(cell)["points"]), by[kind(cell)]) for cell in graded]
    opening = " ".join(cells[0].source.split())
    assert int(re.search(r"\*\*Points\*\*: (\d+)\.", opening)[1]) == sum(stated)
    assert re.search(r"\*\*Time\*\*: about \d+ minutes\.", opening)
    for what in ("tests", "hand"):
        numbers = [n for n, (_, how) in enumerate(table, start=1) if how == what]
        points = sum(int(points) for points, how in table if how == what)
        said = re.search(rf"Questions? ([\d, andto]+) \((\d+) points\) (?:is|are) graded by {what}", opening)
        assert (listed(said[1]), int(said[2])) == (numbers, points)
    for cell in cells:
        if "**Rubric**" in cell.source:
            points = re.findall(r"^\| (\d+) \|", cell.source.partition("**Rubric**")[2], re.MULTILINE)
            assert sum(map(int, points)) == int(re.search(r"\((\d+) points", cell.source)[1])


@needs_sources
@pytest.mark.parametrize("name", NAMES)
def test_no_test_binds_a_name_of_an_answer(name: str) -> None:
    """In nbgrader they share one namespace: a later question would meet the test's value instead of the answer."""
    bound: dict[str, set[str]] = {"answer": set(), "test": set()}
    for cell in read(SOURCES, name).cells:
        if kind(cell) in bound and cell.cell_type == "code":
            names = symtable.symtable(cell.source, cell.id, "exec").get_symbols()
            bound[kind(cell)] |= {name.get_name() for name in names if name.is_assigned() and not name.is_imported()}
    assert bound["answer"] & bound["test"] == set()


@needs_sources
def test_ids_differ_between_assignments() -> None:
    ids = [marks(cell)["grade_id"] for name in NAMES for cell in read(SOURCES, name).cells if marks(cell)]
    assert len(ids) == len(set(ids))
