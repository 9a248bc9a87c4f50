"""From gray values to the numbers that a network learns from: shifted and scaled, channel by channel."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alexbook.batches._lines import as_lines, tiled

# LeNet-5's paper (section II.B): white paper is -0.1 and black ink 1.175.
PAPER, INK = -0.1, 1.175
EXTREME = 1000  # standard deviations (or gray values) that no image has by itself


@dataclass(frozen=True, eq=False)
class Normalization:
    """What is subtracted from each channel, and what it is divided by then; both float32 ``(channels,)``."""

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, images: np.ndarray, rule: str = "standard") -> "Normalization":
        """The normalization that a rule gives for training images.

        A channel that is the same everywhere has no standard deviation to divide by; it becomes 0.

        Args:
            images: Training images, uint8 ``(count, height, width, channels)``.
            rule: ``"standard"`` for mean 0 and standard deviation 1; ``"1998"`` for LeNet's gray values, whatever the
                images; ``"2012"`` to subtract the mean and leave the scale of 0 to 255, as AlexNet did (paper, section
                2; there it is a mean for each pixel).

        Returns:
            The mean and the divisor of each channel.
        """
        if rule == "1998":
            divisor = 255 / (INK - PAPER)
            return cls(np.array([-PAPER * divisor], np.float32), np.array([divisor], np.float32))
        values = images.reshape(-1, images.shape[-1])
        mean = values.mean(axis=0, dtype=np.float64)
        squares = sum(np.square(values[start:start + 1_000_000], dtype=np.float64).sum(axis=0)
                      for start in range(0, len(values), 1_000_000))
        std = np.ones_like(mean) if rule == "2012" else np.sqrt((squares / len(values) - mean**2).clip(0))
        std[std == 0] = 1
        return cls(mean.astype(np.float32), std.astype(np.float32))

    def normalize(self, images: np.ndarray) -> np.ndarray:
        """Images as the network sees them: float32, shifted and scaled channel by channel."""
        return self.normalize_in_place(np.array(images, np.float32, order="C"))

    def normalize_in_place(self, images: np.ndarray) -> np.ndarray:
        """The same for images that are float32 already; they are changed, and returned."""
        values = as_lines(images)
        values -= tiled(self.mean, images)
        values /= tiled(self.std, images)
        return images

    @cached_property
    def fill(self) -> np.ndarray:
        """The mean color, uint8 ``(channels,)``: what a crop shows where the image ends."""
        return np.rint(self.mean).clip(0, 255).astype(np.uint8)

    def fault(self, images: np.ndarray) -> str | None:
        """What in these images makes a loss infinite, at any learning rate; ``None`` where nothing does."""
        ranges = np.stack([images.min(axis=(0, 1, 2)), images.max(axis=(0, 1, 2))])
        with np.errstate(divide="ignore", invalid="ignore"):
            seen = np.abs((ranges - self.mean) / self.std).max(axis=0)
        for channel, most in enumerate(seen.tolist()):
            if not most < EXTREME:
                return (f"channel {channel + 1} of {len(seen)} of the images, whose standard deviation is "
                        f"{self.std.ravel()[channel]:.3g}, has values as large as {most:.3g} once it is scaled; look "
                        "at the images, or give --pixels 2012")
        return None
