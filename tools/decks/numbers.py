"""Numbers on slides: ``{{ trace('lenet5').parameters }}`` is computed when a deck is made.

An expression has the names of :data:`NAMES`, attributes of what they give, and arithmetic; nothing else is run. Behind
a bar stands how it is written, as in ``{{ error('mnist-lenet5-torch-*') | .2% }}``.
"""

import ast
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from alexbook import arithmetic, networks, published, runs
from alexbook.arithmetic import Trace

from .source import Source, WrongDeck

EXPRESSION = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)
FORMAT = re.compile(r"^(.*?)(?:(?<!\|)\|\s*([,.\d]*[fde%g]?)\s*)?$", re.DOTALL)
ALLOWED = (ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Attribute, ast.Subscript, ast.Constant,
           ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Tuple)
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+| ?%)?")
POWER = re.compile(r"e\+?(-?\d+)$")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def trace(name: str, size: int | None = None) -> Trace:
    """A network's trace; ``size``: for square images of another size."""
    network = networks.get(name)
    return arithmetic.trace(network, (size, size, network.input_shape[2]) if size else None)


def ungrouped(name: str) -> Trace:
    """A network's trace with every convolution in one group."""
    network = networks.get(name)
    return arithmetic.trace(replace(network, layers=tuple(
        replace(layer, groups=1) if getattr(layer, "groups", 1) > 1 and layer.kind == "conv" else layer
        for layer in network.layers)))


def error(pattern: str) -> float:
    """The mean of the test errors of the recorded runs with such names, as a share of 1."""
    found = runs.load(pattern)
    return sum(run.test_error for run in found) / len(found)


def count(pattern: str) -> int:
    """How many recorded runs have such names."""
    return len(runs.load(pattern))


def ceil(value: float) -> int:
    return math.ceil(value)


NAMES: dict[str, Callable[..., Any]] = {
    "trace": trace, "ungrouped": ungrouped, "output_size": arithmetic.output_size, "error": error, "count": count,
    "published": published.number, "ceil": ceil, "log": math.log, "sqrt": math.sqrt, "exp": math.exp, "round": round}


def shown(source: Source) -> Callable[..., str]:
    """A name that needs the chapter: what a cell printed behind certain words.

    ``shown('the cell has this text', 'printed before the number')`` gives that number as it was printed, and with a 2
    behind the words the second number that follows them.
    """
    def find(cell: str, before: str, nth: int = 1) -> str:
        printed = source.cell(cell).printed
        start = printed.find(before)
        numbers = NUMBER.findall(printed[start + len(before):]) if start >= 0 else []
        if len(numbers) < nth:
            raise WrongDeck(f"{source.name}: the cell with {cell!r} printed no number {nth} behind {before!r}.")
        return numbers[nth - 1]
    return find


def evaluate(expression: str, source: Source) -> Any:
    """The value of an expression.

    Raises:
        WrongDeck: for one that does more than is allowed, or fails.
    """
    names = NAMES | {"shown": shown(source)}
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError:
        raise WrongDeck(f"{source.name}: {expression.strip()!r} is no expression.") from None
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED) or (isinstance(node, ast.Attribute) and node.attr.startswith("_")):
            raise WrongDeck(f"{source.name}: {expression.strip()!r} has more than names, attributes and arithmetic.")
        if isinstance(node, ast.Name) and node.id not in names:
            raise WrongDeck(f"{source.name}: nothing is called {node.id!r} in {expression.strip()!r}; there are "
                            f"{', '.join(sorted(names))}.")
    try:
        return eval(compile(tree, "<slide>", "eval"), {"__builtins__": {}}, names)
    except WrongDeck:
        raise
    except Exception as problem:
        raise WrongDeck(f"{source.name}: {expression.strip()!r} has no value ({problem}).") from problem


def written(value: Any, how: str | None) -> str:
    """A number as the book writes it: 1,000 with a comma, a percent sign after a space, a true minus sign."""
    if isinstance(value, str):
        grouped = f"{int(value):,}" if re.fullmatch(r"-?\d{4,}", value) else value
        return _signs(grouped)
    if isinstance(value, tuple):
        return " × ".join(written(part, how) for part in value)
    return _signs(format(value, how or ","))


def _signs(text: str) -> str:
    text = POWER.sub(lambda power: f" · 10{power[1].lstrip('0').translate(RAISED)}", text)
    return re.sub(r"(?<=\d) ?%$", "\N{NO-BREAK SPACE}%", re.sub("^-", "\N{MINUS SIGN}", text))


def filled(text: str, source: Source) -> str:
    """The text with its expressions computed."""
    def one(found: re.Match[str]) -> str:
        expression, how = FORMAT.match(found[1].strip()).groups()  # type: ignore[union-attr]
        return written(evaluate(expression, source), how)
    return EXPRESSION.sub(one, text)
