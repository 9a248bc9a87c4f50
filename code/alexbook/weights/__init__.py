"""Trained weights: three networks that come with the book, and those that ``train --weights FILE`` writes.

>>> "lenet5" in names()
True
>>> card("lenet5").classes[:3]
('0', '1', '2')
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from alexbook import package_data
from alexbook.weights import _files, _layout, _scores
from alexbook.weights._card import Card, Weights
from alexbook.weights._files import BITS
from alexbook.weights._scores import FRAMEWORKS

__all__ = ["BITS", "FRAMEWORKS", "Card", "Weights", "card", "load", "measured", "names", "predict", "read",
           "write"]


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


def measured(name: str) -> dict[str, Any]:
    """What was measured of a trained network that comes with the book, when it was stored.

    Args:
        name: One of :func:`names`.

    Returns:
        ``bits`` and ``bytes`` of the file, ``test_images``, the errors ``error_float32`` and ``error_stored`` before
        and after the rounding, and, where there are more than ten classes, ``views``: for ``"1"`` view of each image,
        and for ``"10"`` (AlexNet paper, section 4.1) where they were measured, ``error``, ``error_top5`` and
        ``class_error``. Errors are shares of 1.

    Raises:
        ValueError: For any other name.

    >>> measured("lenet5")["test_images"]
    10000
    """
    if name not in names():
        raise ValueError(f"There are no weights named {name!r}; there are {', '.join(names())}.")
    found: dict[str, Any] = json.loads((package_data.folder() / "weights" / f"{name}.json").read_text(encoding="utf-8"))
    return found


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
    return _scores.build(found.card.build(), found.values, framework)


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
    prepared = about.prepare(images)
    outputs = _scores.scores(load(source, framework), prepared, framework)
    return _scores.best(-outputs if about.build().layers[-1].kind == "rbf" else outputs, about.classes, top)


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

