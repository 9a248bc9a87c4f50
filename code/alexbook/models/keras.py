"""The book's networks in Keras: ``build(networks.get("lenet5"))`` is a functional ``keras.Model``.

Its layers have the names that the network gives them. Input is ``(batch, height, width, channels)``;
output is logits, or for LeNet-5 of 1998 squared distances, of which the smallest is the answer.
"""

import random
from collections.abc import Iterator
from typing import Any

import keras

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
from alexbook.models import _common, keras_layers
from alexbook.networks import Network


def _initializers(network: Network, row: Row, draw: random.Random) -> dict:
    """Where this row's weights and biases start, as its layer's ``start`` or else the network's rule says."""
    if start := _common.start(row):
        return {"kernel_initializer": keras.initializers.RandomNormal(0.0, start.deviation, draw.getrandbits(31)),
                "bias_initializer": keras.initializers.Constant(start.bias)}
    weights, biases = _common.limits(network, row)
    if isinstance(row.layer, Conv) and row.layer.connections:  # one kernel for each connection, not for each filter
        weights = [limit for limit, maps in zip(weights, row.layer.connections, strict=True)
                   for _ in maps]

    def uniform(limits: list[float]) -> keras_layers.Uniform:
        same = limits[0] if len(set(limits)) == 1 else limits
        return keras_layers.Uniform(same, seed=draw.getrandbits(31))

    return {"kernel_initializer": uniform(weights),
            "bias_initializer": uniform(biases) if any(biases) else "zeros"}


def _conv(row: Row, layer: Conv, initializers: dict) -> Iterator[keras.layers.Layer]:
    sides = _common.sides(row)
    strides, dilation = pair(layer.stride), pair(layer.dilation)
    if max(strides) > 1 and max(dilation) > 1:
        raise ValueError(f"{row.name}: stride {strides} together with dilation {dilation} is not "
                         "available in Keras; one of the two must be 1.")
    settings = initializers | {"name": row.name, "kernel_size": pair(layer.kernel),
                               "strides": strides, "dilation_rate": dilation,
                               "use_bias": layer.bias}
    same = layer.padding == "same" and not layer.connections and layer.groups == 1
    if sides != _common.NO_SIDES and not same:
        yield keras.layers.ZeroPadding2D(sides, name=f"{row.name}_pad")
    if layer.connections:
        yield keras_layers.TableConv2D(layer.connections, **settings)
    elif layer.groups > 1:
        yield keras_layers.GroupedConv2D(layer.groups, filters=layer.filters, **settings)
    else:
        yield keras.layers.Conv2D(layer.filters, padding="same" if same else "valid", **settings)


def _pool(row: Row, layer: Pool, initializers: dict) -> Iterator[keras.layers.Layer]:
    sides = _common.sides(row)
    padded = sides != _common.NO_SIDES
    window: dict[str, Any] = {"name": row.name, "pool_size": pair(layer.kernel), "strides": pair(layer.stride)}
    match layer:
        case AvgPool() if padded:
            yield keras_layers.InnerAveragePooling2D(sides=sides, **window)
        case AvgPool():
            yield keras.layers.AveragePooling2D(**window)
        case MaxPool():
            if padded:
                yield keras_layers.Padding2D(sides, float("-inf"), name=f"{row.name}_pad")
            yield keras.layers.MaxPooling2D(**window)
        case Subsample():
            if padded:
                yield keras.layers.ZeroPadding2D(sides, name=f"{row.name}_pad")
            yield keras_layers.Subsampling2D(**window, **initializers)


def _layers(network: Network, row: Row, draw: random.Random) -> Iterator[keras.layers.Layer]:
    """The Keras layer for one row, with the row's name, and before it its padding if it needs one."""
    learned = row.parameters and not isinstance(row.layer, BatchNorm)  # which starts as Keras has it: 1 and 0
    initializers = _initializers(network, row, draw) if learned else {}
    name = row.name
    match row.layer:
        case Conv():
            yield from _conv(row, row.layer, initializers)
        case Pool():
            yield from _pool(row, row.layer, initializers)
        case LRN(size=size, alpha=alpha, beta=beta, k=k, groups=groups):
            yield keras_layers.LocalResponseNormalization(size, alpha, beta, k, groups, name=name)
        case SpatialNorm(size=size, alpha=alpha, beta=beta, k=k):
            yield keras_layers.SpatialResponseNormalization(size, alpha, beta, k, name=name)
        case BatchNorm(epsilon=epsilon):
            yield keras.layers.BatchNormalization(momentum=0.9, epsilon=epsilon, name=name)
        case Flatten():
            yield keras.layers.Flatten(name=name)
        case Dense(units=units, bias=bias):
            yield keras.layers.Dense(units, use_bias=bias, name=name, **initializers)
        case Dropout(rate=rate):
            yield keras.layers.Dropout(rate, seed=draw.getrandbits(31), name=name)
        case Activation(function="scaled_tanh"):
            yield keras_layers.ScaledTanh(name=name)
        case Activation(function=function):
            yield keras.layers.Activation(function, name=name)
        case RBF(centers=centers):
            yield keras_layers.RBFDistance(centers, name=name)
        case _:
            raise TypeError(f"{name}: there is no Keras layer for the layer {row.layer!r}.")


def build(network: Network, seed: int | None = None) -> keras.Model:
    """The network in Keras, with its initial weights drawn.

    Args:
        network: What to build.
        seed: With a seed the weights repeat; without one ``keras.utils.set_random_seed`` decides.

    Returns:
        A functional ``keras.Model``, not compiled, for images ``(batch, height, width, channels)``; its layers have the
        network's names, its outputs are logits ``(batch, classes)``.

    Raises:
        ValueError: For a network that does not fit together (:func:`alexbook.arithmetic.trace`), and where Keras is
            set to channels first.
    """
    if (order := keras.config.image_data_format()) != "channels_last":
        raise ValueError(f'Keras is set to image_data_format "{order}" (in ~/.keras/keras.json); '
                         'the networks of this package need "channels_last".')
    draw = random.Random(random.getrandbits(64) if seed is None else seed)
    x = inputs = keras.Input(network.input_shape)
    for row in _common.rows(network):
        for layer in _layers(network, row, draw):
            x = layer(x)
    return keras.Model(inputs, x, name=network.name)
