"""Plain values as one line of JSON, and back: numbers, text, containers, NumPy arrays, and nothing else.

Used on both sides of the sandbox's wall, and so it needs only the standard library (and NumPy where there are arrays).
Decoding makes values of Python's and NumPy's own types and never runs anything that came along with them, which is why
an object that claims to be equal to everything does not get across.
"""

import base64
import json
import math
import re
from typing import Any

DEPTH = 40  # levels of nesting
LARGEST = 32 << 20  # bytes of a line
DIGITS = 4000  # of an integer, below what Python itself turns into text
CONTAINERS = 2_000_000  # lists and dictionaries in a line: each takes many times its two characters
SIMPLE = (bool, int, float, str)


class NotPlain(Exception):
    """A value that is not data; the message names its type."""


class Malformed(Exception):
    """A line that no honest encoder wrote."""


def dumps(message: dict) -> bytes:
    """A message of JSON's own types as a line; raises NotPlain where JSON refuses (an integer of 5,000 digits)."""
    try:
        line = json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
    except (ValueError, TypeError, RecursionError) as error:
        raise NotPlain(str(error)) from None
    if len(line) > LARGEST:
        raise NotPlain(f"larger than {LARGEST >> 20} MB")
    if _crowded(line):
        raise NotPlain(f"made of more than {CONTAINERS:,} lists")
    return line


def _crowded(line: bytes) -> bool:
    return line.count(b"[") + line.count(b"{") > CONTAINERS


def loads(line: bytes) -> dict:
    """The message of a line; raises Malformed for everything but a JSON object."""
    if _crowded(line):
        raise Malformed(f"made of more than {CONTAINERS:,} lists")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError, MemoryError) as error:
        raise Malformed(f"not JSON: {type(error).__name__}") from None
    if not isinstance(message, dict):
        raise Malformed("not an object")
    return message


def encode(value: object, depth: int = 0) -> object:
    """A plain value in JSON's own types; subclasses become their plain base, tensors arrays; raises NotPlain."""
    if value is None:
        return None
    if depth > DEPTH:
        raise NotPlain(f"nested more than {DEPTH} levels deep")
    for kind in SIMPLE:
        if isinstance(value, kind):
            return _simple(value, kind)
    if isinstance(value, complex):
        return {"complex": [float(value.real), float(value.imag)]}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, list):
        return [encode(item, depth + 1) for item in list.__iter__(value)]
    if isinstance(value, tuple):
        return {"tuple": [encode(item, depth + 1) for item in tuple.__iter__(value)]}
    if isinstance(value, set):
        return {"set": [encode(item, depth + 1) for item in set.__iter__(value)]}
    if isinstance(value, frozenset):
        return {"frozenset": [encode(item, depth + 1) for item in frozenset.__iter__(value)]}
    if isinstance(value, dict):
        return {"dict": [[encode(k, depth + 1), encode(v, depth + 1)] for k, v in dict.items(value)]}
    return _array(value)


def decode(code: object, depth: int = 0) -> object:
    """The value of what :func:`encode` made; raises Malformed for anything that it does not make."""
    if code is None or type(code) in SIMPLE:
        return code
    if depth > DEPTH:
        raise Malformed("nested too deep")
    if type(code) is list:
        return [decode(item, depth + 1) for item in code]
    if type(code) is not dict or len(code) != 1:
        raise Malformed("an unknown kind of value")
    (kind, inner), = code.items()
    try:
        if kind == "complex":
            real, imaginary = inner
            return complex(float(real), float(imaginary))
        if kind == "bytes":
            return base64.b64decode(inner, validate=True)
        if kind in ("tuple", "set", "frozenset"):
            return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](decode(i, depth + 1) for i in inner)
        if kind == "dict":
            return {decode(k, depth + 1): decode(v, depth + 1) for k, v in inner}
        if kind == "array":
            return _decoded_array(inner)
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise Malformed(f"a broken {kind}: {error}") from None
    raise Malformed("an unknown kind of value")


def _simple(value: Any, kind: type) -> object:
    if kind is int and abs(int.__int__(value)) >= 10 ** DIGITS:
        raise NotPlain(f"an integer of more than {DIGITS:,} digits")
    if type(value) is kind:
        return value
    return {int: int.__int__, float: float.__float__, str: str.__str__}[kind](value)


def _array(value: object) -> object:
    """A NumPy array or scalar, or what can be made one (a tensor of any framework, on any device)."""
    import numpy as np

    name = type(value).__name__
    if isinstance(value, type) or not (hasattr(value, "detach") or hasattr(value, "__array__")):
        raise NotPlain(f"{'a' if name[:1].lower() not in 'aeiou' else 'an'} {name}")
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except Exception:
        raise NotPlain(f"a {name} that cannot be read as an array") from None
    if array.dtype.kind not in "biufcUS":
        raise NotPlain(f"an array of {array.dtype}")
    if isinstance(value, np.generic):
        return encode(array.item())
    if array.nbytes > LARGEST:
        raise NotPlain(f"an array larger than {LARGEST >> 20} MB")
    array = np.ascontiguousarray(array).reshape(array.shape)
    data = base64.b64encode(array.tobytes()).decode("ascii")
    return {"array": {"dtype": array.dtype.str, "shape": list(array.shape), "data": data}}


def _decoded_array(inner: dict) -> object:
    import numpy as np

    # Only what one type looks like: NumPy also reads a list of three million fields.
    if not re.fullmatch(r"[<>|=]?[biufcUS][0-9]{1,9}", name := str(inner["dtype"])):
        raise ValueError("not an array of numbers or text")
    dtype, shape = np.dtype(name), tuple(inner["shape"])
    if any(type(side) is not int or side < 0 for side in shape):
        raise ValueError("not an array of numbers or text")
    data = base64.b64decode(inner["data"], validate=True)
    if dtype.itemsize * math.prod(shape) != len(data):
        raise ValueError("its shape does not fit its data")
    if not data:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype).reshape(shape).copy()
