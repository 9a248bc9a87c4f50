"""What every check of a chapter is tried on: right answers, typical wrong ones, and nonsense.

A test module for a chapter (``tests/exercises/``) holds its cases, gives each to :func:`assert_case`, and
holds the chapter's exercises against them with :func:`faults`.
"""

import ast
import itertools
import re
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType

import nbformat
import numpy as np
from alexbook.checking import Check
from notebook_rules import ROOT

HEADING = re.compile(r"^\*\*(\d+)\. .+?\*\* \((easy|medium|hard|project), (\d+) (minutes?|hours?)\b.*\)\.",
                     re.MULTILINE)


class EqualToEverything:
    """An answer that says yes to every comparison."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = None
    __repr__ = lambda self: "42"  # noqa: E731


class Hostile:
    """An answer that raises at every touch."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("touched")

    def __repr__(self) -> str:
        raise RuntimeError("shown")


def fails(*arguments: object, **options: object) -> object:
    """A reader's function with an error in it."""
    raise ZeroDivisionError("division by zero")


# What readers leave in a cell by mistake, and what nobody should get points for.
NONSENSE = ("", "nonsense", "42", -1, 0, 10**30, 1.5, float("nan"), float("inf"), True, False, [], [1, 2], {}, {"a": 1},
            set(), object(), int, np.zeros((2, 3)), np.array("x"), np.nan * np.ones(3), EqualToEverything(), Hostile(),
            lambda *a, **k: "x", lambda *a, **k: EqualToEverything(), fails, [EqualToEverything()] * 3, b"42", 1j)


@dataclass(frozen=True)
class Case:
    """A check with the answers it is tried on; each is a tuple, one value for each argument of the check.

    ``wrong`` has pairs: a fragment of the sentence that the reader should see, and the answers that should get it.
    Where a value of NONSENSE is a right answer, ``nonsense`` leaves it out.
    """

    check: Check
    right: tuple[tuple, ...]
    wrong: tuple[tuple[str, tuple], ...]
    nonsense: tuple = field(default=NONSENSE)

    @property
    def name(self) -> str:
        return self.check.__name__


class Spoiler:
    """Puts ``by`` in the place of each number of an answer, and of what a function gives; ``found`` counts them."""

    def __init__(self, by: float) -> None:
        self.by, self.found = by, 0

    def __call__(self, value: object) -> object:
        if isinstance(value, dict):
            return {key: self(part) for key, part in value.items()}
        if type(value) in (list, tuple, set):
            return type(value)(self(part) for part in value)
        if isinstance(value, types.FunctionType):
            return lambda *arguments, **options: self(value(*arguments, **options))
        if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
            self.found += 1
            return np.full(value.shape, self.by)
        if type(value).__name__ == "Tensor" and value.is_floating_point():
            self.found += 1
            return 0 * value + self.by  # as a tensor through which gradients still go
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            self.found += 1
            return self.by
        return value


def assert_case(case: Case) -> None:
    """Right answers pass; wrong ones get their sentence; unanswered is said so; nonsense neither passes nor crashes.

    Neither does NaN or infinity in the place of every number of a right answer, whatever holds it.
    """
    assert len(case.wrong) >= 3, f"{case.name} is tried on {len(case.wrong)} wrong answers; three are asked for"
    arity = len(case.right[0])
    for answers in case.right:
        assert case.check.verdict(*answers).right, (case.name, answers, str(case.check.verdict(*answers)))
    for fragment, answers in case.wrong:
        verdict = case.check.verdict(*answers)
        assert verdict.answered and not verdict.right, (case.name, answers, str(verdict))
        assert fragment in verdict.why, (case.name, answers, str(verdict))
    for place in range(arity):
        answers = tuple(None if place == other else value for other, value in enumerate(case.right[0]))
        assert not case.check.verdict(*answers).answered
    for answers in case.right:
        for place, by in itertools.product(range(arity), (np.nan, np.inf, -np.inf)):
            spoiler = Spoiler(by)
            verdict = case.check.verdict(*(spoiler(value) if place == other else value
                                           for other, value in enumerate(answers)))
            assert not (verdict.right and spoiler.found), (case.name, place, by, answers)
    for value in case.nonsense:
        for place in range(arity):
            answers = tuple(value if place == other else good for other, good in enumerate(case.right[0]))
            verdict = case.check.verdict(*answers)
            assert not verdict.right, (case.name, place, type(value), str(verdict))
            assert "\n" not in verdict.why and len(verdict.why) < 400, (case.name, verdict.why)


def faults(chapter: str, module: ModuleType, cases: Iterable[Case]) -> Iterator[str]:
    """What is not as it should be with a chapter's exercises: one sentence for each fault."""
    notebook = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4)
    start = next(n for n, cell in enumerate(notebook.cells) if re.search(r"^## Exercises$", cell.source, re.MULTILINE))
    cells = notebook.cells[start:]
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = HEADING.findall(prose)
    given = [int(number) for number, *_ in headings]
    if not 4 <= len(given) <= 8 or given != list(range(1, len(given) + 1)):
        yield f"its exercises have the numbers {given}, where four to eight in order are asked for"
    if len(re.findall(r"^\*\*\d+\.", prose, re.MULTILINE)) != len(headings):
        yield "the heading of an exercise lacks its difficulty or its time"
    for summary in ("Hint", "Solution"):
        if prose.count(f"<summary>{summary}</summary>") != len(headings):
            yield f"{prose.count(f'<summary>{summary}</summary>')} times <summary>{summary}</summary>"
    called = []
    for cell in cells:
        if cell.cell_type == "code" and "mystnb" not in cell.metadata:  # a figure that an exercise asks about
            found = [node.func.attr for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)
                     and isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "exercises"
                     and isinstance(getattr(module, node.func.attr, None), Check)]
            if len(found) != 1:
                yield f"the cell {cell.source[:40]!r} calls the checks {found}, not one"
            elif [output.get("text") for output in cell.outputs] != ["Not answered yet.\n"]:
                yield f"the cell of {found[0]} does not show that it waits for an answer"
            called += found
    if len(called) != len(headings):
        yield f"{len(headings)} exercises have {len(called)} checks"
    checks = {name for name, value in vars(module).items() if isinstance(value, Check)}
    if set(called) != checks:
        yield f"checks and exercises differ: {sorted(set(called) ^ checks)}"
    if {case.name for case in cases} != checks:
        yield f"checks and cases differ: {sorted({case.name for case in cases} ^ checks)}"
    for name in sorted(checks):
        if not (getattr(module, name).__doc__ or "").strip():
            yield f"{name} has no docstring"
