"""From a recipe to its data: the dataset in training and test images, and the network that fits it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from alexbook import datasets, networks
from alexbook.batches import preprocessing
from alexbook.batches.data import Data
from alexbook.datasets import Dataset
from alexbook.networks import Network, ablations
from alexbook.training.recipe import Recipe


def load(recipe: Recipe, folder: str | Path | None = None) -> tuple[Network, Data]:
    """The recipe's network, adapted to its dataset, and the dataset, prepared for the network.

    Args:
        recipe: What to train, and on which images.
        folder: A folder that holds the dataset; without one it is looked for in the usual places, and downloaded.

    Returns:
        The network, with as many input channels and outputs as the dataset has, and the training and test images,
        uint8, at the network's size.

    Raises:
        ValueError: There is no such network, change or dataset, or it has too few images for the recipe.
        DatasetUnavailable: The dataset is not here and cannot be downloaded.

    Example:
        >>> network, data = load(Recipe("lenet5_modern", "digits", "torch"))
        >>> len(data.train), data.size
        (1297, (28, 28))
    """
    network = ablations.vary(networks.get(recipe.network), recipe.changes)
    train, test = (datasets.load(recipe.dataset, split, folder, per_class=recipe.per_class or None, seed=recipe.split,
                                 rest=recipe.rest)
                   for split in ("train", "test"))
    watched = 0
    if recipe.extra_test:
        train, rest = part(train, recipe.images), rest_of(train, recipe.images)
        watched, test = len(test), test.join(rest)
    if recipe.holdout:
        train, test = hold_out(train, recipe.holdout)
        watched = 0
    if recipe.images and not recipe.extra_test:
        train = part(train, recipe.images)
    colored = not recipe.gray and train[0][0].ndim == 3
    network = preprocessing.adapt(network, 3 if colored else 1, len(train.class_names))
    data = preprocessing.prepare(network, train, test, recipe.gray, recipe.pixels, recipe.crop)
    return network, replace(data, watched=watched)


def hold_out(train: Dataset, count: int) -> tuple[Dataset, Dataset]:
    """A training set in two: without and with ``count`` images, taken at even steps through the set."""
    if not count < len(train):
        raise ValueError(f"The holdout is {count} images, but {train.name} has only {len(train)} to "
                         "train on; hold out fewer.")
    held = np.arange(count) * len(train) // count
    return train.take(np.setdiff1d(np.arange(len(train)), held)), train.take(held)


def part(train: Dataset, count: int) -> Dataset:
    """``count`` images of a training set, taken at even steps through the set."""
    if count > len(train):
        raise ValueError(f"The images to train on are {count}, but {train.name} has only {len(train)}; take fewer.")
    return train.take(np.arange(count) * len(train) // count)


def rest_of(train: Dataset, count: int) -> Dataset:
    """The images that :func:`part` leaves."""
    return train.take(np.setdiff1d(np.arange(len(train)), np.arange(count) * len(train) // count))
