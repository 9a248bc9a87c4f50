"""A question in no platform's form: the quizzes' questions, and variants of them with other numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexbook_site import quiz
from alexbook_site.quiz import Choice

from alexteach.names import evaluate

HOLE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Item:
    """A question: with choices, or with a number for an answer.

    ``text``, the choices' texts and ``working`` are in the quizzes' markup (see :mod:`alexteach.markup`). A number
    counts where it differs from ``answer`` by at most ``tolerance``.
    """

    name: str
    text: str
    choices: tuple[Choice, ...] = ()
    answer: float | None = None
    tolerance: float = 0.0
    working: str = ""
    points: float = 1.0

    def __post_init__(self) -> None:
        if bool(self.choices) == (self.answer is not None):
            raise ValueError(f"{self.name} needs either choices or a number for an answer.")
        if self.choices and sum(choice.right for choice in self.choices) != 1:
            raise ValueError(f"{self.name} needs exactly one right choice.")
        texts = [choice.text.strip() for choice in self.choices]
        if twice := sorted({text for text in texts if texts.count(text) > 1}):
            raise ValueError(f"{self.name} has the choice {twice[0]!r} twice.")


def number(value: Any) -> str:
    """A value as the book writes numbers.

    >>> number(60965224), number(0.5), number(12.80)
    ('60,965,224', '0.5', '12.8')
    """
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.6f}".rstrip("0")
    return f"{int(value):,}" if isinstance(value, int | float) else str(value)


def filled(template: str, values: Mapping[str, Any]) -> str:
    """A template with the value of each expression between braces in its place.

    >>> filled("{n} pixels give {output_size(n, 5)}", {"n": 1024})
    '1,024 pixels give 1,020'
    """
    return HOLE.sub(lambda hole: number(evaluate(hole[1], values)), template)


def variants(question: quiz.Question, name: str) -> list[Item]:
    """A question's equivalents, with other numbers; the empty list where it has none.

    Args:
        question: As ``quiz.load`` gives it. Its ``variants`` hold ``values``, a list of names with numbers, and a
            ``question`` and ``choices`` with expressions between braces.
        name: What the first part of the variants' names will be.

    Returns:
        An item for each of the ``values``.

    Raises:
        ValueError: Where the expressions have no value, or two choices come out the same.
    """
    found = []
    template = question.variants
    for place, values in enumerate(template.get("values", ()), 1):
        choices = tuple(Choice(filled(entry["text"], values), filled(entry["why"], values), entry.get("right", False))
                        for entry in template["choices"])
        found.append(Item(f"{name}, variant {place}", filled(template["question"], values), choices))
    return found


def of_quiz(path: Path, variant: int = 0) -> list[Item]:
    """A quiz's questions.

    Args:
        path: Its file.
        variant: 0 for the questions as they stand on the page. 1 or 2 puts the variant of that number in the place of
            each question that has one; the others stay.

    Returns:
        An item for each question, in order.
    """
    items = []
    for place, question in enumerate(quiz.load(path), 1):
        name = f"{path.stem}, question {place}"
        others = variants(question, name) if variant else []
        items.append(others[variant - 1] if len(others) >= variant > 0 else
                     Item(name, question.text, question.choices))
    return items
