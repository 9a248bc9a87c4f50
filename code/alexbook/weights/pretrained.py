"""Networks that others trained on ImageNet, fetched when they are asked for; none of them comes with the book.

>>> names()
('alexnet_imagenet', 'squeezenet_imagenet')

A file is looked for in the folder that ``ALEXBOOK_DATA`` names, then in the store, then on its mirrors. It is verified
before anything reads it.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pooch

from alexbook import package_data
from alexbook.datasets import cache, image_files
from alexbook.datasets.download import NotDownloaded, fetch
from alexbook.weights import _scores, squeezenet
from alexbook.weights._card import Card

# torchvision's AlexNet: its convolutions and dense layers in order, with the names that the book gives them.
TORCHVISION = {"features.0": "conv1", "features.3": "conv2", "features.6": "conv3", "features.8": "conv4",
               "features.10": "conv5", "classifier.1": "fc6", "classifier.4": "fc7", "classifier.6": "fc8"}
# What torchvision's weights were trained with: shares of 255, minus these means, by these standard deviations.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class WeightsUnavailable(RuntimeError):
    """The weights are neither here nor to be had; the message says what was tried and how to get them."""


@dataclass(frozen=True)
class Source:
    """Where weights come from: ``sha256`` is the file's checksum, or how it begins where no more is published."""

    title: str
    file: str
    mirrors: tuple[str, ...]
    sha256: str
    megabytes: float
    license: str
    source: str


def _folder() -> Path:
    return package_data.folder() / "weights"


def sources() -> dict[str, Source]:
    """What ``data/weights/pretrained.json`` says of each, by name."""
    listed = json.loads((_folder() / "pretrained.json").read_text(encoding="utf-8"))
    return {name: Source(**about | {"mirrors": tuple(about["mirrors"])}) for name, about in listed.items()}


def names() -> tuple[str, ...]:
    """The networks that can be fetched, in alphabetical order."""
    return tuple(sorted(sources()))


def classes() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes, in the order of the outputs, as torchvision lists them."""
    return tuple((_folder() / "imagenet-classes.txt").read_text(encoding="utf-8").splitlines())


def find(name: str) -> Path:
    """The verified file of a network's weights.

    Args:
        name: One of :func:`names`.

    Raises:
        ValueError: There is no such network, or the file in ``ALEXBOOK_DATA`` is another one.
        WeightsUnavailable: The file is not here and cannot be downloaded.
    """
    if name not in names():
        raise ValueError(f"There are no pretrained weights named {name!r}; there are {', '.join(names())}.")
    source, tried = sources()[name], {"ALEXBOOK_DATA": "is not set"}
    if given := os.environ.get("ALEXBOOK_DATA"):
        there = [spot / source.file for spot in (cache.absolute(given), cache.absolute(given) / name)]
        if path := next((path for path in there if path.is_file()), None):
            if not _is_right(path, source):
                raise ValueError(f"{path} is damaged or another file of that name: its sha256 does not begin with "
                                 f"{source.sha256[:12]}; get it again.")
            return path
        tried = {given: f"has no {source.file}"}
    with cache.locked(name) as place:
        path = place / source.file
        if path.is_file() and _is_right(path, source):
            return path
        path.unlink(missing_ok=True)
        whole = len(source.sha256) == 64
        try:
            fetch({source.file: f"sha256:{source.sha256}" if whole else None}, source.mirrors, place)
        except NotDownloaded as failed:
            raise WeightsUnavailable(_message(name, source, tried | failed.tried)) from None
        if not _is_right(path, source):
            path.unlink()
            raise WeightsUnavailable(_message(name, source, tried | {
                source.mirrors[0] + source.file: "sent a file with a wrong checksum"}))
        return path


def _is_right(path: Path, source: Source) -> bool:
    return pooch.file_hash(str(path)).startswith(source.sha256)


def _message(name: str, source: Source, tried: dict[str, str]) -> str:
    return "\n".join([
        f"{source.title} ({name}) is not here and could not be downloaded.",
        f"Wanted: {source.file} ({source.megabytes:g} MB).", "Tried:",
        *(f"  {place}: {outcome}" for place, outcome in tried.items()),
        "Two ways to get it:",
        "  1. Connect this computer to the internet and run this again.",
        f"  2. Save {source.mirrors[0]}{source.file} in a folder, and set ALEXBOOK_DATA to that folder.",
        'The weights of weights.names() need none of this: they come with the book.'])


def load(name: str, framework: str = "torch") -> Any:
    """A network that was trained on ImageNet, ready to predict.

    Args:
        name: One of :func:`names`.
        framework: ``"torch"`` or ``"keras"``. Reading ``alexnet_imagenet`` needs PyTorch for either.

    Returns:
        A PyTorch module in inference mode, or a ``keras.Model``; its outputs are logits ``(batch, 1000)``.

    Raises:
        ValueError: There is no such network or framework.
        WeightsUnavailable: The weights cannot be had.
    """
    if framework not in _scores.FRAMEWORKS:
        raise ValueError(f"The framework is {framework!r}, but must be one of {', '.join(_scores.FRAMEWORKS)}.")
    path = find(name)
    if name == "squeezenet_imagenet":
        values = squeezenet.decode(path.read_bytes())
        return squeezenet.torch_model(values) if framework == "torch" else squeezenet.keras_model(values)
    return _scores.build(_card().build(), _torchvision(path), framework)


def _torchvision(path: Path) -> dict[str, np.ndarray]:
    import torch
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {f"{ours}.{kind}": state[f"{theirs}.{kind}"].numpy() for theirs, ours in TORCHVISION.items()
            for kind in ("weight", "bias")}


def _card() -> Card:
    """How images are prepared for torchvision's AlexNet: 256 pixels, the middle 224, normalized."""
    return Card("alexnet_torchvision", (), 3, classes(), "imagenet", tuple(255 * value for value in MEAN),
                tuple(255 * value for value in STD), 256, 1 - 0.56522, "", "")


def prepare(name: str, images: np.ndarray | Iterable[np.ndarray]) -> np.ndarray:
    """Images as a network must see them.

    Args:
        name: One of :func:`names`.
        images: One image or several, uint8 ``(height, width)`` or ``(height, width, 3)``, of any sizes.

    Returns:
        float32 ``(count, height, width, 3)``; PyTorch wants ``.transpose(0, 3, 1, 2)``.
    """
    if name == "alexnet_imagenet":
        return _card().prepare(images)
    if name not in names():
        raise ValueError(f"There are no pretrained weights named {name!r}; there are {', '.join(names())}.")
    several = [images] if isinstance(images, np.ndarray) and images.ndim < 4 else images
    cut = (256 - squeezenet.SIDE) // 2
    fitted = [image_files.fit(image, 256)[cut:cut + squeezenet.SIDE, cut:cut + squeezenet.SIDE] for image in several]
    colored = [image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in fitted]
    return np.stack([squeezenet.prepare(image) for image in colored])


def predict(name: str, images: np.ndarray | Iterable[np.ndarray], framework: str = "torch",
            top: int = 5) -> list[list[tuple[str, float]]]:
    """The most probable of ImageNet's classes for images; as :func:`alexbook.weights.predict`."""
    scores = _scores.scores(load(name, framework), prepare(name, images), framework)
    return _scores.best(scores, classes(), top)
