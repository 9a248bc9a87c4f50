"""What every check of a chapter is tried on: right answers, typical wrong ones, and nonsense.

A test module for a chapter holds its cases and ends with ``test_... = ...`` functions made from them; see
``tests/test_exercises_*.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from alexbook.checking import Check


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

    ``wrong`` maps a fragment of the sentence that the reader should see to the answers that should get it;
    ``not_nonsense`` are indices into NONSENSE that happen to be right (0 and 1 may be).
    """

    check: Check
    right: tuple[tuple, ...]
    wrong: tuple[tuple[str, tuple], ...]
    nonsense: tuple = field(default=NONSENSE)

    @property
    def name(self) -> str:
        return self.check.__name__


def assert_case(case: Case, quiet: Callable[[], str] | None = None) -> None:
    """Right answers pass; wrong ones get their sentence; unanswered is said so; nonsense neither passes nor crashes."""
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
    for value in case.nonsense:
        for place in range(arity):
            answers = tuple(value if place == other else good for other, good in enumerate(case.right[0]))
            verdict = case.check.verdict(*answers)
            assert not verdict.right, (case.name, place, type(value), str(verdict))
            assert "\n" not in verdict.why and len(verdict.why) < 400, (case.name, verdict.why)
