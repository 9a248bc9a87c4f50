"""Trained weights: three networks that come with the book, and those that ``train --weights FILE`` writes.

>>> names()
('alexnet_photos', 'lenet5', 'lenet5_modern')
>>> card("lenet5").classes[:3]
('0', '1', '2')
"""

from pathlib import Path
from typing import Any

import numpy as np

from alexbook import package_data
from alexbook.networks import Network
from alexbook.weights import _files, _layout
from alexbook.weights._card import Card, Weights
from alexbook.weights._files import BITS

__all__ = ["BITS", "Card", "Weights", "card", "load", "names", "predict", "read", "write"]

FRAMEWORKS = ("torch", "keras")


def names() -> tuple[str, ...]:
    """The trained networks that come with the book, in alphabetical order."""
    return tuple(sorted(path.stem for path in (package_data.folder() / "weights").glob("*.safetensors")))


def read(source: str | Path) -> Weights:
    """The card and the values of trained weights.

    Args:
        source: One of :func:`names`, or a file that ``python -m alexbook train ... --weights FILE`` wrote.

    Returns:
        Float32 values in PyTorch's layout, with what they are.

    Raises:
        ValueError: There is no such name or file, or the file is damaged or is another network's.
    """
    path = Path(source)
    if not path.suffix:
        if str(source) not in names():
            raise ValueError(f"There are no weights named {str(source)!r}; there are {', '.join(names())}, and files "
                             "that `python -m alexbook train ... --weights FILE` wrote (FILE ends in .safetensors).")
        path = package_data.folder() / "weights" / f"{source}.safetensors"
    values, about = _files.read(path)
    try:
        found = Card.of(about)
        wanted = _layout.names(found.build())
    except ValueError as error:
        raise ValueError(f"{path} is no file of weights of this version: {error}") from None
    for name, shape in wanted.items():
        if name not in values or values[name].shape != shape:
            has = f"has the shape {values[name].shape}" if name in values else "is missing"
            raise ValueError(f"{path} does not fit {found.network}: {name} {has}, but must be {shape}.")
    return Weights(path, found, {name: values[name] for name in wanted})


def card(source: str | Path) -> Card:
    """What trained weights are: their network, classes, training data, error, and how to prepare an image."""
    return read(source).card


def load(source: str | Path, framework: str = "torch") -> Any:
    """A trained network, ready to predict.

    Args:
        source: One of :func:`names`, or a file that ``train --weights`` wrote, in either framework.
        framework: ``"torch"`` or ``"keras"``.

    Returns:
        An ``nn.Sequential`` in inference mode, or a functional ``keras.Model``. Both give the same logits for the same
        images, which ``card(source).prepare`` makes.

    Raises:
        ValueError: There are no such weights, or no such framework.
    """
    if framework not in FRAMEWORKS:
        raise ValueError(f"The framework is {framework!r}, but must be one of {', '.join(FRAMEWORKS)}.")
    found = read(source)
    return (_torch if framework == "torch" else _keras)(found.card.build(), found.values)


def predict(source: str | Path, images: Any, framework: str = "torch", top: int = 5) -> list[list[tuple[str, float]]]:
    """The most probable classes of images.

    Args:
        source: As for :func:`load`.
        images: One image or several, as :meth:`Card.prepare` takes them.
        framework: As for :func:`load`.
        top: How many classes to name.

    Returns:
        For each image, the classes with their probabilities, the most probable first.
    """
    about = card(source)
    if not isinstance(top, int) or not 1 <= top <= len(about.classes):
        raise ValueError(f"The top is {top!r}, but must be a whole number from 1 to {len(about.classes)}, the number "
                         "of classes.")
    model, prepared = load(source, framework), about.prepare(images)
    scores = _torch_scores(model, prepared) if framework == "torch" else np.asarray(model.predict(prepared, verbose=0))
    shares = softmax(-scores if about.build().layers[-1].kind == "rbf" else scores)
    best = np.argsort(-shares, axis=1, kind="stable")[:, :top]
    return [[(about.classes[index], float(row[index])) for index in chosen]
            for row, chosen in zip(shares, best, strict=True)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities from logits, ``(count, classes)``."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def write(path: Path, card: Card, values: dict[str, np.ndarray], framework: str = "torch", bits: int = 32) -> None:
    """Write trained values to a file that :func:`load` reads.

    Args:
        path: The file; it ends in ``.safetensors``.
        card: What the values are.
        values: What a trained model holds, by name: a PyTorch model's ``state_dict``, or a Keras model's weights by
            path.
        framework: Which of the two it is.
        bits: 32, 16 or 8, as for the shipped weights.
    """
    network = card.build()
    plain = values if framework == "torch" else _layout.from_keras(network, values)
    _files.write(path, {name: plain[name] for name in _layout.names(network)}, card.as_dict(), bits)


def _torch(network: Network, values: dict[str, np.ndarray]) -> Any:
    import torch

    from alexbook.models import torch as torch_models
    model = torch_models.build(network, seed=0)
    held = model.state_dict()
    held |= {name: torch.from_numpy(array) for name, array in values.items()}
    model.load_state_dict(held)
    return model.eval()


def _keras(network: Network, values: dict[str, np.ndarray]) -> Any:
    from alexbook.models import keras as keras_models
    model = keras_models.build(network, seed=0)
    for layer, arrays in _layout.to_keras(network, values).items():
        model.get_layer(layer).set_weights(arrays)
    return model


def _torch_scores(model: Any, prepared: np.ndarray) -> np.ndarray:
    import torch
    with torch.inference_mode():
        return model(torch.from_numpy(prepared.transpose(0, 3, 1, 2).copy())).numpy()
