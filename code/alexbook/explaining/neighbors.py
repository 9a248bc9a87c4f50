"""Which images are near each other: by their pixels, or by a layer's values."""

import numpy as np


def nearest(features: np.ndarray, queries: np.ndarray, count: int = 5) -> np.ndarray:
    """The nearest images to some images, by Euclidean distance.

    Args:
        features: What the images are compared by, ``(images, ...)``: pixels or a layer's values.
        queries: The same of the images whose neighbors are wanted, ``(queries, ...)``.
        count: How many neighbors of each.

    Returns:
        Indices of ``features``, ``(queries, count)``, the nearest first; of two that are as near the first comes first.

    Raises:
        ValueError: The two are of different sizes, or there are fewer images than are asked for.

    >>> nearest(np.array([[0.0], [5.0], [1.0]]), np.array([[0.9]]), count=2).tolist()
    [[2, 0]]
    """
    known, asked = (np.asarray(each, float).reshape(len(each), -1) for each in (features, queries))
    if known.shape[1] != asked.shape[1]:
        raise ValueError(f"The images are compared by {known.shape[1]} values and the queries have {asked.shape[1]}; "
                         "both must be the same layer's.")
    if not 1 <= count <= len(known):
        raise ValueError(f"The count is {count}, but must be from 1 to {len(known)}, the number of images.")
    squares = (known ** 2).sum(1) - 2 * asked @ known.T  # and the query's own square, which is the same for all
    return np.argsort(squares, axis=1, kind="stable")[:, :count]


def hits(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each image, whether the nearest of all others has its label: bool ``(images,)``.

    Args:
        features: What the images are compared by, ``(images, ...)``.
        labels: Their classes, ``(images,)``.

    >>> hits(np.array([0.0, 1.0, 5.0]), np.array([7, 7, 8])).tolist()
    [True, True, False]
    """
    known, labels = np.asarray(features, float).reshape(len(features), -1), np.asarray(labels)
    squares = (known ** 2).sum(1) - 2 * known @ known.T
    np.fill_diagonal(squares, np.inf)
    return labels[squares.argmin(axis=1)] == labels
