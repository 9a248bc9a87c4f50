"""How each framework lays out a network's weights, told from the network alone: neither framework is imported.

A weights file holds PyTorch's layout, whichever framework trained it: kernels ``(out, in, height, width)``, dense
weights ``(out, in)`` with the inputs of a flattened map counted channel by channel, batch normalization's running mean
and variance.
"""

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from alexbook.arithmetic import Row, Shape, trace
from alexbook.layers import BatchNorm, Conv, Dense, Flatten, Subsample
from alexbook.networks import Network

# PyTorch's name of a value, and Keras's, by layer.
NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
PLAIN = {"weight": "kernel", "bias": "bias"}


def names(network: Network) -> dict[str, tuple[int, ...]]:
    """Every value that a file of this network's weights holds, with its shape, in the network's order."""
    return {f"{row.name}.{name}": _shape(row, name) for row, _ in _rows(network) for name in _values(row)}


def to_keras(network: Network, values: Mapping[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """The values as Keras wants them: for each layer's name what its ``set_weights`` takes."""
    return {row.name: [_turn(row, flattened, name, values[f"{row.name}.{name}"]) for name in _values(row)]
            for row, flattened in _rows(network)}


def from_keras(network: Network, stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's layout of what a Keras model has, given by path (``conv1/kernel``)."""
    found = {}
    for row, flattened in _rows(network):
        for name, theirs in _values(row).items():
            found[f"{row.name}.{name}"] = _turn_back(row, flattened, name, stored[f"{row.name}/{theirs}"])
    return found


def _rows(network: Network) -> Iterator[tuple[Row, Shape | None]]:
    """The rows that hold values; with a dense one, the shape of the map that was flattened before it."""
    flattened: Shape | None = None
    for row in trace(network).rows:
        if isinstance(row.layer, Flatten):
            flattened = row.input_shape
        elif row.parameters:
            yield row, flattened if isinstance(row.layer, Dense) else None
            flattened = None


def _values(row: Row) -> dict[str, str]:
    """What a layer's values are called in PyTorch and in Keras."""
    if isinstance(row.layer, BatchNorm):
        return NORM
    return PLAIN if getattr(row.layer, "bias", True) else {"weight": "kernel"}


def _shape(row: Row, name: str) -> tuple[int, ...]:
    layer, maps = row.layer, row.output_shape[-1]
    if name != "weight" or isinstance(layer, BatchNorm | Subsample):
        return (maps,)
    if isinstance(layer, Dense):
        return maps, row.input_shape[0]
    assert isinstance(layer, Conv)
    kernel = (layer.kernel, layer.kernel) if isinstance(layer.kernel, int) else tuple(layer.kernel)
    if layer.connections:
        return sum(map(len, layer.connections)), *kernel
    return maps, row.input_shape[2] // layer.groups, *kernel


def _axes(row: Row, name: str) -> tuple[int, ...] | None:
    """The axes of PyTorch's weights in Keras's order."""
    if name != "weight" or not isinstance(row.layer, Conv | Dense):
        return None
    if isinstance(row.layer, Dense):
        return 1, 0
    return (1, 2, 0) if row.layer.connections else (2, 3, 1, 0)


def _places(flattened: Shape) -> np.ndarray:
    """Where Keras, which flattens ``(height, width, channels)``, has each value that PyTorch counts by channel."""
    return np.arange(prod(flattened)).reshape(flattened).transpose(2, 0, 1).ravel()


def _turn(row: Row, flattened: Shape | None, name: str, values: np.ndarray) -> np.ndarray:
    axes = _axes(row, name)
    if axes and flattened:
        values = values[:, np.argsort(_places(flattened))]
    return values.transpose(axes) if axes else values


def _turn_back(row: Row, flattened: Shape | None, name: str, values: np.ndarray) -> np.ndarray:
    axes = _axes(row, name)
    values = values.transpose(np.argsort(axes)) if axes else values
    return values[:, _places(flattened)] if axes and flattened else values
