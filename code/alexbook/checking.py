"""Checks for the reader's answers: right, or what is wrong with them, and never the answer itself.

A check is a function that takes the answers and raises :class:`Wrong` with one sentence where they are not right::

    @check
    def smallest_input(side):
        if whole(side) < 63:
            raise Wrong(f"{side} x {side} runs out of pixels before pool5.")

Called in a chapter it prints the verdict; ``smallest_input.verdict(63)`` returns it. Answers that are not given yet,
nonsense and errors in the reader's own functions end in a sentence, never in a traceback. The readers (``whole``,
``number``, ``array`` ...) make plain Python or NumPy values of what they are given before anything is compared, so that
an object that claims to be equal to everything is equal to nothing.
"""

import copy
import functools
import itertools
import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from alexbook.layers import Layer

LONGEST = 10_000  # numbers in a row; an endless one must end


class Wrong(Exception):
    """What is not right about an answer, as a sentence that does not give the answer away."""


class Unanswered(Exception):
    """An answer is still ``None``, or the reader's function still returns it."""


@dataclass(frozen=True)
class Verdict:
    """What a check says: ``right``, or ``why`` not; ``answered`` is False where nothing has been filled in."""

    right: bool
    why: str = ""
    answered: bool = True

    def __str__(self) -> str:
        if not self.answered:
            return "Not answered yet."
        return f"Right. {self.why}".rstrip() if self.right else f"Not yet: {self.why}"


class Check:
    """A check made of a function; see this module's first words."""

    def __init__(self, function: Callable[..., str | None]) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def verdict(self, *answers: object) -> Verdict:
        """The verdict on the answers; raises nothing, whatever they are."""
        if any(answer is None for answer in answers):
            return Verdict(False, answered=False)
        try:
            return Verdict(True, self._function(*answers) or "")
        except Unanswered:
            return Verdict(False, answered=False)
        except Wrong as wrong:
            return Verdict(False, str(wrong))
        except (Exception, SystemExit) as error:  # the reader's code, or an answer that no reader here took care of
            return Verdict(False, f"your answer ends in {_said(error)}")

    def __call__(self, *answers: object) -> None:
        """Print the verdict."""
        print(self.verdict(*answers))


def check(function: Callable[..., str | None]) -> Check:
    """Decorator: a function that raises :class:`Wrong`, or returns a word on a right answer, as a check."""
    return Check(function)


def shown(value: object, length: int = 60) -> str:
    """A value in a sentence: its representation (a string as it is), in one line, cut where it is long."""
    try:
        text = " ".join((value if isinstance(value, str) else repr(value)).split())
    except Exception:
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= length else text[:length - 3] + "..."


def whole(value: object, name: str = "the answer") -> int:
    """A whole number out of what a reader answered.

    Args:
        value: Python's, NumPy's, or a tensor's single value.
        name: What the sentence calls it.

    Raises:
        Wrong: For anything else.

    >>> whole(3.0)
    3
    """
    found = number(value, name)
    if isinstance(found, float) and not found.is_integer():
        raise Wrong(f"{name} is a whole number, and {shown(value)} is not.")
    return int(found)


def number(value: Any, name: str = "the answer") -> float:
    """A number out of what a reader answered, as a plain int or float.

    Args:
        value: Python's, NumPy's, or a tensor's single value.
        name: What the sentence calls it.

    Raises:
        Wrong: For NaN, a bool, a string, and what has more than one value.

    >>> number(np.float32(0.5))
    0.5
    """
    found = value if type(value) in (int, float) else _number(value, name)
    if found != found:  # NaN, which no comparison would find too far off
        raise Wrong(f"{name} is a number, and nan is not.")
    return found


def _number(value: Any, name: str) -> float:
    if isinstance(value, str):
        raise Wrong(f"{name} is a number, and the text {shown(repr(value))} is not.")
    if isinstance(value, (bool, np.bool_, bytes)) or value is None:
        raise Wrong(f"{name} is a number, and {shown(value)} is not.")
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    found = _numpy(value, name)
    if found.size != 1:
        raise Wrong(f"{name} is one number, not {found.size} in the shape {found.shape}.")
    item = found.reshape(()).item()
    return item if isinstance(item, int) else float(item)


def array(value: object, shape: tuple[int, ...] | None = None, name: str = "the answer") -> np.ndarray:
    """Numbers as an array, out of what a reader answered.

    Args:
        value: A list, an array, or any framework's tensor.
        shape: The shape that it must have.
        name: What the sentence calls it.

    Returns:
        float64, of that shape.

    Raises:
        Wrong: For another shape, and for what is not made of numbers.

    >>> array([[1, 2]], shape=(1, 2))
    array([[1., 2.]])
    """
    found = _numpy(value, name)
    if shape is not None and found.shape != tuple(shape):
        raise Wrong(f"{name} has the shape {found.shape}, where {tuple(shape)} is asked for.")
    return found.astype(np.float64)


def wholes(values: object, count: int | None = None, name: str = "the answer") -> tuple[int, ...]:
    """Several whole numbers, in the order given (sorted for a set).

    Args:
        values: A row of numbers.
        count: How many there must be.
        name: What the sentence calls them.

    Raises:
        Wrong: For another count, and for what is no row of whole numbers.

    >>> wholes([55, 27.0], count=2)
    (55, 27)
    """
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise Wrong(f"{name} is a row of whole numbers, and {shown(values)} is not.")
    found = tuple(whole(value, f"each number of {name}") for value in itertools.islice(values, LONGEST + 1))
    if len(found) > LONGEST:
        raise Wrong(f"{name} has no more than a few numbers, and yours has {LONGEST:,} and goes on.")
    if count is not None and len(found) != count:
        raise Wrong(f"{name} has {count} numbers; you gave {len(found)}.")
    return tuple(sorted(found)) if isinstance(values, (set, frozenset)) else found


def word(value: object, choices: Iterable[str] | None = None, name: str = "the answer") -> str:
    """One of some words, whatever its case; raises Wrong for anything else."""
    choices = None if choices is None else tuple(choices)
    text = str.strip(str.__str__(value)).casefold() if isinstance(value, str) else None
    if text is None or (choices is not None and text not in {choice.casefold() for choice in choices}):
        raise Wrong(f"{name} is {'text' if choices is None else 'one of ' + ', '.join(choices)}, and {shown(value)} "
                    "is not.")
    return text


def given(value: object) -> Any:
    """What the reader's function returned; raises Unanswered while it is ``None``."""
    if value is None:
        raise Unanswered
    return value


def callable_(value: Any, name: str = "the answer") -> Callable:
    """A function; raises Wrong for anything else."""
    if not callable(value):
        raise Wrong(f"{name} is a function, and {shown(value)} is not.")
    return value


def result(function: object, *arguments: object, of: str = "") -> Any:
    """What the reader's function returns for copies of the arguments.

    An error in it becomes Wrong, and the sentence says for which input (``of="a 17-pixel input"``); ``None`` raises
    Unanswered.
    """
    try:
        found = callable_(function)(*copy.deepcopy(arguments))
    except (Unanswered, Wrong):
        raise
    except (Exception, SystemExit) as error:
        raise Wrong(f"{f'for {of} ' if of else ''}your function ends in {_said(error)}") from None
    return given(found)


def close(found: object, true: object, rtol: float = 1e-6, atol: float = 1e-9) -> bool:
    """Whether two numbers, or arrays of one shape, are equal but for rounding; NaN is close to nothing."""
    one, other = array(found), array(true)
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=rtol, atol=atol))


def alike(one: object, other: Layer, but: Iterable[str] = ()) -> bool:
    """Whether two of the package's layers are of one kind, with the same settings except for those in ``but``.

    Names and starts count as nothing: a reader who writes a layer anew need not give them.
    """
    free = {"name", "start", *but}
    return type(one) is type(other) and all(getattr(one, field.name) == getattr(other, field.name)
                                            for field in fields(other) if field.name not in free)


def _said(error: BaseException) -> str:
    """An error's kind and message in one line, even where the message cannot be had."""
    try:
        message = shown(str(error), 100)
    except Exception:
        message = ""
    return f"{type(error).__name__}: {message}" if message else f"{type(error).__name__}."


def _numpy(value: Any, name: str) -> np.ndarray:
    """A real array of what may be a list, an array, or any framework's tensor, on any device."""
    if isinstance(value, (str, bytes, Mapping, set, frozenset)):
        raise Wrong(f"{name} is made of numbers, and {shown(value)} is not.")
    try:
        plain = value.detach().cpu() if hasattr(value, "detach") else value
        plain = plain.double() if "bfloat16" in str(getattr(plain, "dtype", "")) else plain  # NumPy has none
        found = np.asarray(plain)
    except Exception:
        raise Wrong(f"{name} is made of numbers, and {shown(value)} is not.") from None
    if found.dtype.kind not in "iuf":
        raise Wrong(f"{name} is made of numbers, and {shown(value)} is not.")
    return found
