"""Batches made on a GPU in Keras, on any of its backends: stored images cross over as uint8, all else is done there.

One look-up by row and column crops and mirrors at once. Given the same random parameters the result equals
:func:`alexbook.batches.augmentation.one_by_one`, shifted and scaled, to the bit on a CPU.
"""

import numpy as np
from keras import KerasTensor, ops

from alexbook.batches import augmentation
from alexbook.batches.augmentation import Batch
from alexbook.batches.normalization import Normalization


def crop(images: KerasTensor, rows: np.ndarray, columns: np.ndarray, fill: np.ndarray) -> KerasTensor:
    """Of each image ``(count, high, wide, channels)`` these rows and columns; ``fill`` where there are none.

    The pixels of all images are seen as one long list, and each pixel wanted is looked up by its index in it.
    """
    count, high, wide, channels = images.shape
    inside = ((rows >= 0) & (rows < high))[:, :, None] & ((columns >= 0) & (columns < wide))[:, None, :]
    lines = np.arange(count)[:, None] * high + rows.clip(0, high - 1)
    first, across = (ops.convert_to_tensor(values, "int32") for values in (lines * wide, columns.clip(0, wide - 1)))
    seen = ops.take(ops.reshape(images, (-1, channels)), first[:, :, None] + across[:, None, :], axis=0)
    if inside.all():
        return seen
    return ops.where(ops.convert_to_tensor(inside[..., None]), seen, ops.convert_to_tensor(fill))


class KerasLoader:
    """The :class:`alexbook.batches.loader.Loader` whose batches are tensors on the device that the backend chooses."""

    def __init__(self, normalization: Normalization, size: tuple[int, int]) -> None:
        self.normalization, self.size = normalization, size

    def make_batch(self, batch: Batch) -> tuple[KerasTensor, KerasTensor]:
        """A batch as the network sees it, float32 ``(count, *size, channels)``, and its classes, on the device."""
        rows, columns = augmentation.windows(batch.images.shape[1:3], self.size, batch.augmentation, batch.parameters)
        stored = ops.convert_to_tensor(batch.images[batch.indices])
        images = ops.cast(crop(stored, rows, columns, self.normalization.fill), "float32")
        images = images + ops.convert_to_tensor(batch.parameters.shift[:, None, None])
        return self._normalized(images), ops.convert_to_tensor(batch.labels)

    def normalize(self, images: np.ndarray) -> KerasTensor:
        """Stored images, uint8, of the network's size, as the network sees them, on the device."""
        return self._normalized(ops.cast(ops.convert_to_tensor(images), "float32"))

    def _normalized(self, images: KerasTensor) -> KerasTensor:
        mean, std = map(ops.convert_to_tensor, (self.normalization.mean, self.normalization.std))
        return (images - mean) / std
