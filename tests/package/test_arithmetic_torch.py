"""The trace against what PyTorch really computes, over random layers."""

from collections import Counter

import pytest
import random_layers
from alexbook.layers import Conv, MaxPool, pair
from hypothesis import assume, given

torch = pytest.importorskip("torch")
from alexbook.models import torch as torch_models  # noqa: E402
from torch import nn  # noqa: E402


def native(network):
    """Output shape and parameters of PyTorch's own layer, ``None`` if it refuses the input.

    Returns ``NotImplemented`` where PyTorch has no such layer: it neither pads pools unevenly or by more
    than half a window, nor rounds convolutions up (whose windows its dilated max-pooling counts), nor
    takes ``same`` with strides.
    """
    layer, (height, width, maps) = network.layers[0], network.input_shape
    kernel, stride = pair(layer.kernel), pair(layer.stride)
    ceil, conv = network.rounding == "ceil", isinstance(layer, Conv)
    dilation = pair(layer.dilation) if conv else (1, 1)
    if layer.padding == "same":
        if not conv or stride != (1, 1):
            return NotImplemented
        sides, ceil = "same", False
    else:
        sides = [pair(side) for side in pair(layer.padding)]
    even = sides == "same" or all(before == after for before, after in sides)
    half = sides == "same" or all(side[0] <= k // 2 for side, k in zip(sides, kernel, strict=True))
    if (ceil or not conv) and not (even and half):
        return NotImplemented
    padding = sides if sides == "same" else (sides[0][0], sides[1][0])
    x = torch.zeros(1, maps, height, width)
    if conv and not even:
        x, padding = nn.functional.pad(x, (*sides[1], *sides[0])), 0
    try:
        if conv:
            module = nn.Conv2d(maps, layer.filters, kernel, stride, padding, dilation, layer.groups,
                               layer.bias)
        else:
            module = (nn.MaxPool2d if isinstance(layer, MaxPool) else nn.AvgPool2d)(kernel, stride, padding)
        filters, *size = module(x).shape[1:]
    except (RuntimeError, ValueError):  # where not one whole window fits, ceil is a mistake here as well
        return None
    if ceil:
        size = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=True)(x).shape[2:]
    return (*size, filters), sum(p.numel() for p in module.parameters())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_random_layers():
    seen, kinds = set(), Counter()

    @random_layers.thousands
    @given(random_layers.networks())
    def holds(network):
        truth = native(network)
        assume(truth is not NotImplemented)
        assert random_layers.traced(network) == truth
        seen.add(network)
        kinds[type(network.layers[0]).__name__, network.rounding, truth is None] += 1

    holds()
    assert len(seen) >= random_layers.EXAMPLES, "the same layer came up more than once"
    for kind in ("Conv", "MaxPool", "AvgPool"):
        for rounding in ("floor", "ceil"):
            assert kinds[kind, rounding, False] >= 50 and kinds[kind, rounding, True] >= 5, kinds


def test_random_layers_as_built():
    """What the book builds has the trace's shape, whatever the padding, and the trace's parameters."""
    seen = set()

    @random_layers.thousands
    @given(random_layers.networks())
    def holds(network):
        truth = random_layers.traced(network)
        if truth is None:
            with pytest.raises(ValueError, match="^layer: "):
                torch_models.build(network)
            return
        model = torch_models.build(network)
        height, width, maps = network.input_shape
        batch, filters, *size = model(torch.zeros(2, maps, height, width)).shape
        assert ((*size, filters), torch_models.count(model), batch) == (*truth, 2)
        seen.add(network)

    holds()
    assert len(seen) >= random_layers.EXAMPLES / 2
