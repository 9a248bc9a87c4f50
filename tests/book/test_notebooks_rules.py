"""Every chapter keeps the rules, and every rule objects to a notebook that breaks it."""

import copy
from itertools import pairwise
from pathlib import Path

import nbformat
import notebook_rules as rules
import pytest
from alexbook_site.chapters import GOALS_TAG, goals_cell
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from repository import CHAPTERS

ABOUT = {"minutes": 5, "run_minutes": 1, "hardware": "nothing",
         "goals": [{"goal": "ask", "shown_by": ["exercise-1"]}, {"goal": "say", "shown_by": ["check-yourself"]}]}
HERE = rules.ROOT / "chapters" / "00-example-keras.ipynb"


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_keeps_rule(path: Path, rule) -> None:
    assert list(rule(nbformat.read(path, as_version=4), path)) == []


def good() -> nbformat.NotebookNode:
    """A small notebook that keeps every rule; each test below spoils it in one place."""
    picture = new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})
    cells = [
        new_markdown_cell("# Title\n\nWhat is asked here?"),
        new_markdown_cell(goals_cell(ABOUT), metadata={"tags": [GOALS_TAG]}),
        new_code_cell(rules.SETUP, execution_count=1),
        new_code_cell("print(1)", execution_count=2, outputs=[new_output("stream", name="stdout", text="1\n")]),
        new_code_cell("plot()", execution_count=3, outputs=[picture],
                      metadata={"mystnb": {"image": {"alt": "A line that rises"}}}),
        new_code_cell("time()", execution_count=4, metadata={"tags": [rules.IGNORED]}),
        new_code_cell("assert True", execution_count=5),
        new_markdown_cell("## End\n\n[back](../README.md)\n\n<details><summary>Why</summary>\n\nSo.\n\n</details>"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={
        "alexbook": copy.deepcopy(ABOUT), "kernelspec": kernel, "language_info": {"name": "python"}})


def cell(number: int, **changes):
    def spoil(notebook):
        notebook.cells[number].update(changes)
    return spoil


def out(number: int, output):
    def spoil(notebook):
        notebook.cells[number].outputs.append(output)
    return spoil


def stream(text: str, name: str = "stdout"):
    return new_output("stream", name=name, text=text)


SPOILED = [
    (rules.opening, cell(0, source="Hello")),
    (rules.opening, cell(0, source="# Title only")),
    (rules.opening, cell(7, source="# Another title")),
    (rules.setup, cell(2, source="import alexbook")),
    (rules.executed, cell(4, execution_count=7)),
    (rules.executed, cell(3, execution_count=None)),
    (rules.executed, cell(6, source="")),
    (rules.outputs, out(3, stream("noise", "stderr"))),
    (rules.outputs, out(3, stream("/home/me/book"))),
    (rules.outputs, out(3, stream("<object object at 0x7f33a0d2e3c0>"))),
    (rules.outputs, out(3, stream("DeprecationWarning: old"))),
    (rules.outputs, out(3, new_output("error", ename="ValueError", evalue="x", traceback=[]))),
    (rules.alternatives, cell(4, metadata={})),
    (rules.alternatives, out(4, new_output("display_data", {"image/png": "iVBORw0KGgo="}))),
    (rules.alternatives, out(3, new_output("display_data", {"text/html": "<svg><path/></svg>"}))),
    (rules.alternatives, cell(7, source="![](picture.png)")),
    (rules.comparison, cell(3, metadata={"tags": [rules.IGNORED]})),
    (rules.comparison, cell(5, metadata={"tags": ["nbval-skip"]})),
    (rules.comparison, cell(6, source="print('no claim is checked')")),
    (rules.comparison, cell(3, source="# NBVAL_IGNORE_OUTPUT\nprint(1)")),
    (rules.plain_markdown, cell(7, source="```{note}\nHello\n```")),
    (rules.plain_markdown, cell(7, source="See {cite}`lecun1998gradient`.")),
    (rules.plain_markdown, cell(7, source="<details><summary>Why</summary>\n\nSo.")),
    (rules.plain_markdown, cell(7, source="<details><summary>Why</summary>\nSo.\n</details>")),
    (rules.links, cell(7, source="[there](99-nowhere.ipynb)")),
    (rules.lines, cell(3, source="x = " + "1" * 80)),
    (rules.frameworks, cell(3, source="from torch import nn")),
    (rules.metadata, lambda notebook: notebook.metadata.update(widgets={})),
    (rules.metadata, lambda notebook: notebook.metadata.language_info.update(version="3.11.7")),
    (rules.metadata, lambda notebook: notebook.cells[3].update(id=notebook.cells[4].id)),
    (rules.goals, lambda notebook: notebook.metadata.pop("alexbook")),
    (rules.goals, lambda notebook: notebook.metadata.alexbook.update(minutes=0)),
    (rules.goals, lambda notebook: notebook.metadata.alexbook.update(minutes=6)),
    (rules.goals, lambda notebook: notebook.metadata.alexbook.goals[1].pop("shown_by")),
    (rules.goals, cell(1, source="After this chapter you can do anything.")),
    (rules.goals, cell(1, metadata={})),
]


def test_good_notebook_keeps_every_rule() -> None:
    assert [fault for rule in rules.RULES for fault in rule(good(), HERE)] == []


@pytest.mark.parametrize(("rule", "spoil"), SPOILED, ids=[f"{r.__name__}-{n}" for n, (r, _) in enumerate(SPOILED)])
def test_rule_objects(rule, spoil) -> None:
    notebook = copy.deepcopy(good())
    spoil(notebook)
    assert list(rule(notebook, HERE)) != []


def test_every_rule_is_tried() -> None:
    assert {rule for rule, _ in SPOILED} == set(rules.RULES)


def test_most_cells_are_compared() -> None:
    """Over the whole book too, at least four code cells in five are compared strictly."""
    cells = [c for path in CHAPTERS for c in rules.code_cells(nbformat.read(path, as_version=4))]
    ignored = sum(rules.IGNORED in c.metadata.get("tags", []) for c in cells)
    assert ignored <= rules.LARGEST_SHARE_IGNORED * len(cells)


@pytest.mark.parametrize(("path", "following"), list(pairwise(CHAPTERS)), ids=lambda path: path.stem)
def test_a_chapter_ends_with_the_way_to_the_next(path: Path, following: Path) -> None:
    last = nbformat.read(path, as_version=4).cells[-1].source.rstrip().split("\n\n")[-1]
    assert last.startswith("Next: ") and f"]({following.name})" in last, last
