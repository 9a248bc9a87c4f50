"""The names that an expression in a quiz may use, and an evaluation that knows no others."""

import ast
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alexbook import arithmetic, networks
from alexbook.arithmetic import Trace, output_size
from alexbook.layers import Conv
from alexbook.networks import Network
from alexbook.networks.ablations import vary

ALLOWED = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Constant, ast.Name, ast.Load,
           ast.Call, ast.keyword, ast.Attribute, ast.Subscript, ast.List, ast.Tuple, ast.GeneratorExp,
           ast.comprehension, ast.Store, ast.Slice)


def trace(network: str | Network, side: int | None = None, upto: str = "") -> Trace:
    """A network's trace, on a square image of another side if one is given, as far as the layer ``upto``."""
    network = networks.get(network) if isinstance(network, str) else network
    if upto:
        end = [layer.name for layer in network.layers].index(upto) + 1
        network = replace(network, layers=network.layers[:end])
    return arithmetic.trace(network, (side, side, network.input_shape[2]) if side else None)


def sees(*layers: Conv) -> int:
    """How many pixels wide the receptive field of the last of these layers is."""
    field = arithmetic.trace(Network("stack", "stack", "", (64, 64, 1), layers)).rows[-1].receptive_field
    assert field is not None  # only a flattened map has none
    return field[0]


def config_147() -> Trace:
    """The 2012 network with pools that do not overlap, and the two paddings that its authors took back."""
    padding = {"conv2": 1, "conv5": 0}
    apart = vary(networks.get("alexnet_2012"), ["pools-apart"])
    return trace(replace(apart, layers=tuple(
        replace(layer, padding=padding[layer.name]) if isinstance(layer, Conv) and layer.name in padding else layer
        for layer in apart.layers)))


NAMES: Mapping[str, Any] = {
    "math": math, "networks": networks, "output_size": output_size, "trace": trace, "sees": sees, "vary": vary,
    "config_147": config_147, "Conv": Conv, "sum": sum, "round": round, "max": max,
    "min": min, "abs": abs, "len": len}


def evaluate(expression: str, values: Mapping[str, Any] | None = None) -> Any:
    """The value of an expression.

    Args:
        expression: Python, of numbers, arithmetic, calls and the names of ``NAMES``.
        values: Further names.

    Returns:
        What the expression comes to.

    Raises:
        ValueError: Where it cannot be read, uses another name or another construct, or has no value.

    >>> evaluate("output_size(n, 11, stride=4)", {"n": 227})
    55
    """
    known = {**NAMES, **(values or {})}
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError:
        raise ValueError(f"{expression!r} is no expression.") from None
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise ValueError(f"{expression!r} uses {type(node).__name__}, which a question may not.")
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name.startswith("_") or (isinstance(node, ast.Name) and name not in known and name not in bound):
            raise ValueError(f"{expression!r} uses the name {name}, which a question may not.")
    try:
        return eval(compile(tree, "<question>", "eval"), {"__builtins__": {}, **known})
    except Exception as error:
        raise ValueError(f"{expression!r} has no value: {error}.") from None
