"""Figures that others published and the book quotes, each with its source: ``data/published.json``.

What the book measures or computes itself is not here. An id begins with its section in the file: ``networks``,
``changes`` to them, ``features``, ``transfer``, ``export``, ``imagenet`` (images and labels) and ``cost``.

>>> number("networks.vgg16.parameters")
138357544
>>> print(get("networks.zfnet.top5_error"))
16.5 % (Zeiler and Fergus 2014, Table 2)
>>> numbers("transfer.zeiler.caltech101.pretrained")
{'15': 83.8, '30': 86.5}
"""

import difflib
import functools
import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from alexbook import package_data


@dataclass(frozen=True)
class Quoted:
    """A published figure, or several of one table row by their labels.

    Attributes:
        id: Its name, such as ``"networks.zfnet.top1_error"``.
        what: What was measured, on what.
        value: One number, or numbers by their labels.
        unit: The unit of all of them.
        source: Who, when, and where in the work.
        plus_minus: What the source gives behind ``±``, as ``value``; ``None`` where it gives none.
        reference: The work's key in the book's bibliography, or ``""``.
        note: What one must know before comparing it.
    """

    id: str
    what: str
    value: float | dict[str, float]
    unit: str
    source: str
    plus_minus: float | dict[str, float] | None = None
    reference: str = ""
    note: str = ""

    def __str__(self) -> str:
        values = self.value.items() if isinstance(self.value, dict) else [("", self.value)]
        told = ", ".join(f"{label}: {value:,}" if label else f"{value:,}" for label, value in values)
        return f"{told} {self.unit} ({self.source})"


@functools.cache
def _all() -> dict[str, Quoted]:
    sections: dict[str, dict[str, Any]] = json.loads(
        (package_data.folder() / "published.json").read_text(encoding="utf-8"))
    return {f"{section}.{key}": Quoted(f"{section}.{key}", **entry)
            for section, entries in sections.items() for key, entry in entries.items()}


def names() -> tuple[str, ...]:
    """The ids of all figures, in the order of the file."""
    return tuple(_all())


def get(name: str) -> Quoted:
    """A figure with its source.

    Args:
        name: One of :func:`names`.

    Raises:
        ValueError: There is none of that id; the sentence names the most similar ones.
    """
    if name not in _all():
        near = difflib.get_close_matches(str(name), names(), n=3, cutoff=0)
        raise ValueError(f"There is no published figure {name!r}; similar are {', '.join(near)}.")
    return _all()[name]


def find(pattern: str) -> tuple[Quoted, ...]:
    """All figures whose ids match, in the order of the file.

    Args:
        pattern: An id, with ``*`` for any letters: ``"networks.vgg16.*"``.

    Raises:
        ValueError: None matches.
    """
    found = tuple(figure for name, figure in _all().items() if fnmatchcase(name, pattern))
    if not found:
        get(pattern)
    return found


def number(name: str) -> float:
    """The value of a figure that is one number, in its unit.

    Raises:
        ValueError: There is none of that id, or it has several numbers.
    """
    value = get(name).value
    if isinstance(value, dict):
        raise ValueError(f"{name} has the numbers {', '.join(value)}; ask published.numbers for them.")
    return value


def numbers(name: str) -> dict[str, float]:
    """The values of a figure that has several, by their labels, in its unit.

    Raises:
        ValueError: There is none of that id, or it is one number.
    """
    value = get(name).value
    if not isinstance(value, dict):
        raise ValueError(f"{name} is one number; ask published.number for it.")
    return dict(value)
