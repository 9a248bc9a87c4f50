"""Weights from one framework to the other, so that both models give the same numbers.

``keras_to_torch(keras_model, torch_model)`` fills the PyTorch model from the Keras model; ``torch_to_keras`` goes the
other way. Layers are paired in order; their names may differ. What each framework stores:

- a convolution's kernel: Keras ``(height, width, in, out)``, PyTorch ``(out, in, height, width)``, ``in`` being the
  maps of one group;
- a dense layer's: Keras ``(in, out)``, PyTorch ``(out, in)``; and where a map was flattened before it, Keras counts its
  inputs pixel by pixel and PyTorch map by map. The map's size is read off the Keras model, never guessed.

- batch normalization's running mean and variance, which are stored and not trained, besides its scale and shift.
  Keras's ``momentum`` is what PyTorch calls ``1 - momentum``; it acts in training only and is not compared.

What has no weights (strides, padding, pooling, activations) is not compared: run both models on one image for that.
Layers and functions whose business it is to change the order of a map's axes (``Permute``, ``transpose``, ...) are
refused between two layers with weights, in either framework, and so is a Keras model whose maps are channels first.
What a ``Lambda``, a layer of one's own or a ``forward`` with branches does inside is seen as well: one random image
goes through both models, and where a layer gets the same values in another order, nothing is copied.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from math import prod
from typing import Any

import keras
import numpy as np
import torch
from keras import ops
from torch import Tensor, fx, nn

from alexbook.arithmetic import Shape
from alexbook.models import keras_layers
from alexbook.models import torch as torch_models

# Which layers are partners, and the axes of the Keras kernel in PyTorch's order.
KINDS: tuple[tuple[tuple[type, ...], type, tuple[int, ...]], ...] = (
    ((keras.layers.Conv2D, keras_layers.GroupedConv2D), nn.Conv2d, (3, 2, 0, 1)),
    ((keras.layers.Dense,), nn.Linear, (1, 0)),
    ((keras_layers.TableConv2D,), torch_models.TableConv2d, (2, 0, 1)),
    ((keras_layers.Subsampling2D,), torch_models.Subsample2d, (0,)),
    ((keras_layers.RBFDistance,), torch_models.RBFDistance, ()),
    ((keras.layers.BatchNormalization,), nn.BatchNorm2d, (0,)),
    ((keras.layers.BatchNormalization,), nn.BatchNorm1d, (0,)),
)
# What takes a map's axes apart: Keras's layers and operations by class, PyTorch's functions by name.
KERAS_TURNS = {"Permute", "Transpose", "Moveaxis", "Swapaxes", "Einsum", "Flip", "Roll", "Rot90"}
TORCH_TURNS = {"permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims", "einsum", "flip", "roll", "rot90",
               "channel_shuffle", "adjoint", "fliplr", "flipud", "index_select", "gather", "as_strided"}
TORCH_MODULES = (nn.ChannelShuffle, nn.PixelShuffle, nn.PixelUnshuffle)


FIXED = (torch_models.RBFDistance, nn.BatchNorm2d, nn.BatchNorm1d)  # layers with values that are stored and not trained


@dataclass(frozen=True)
class Match:
    """A variable of the Keras model and the parameter of the PyTorch model that is the same thing.

    ``axes`` are the Keras axes in PyTorch's order. ``places`` says of each input of a dense layer behind a flattened
    map, counted PyTorch's way, where Keras has it; elsewhere it is ``None``.
    """

    name: str
    variable: keras.Variable
    parameter: Tensor
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
    """Copy all weights of a Keras model into a PyTorch model.

    Args:
        source: The Keras model, channels last.
        target: The PyTorch model; its weights change in place.

    Raises:
        ValueError: Where the two do not match; one sentence names the layer, and nothing is changed.
    """
    found = matches(source, target)
    before = [match.parameter.detach().clone() for match in found]
    with torch.no_grad():
        for match in found:
            match.parameter.copy_(torch.tensor(match.to_torch(ops.convert_to_numpy(match.variable))))
        if turned := _turned(source, target):
            for match, values in zip(found, before, strict=True):
                match.parameter.copy_(values)
            raise ValueError(turned)


def torch_to_keras(source: nn.Module, target: keras.Model) -> None:
    """Copy all weights of a PyTorch model into a Keras model.

    Args:
        source: The PyTorch model.
        target: The Keras model, channels last; its weights change in place.

    Raises:
        ValueError: Where the two do not match; one sentence names the layer, and nothing is changed.
    """
    found = matches(target, source)
    before = [ops.convert_to_numpy(match.variable).copy() for match in found]
    for match in found:
        match.variable.assign(match.to_keras(_numpy(match.parameter)))
    if turned := _turned(target, source):
        for match, values in zip(found, before, strict=True):
            match.variable.assign(values)
        raise ValueError(turned)


def matches(keras_model: keras.Model, torch_model: nn.Module) -> tuple[Match, ...]:
    """All pairs of trained values, in the order of the layers.

    Args:
        keras_model: A Keras model, channels last.
        torch_model: A PyTorch model of the same layers.

    Returns:
        A :class:`Match` for each kernel, bias and running figure.

    Raises:
        ValueError: Names the first layer in which the models differ, and both shapes.
    """
    found: list[Match] = []
    _refuse_turns(torch_model)
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


def _turned(keras_model: keras.Model, torch_model: nn.Module) -> str | None:
    """The sentence on the first layer to which the models bring the same values in different orders, if there is one.

    Values that differ otherwise, as with another padding, are not this module's to judge. A PyTorch model may take its
    images channels last: the order counts as different only if it is so for either way of giving them.
    """
    pairs = list(zip(_keras_layers(keras_model), _torch_layers(torch_model), strict=True))
    try:
        taps = keras.Model(keras_model.inputs, [layer.input for (layer, _), _ in pairs])
        shape = [side or 64 for side in keras_model.inputs[0].shape[1:]]
        image = np.random.default_rng(0).normal(size=(1, *shape)).astype(keras_model.inputs[0].dtype)
        ours = [ops.convert_to_numpy(x).astype("float32")[0] for x in _listed(taps([image], training=False))]
    except Exception:  # several inputs, a layer that is used twice, a size that does not fit: nothing to compare
        return None
    said = []
    for given in (image.transpose(0, 3, 1, 2), image) if image.ndim == 4 else (image,):
        theirs = _inputs(torch_model, [module for _, (_, module) in pairs], given)
        if theirs is not None:
            said.append(_first_turned(pairs, ours, theirs))
    return said[0] if said and all(said) else None


def _inputs(model: nn.Module, modules: list[nn.Module], images: np.ndarray) -> list[np.ndarray] | None:
    """What each module gets when the model sees these images, in inference; None where they do not fit."""
    seen: dict[nn.Module, np.ndarray] = {}

    def note(module: nn.Module, taken: tuple) -> None:
        seen.setdefault(module, _numpy(taken[0].float())[0])

    hooks = [module.register_forward_pre_hook(note) for module in modules]
    training = {module: module.training for module in model.modules()}
    like = next(model.parameters(), torch.zeros(()))
    try:
        with torch.inference_mode():
            model.eval()(torch.tensor(images, device=like.device, dtype=like.dtype))
        return [seen[module] for module in modules]
    except (RuntimeError, ValueError, KeyError, TypeError, IndexError):
        return None
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in training.items():
            module.training = mode


def _first_turned(pairs: list, ours: list[np.ndarray], theirs: list[np.ndarray]) -> str | None:
    for ((layer, flattened), (name, _)), here, there in zip(pairs, ours, theirs, strict=True):
        if here.ndim == 3:
            here = here.transpose(2, 0, 1)
        elif flattened is not None and here.size == prod(flattened):
            here = here[_places(flattened)]
        bar = 1e-3 * (np.ptp(here) if here.size else 0)
        if here.size != there.size or not np.allclose(np.sort(here, None), np.sort(there, None), atol=bar):
            return None  # from here on the models differ otherwise
        if here.shape != there.shape or not np.allclose(here, there, atol=bar):
            return (f"{layer.name}: for the same image it gets the same values as {name} in the PyTorch model, but in "
                    "another order; transfer cannot follow what changes the order of a map's axes, so leave that out.")
    return None


def _pair(layer: keras.Layer, name: str, module: Any, axes: tuple[int, ...],
          places: np.ndarray | None) -> Iterator[Match]:
    """The matches of one layer: its kernel and its bias. Fixed values and tables are compared."""
    if isinstance(layer, keras_layers.RBFDistance):
        centers = np.asarray(layer.centers, "float32")
        fixed = centers if places is None else centers[:, places]
        _same_fixed(layer, name, "centers", fixed, _numpy(module.centers))
        return
    if isinstance(layer, keras.layers.BatchNormalization):
        yield from _norm_pair(layer, name, module)
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


def _norm_pair(layer: keras.layers.BatchNormalization, name: str,
               module: nn.BatchNorm2d | nn.BatchNorm1d) -> Iterator[Match]:
    """The matches of a batch normalization: scale, shift, and the running mean and variance."""
    if layer.epsilon != module.eps:
        raise ValueError(f"{layer.name}: its epsilon is {layer.epsilon} in Keras, but {module.eps} in the PyTorch "
                         f"model's {name}; both models must be built with the same.")
    values: dict[str, tuple] = {"scale": (layer.gamma, module.weight), "shift": (layer.beta, module.bias),
              "running mean": (layer.moving_mean, module.running_mean),
              "running variance": (layer.moving_variance, module.running_var)}
    for what, (ours, theirs) in values.items():
        shapes = [None if one is None else tuple(one.shape) for one in (ours, theirs)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{layer.name}: its {what} is {shapes[0]} in Keras, but {shapes[1]} in the PyTorch "
                             f"model's {name}.")
        if ours is not None:
            yield Match(f"{layer.name} {what}", ours, theirs, (0,))


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
        if any(True for _ in module.parameters(recurse=False)) or isinstance(module, FIXED):
            yield name, module


def _refuse_turns(model: nn.Module) -> None:
    """Refuses a ``forward`` that turns a map after a layer with weights, where PyTorch can follow it symbolically."""
    for name, module in model.named_modules():
        if isinstance(module, TORCH_MODULES):
            raise ValueError(f"{name}: {type(module).__name__} changes the order of a map's values, and transfer "
                             "cannot follow that; leave it out.")
    try:
        graph = fx.symbolic_trace(model).graph
    except Exception:  # control flow, functions of our own: then only the order of the modules is known
        return
    holders = {name for name, _ in _torch_layers(model)}
    behind = False
    for node in graph.nodes:
        called = str(getattr(node.target, "__name__", node.target))
        if node.op in ("call_function", "call_method") and behind and called in TORCH_TURNS:
            raise ValueError(f"The PyTorch model's forward calls {called} behind a layer with weights; transfer cannot "
                             "follow what changes the order of a map's axes.")
        behind |= node.op == "call_module" and (node.target in holders or any(
            holder.startswith(f"{node.target}.") for holder in holders))


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
        _refuse_turned(layer)
        taken = [flattened[id(x)] for x in _listed(layer.input) if id(x) in flattened]
        if taken and isinstance(layer, keras.layers.BatchNormalization):
            raise ValueError(f"{layer.name}: it normalizes a flattened map of {taken[0]}, and transfer cannot follow "
                             "that; normalize before it is flattened.")
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


def _refuse_turned(layer: keras.Layer) -> None:
    """Refuses what leaves a map's axes in another order than height, width, channels."""
    if isinstance(layer, keras.layers.InputLayer):
        return
    ranks = [len(x.shape) for x in _listed(layer.input)]
    if getattr(layer, "data_format", None) == "channels_first" and 4 in ranks:
        raise ValueError(f"{layer.name}: its maps are channels first; transfer reads Keras models whose maps are "
                         "channels last.")
    if isinstance(layer, keras.layers.BatchNormalization) and 4 in ranks and layer.axis not in (-1, 3):
        raise ValueError(f"{layer.name}: it normalizes along axis {layer.axis}; transfer reads Keras models whose maps "
                         "are channels last, axis -1.")
    reshaped = isinstance(layer, keras.layers.Reshape) and 4 in ranks and len(layer.output.shape) != 2
    turns = reshaped or KERAS_TURNS & {kind.__name__ for kind in type(layer).__mro__}
    if turns and {2, 4} & set(ranks):
        raise ValueError(f"{layer.name}: {type(layer).__name__} changes the order of a map's axes, and transfer cannot "
                         "follow that; leave it out, or flatten before it.")


def _listed(tensors: object) -> list:
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def _described(layer: keras.Layer | nn.Module) -> str:
    values = layer.weights if isinstance(layer, keras.Layer) else layer.parameters(recurse=False)
    shapes = ", ".join(str(tuple(value.shape)) for value in values)
    return f"{type(layer).__name__} with {shapes or 'no trained values'}"


def _left_over(ours: Any, theirs: Any) -> str:
    has, lacks = ("Keras", "PyTorch") if theirs is None else ("PyTorch", "Keras")
    name, layer = (ours[0].name, ours[0]) if theirs is None else theirs
    return f"{name}: the {has} model has this {_described(layer)}, but the {lacks} model ends before it."
