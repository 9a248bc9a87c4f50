"""A submission's names as the tests see them: functions that run inside the sandbox, and copies of plain values."""

import builtins
from typing import Any

from . import serialization
from .sandbox import Sandbox, limited

READING = 5  # seconds to make a value of what was sent; the largest takes less than one


class StudentError(RuntimeError):
    """An exception of the submission's own function, where its type is none of Python's."""


class NotPlainValue(Exception):
    """A test used an answer that is not data."""


class Function:
    """Stands for a function of the submission: a call sends the arguments in and brings the result out, as data."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self._sandbox, self.__name__ = sandbox, name

    def __call__(self, *args: object, **kwargs: object) -> object:
        answer = self._sandbox.call(self.__name__, args, kwargs)
        if (error := answer.get("error")) is not None:
            raise raised(error, self.__name__)
        if answer.get("kind") == "other":
            raise NotPlainValue(f"{self.__name__} returned {_what(answer)}, and only plain data can be graded "
                                "(numbers, text, lists, tuples, dictionaries, arrays)")
        return serialization.decode(answer.get("value"))

    def __repr__(self) -> str:
        return f"<the submission's {self.__name__}>"


class Other:
    """Stands for an answer that is not data; says so in every use."""

    def __init__(self, sentence: str) -> None:
        object.__setattr__(self, "_sentence", sentence)

    def __repr__(self) -> str:
        return "<not a plain value>"

    def __getattribute__(self, name: str) -> object:
        if name in ("__class__", "__dict__"):
            return object.__getattribute__(self, name)
        return _refuse(self)


class Unreadable(Other):
    """Stands for an answer that it took too long to read."""


def _refuse(self: Other, *_: object) -> object:
    raise NotPlainValue(object.__getattribute__(self, "_sentence"))


for _name in ("eq ne lt le gt ge bool len iter next contains getitem call add radd sub rsub mul rmul truediv rtruediv "
              "floordiv mod pow matmul neg abs int float index complex round hash str format array").split():
    setattr(Other, f"__{_name}__", _refuse)


def proxy(sandbox: Sandbox, name: str) -> tuple[bool, object]:
    """Whether the submission has the name, and what stands for it in the tests."""
    answer = sandbox.get(name)
    match answer.get("kind"):
        case "function":
            return True, Function(sandbox, name)
        case "value":
            try:
                with limited(READING):
                    return True, serialization.decode(answer.get("value"))
            except TimeoutError:
                return True, Unreadable(f"{name} could not be read as plain data within {READING} s")
        case "missing":
            return False, None
    return True, Other(f"{name} is {_what(answer)}, and only plain data can be graded")


def raised(error: object, name: str) -> Exception:
    """An exception of the submission's function as one of Python's own of the same type, or StudentError.

    A class of the submission's own becomes the class of Python's that it is derived from.
    """
    error = error if isinstance(error, dict) else {}
    kind, text = str(error.get("type", "Error"))[:80], str(error.get("text", ""))[:500]
    known = getattr(builtins, kind, None)
    bases = error.get("bases")
    if known is None and isinstance(bases, list) and bases and isinstance(bases[0], str) and bases[0] != "Exception":
        known = getattr(builtins, bases[0], None)
    if not (isinstance(known, type) and issubclass(known, Exception)) or known is AssertionError:
        known, text_raised = StudentError, f"{kind}: {text}"
    else:
        text_raised = text
    made: Any  # the sentence that the student may read is put on it
    try:
        made = known(text_raised)
    except TypeError:  # UnicodeDecodeError and its like take more arguments
        made = StudentError(f"{kind}: {text}")
    if kind == "NotImplementedError" and not text:  # the release's own line
        made.sentence = f"{name} is not written yet: it ends in {kind}"
    else:
        made.sentence = (f"{name} {text}" if kind == "TooSlow" else f"{name} ended in {kind}: {text}").rstrip(": ")
    return made


def _what(answer: dict) -> str:
    what = answer.get("what")
    return what[:200] if isinstance(what, str) and what else "something else"
