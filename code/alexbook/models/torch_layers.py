"""The layers of the book's networks that PyTorch does not have, for ``(batch, maps, height, width)``."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alexbook.arithmetic import Pair
from alexbook.models._torch_norm import LocalResponseNorm, SpatialResponseNorm

__all__ = ["InnerAvgPool2d", "LocalResponseNorm", "RBFDistance", "ScaledTanh", "SpatialResponseNorm", "Subsample2d",
           "TableConv2d", "pad_widths"]


def pad_widths(sides: tuple[Pair, Pair]) -> tuple[int, int, int, int]:
    """``((top, bottom), (left, right))`` in the order of ``F.pad``: left, right, top, bottom."""
    (top, bottom), (left, right) = sides
    return left, right, top, bottom


class TableConv2d(nn.Module):
    """A convolution whose filters see only the maps that a table lists (LeNet-5's C3).

    ``weight`` is ``(connections, height, width)``, one kernel for each connection in the table's
    order, so its size is the true number of weights; the dense kernel is filled in at each call.
    """

    pairs: Tensor

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
        self.kernel, self.stride, self.pad = kernel, stride, pad_widths(sides)

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

    centers: Tensor

    def __init__(self, centers: tuple[tuple[float, ...], ...]) -> None:
        super().__init__()
        self.register_buffer("centers", torch.tensor(centers, dtype=torch.get_default_dtype()))

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None, :] - self.centers).square().sum(dim=-1)

    def extra_repr(self) -> str:
        return "{1}, {0}".format(*self.centers.shape)
