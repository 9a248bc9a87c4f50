"""What looks into a Keras model: its layers' values, gradients of its outputs, Grad-CAM.

The models are the book's functional ones (:func:`alexbook.weights.load`), or other functional and ``Sequential`` ones.
Images and results are NumPy arrays, channels last, as in :mod:`alexbook.explaining.torch`. Keras has no gradients of
its own: they are TensorFlow's, JAX's or the other backend's, whichever Keras runs on.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


def outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The model's outputs for images: float32 ``(count, classes)``."""
    return ops.convert_to_numpy(model(images, training=False))


def activations(model: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """The output of every layer.

    Args:
        model: A functional or sequential model.
        images: ``(count, height, width, channels)``.

    Returns:
        For each layer's name its values, ``(count, height, width, channels)`` or ``(count, values)``.
    """
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    values = _part(model, [layer.output for layer in layers])(images, training=False)
    return {layer.name: ops.convert_to_numpy(each) for layer, each in zip(layers, values, strict=True)}


def input_gradient(model: keras.Model, images: np.ndarray, target: int | Sequence[int],
                   layer: str | None = None) -> np.ndarray:
    """The gradient of one output, or of one channel of a layer, with respect to the images.

    Args:
        model: The model.
        images: ``(count, height, width, channels)``.
        target: The class, or one for each image. With a layer: the channel.
        layer: The name of a layer; of a feature map the mean over its positions is taken.

    Returns:
        ``(count, height, width, channels)``.

    Raises:
        ValueError: The model has no such layer or target.
    """
    part = model if layer is None else _part(model, _output(model, layer))
    return _gradient(lambda x: ops.sum(_chosen(part(x, training=False), target)), images)


def loss_gradient(model: keras.Model, images: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """The gradient of each image's cross-entropy with respect to it, ``(count, height, width, channels)``."""
    wanted = np.asarray(labels)
    return _gradient(lambda x: ops.sum(ops.sparse_categorical_crossentropy(
        wanted, model(x, training=False), from_logits=True)), images)


def grad_cam(model: keras.Model, images: np.ndarray, target: int | Sequence[int], layer: str) -> np.ndarray:
    """Grad-CAM (Selvaraju and others 2017): the maps of a layer, weighted by their mean gradients, added up.

    Args:
        model: The model.
        images: ``(count, height, width, channels)``.
        target: The class, or one for each image.
        layer: The name of a layer with feature maps, mostly the last convolution's.

    Returns:
        ``(count, rows, columns)`` as the layer's maps are, from 0 on: where the class is supported.

    Raises:
        ValueError: The layer has no feature maps, or there is no such layer or class.
    """
    end = _output(model, layer)
    if len(end.shape) != 4:
        raise ValueError(f"{layer} gives {tuple(end.shape[1:])}, but Grad-CAM needs a layer with feature maps.")
    before, after = _part(model, end), keras.Model(end, model.outputs[0])
    maps = ops.convert_to_numpy(before(images, training=False))
    gradient = _gradient(lambda x: ops.sum(_chosen(after(x, training=False), target)), maps)
    weights = gradient.mean((1, 2), keepdims=True)
    return np.maximum((weights * maps).sum(-1), 0)


def _part(model: keras.Model, end: Any) -> keras.Model:
    """The model up to one or several of its tensors."""
    return keras.Model(model.inputs[0], end)


def _output(model: keras.Model, layer: str) -> Any:
    """What a layer puts out, as a symbolic tensor."""
    names = [each.name for each in model.layers]
    if layer not in names:
        raise ValueError(f"The model has no layer {layer!r}; it has {', '.join(names)}.")
    return model.get_layer(layer).output


def _chosen(values: Any, target: int | Sequence[int]) -> Any:
    """For each image the value of its target: an output, or the mean of a map."""
    values = ops.mean(values, axis=(1, 2)) if len(values.shape) == 4 else values
    places = np.broadcast_to(np.asarray(target), (values.shape[0],))
    if not (places.min() >= 0 and places.max() < values.shape[1]):
        raise ValueError(f"The target is {target}, but must be from 0 to {values.shape[1] - 1}.")
    return ops.take_along_axis(values, places[:, None].astype("int32"), axis=1)[:, 0]


def _gradient(function: Callable[[Any], Any], values: np.ndarray) -> np.ndarray:
    """The gradient of a function's one number with respect to its input, by the backend that Keras runs on."""
    name = keras.backend.backend()
    if name not in ("tensorflow", "jax", "torch"):
        raise ValueError(f"Keras runs on {name}, which has no gradients; set KERAS_BACKEND to tensorflow, jax or "
                         "torch.")
    backend: Any = importlib.import_module(name)
    if name == "jax":
        return np.asarray(backend.grad(function)(backend.numpy.asarray(values)))
    if name == "torch":
        x = ops.convert_to_tensor(values).requires_grad_()
        return backend.autograd.grad(function(x), x)[0].cpu().numpy()
    with backend.GradientTape() as tape:
        x = backend.convert_to_tensor(values)
        tape.watch(x)
        found = function(x)
    return tape.gradient(found, x).numpy()
