"""Weights from one framework to the other, so that both models give the same numbers.

``keras_to_torch(keras_model, torch_model)`` fills the PyTorch model from the Keras model; ``torch_to_keras`` goes the
other way. Layers are paired in order; their names may differ. What each framework stores:

- a convolution's kernel: Keras ``(height, width, in, out)``, PyTorch ``(out, in, height, width)``, ``in`` being the
  maps of one group;
- a dense layer's: Keras ``(in, out)``, PyTorch ``(out, in)``; and where a map was flattened before it, Keras counts its
  inputs pixel by pixel and PyTorch map by map. The map's size is read off the Keras model, never guessed.

What has no weights (strides, padding, pooling, activations) is not compared: run both models on one image for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from math import prod

import keras
import numpy as np
import torch
from keras import ops
from torch import Tensor, nn

from alexbook import keras_layers, torch_models
from alexbook.tables import Shape

# Which layers are partners, and the axes of the Keras kernel in PyTorch's order.
KINDS: tuple[tuple[tuple[type, ...], type, tuple[int, ...]], ...] = (
    ((keras.layers.Conv2D, keras_layers.GroupedConv2D), nn.Conv2d, (3, 2, 0, 1)),
    ((keras.layers.Dense,), nn.Linear, (1, 0)),
    ((keras_layers.TableConv2D,), torch_models.TableConv2d, (2, 0, 1)),
    ((keras_layers.Subsampling2D,), torch_models.Subsample2d, (0,)),
    ((keras_layers.RBFDistance,), torch_models.RBFDistance, ()),
)


@dataclass(frozen=True)
class Match:
    """A variable of the Keras model and the parameter of the PyTorch model that is the same thing.

    ``axes`` are the Keras axes in PyTorch's order. ``places`` says of each input of a dense layer behind a flattened
    map, counted PyTorch's way, where Keras has it; elsewhere it is ``None``.
    """

    name: str
    variable: keras.Variable
    parameter: nn.Parameter
    axes: tuple[int, ...]
    places: np.ndarray | None = field(default=None, repr=False)

    def to_torch(self, values: np.ndarray) -> np.ndarray:
        """Values laid out as the Keras variable (weights, or their gradient), laid out as the PyTorch parameter."""
        moved = values.transpose(self.axes)
        return moved if self.places is None else moved[:, self.places]

    def to_keras(self, values: np.ndarray) -> np.ndarray:
        """Values laid out as the PyTorch parameter, laid out as the Keras variable."""
        if self.places is not None:
            values = values[:, np.argsort(self.places)]
        return values.transpose(np.argsort(self.axes))


def keras_to_torch(source: keras.Model, target: nn.Module) -> None:
    """Copy all weights of a Keras model into a PyTorch model; where the two do not match, nothing is changed."""
    for match in matches(source, target):
        values = match.to_torch(ops.convert_to_numpy(match.variable))
        with torch.no_grad():
            match.parameter.copy_(torch.tensor(values))


def torch_to_keras(source: nn.Module, target: keras.Model) -> None:
    """Copy all weights of a PyTorch model into a Keras model; where the two do not match, nothing is changed."""
    for match in matches(target, source):
        match.variable.assign(match.to_keras(_numpy(match.parameter)))


def matches(keras_model: keras.Model, torch_model: nn.Module) -> tuple[Match, ...]:
    """All pairs of trained values, in the order of the layers.

    Raises a ``ValueError`` that names the first layer in which the models differ, and both shapes.
    """
    found = []
    for ours, theirs in zip_longest(_keras_layers(keras_model), _torch_layers(torch_model)):
        if ours is None or theirs is None:
            raise ValueError(_left_over(ours, theirs))
        (layer, flattened), (name, module) = ours, theirs
        axes = next((axes for kinds, partner, axes in KINDS
                     if isinstance(layer, kinds) and isinstance(module, partner)), None)
        if axes is None:
            raise ValueError(f"{layer.name}: in Keras this is {_described(layer)}, but its partner in PyTorch, "
                             f"{name}, is {_described(module)}; transfer pairs layers of one kind, in order.")
        places = None if flattened is None else _places(flattened)
        found += _pair(layer, name, module, axes, places)
    return tuple(found)


def _pair(layer: keras.Layer, name: str, module: nn.Module, axes: tuple[int, ...],
          places: np.ndarray | None) -> Iterator[Match]:
    """The matches of one layer: its kernel and its bias. Fixed values and tables are compared."""
    if isinstance(layer, keras_layers.RBFDistance):
        centers = np.asarray(layer.centers, "float32")
        fixed = centers if places is None else centers[:, places]
        _same_fixed(layer, name, "centers", fixed, _numpy(module.centers))
        return
    if isinstance(layer, keras_layers.TableConv2D):
        pairs = [(filter_, map_) for filter_, maps in enumerate(layer.table) for map_ in maps]
        _same_fixed(layer, name, "table of connections", np.array(pairs), _numpy(module.pairs).T)
    shape = tuple(layer.kernel.shape)
    turned = tuple(shape[axis] for axis in axes)
    if turned != tuple(module.weight.shape):
        raise ValueError(f"{layer.name}: its kernel is {shape} in Keras, which is {turned} in PyTorch's order, but "
                         f"{name} in the PyTorch model has {tuple(module.weight.shape)}.")
    yield Match(f"{layer.name} kernel", layer.kernel, module.weight, axes, places)
    biases = [None if bias is None else tuple(bias.shape) for bias in (layer.bias, module.bias)]
    if biases[0] != biases[1]:
        raise ValueError(f"{layer.name}: its bias is {biases[0]} in Keras, but {biases[1]} in the PyTorch model's "
                         f"{name}.")
    if layer.bias is not None:
        yield Match(f"{layer.name} bias", layer.bias, module.bias, (0,))


def _same_fixed(layer: keras.Layer, name: str, what: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    if ours.shape != theirs.shape or not np.array_equal(ours, theirs.astype(ours.dtype)):
        raise ValueError(f"{layer.name}: its {what}, {ours.shape} in Keras and {theirs.shape} in the PyTorch model's "
                         f"{name}, is not the same in both; it is fixed, so both models must be built with the same.")


def _places(shape: Shape) -> np.ndarray:
    """Where Keras, which flattens ``(height, width, maps)``, has each value that PyTorch counts map by map."""
    return np.arange(prod(shape)).reshape(shape).transpose(2, 0, 1).ravel()


def _torch_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules that hold values of their own, and their names."""
    for name, module in model.named_modules():
        if any(True for _ in module.parameters(recurse=False)) or isinstance(module, torch_models.RBFDistance):
            yield name, module


def _keras_layers(model: keras.Model) -> Iterator[tuple[keras.Layer, Shape | None]]:
    """The layers that hold values of their own; with each the map, ``(height, width, maps)``, that its input flattens.

    A flattened map is followed from tensor to tensor, through dropout and the like, to each layer that takes it.
    """
    if not getattr(model, "inputs", None):
        raise ValueError(f"{model.name}: transfer follows the layers of built Sequential and functional models, and "
                         "this one has no input yet; give it a keras.Input.")
    flattened: dict[int, Shape] = {}
    for layer in getattr(model, "operations", model.layers):
        if isinstance(layer, keras.Model) and layer.weights:
            raise ValueError(f"{layer.name}: it is a model within the model {model.name}; transfer takes one level "
                             "of layers, so put its layers directly into the model.")
        taken = [flattened[id(x)] for x in _listed(layer.input) if id(x) in flattened]
        if getattr(layer, "weights", None) or isinstance(layer, keras_layers.RBFDistance):
            yield layer, taken[0] if taken else None
        elif isinstance(layer, (keras.layers.Flatten, keras.layers.Reshape)) and len(layer.output.shape) == 2 \
                and len(layer.input.shape) == 4:
            flattened[id(layer.output)] = tuple(layer.input.shape[1:])
        elif taken and len(_listed(layer.input)) == 1 and layer.output.shape == layer.input.shape:
            flattened[id(layer.output)] = taken[0]
        elif taken:
            raise ValueError(f"{layer.name}: it takes a flattened map of {taken[0]} apart or joins it to others, and "
                             "transfer cannot follow that; flatten after it.")


def _listed(tensors: object) -> list:
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def _described(layer: keras.Layer | nn.Module) -> str:
    values = layer.weights if isinstance(layer, keras.Layer) else layer.parameters(recurse=False)
    shapes = ", ".join(str(tuple(value.shape)) for value in values)
    return f"{type(layer).__name__} with {shapes or 'no trained values'}"


def _left_over(ours: tuple | None, theirs: tuple | None) -> str:
    has, lacks = ("Keras", "PyTorch") if theirs is None else ("PyTorch", "Keras")
    name, layer = (ours[0].name, ours[0]) if theirs is None else theirs
    return f"{name}: the {has} model has this {_described(layer)}, but the {lacks} model ends before it."
