"""What a file of weights says of itself: the network, the classes, and how images must be prepared for it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from alexbook import networks
from alexbook.batches import preprocessing
from alexbook.batches.normalization import Normalization
from alexbook.datasets import image_files
from alexbook.networks import Network, ablations

DIGIT = (8, 8)  # pixels of the shipped digits, which training draws larger


@dataclass(frozen=True)
class Card:
    """A trained network's description, as its weights file holds it.

    Attributes:
        network: The network's name, as for ``networks.get``.
        changes: What was changed in it, as for ``networks.ablations.vary``.
        channels: Channels of its input: 1 (gray) or 3.
        classes: The names of its outputs, in order.
        dataset: What it was trained on.
        mean: What is subtracted from each channel.
        std: What each channel is divided by then.
        side: Pixels of the shorter side that images are scaled to before the middle is cut out.
        test_error: Share of wrong answers on the dataset's test images, measured when the training had ended.
        command: The command that trained it.
        run: The name of the recorded run.
    """

    network: str
    changes: tuple[str, ...]
    channels: int
    classes: tuple[str, ...]
    dataset: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    side: int
    test_error: float
    command: str
    run: str

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> "Card":
        """The card in a file's description; ``ValueError`` names what it lacks."""
        if missing := [each.name for each in fields(cls) if each.name not in about]:
            raise ValueError(f"The description lacks {', '.join(missing)}.")
        told = {each.name: about[each.name] for each in fields(cls)}
        listed: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                                  for name, value in told.items()}
        return cls(**listed)

    def as_dict(self) -> dict[str, Any]:
        """The card as plain values, as a file holds it."""
        return asdict(self)

    def build(self) -> Network:
        """The network as it was trained: changed, with its input's channels and its classes."""
        changed = ablations.vary(networks.get(self.network), self.changes)
        return preprocessing.adapt(changed, self.channels, len(self.classes))

    def prepare(self, images: np.ndarray | Iterable[np.ndarray]) -> np.ndarray:
        """Images as the network must see them, as its test images were prepared.

        Args:
            images: One image or several, uint8, ``(height, width)`` or ``(height, width, 3)``, of any sizes.
                Handwriting must be bright on black, as MNIST's is.

        Returns:
            float32 ``(count, height, width, channels)``; PyTorch wants ``.transpose(0, 3, 1, 2)``.

        Raises:
            ValueError: An image is no uint8 array of such a shape.
        """
        several = [images] if isinstance(images, np.ndarray) and images.ndim < 4 and not self._batch(images) else images
        size = self.build().input_shape[:2]
        found = [self._fitted(image, size) for image in several]
        if not found:
            raise ValueError("There is no image to prepare; give one, or a list of them.")
        return Normalization(np.array(self.mean, np.float32), np.array(self.std, np.float32)).normalize(np.stack(found))

    @staticmethod
    def _batch(images: np.ndarray) -> bool:
        """Whether an array of three axes is several gray images: its last axis is too long for colors."""
        return images.ndim == 3 and images.shape[-1] > 4

    def _fitted(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
            raise ValueError(f"An image is {image.dtype} {image.shape}, but must be uint8 (height, width) or (height, "
                             "width, 3), 0 to 255.")
        if image.ndim == 2:
            image = image[..., None]
        if self.dataset == "digits" and image.shape[:2] == DIGIT:
            image = preprocessing.sized(self.dataset, image[None, ..., 0], *size)[0]
        image = preprocessing.to_gray(image) if self.channels == 1 else np.repeat(image, 3 // image.shape[2], axis=2)
        if min(image.shape[:2]) > min(size) or self.side > min(size):  # smaller ones lie in the middle of black
            image = image_files.fit(image[..., 0] if self.channels == 1 else image, self.side)
            image = image.reshape(self.side, self.side, self.channels)
        image = preprocessing.center(image[None], *map(max, size, image.shape[:2]))[0]
        top, left = ((have - want) // 2 for have, want in zip(image.shape[:2], size, strict=True))
        return image[top:top + size[0], left:left + size[1]]


@dataclass(frozen=True)
class Weights:
    """A file's card and values, in PyTorch's layout."""

    path: Path
    card: Card
    values: dict[str, np.ndarray]
