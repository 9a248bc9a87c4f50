"""What looks into a PyTorch model: its layers' values, gradients of its outputs, Grad-CAM.

The models are the book's ``nn.Sequential`` (:func:`alexbook.weights.load`), or any other whose layers have names, in
inference mode. Images and results are NumPy arrays, channels last, as in :mod:`alexbook.explaining.keras`.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def outputs(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """The model's outputs for images: float32 ``(count, classes)``."""
    with torch.inference_mode():
        return model(_tensor(model, images)).cpu().numpy()


def activations(model: nn.Sequential, images: np.ndarray) -> dict[str, np.ndarray]:
    """The output of every layer.

    Args:
        model: The layers, one after another.
        images: ``(count, height, width, channels)``.

    Returns:
        For each layer's name its values, ``(count, height, width, channels)`` or ``(count, values)``.
    """
    found, x = {}, _tensor(model, images)
    with torch.inference_mode():
        for name, layer in model.named_children():
            x = layer(x)
            found[name] = _channels_last(x)
    return found


def input_gradient(model: nn.Module, images: np.ndarray, target: int | Sequence[int],
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
        ValueError: The model is in training mode, or has no such layer or target.
    """
    x = _tensor(model, images).requires_grad_()
    values = model(x) if layer is None else _kept(model, x, layer)[0]
    gradient, = torch.autograd.grad(_chosen(values, target).sum(), x)
    return _channels_last(gradient)


def loss_gradient(model: nn.Module, images: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """The gradient of each image's cross-entropy with respect to it, ``(count, height, width, channels)``."""
    x = _tensor(model, images).requires_grad_()
    loss = F.cross_entropy(model(x), torch.as_tensor(labels, device=x.device), reduction="sum")
    gradient, = torch.autograd.grad(loss, x)
    return _channels_last(gradient)


def grad_cam(model: nn.Module, images: np.ndarray, target: int | Sequence[int], layer: str) -> np.ndarray:
    """Grad-CAM (Selvaraju and others 2017): the maps of a layer, weighted by their mean gradients, added up.

    Args:
        model: The model.
        images: ``(count, height, width, channels)``.
        target: The class, or one for each image.
        layer: The name of a layer with feature maps, mostly the last convolution's.

    Returns:
        ``(count, rows, columns)`` as the layer's maps are, from 0 on: where the class is supported.

    Raises:
        ValueError: The model is in training mode, the layer has no feature maps, or there is no such class.
    """
    maps, logits = _kept(model, _tensor(model, images).requires_grad_(), layer)
    if maps.ndim != 4:
        raise ValueError(f"{layer} gives {tuple(maps.shape[1:])}, but Grad-CAM needs a layer with feature maps.")
    gradient, = torch.autograd.grad(_chosen(logits, target).sum(), maps)
    weights = gradient.mean((2, 3), keepdim=True)
    return (weights * maps).sum(1).relu().detach().cpu().numpy()


def guided_gradient(model: nn.Module, images: np.ndarray, target: int | Sequence[int]) -> np.ndarray:
    """Guided backpropagation (Springenberg and others 2015): the input gradient without what is negative at a ReLU.

    It makes sharp pictures, and passes no sanity check: the pictures hardly depend on the layers above. The arguments
    and the result are those of :func:`input_gradient`, for a model whose ReLUs are layers of their own.
    """
    def keep_positive(_: nn.Module, gradients: Any, __: Any) -> tuple[Tensor]:
        return (gradients[0].relu(),)

    hooks = [layer.register_full_backward_hook(keep_positive) for layer in model.modules()
             if isinstance(layer, nn.ReLU)]
    try:
        return input_gradient(model, images, target)
    finally:
        for hook in hooks:
            hook.remove()


def randomized(model: nn.Module, layers: Iterable[str], seed: int = 0) -> nn.Module:
    """A copy of a model in which the weights of some layers are shuffled: the same values in a random order.

    Args:
        model: The model; it is not changed.
        layers: The names of the layers; each parameter and each running figure of one is shuffled for itself.
        seed: Of the order.

    Returns:
        The copy, in inference mode.
    """
    copied, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    for name in layers:
        for value in copied.get_submodule(name).state_dict().values():
            if value.ndim:
                value.copy_(value.flatten()[torch.randperm(value.numel(), generator=generator)].reshape(value.shape))
    return copied.eval()


def _tensor(model: nn.Module, images: np.ndarray) -> Tensor:
    """Images as the model takes them, on its device."""
    if model.training:
        raise ValueError("The model is in training mode, in which dropout and batch normalization change its answers; "
                         "call model.eval() first.")
    device = next((each.device for each in model.parameters()), torch.device("cpu"))
    return torch.from_numpy(np.ascontiguousarray(images).transpose(0, 3, 1, 2)).to(device)


def _channels_last(values: Tensor) -> np.ndarray:
    values = values.detach()
    return (values.permute(0, 2, 3, 1) if values.ndim == 4 else values).cpu().numpy()


def _kept(model: nn.Module, x: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    """The output of a layer and of the model. What follows gets a copy, so that a ReLU in place changes none of it."""
    found: list[Tensor] = []

    def keep(_: nn.Module, __: tuple, output: Tensor) -> Tensor:
        found.append(output)
        return output.clone()

    named = dict(model.named_modules())
    if not layer or layer not in named:
        raise ValueError(f"The model has no layer {layer!r}; it has {', '.join(name for name in named if name)}.")
    hook = named[layer].register_forward_hook(keep)
    try:
        logits = model(x)
    finally:
        hook.remove()
    return found[0], logits


def _chosen(values: Tensor, target: int | Sequence[int]) -> Tensor:
    """For each image the value of its target: an output, or the mean of a map."""
    values = values.mean((2, 3)) if values.ndim == 4 else values
    places = torch.as_tensor(target, device=values.device).expand(len(values))
    if not (int(places.min()) >= 0 and int(places.max()) < values.shape[1]):
        raise ValueError(f"The target is {target}, but must be from 0 to {values.shape[1] - 1}.")
    return values.gather(1, places[:, None])[:, 0]
