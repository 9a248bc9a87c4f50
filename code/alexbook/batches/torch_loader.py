"""Batches made on a GPU in PyTorch: stored images cross over as uint8, all else is done there.

One look-up by row and column crops and mirrors at once. Given the same random parameters the result equals
:func:`alexbook.batches.augmentation.one_by_one`, shifted and scaled, to the bit on a CPU.
"""

import numpy as np
import torch
from torch import Tensor

from alexbook.batches import augmentation
from alexbook.batches.augmentation import Batch
from alexbook.batches.normalization import Normalization


def crop(images: Tensor, rows: Tensor, columns: Tensor, fill: Tensor) -> Tensor:
    """Of each image ``(count, high, wide, channels)`` these rows and columns; ``fill`` where there are none."""
    high, wide = images.shape[1:3]
    which = torch.arange(len(images), device=images.device)[:, None, None]
    seen = images[which, rows.clamp(0, high - 1)[:, :, None], columns.clamp(0, wide - 1)[:, None, :]]
    inside = ((rows >= 0) & (rows < high))[:, :, None] & ((columns >= 0) & (columns < wide))[:, None, :]
    return torch.where(inside[..., None], seen, fill)


class TorchLoader:
    """The :class:`alexbook.batches.loader.Loader` whose batches are tensors on a device.

    On an NVIDIA GPU it uses a stream of its own, beside the one in which the network learns, and memory that does not
    move (pinned), so that neither waits for the other.
    """

    def __init__(self, normalization: Normalization, size: tuple[int, int], device: torch.device) -> None:
        self.size, self.device = size, device
        self.fast = device.type == "cuda"
        self.stream = torch.cuda.Stream(device) if self.fast else None
        self.fill, self.mean, self.std = (torch.as_tensor(values, device=device) for values in (
            normalization.fill, normalization.mean, normalization.std))

    def _send(self, values: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(values))
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.fast else tensor.to(self.device)

    def _images(self, batch: Batch) -> Tensor:
        held = torch.empty((len(batch), *batch.images.shape[1:]), dtype=torch.uint8, pin_memory=self.fast)
        np.take(batch.images, batch.indices, axis=0, out=held.numpy(), mode="clip")
        return held.to(self.device, non_blocking=self.fast)

    def _make_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        rows, columns = augmentation.windows(batch.images.shape[1:3], self.size, batch.augmentation, batch.parameters)
        images = crop(self._images(batch), self._send(rows), self._send(columns), self.fill).float()
        images += self._send(batch.parameters.shift)[:, None, None]
        return (images - self.mean) / self.std, self._send(batch.labels)

    @torch.no_grad()
    def make_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch as the network sees it, float32 ``(count, *size, channels)``, and its classes, on the device."""
        with torch.cuda.stream(self.stream):  # which does nothing where there is no stream
            made = self._make_batch(batch)
        if self.stream is not None:
            self.stream.synchronize()  # in the pipeline's thread, so that nobody else waits
            for tensor in made:  # the memory is this stream's; it may not be used anew while the other one reads it
                tensor.record_stream(torch.cuda.default_stream(self.device))
        return made

    @torch.no_grad()
    def normalize(self, images: np.ndarray) -> Tensor:
        """Stored images, uint8, of the network's size, as the network sees them, on the device."""
        with torch.cuda.stream(self.stream):
            made = (self._send(images).float() - self.mean) / self.std
        if self.stream is not None:
            self.stream.synchronize()
            made.record_stream(torch.cuda.default_stream(self.device))
        return made
