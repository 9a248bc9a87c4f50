"""The first layer's filters: as pictures, how much of them is color, and which of them are noise."""

from collections.abc import Iterable

import numpy as np

GAP = 1  # white pixels between two filters of a picture
ZERO = 0.5  # the gray of a weight of 0


def picture(kernels: np.ndarray, columns: int = 16) -> np.ndarray:
    """Filters as one picture, in rows, each scaled by its own largest weight.

    Args:
        kernels: ``(filters, height, width, channels)``, with one channel or three (red, green, blue).
        columns: Filters in a row.

    Returns:
        float ``(height, width, 3)``, from 0 to 1. A weight of 0 is middle gray, a positive one is brighter.

    Raises:
        ValueError: The kernels have another shape, or there are none.

    >>> picture(np.zeros((4, 3, 3, 1)), columns=2).shape
    (9, 9, 3)
    """
    kernels = _checked(kernels)
    count, height, width, _ = kernels.shape
    largest = np.abs(kernels).max((1, 2, 3), keepdims=True)
    scaled = ZERO + ZERO * kernels / np.where(largest > 0, largest, 1)
    columns = min(columns, count)
    rows = -(-count // columns)
    sheet = np.ones((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3))
    for index, each in enumerate(scaled):
        top, left = (GAP + place * (side + GAP)
                     for place, side in zip(divmod(index, columns), (height, width), strict=True))
        sheet[top:top + height, left:left + width] = each
    return sheet


def color_share(kernels: np.ndarray) -> np.ndarray:
    """How much of each filter is color: 0 for one that sees gray values only, 1 for one that is blind to them.

    A filter is split into its gray part, which has the mean of the three weights at each position in all three
    channels, and the rest, which gives 0 for any gray image. The share is that of the rest in the sum of squares.

    Args:
        kernels: ``(filters, height, width, 3)``.

    Returns:
        ``(filters,)``, from 0 to 1; 0 for a filter whose weights are all 0.

    Raises:
        ValueError: The kernels have another shape.

    >>> color_share(np.array([[[[1, 1, 1]]], [[[2, -2, 0]]]])).tolist()
    [0.0, 1.0]
    """
    kernels = _checked(kernels, (3,))
    gray = kernels - kernels.mean(axis=3, keepdims=True)
    return _ratio((gray ** 2).sum((1, 2, 3)), (kernels ** 2).sum((1, 2, 3)))


def smoothness(kernels: np.ndarray) -> np.ndarray:
    """How much each filter's weights are like their neighbors: the correlation of weights one pixel apart.

    Random weights give about 0, an edge or a blob gives nearly 1.

    Args:
        kernels: ``(filters, height, width, channels)``, with one channel or three.

    Returns:
        ``(filters,)``, from -1 to 1: the mean product of two weights that are neighbors, in one row or one column of
        one channel, over the mean square, after each channel's mean was subtracted; 0 for a constant filter.

    Raises:
        ValueError: The kernels have another shape.

    >>> checkers = np.indices((4, 4)).sum(0) % 2
    >>> smoothness(checkers[None, ..., None]).tolist()
    [-1.0]
    """
    kernels = _checked(kernels)
    even = kernels - kernels.mean((1, 2), keepdims=True)
    beside = _pairs_mean(even[:, 1:] * even[:, :-1], even[:, :, 1:] * even[:, :, :-1])
    return _ratio(beside, (even ** 2).mean((1, 2, 3)))


def _pairs_mean(*products: np.ndarray) -> np.ndarray:
    """The mean of all products of a filter, ``(filters,)``."""
    flat = [each.reshape(len(each), -1) for each in products]
    return np.concatenate(flat, axis=1).mean(axis=1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _checked(kernels: np.ndarray, channels: Iterable[int] = (1, 3)) -> np.ndarray:
    found = np.asarray(kernels, float)
    if found.ndim != 4 or not found.size or found.shape[3] not in channels:
        raise ValueError(f"The kernels have the shape {found.shape}, but must be (filters, height, width, channels), "
                         f"with {' or '.join(map(str, channels))} channels.")
    return found
