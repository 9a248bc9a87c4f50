"""What makes batches of stored images: the interface, and the loader that does it in NumPy."""

from typing import Any, Protocol

import numpy as np

from alexbook.batches.augmentation import Batch, augment
from alexbook.batches.normalization import Normalization

BLOCK = 400_000  # values that are worked on at once, so that they stay in the processor's cache


class Loader(Protocol):
    """Makes batches out of stored images, as arrays or tensors of whatever kind the trainer wants."""

    def make_batch(self, batch: Batch) -> tuple[Any, Any]:
        """The batch as the network sees it, float32 ``(count, *size, channels)``, and its classes ``(count,)``."""

    def normalize(self, images: np.ndarray) -> Any:
        """Stored images, uint8, already of the network's size, as the network sees them, float32."""


class NumpyLoader:
    """The :class:`Loader` that works on the processor. ``size`` is what the network sees: height and width."""

    def __init__(self, normalization: Normalization, size: tuple[int, int]) -> None:
        self.normalization, self.size = normalization, size

    def make_batch(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """The batch as the network sees it, float32 ``(count, *size, channels)``, and its classes ``(count,)``."""
        made = np.empty((len(batch), *self.size, batch.images.shape[-1]), np.float32)
        for start in range(0, len(batch), step := max(1, BLOCK // batch.images[0].size)):
            part = slice(start, start + step)
            images = batch.images[batch.indices[part]]
            augment(images, self.size, batch.augmentation, batch.parameters.select(part), self.normalization.fill,
                    made[part])
            self.normalization.normalize_in_place(made[part])
        return made, batch.labels

    def normalize(self, images: np.ndarray) -> np.ndarray:
        """Stored images as the network sees them, float32."""
        return self.normalization.normalize(images)
