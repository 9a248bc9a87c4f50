"""The trace against what Keras really computes, over random layers."""

from collections import Counter
from dataclasses import replace

import pytest
import random_layers
from alexbook.layers import Conv, MaxPool, pair
from hypothesis import assume, given

keras = pytest.importorskip("keras")
import numpy as np  # noqa: E402
from alexbook.models import keras as keras_models  # noqa: E402


def native(network):
    """Output shape and parameters of Keras's own layer, ``None`` if it refuses the input.

    Returns ``NotImplemented`` where Keras has no such layer: one with both strides and dilation. It does
    not round up either; zeros at the bottom and right, one less than the stride, do the same as long as
    no window begins on them.
    """
    layer, shape = network.layers[0], network.input_shape
    conv = isinstance(layer, Conv)
    stride = pair(layer.stride)
    if conv and max(stride) > 1 and max(pair(layer.dilation)) > 1:
        return NotImplemented
    settings = {"strides": stride, "padding": "same" if layer.padding == "same" else "valid"}
    if conv:
        module = keras.layers.Conv2D(layer.filters, layer.kernel, groups=layer.groups,
                                     dilation_rate=layer.dilation, use_bias=layer.bias, **settings)
    elif isinstance(layer, MaxPool):
        module = keras.layers.MaxPooling2D(layer.kernel, **settings)
    else:
        module = keras.layers.AveragePooling2D(layer.kernel, **settings)
    sides = [(0, 0)] * 2 if layer.padding == "same" else [pair(side) for side in pair(layer.padding)]
    if network.rounding == "ceil" and layer.padding != "same":
        if any(side[1] or s > k for side, s, k in zip(sides, stride, pair(layer.kernel), strict=True)):
            return NotImplemented
        if native(replace(network, rounding="floor")) is None:
            return None
        sides = [(before, s - 1) for (before, _), s in zip(sides, stride, strict=True)]
    x = np.pad(np.zeros((1, *shape), "float32"), ((0, 0), *sides, (0, 0)))
    try:
        if min(module.compute_output_shape(x.shape)) < 1:
            return None  # an empty output: TensorFlow's max-pooling would end the process
        output = module(x)
    except Exception:  # Keras's and the backend's own classes: what matters is that it refuses
        return None
    return tuple(output.shape[1:]), module.count_params()


def test_random_layers():
    seen, kinds = set(), Counter()

    @random_layers.thousands
    @given(random_layers.networks(most_groups=2))
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

    @random_layers.fewer
    @given(random_layers.networks())
    def holds(network):
        layer, truth = network.layers[0], random_layers.traced(network)
        if isinstance(layer, Conv) and max(pair(layer.stride)) > 1 and max(pair(layer.dilation)) > 1:
            truth = None
        if truth is None:
            with pytest.raises(ValueError, match="^layer: "):
                keras_models.build(network)
            return
        model = keras_models.build(network)
        batch, *size = model(np.zeros((2, *network.input_shape), "float32")).shape
        assert (tuple(size), model.count_params(), batch) == (*truth, 2)
        seen.add(network)

    holds()
    assert len(seen) >= random_layers.FEWER / 3
