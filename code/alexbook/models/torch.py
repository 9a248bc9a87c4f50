"""The book's networks in PyTorch: ``build(networks.get("lenet5"))`` is an ``nn.Sequential``.

Its layers have the names that the network gives them. Input is ``(batch, channels, height, width)``;
output is logits, or for LeNet-5 of 1998 squared distances, of which the smallest is the answer.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from alexbook.arithmetic import Row
from alexbook.layers import (
    LRN,
    RBF,
    Activation,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Pool,
    SpatialNorm,
    Subsample,
    pair,
)
from alexbook.models import _common
from alexbook.models.torch_layers import (
    InnerAvgPool2d,
    LocalResponseNorm,
    RBFDistance,
    ScaledTanh,
    SpatialResponseNorm,
    Subsample2d,
    TableConv2d,
    pad_widths,
)
from alexbook.networks import Network

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "scaled_tanh": ScaledTanh,
    "softmax": lambda: nn.Softmax(dim=1)}


def _conv(row: Row, layer: Conv) -> Iterator[tuple[str, nn.Module]]:
    sides = _common.sides(row)
    padding = (sides[0][0], sides[1][0])
    if any(before != after for before, after in sides):
        yield f"{row.name}_pad", nn.ZeroPad2d(pad_widths(sides))
        padding = (0, 0)
    kernel, stride, dilation = pair(layer.kernel), pair(layer.stride), pair(layer.dilation)
    if layer.connections:
        yield row.name, TableConv2d(row.input_shape[2], layer.connections, kernel, stride, padding,
                                    dilation, layer.bias)
    else:
        yield row.name, nn.Conv2d(row.input_shape[2], layer.filters, kernel, stride, padding,
                                  dilation, layer.groups, layer.bias)


def _pool(row: Row, layer: Pool) -> Iterator[tuple[str, nn.Module]]:
    sides = _common.sides(row)
    kernel, stride, padded = pair(layer.kernel), pair(layer.stride), sides != _common.NO_SIDES
    match layer:
        case AvgPool() if padded:
            yield row.name, InnerAvgPool2d(kernel, stride, sides)
        case AvgPool():
            yield row.name, nn.AvgPool2d(kernel, stride)
        case MaxPool():
            if padded:
                yield f"{row.name}_pad", nn.ConstantPad2d(pad_widths(sides), float("-inf"))
            yield row.name, nn.MaxPool2d(kernel, stride)
        case Subsample():
            if padded:
                yield f"{row.name}_pad", nn.ZeroPad2d(pad_widths(sides))
            yield row.name, Subsample2d(row.input_shape[2], kernel, stride)


def _modules(row: Row) -> Iterator[tuple[str, nn.Module]]:
    """The module for one row, with the row's name, and before it its padding where it needs one."""
    match row.layer:
        case Conv():
            yield from _conv(row, row.layer)
        case Pool():
            yield from _pool(row, row.layer)
        case LRN(size=size, alpha=alpha, beta=beta, k=k, groups=groups):
            yield row.name, LocalResponseNorm(size, alpha, beta, k, groups)
        case SpatialNorm(size=size, alpha=alpha, beta=beta, k=k):
            yield row.name, SpatialResponseNorm(size, alpha, beta, k)
        case BatchNorm(epsilon=epsilon):
            kind = nn.BatchNorm2d if len(row.input_shape) == 3 else nn.BatchNorm1d
            yield row.name, kind(row.input_shape[-1], epsilon)
        case Flatten():
            yield row.name, nn.Flatten()
        case Dense(units=units, bias=bias):
            yield row.name, nn.Linear(row.input_shape[0], units, bias)
        case Dropout(rate=rate):
            yield row.name, nn.Dropout(rate)
        case Activation(function=function):
            yield row.name, ACTIVATIONS[function]()
        case RBF(centers=centers):
            yield row.name, RBFDistance(centers)
        case _:
            raise TypeError(f"{row.name}: there is no PyTorch module for the layer {row.layer!r}.")


@torch.no_grad()
def initialize(model: nn.Sequential, network: Network) -> None:
    """Draw all weights and biases anew, as each layer's ``start`` or else the network's rule says."""
    for row in _common.rows(network):
        if not row.parameters or isinstance(row.layer, BatchNorm):  # which starts as its framework has it: 1 and 0
            continue
        module: Any = model.get_submodule(row.name)
        start = _common.start(row)
        if start is None:
            _draw_uniform(module, *map(torch.tensor, _common.limits(network, row)))
            continue
        module.weight.normal_(0, start.deviation)
        if module.bias is not None:
            module.bias.fill_(start.bias)


def _draw_uniform(module: Any, weights: Tensor, biases: Tensor) -> None:
    """Between minus and plus one limit for each filter, map or unit, in place."""
    if isinstance(module, TableConv2d):
        weights = weights[module.pairs[0]]
    shape = (-1, *[1] * (module.weight.ndim - 1))
    module.weight.uniform_(-1, 1).mul_(weights.to(module.weight).reshape(shape))
    if module.bias is not None:
        module.bias.uniform_(-1, 1).mul_(biases.to(module.bias))


def build(network: Network, seed: int | None = None) -> nn.Sequential:
    """The network in PyTorch, with its initial weights drawn.

    Args:
        network: What to build.
        seed: With a seed the weights repeat, and PyTorch's own random state is left as it was.

    Returns:
        An ``nn.Sequential`` on the CPU, in training mode, for images ``(batch, channels, height, width)``; its layers
        have the network's names, its outputs are logits ``(batch, classes)``.

    Raises:
        ValueError: For a network that does not fit together (:func:`alexbook.arithmetic.trace`).
    """
    with torch.random.fork_rng(devices=[]) if seed is not None else nullcontext():
        if seed is not None:
            torch.manual_seed(seed)
        model = nn.Sequential(OrderedDict(
            module for row in _common.rows(network) for module in _modules(row)))
        initialize(model, network)
    return model


def count(model: nn.Module) -> int:
    """Trained values of a model."""
    return sum(prod(values.shape) for values in model.parameters() if values.requires_grad)
