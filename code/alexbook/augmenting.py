"""Augmentation as AlexNet had it: random crops, mirror images, color noise along principal axes; ten-crop evaluation.

What is random is drawn first (:func:`draw`), as plain arrays, and then done to the images. So the same draws can be
given to the plain version here (:func:`one_by_one`), to the fast one (:func:`augment`), and to a framework's own
(``torch_augmenting``, ``keras_augmenting``), and the results compared. Images are ``(count, height, width, channels)``.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """What is done to each training image each time it is shown (AlexNet paper, section 4.1).

    ``crop`` is how far, in pixels, the visible part may move up, down, left and right of the middle; what it moves over
    is filled with ``fill`` where the image is no larger than the network's input. ``color`` is the deviation of the
    color noise, as a share of the deviation of the training images' colors along each principal axis.
    """

    crop: int = 0
    flip: bool = False
    color: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.crop, int) or self.crop < 0:
            raise ValueError(f"The crop is {self.crop!r}, but must be a whole number of pixels, at least 0.")
        if not 0 <= self.color < 10:
            raise ValueError(f"The color noise is {self.color!r}, but must be a deviation of at least 0 (paper: 0.1).")

    def __bool__(self) -> bool:
        return bool(self.crop or self.flip or self.color)


@dataclass(frozen=True, eq=False)
class Draws:
    """The random part for a batch: crop offsets, 0 to ``2 * crop``, mirrored or not, and color shifts (count, 3)."""

    top: np.ndarray
    left: np.ndarray
    mirrored: np.ndarray
    shift: np.ndarray

    def part(self, chosen: slice) -> "Draws":
        """The draws for some of the batch's images."""
        return Draws(self.top[chosen], self.left[chosen], self.mirrored[chosen], self.shift[chosen])


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch before anything is done to it: where its images lie in a set, their classes, what is drawn for them."""

    images: np.ndarray
    places: np.ndarray
    labels: np.ndarray
    chosen: Augmentation
    draws: Draws

    def __len__(self) -> int:
        return len(self.places)


def draw(rng: np.random.Generator, count: int, chosen: Augmentation, axes: np.ndarray | None = None) -> Draws:
    """Draw what is done to ``count`` images; ``axes`` is :func:`color_axes` of the training set."""
    top, left = rng.integers(0, 2 * chosen.crop + 1, (2, count))
    mirrored = rng.random(count) < 0.5 if chosen.flip else np.zeros(count, bool)
    shift = np.zeros((count, 1), np.float32)
    if chosen.color:
        if axes is None:
            raise ValueError("Color noise needs the principal axes of the training images' colors (color_axes).")
        shift = (rng.normal(0, chosen.color, (count, len(axes))) @ axes).astype(np.float32)
    return Draws(top, left, mirrored, shift)


def color_axes(images: np.ndarray) -> np.ndarray:
    """The principal axes of the colors of images, (channels, channels): each row as long as the deviation along it.

    The rows are eigenvectors of the pixels' covariance times the *square roots* of the eigenvalues, as in the released
    2012 source (convdata_jpeg.py, lines 58-66, ``pca_stdevs``); the paper's formula has the eigenvalues themselves.
    """
    pixels = images.reshape(-1, images.shape[-1])
    total, products = np.zeros(pixels.shape[1]), np.zeros((pixels.shape[1],) * 2)
    for start in range(0, len(pixels), 1_000_000):
        part = pixels[start:start + 1_000_000].astype(np.float64)
        total += part.sum(axis=0)
        products += part.T @ part
    mean = total / len(pixels)
    values, vectors = np.linalg.eigh(products / len(pixels) - np.outer(mean, mean))
    return (vectors * np.sqrt(values.clip(0))).T[::-1].copy()


def pad(images: np.ndarray, size: tuple[int, int], crop: int, fill: np.ndarray) -> np.ndarray:
    """Images with a border of ``fill``, so that a window of ``size`` can move by ``crop`` to all sides.

    Images that are larger than ``size`` by twice the crop need none.
    """
    high, wide = (max(0, side + 2 * crop - have) for side, have in zip(size, images.shape[1:3], strict=True))
    if not high and not wide:
        return images
    padded = np.empty((len(images), images.shape[1] + high, images.shape[2] + wide, images.shape[3]), images.dtype)
    padded[:] = fill
    top, left = high // 2, wide // 2
    padded[:, top:top + images.shape[1], left:left + images.shape[2]] = images
    return padded


def one_by_one(images: np.ndarray, size: tuple[int, int], chosen: Augmentation, draws: Draws,
               fill: np.ndarray) -> np.ndarray:
    """The plain version, image by image: what :func:`augment` must equal. Returns float32, (count, *size, channels)."""
    done = []
    for image, top, left, mirrored, shift in zip(images, draws.top, draws.left, draws.mirrored, draws.shift,
                                                 strict=True):
        image = pad(image[None], size, chosen.crop, fill)[0]
        row = (image.shape[0] - size[0]) // 2 - chosen.crop + top
        column = (image.shape[1] - size[1]) // 2 - chosen.crop + left
        window = image[row:row + size[0], column:column + size[1]].astype(np.float32)
        done.append((window[:, ::-1] if mirrored else window) + shift)
    return np.stack(done)


def augment(images: np.ndarray, size: tuple[int, int], chosen: Augmentation, draws: Draws,
            fill: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The same, faster; ``out``, as in NumPy, is an array to write to."""
    done = np.empty((len(images), *size, images.shape[-1]), np.float32) if out is None else out
    images = pad(images, size, chosen.crop, fill)
    rows = (images.shape[1] - size[0]) // 2 - chosen.crop + draws.top
    columns = (images.shape[2] - size[1]) // 2 - chosen.crop + draws.left
    for to, image, row, column, mirrored in zip(done, images, rows.tolist(), columns.tolist(),
                                                draws.mirrored.tolist(), strict=True):
        window = image[row:row + size[0], column:column + size[1]]
        to[:] = window[:, ::-1] if mirrored else window
    if chosen.color:
        values = lines(done)
        values += tiled(draws.shift, done)[:, None]
    return done


def lines(images: np.ndarray) -> np.ndarray:
    """Images seen as (..., height, width x channels): NumPy works several times faster on long last axes."""
    return images.reshape(*images.shape[:-2], -1)


def tiled(colors: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Colors (..., channels), or (..., 1), repeated for each pixel of a line of :func:`lines`."""
    width, channels = images.shape[-2:]
    return np.tile(np.broadcast_to(colors, (*colors.shape[:-1], channels)), width)


def windows(have: tuple[int, int], size: tuple[int, int], chosen: Augmentation,
            draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Which rows (count, height) and columns (count, width) of images of ``have`` pixels the draws show, in order.

    Rows and columns outside the image (below 0, or ``have`` and more) show the fill. This is what a framework needs to
    crop and mirror by one look-up.
    """
    def along(have: int, want: int, offsets: np.ndarray) -> np.ndarray:
        border = max(0, want + 2 * chosen.crop - have)
        first = (have + border - want) // 2 - chosen.crop - border // 2 + offsets
        return first[:, None] + np.arange(want)

    rows, columns = (along(*sides) for sides in zip(have, size, (draws.top, draws.left), strict=True))
    return rows, np.where(draws.mirrored[:, None], columns[:, ::-1], columns)


def views(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The ten views of each image: four corners and the center, and their mirror images (paper, section 4.1).

    Returns ``(count, 10, *size, channels)``; images must be at least as large as ``size``.
    """
    high, wide = images.shape[1] - size[0], images.shape[2] - size[1]
    if high < 0 or wide < 0:
        raise ValueError(f"The images are {images.shape[1]}x{images.shape[2]} pixels, but ten crops of "
                         f"{size[0]}x{size[1]} need images at least as large.")
    places = [(0, 0), (0, wide), (high, 0), (high, wide), (high // 2, wide // 2)]
    five = np.stack([images[:, top:top + size[0], left:left + size[1]] for top, left in places], axis=1)
    return np.concatenate([five, five[:, :, :, ::-1]], axis=1)
