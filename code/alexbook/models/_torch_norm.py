"""Response normalization in PyTorch, several times faster on a CPU than ``nn.LocalResponseNorm``.

The framework's own layer pools a five-dimensional view of zero-padded squares. Here the squares of neighboring maps are
added up by shifts on a processor, and by a 1x1 convolution with a band of ones elsewhere; both keep ``channels_last``
and give the same values. What such a layer waits for is memory: so a processor goes through the batch in parts that fit
its cache, and the denominators are not kept for the way back, but computed once more.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

PART = 1 << 20  # values that a processor takes at once, 4 MB of float32: fewer, and its threads wait for each other

Sums = Callable[[Tensor], Tensor]  # of a value's neighborhood: (batch, maps, height, width) -> the same shape


def _in_parts(compute: Callable[..., Tensor], x: Tensor, *others: Tensor) -> Tensor:
    """``compute(x, *others)`` in the type of ``x``: on a processor a few images at a time, elsewhere all at once."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return compute(x, *others).to(x.dtype)
    result = torch.empty_like(x)
    many = max(1, PART * len(x) // max(1, x.numel()))
    for start in range(0, len(x), many):
        part = slice(start, start + many)
        result[part] = compute(*(values[part] for values in (x, *others)))
    return result


def _wide(x: Tensor) -> Tensor:
    """At least float32: squares of activations overflow float16, and their sums lose digits in bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _to_minus(beta: float, x: Tensor) -> Tensor:
    """``x ** -beta`` for positive x; roots are several times faster than a power."""
    if beta != 0.75:
        return x.pow(-beta)
    root = x.rsqrt()
    return root.sqrt().mul_(root)


class _Normalize(torch.autograd.Function):
    """``x * d ** -beta`` with ``d = k + alpha * sums(x ** 2)``; its gradient is written out to spare memory and time.

    ``sums`` adds up the values of a neighborhood, ``back`` those in whose neighborhood a value lies.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, sums: Sums, back: Sums, alpha: float, beta: float, k: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.settings = sums, back, alpha, beta, k

        def normalized(x: Tensor) -> Tensor:
            wide = _wide(x)
            return _to_minus(beta, sums(wide * wide).mul_(alpha).add_(k)).mul_(wide)

        return _in_parts(normalized, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        sums, back, alpha, beta, k = ctx.settings

        def backwards(x: Tensor, gradient: Tensor) -> Tensor:
            wide = _wide(x)
            denominator = sums(wide * wide).mul_(alpha).add_(k)
            direct = _to_minus(beta, denominator).mul_(gradient)
            shared = back((direct * wide).div_(denominator)).mul_(wide)
            return direct.sub_(shared, alpha=2 * alpha * beta)

        return _in_parts(backwards, *ctx.saved_tensors, gradient), None, None, None, None, None


def _normalize(x: Tensor, *settings) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):  # which would make half of what _wide widened
        return _Normalize.apply(x, *settings)


def sum_by_shifts(x: Tensor, offsets: range, groups: int) -> Tensor:
    """To each map the maps of its group at these offsets from it added up, in as many passes over a small ``x``."""
    parts = x.unflatten(1, (groups, -1))
    maps = parts.shape[2]
    total = torch.zeros_like(parts)
    for offset in offsets:
        both = maps - abs(offset)  # maps that have such a neighbor
        if both > 0:
            total.narrow(2, max(0, -offset), both).add_(parts.narrow(2, max(0, offset), both))
    return total.flatten(1, 2)


def sum_by_band(x: Tensor, offsets: range, groups: int) -> Tensor:
    """The same as a 1x1 convolution with a band of ones: one pass over ``x``, and more arithmetic."""
    maps = torch.arange(x.shape[1] // groups, device=x.device)
    offset = maps - maps[:, None]
    near = (offset >= offsets.start) & (offset < offsets.stop)
    return F.conv2d(x, near.to(x.dtype).repeat(groups, 1)[:, :, None, None], groups=groups)


class LocalResponseNorm(nn.Module):
    """``b = a / (k + alpha / size * sum(a_j ** 2)) ** beta`` over neighboring maps (AlexNet paper, section 3.3).

    Like ``nn.LocalResponseNorm``, for ``(batch, maps, height, width)``; with ``groups`` no neighborhood crosses from
    one group of maps to the next.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0, groups: int = 1) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k, self.groups = size, alpha, beta, k, groups

    def forward(self, x: Tensor) -> Tensor:
        added = sum_by_shifts if x.device.type == "cpu" else sum_by_band
        ahead = range(-(self.size // 2), (self.size - 1) // 2 + 1)
        behind = range(-((self.size - 1) // 2), self.size // 2 + 1)
        return _normalize(x, lambda values: added(values, ahead, self.groups),
                          lambda values: added(values, behind, self.groups),
                          self.alpha / self.size, self.beta, self.k)

    def extra_repr(self) -> str:
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}{groups}"


class SpatialResponseNorm(nn.Module):
    """Response normalization of each map by itself, over a square of neighboring pixels; ``size`` is odd."""

    def __init__(self, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def _sums(self, x: Tensor) -> Tensor:  # as a depthwise convolution; zeros outside count, as pixels
        return F.conv2d(x, x.new_ones(x.shape[1], 1, self.size, self.size), padding=self.size // 2, groups=x.shape[1])

    def forward(self, x: Tensor) -> Tensor:
        return _normalize(x, self._sums, self._sums, self.alpha / self.size ** 2, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
