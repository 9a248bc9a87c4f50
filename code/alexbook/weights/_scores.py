"""From values to a model of either framework, and from its logits to named classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alexbook.networks import Network
from alexbook.weights import _layout

FRAMEWORKS = ("torch", "keras")


def build(network: Network, values: Mapping[str, np.ndarray], framework: str) -> Any:
    """The network in a framework with these values, which are in PyTorch's layout."""
    return _torch(network, values) if framework == "torch" else _keras(network, values)


def _torch(network: Network, values: Mapping[str, np.ndarray]) -> Any:
    import torch

    from alexbook.models import torch as torch_models
    model = torch_models.build(network, seed=0)
    held = model.state_dict()
    held |= {name: torch.from_numpy(array) for name, array in values.items()}
    model.load_state_dict(held)
    return model.eval()


def _keras(network: Network, values: Mapping[str, np.ndarray]) -> Any:
    from alexbook.models import keras as keras_models
    model = keras_models.build(network, seed=0)
    for layer, arrays in _layout.to_keras(network, values).items():
        model.get_layer(layer).set_weights(arrays)
    return model


def scores(model: Any, prepared: np.ndarray, framework: str) -> np.ndarray:
    """A model's outputs for images ``(count, height, width, channels)``."""
    if framework == "keras":
        return np.asarray(model.predict(prepared, verbose=0))
    import torch
    with torch.inference_mode():
        return model(torch.from_numpy(prepared.transpose(0, 3, 1, 2).copy())).numpy()


def best(scores: np.ndarray, classes: Sequence[str], top: int) -> list[list[tuple[str, float]]]:
    """For each row of logits, the most probable classes with their probabilities."""
    if not isinstance(top, int) or not 1 <= top <= len(classes):
        raise ValueError(f"The top is {top!r}, but must be a whole number from 1 to {len(classes)}, the number of "
                         "classes.")
    shares = softmax(scores)
    chosen = np.argsort(-shares, axis=1, kind="stable")[:, :top]
    return [[(classes[index], float(row[index])) for index in places]
            for row, places in zip(shares, chosen, strict=True)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities from logits, ``(count, classes)``."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
