"""Augmentation as AlexNet had it: random crops, mirror images, color noise along principal axes; ten-crop evaluation.

What is random is sampled first (:func:`sample`), as plain arrays, and then done to the images. So the same random
parameters can be given to the plain version here (:func:`one_by_one`), to the fast one (:func:`augment`), and to a
framework's own (``torch_loader``, ``keras_loader``), and the results compared. Images are ``(count, height, width,
channels)``.
"""

from dataclasses import dataclass

import numpy as np

from alexbook.batches._lines import as_lines, tiled


@dataclass(frozen=True)
class Augmentation:
    """What is done to each training image each time it is shown (AlexNet paper, section 4.1).

    ``crop`` is how far, in pixels, the visible part may move up, down, left and right of the middle; what it moves over
    is filled with ``fill`` where the image is no larger than the network's input. ``color`` is the standard deviation
    of the color noise, as a share of that of the training images' colors along each principal axis.
    """

    crop: int = 0
    flip: bool = False
    color: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.crop, int) or isinstance(self.crop, bool) or self.crop < 0:
            raise ValueError(f"The crop is {self.crop!r}, but must be a whole number of pixels, at least 0.")
        if not 0 <= self.color < 10:
            raise ValueError(f"The color noise is {self.color!r}, but must be a standard deviation of at least 0 "
                             "(paper: 0.1).")

    def __bool__(self) -> bool:
        return bool(self.crop or self.flip or self.color)


@dataclass(frozen=True, eq=False)
class RandomParameters:
    """What is random for a batch: crop offsets, 0 to ``2 * crop``, mirrored or not, and color shifts (count, 3)."""

    top: np.ndarray
    left: np.ndarray
    mirrored: np.ndarray
    shift: np.ndarray

    def select(self, part: slice) -> "RandomParameters":
        """Those of some of the batch's images."""
        return RandomParameters(self.top[part], self.left[part], self.mirrored[part], self.shift[part])


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch before anything is done to it: the set's images, the indices of its own, their classes ``(count,)``, and
    how they are augmented."""

    images: np.ndarray
    indices: np.ndarray
    labels: np.ndarray
    augmentation: Augmentation
    parameters: RandomParameters

    def __len__(self) -> int:
        return len(self.indices)


def sample(rng: np.random.Generator, count: int, augmentation: Augmentation,
           axes: np.ndarray | None = None) -> RandomParameters:
    """Sample what is done to ``count`` images; ``axes`` is :func:`color_axes` of the training set."""
    top, left = rng.integers(0, 2 * augmentation.crop + 1, (2, count))
    mirrored = rng.random(count) < 0.5 if augmentation.flip else np.zeros(count, bool)
    shift = np.zeros((count, 1), np.float32)
    if augmentation.color:
        if axes is None:
            raise ValueError("Color noise needs the principal axes of the training images' colors (color_axes).")
        shift = (rng.normal(0, augmentation.color, (count, len(axes))) @ axes).astype(np.float32)
    return RandomParameters(top, left, mirrored, shift)


def color_axes(images: np.ndarray) -> np.ndarray:
    """The principal axes of the colors of images, (channels, channels); each row is as long as the standard deviation
    along it.

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


def one_by_one(images: np.ndarray, size: tuple[int, int], augmentation: Augmentation, parameters: RandomParameters,
               fill: np.ndarray) -> np.ndarray:
    """The plain version, image by image: what :func:`augment` must equal. Returns float32, (count, *size, channels)."""
    done = []
    for image, top, left, mirrored, shift in zip(images, parameters.top, parameters.left, parameters.mirrored,
                                                 parameters.shift, strict=True):
        image = pad(image[None], size, augmentation.crop, fill)[0]
        row = (image.shape[0] - size[0]) // 2 - augmentation.crop + top
        column = (image.shape[1] - size[1]) // 2 - augmentation.crop + left
        window = image[row:row + size[0], column:column + size[1]].astype(np.float32)
        done.append((window[:, ::-1] if mirrored else window) + shift)
    return np.stack(done)


def augment(images: np.ndarray, size: tuple[int, int], augmentation: Augmentation, parameters: RandomParameters,
            fill: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The same, faster; ``out``, as in NumPy, is an array to write to."""
    done = np.empty((len(images), *size, images.shape[-1]), np.float32) if out is None else out
    images = pad(images, size, augmentation.crop, fill)
    rows = (images.shape[1] - size[0]) // 2 - augmentation.crop + parameters.top
    columns = (images.shape[2] - size[1]) // 2 - augmentation.crop + parameters.left
    for to, image, row, column, mirrored in zip(done, images, rows.tolist(), columns.tolist(),
                                                parameters.mirrored.tolist(), strict=True):
        window = image[row:row + size[0], column:column + size[1]]
        to[:] = window[:, ::-1] if mirrored else window
    if augmentation.color:
        values = as_lines(done)
        values += tiled(parameters.shift, done)[:, None]
    return done


def windows(have: tuple[int, int], size: tuple[int, int], augmentation: Augmentation,
            parameters: RandomParameters) -> tuple[np.ndarray, np.ndarray]:
    """Which rows (count, height) and columns (count, width) of images of ``have`` pixels are shown, in order.

    Rows and columns outside the image (below 0, or ``have`` and more) show the fill. This is what a framework needs to
    crop and mirror by one look-up.
    """
    def along(have: int, want: int, offsets: np.ndarray) -> np.ndarray:
        border = max(0, want + 2 * augmentation.crop - have)
        first = (have + border - want) // 2 - augmentation.crop - border // 2 + offsets
        return first[:, None] + np.arange(want)

    rows, columns = (along(*sides) for sides in zip(have, size, (parameters.top, parameters.left), strict=True))
    return rows, np.where(parameters.mirrored[:, None], columns[:, ::-1], columns)


def ten_crop(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The ten views of each image: four corners and the center, and their mirror images (paper, section 4.1).

    Args:
        images: Images, ``(count, height, width, channels)``, at least as large as ``size``.
        size: Height and width of a view.

    Returns:
        The views, ``(count, 10, *size, channels)``.

    Raises:
        ValueError: The images are smaller than ``size``.
    """
    high, wide = images.shape[1] - size[0], images.shape[2] - size[1]
    if high < 0 or wide < 0:
        raise ValueError(f"The images are {images.shape[1]}x{images.shape[2]} pixels, but ten crops of "
                         f"{size[0]}x{size[1]} need images at least as large.")
    corners = [(0, 0), (0, wide), (high, 0), (high, wide), (high // 2, wide // 2)]
    five = np.stack([images[:, top:top + size[0], left:left + size[1]] for top, left in corners], axis=1)
    return np.concatenate([five, five[:, :, :, ::-1]], axis=1)
