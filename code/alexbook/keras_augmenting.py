"""Batches made on a GPU in Keras, on any of its backends: stored images cross over as uint8, all else is done there.

One look-up by row and column crops and mirrors at once. Given the same draws the result equals
:func:`alexbook.augmenting.one_by_one`, shifted and scaled, to the bit on a CPU.
"""

import numpy as np
from keras import KerasTensor, ops

from alexbook import augmenting
from alexbook.augmenting import Batch
from alexbook.preparing import Data


def cut(images: KerasTensor, rows: np.ndarray, columns: np.ndarray, fill: np.ndarray) -> KerasTensor:
    """Of each image ``(count, high, wide, channels)`` these rows and columns; ``fill`` where there are none.

    The pixels of all images are seen as one long list, and each pixel wanted is looked up by its place in it.
    """
    count, high, wide, channels = images.shape
    inside = ((rows >= 0) & (rows < high))[:, :, None] & ((columns >= 0) & (columns < wide))[:, None, :]
    lines = np.arange(count)[:, None] * high + rows.clip(0, high - 1)
    first, across = (ops.convert_to_tensor(values, "int32") for values in (lines * wide, columns.clip(0, wide - 1)))
    seen = ops.take(ops.reshape(images, (-1, channels)), first[:, :, None] + across[:, None, :], axis=0)
    if inside.all():
        return seen
    return ops.where(ops.convert_to_tensor(inside[..., None]), seen, ops.convert_to_tensor(fill))


class Loader:
    """The :class:`alexbook.pipeline.Loader` whose batches are tensors on the device that the backend chooses."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def ready(self, batch: Batch) -> tuple[KerasTensor, KerasTensor]:
        """A batch as the network sees it, float32 ``(count, *size, channels)``, and its classes, on the device."""
        rows, columns = augmenting.windows(batch.images.shape[1:3], self.data.size, batch.chosen, batch.draws)
        stored = ops.convert_to_tensor(batch.images[batch.places])
        images = ops.cast(cut(stored, rows, columns, self.data.fill), "float32")
        images = images + ops.convert_to_tensor(batch.draws.shift[:, None, None])
        return self._scaled(images), ops.convert_to_tensor(batch.labels)

    def numbers(self, images: np.ndarray) -> KerasTensor:
        """Stored images, uint8, of the network's size, as the network sees them, on the device."""
        return self._scaled(ops.cast(ops.convert_to_tensor(images), "float32"))

    def _scaled(self, images: KerasTensor) -> KerasTensor:
        return (images - ops.convert_to_tensor(self.data.mean)) / ops.convert_to_tensor(self.data.deviation)
