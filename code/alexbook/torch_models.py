"""The book's networks in PyTorch: ``build(networks.get("lenet5"))`` is an ``nn.Sequential``.

Its layers have the names that the network gives them. Input is ``(batch, channels, height, width)``;
output is logits, or for LeNet-5 of 1998 squared distances, of which the smallest is the answer.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import nullcontext
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alexbook import building
from alexbook.arithmetic import Pair, Row
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
    SpatialNorm,
    Subsample,
    pair,
)
from alexbook.networks import Network
from alexbook.torch_norm import LocalResponseNorm, SpatialResponseNorm


class TableConv2d(nn.Module):
    """A convolution whose filters see only the maps that a table lists (LeNet-5's C3).

    ``weight`` is ``(connections, height, width)``, one kernel for each connection in the table's
    order, so its size is the true number of weights; the dense kernel is filled in at each call.
    """

    def __init__(self, in_channels: int, table: tuple[tuple[int, ...], ...], kernel: Pair,
                 stride: Pair = (1, 1), padding: Pair = (0, 0), dilation: Pair = (1, 1),
                 bias: bool = True) -> None:
        super().__init__()
        pairs = [(filter_, map_) for filter_, maps in enumerate(table) for map_ in maps]
        self.register_buffer("pairs", torch.tensor(pairs).T, persistent=False)
        self.dense_shape = (len(table), in_channels, *kernel)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.weight = nn.Parameter(torch.empty(len(pairs), *kernel))
        self.bias = nn.Parameter(torch.empty(len(table))) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        dense = self.weight.new_zeros(self.dense_shape).index_put(tuple(self.pairs), self.weight)
        return F.conv2d(x, dense, self.bias, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        filters, maps, *kernel = self.dense_shape
        return f"{maps}, {filters}, kernel_size={tuple(kernel)}, connections={len(self.weight)}"


class Subsample2d(nn.Module):
    """Each window's sum, times one coefficient per map (``weight``), plus one ``bias`` per map."""

    def __init__(self, channels: int, kernel: Pair, stride: Pair) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        total = F.avg_pool2d(x, self.kernel, self.stride, divisor_override=1)
        return total * self.weight[:, None, None] + self.bias[:, None, None]

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, kernel_size={self.kernel}, stride={self.stride}"


class InnerAvgPool2d(nn.Module):
    """The mean of each window over the pixels inside the input, for padding of any shape."""

    def __init__(self, kernel: Pair, stride: Pair, sides: tuple[Pair, Pair]) -> None:
        super().__init__()
        self.kernel, self.stride, self.pad = kernel, stride, _pad(sides)

    def _total(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(x, self.pad), self.kernel, self.stride, divisor_override=1)

    def forward(self, x: Tensor) -> Tensor:
        return self._total(x) / self._total(torch.ones_like(x[:1, :1]))

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel}, stride={self.stride}, padding={self.pad}"


class ScaledTanh(nn.Module):
    """LeCun's squashing function ``1.7159 tanh(2/3 x)``."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(x * (2 / 3))


class RBFDistance(nn.Module):
    """The squared distance of a ``(batch, values)`` input to each fixed center."""

    def __init__(self, centers: tuple[tuple[float, ...], ...]) -> None:
        super().__init__()
        self.register_buffer("centers", torch.tensor(centers, dtype=torch.get_default_dtype()))

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None, :] - self.centers).square().sum(dim=-1)

    def extra_repr(self) -> str:
        return "{1}, {0}".format(*self.centers.shape)


ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "scaled_tanh": ScaledTanh,
               "softmax": lambda: nn.Softmax(dim=1)}


def _pad(sides: tuple[Pair, Pair]) -> tuple[int, int, int, int]:
    (top, bottom), (left, right) = sides
    return left, right, top, bottom


def _conv(row: Row) -> Iterator[tuple[str, nn.Module]]:
    layer, sides = row.layer, building.sides(row)
    padding = (sides[0][0], sides[1][0])
    if any(before != after for before, after in sides):
        yield f"{row.name}_pad", nn.ZeroPad2d(_pad(sides))
        padding = (0, 0)
    kernel, stride, dilation = pair(layer.kernel), pair(layer.stride), pair(layer.dilation)
    if layer.connections:
        yield row.name, TableConv2d(row.input_shape[2], layer.connections, kernel, stride, padding,
                                    dilation, layer.bias)
    else:
        yield row.name, nn.Conv2d(row.input_shape[2], layer.filters, kernel, stride, padding,
                                  dilation, layer.groups, layer.bias)


def _pool(row: Row) -> Iterator[tuple[str, nn.Module]]:
    layer, sides = row.layer, building.sides(row)
    kernel, stride, padded = pair(layer.kernel), pair(layer.stride), sides != building.NO_SIDES
    match layer:
        case AvgPool() if padded:
            yield row.name, InnerAvgPool2d(kernel, stride, sides)
        case AvgPool():
            yield row.name, nn.AvgPool2d(kernel, stride)
        case MaxPool():
            if padded:
                yield f"{row.name}_pad", nn.ConstantPad2d(_pad(sides), float("-inf"))
            yield row.name, nn.MaxPool2d(kernel, stride)
        case Subsample():
            if padded:
                yield f"{row.name}_pad", nn.ZeroPad2d(_pad(sides))
            yield row.name, Subsample2d(row.input_shape[2], kernel, stride)


def _modules(row: Row) -> Iterator[tuple[str, nn.Module]]:
    """The module for one row, with the row's name, and before it its padding where it needs one."""
    match row.layer:
        case Conv():
            yield from _conv(row)
        case MaxPool() | AvgPool() | Subsample():
            yield from _pool(row)
        case LRN(size=size, alpha=alpha, beta=beta, k=k, groups=groups):
            yield row.name, LocalResponseNorm(size, alpha, beta, k, groups)
        case SpatialNorm(size=size, alpha=alpha, beta=beta, k=k):
            yield row.name, SpatialResponseNorm(size, alpha, beta, k)
        case BatchNorm(epsilon=epsilon):
            yield row.name, nn.BatchNorm2d(row.input_shape[2], epsilon)
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
    for row in building.rows(network):
        if not row.parameters or isinstance(row.layer, BatchNorm):  # which starts as its framework has it: 1 and 0
            continue
        module, start = model.get_submodule(row.name), building.start(row)
        if start is None:
            _draw_uniform(module, *map(torch.tensor, building.limits(network, row)))
            continue
        module.weight.normal_(0, start.deviation)
        if module.bias is not None:
            module.bias.fill_(start.bias)


def _draw_uniform(module: nn.Module, weights: Tensor, biases: Tensor) -> None:
    """Between minus and plus one limit for each filter, map or unit, in place."""
    if isinstance(module, TableConv2d):
        weights = weights[module.pairs[0]]
    shape = (-1, *[1] * (module.weight.ndim - 1))
    module.weight.uniform_(-1, 1).mul_(weights.to(module.weight).reshape(shape))
    if module.bias is not None:
        module.bias.uniform_(-1, 1).mul_(biases.to(module.bias))


def build(network: Network, seed: int | None = None) -> nn.Sequential:
    """The network as an initialized ``nn.Sequential`` on the CPU, in training mode.

    With a ``seed`` its weights repeat and PyTorch's own random state is left as it was. A network
    that cannot be built raises the ``ValueError`` of :func:`alexbook.arithmetic.trace`.
    """
    with torch.random.fork_rng(devices=[]) if seed is not None else nullcontext():
        if seed is not None:
            torch.manual_seed(seed)
        model = nn.Sequential(OrderedDict(
            module for row in building.rows(network) for module in _modules(row)))
        initialize(model, network)
    return model


def count(model: nn.Module) -> int:
    """Trained values of a model."""
    return sum(prod(values.shape) for values in model.parameters() if values.requires_grad)
