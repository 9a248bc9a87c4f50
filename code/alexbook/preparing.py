"""From a dataset to what a network is trained on: its size, its channels, its scale of gray values.

Images stay uint8, ``(count, height, width, channels)``, and become numbers batch by batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from alexbook import augmenting
from alexbook import images as pictures
from alexbook.augmenting import Augmentation, Batch
from alexbook.datasets import Dataset
from alexbook.layers import RBF, Dense
from alexbook.networks import Network

NONE = Augmentation()
BLOCK = 400_000  # values that are worked on at once, so that they stay in the processor's cache
# Weights of red, green and blue in a gray value (ITU-R BT.601, as Pillow's convert("L") has them).
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# LeNet-5's paper (section II.B): white paper is -0.1 and black ink 1.175.
PAPER, INK = -0.1, 1.175


@dataclass(frozen=True, eq=False)
class Labeled:
    """Images, uint8 ``(count, height, width, channels)``, and their classes, int64 ``(count,)``."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Data:
    """Training and test images, the size at which the network sees them, the shift and scale that make numbers of them.

    Images are as large as the network's input or, for random crops, larger.
    """

    train: Labeled
    test: Labeled
    mean: np.ndarray
    deviation: np.ndarray
    about: dict
    size: tuple[int, int]

    def numbers(self, images: np.ndarray) -> np.ndarray:
        """Images as the network sees them: float32, shifted and scaled channel by channel."""
        return self._shift_and_scale(np.array(images, np.float32, order="C"))

    def _shift_and_scale(self, images: np.ndarray) -> np.ndarray:
        values = augmenting.lines(images)
        values -= augmenting.tiled(self.mean, images)
        values /= augmenting.tiled(self.deviation, images)
        return images

    @cached_property
    def fill(self) -> np.ndarray:
        """The mean color, uint8 ``(channels,)``: what a crop shows where the image ends."""
        return np.rint(self.mean).clip(0, 255).astype(np.uint8)

    @cached_property
    def color_axes(self) -> np.ndarray:
        """The principal axes of the training images' colors (:func:`alexbook.augmenting.color_axes`)."""
        return augmenting.color_axes(self.train.images)

    def _middle(self, images: np.ndarray) -> np.ndarray:
        top, left = ((have - want) // 2 for have, want in zip(images.shape[1:3], self.size, strict=True))
        return images[:, top:top + self.size[0], left:left + self.size[1]]

    def plan(self, size: int, seed: Sequence[int], chosen: Augmentation = NONE, first: int = 0) -> Iterator[Batch]:
        """The training images, once, in batches in an order that ``seed`` gives, with what is drawn for each.

        What is random depends on ``seed`` and the batch's number alone, so that the batches from ``first`` on are what
        they would have been without a break.
        """
        shuffled = np.random.default_rng(seed).permutation(len(self.train))
        axes = self.color_axes if chosen.color else None
        for number in range(first, -(-len(shuffled) // size)):
            places = shuffled[number * size:(number + 1) * size]
            draws = augmenting.draw(np.random.default_rng([*seed, number]), len(places), chosen, axes)
            yield Batch(self.train.images, places, self.train.labels[places], chosen, draws)

    def ready(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """A batch as the network sees it, float32 ``(count, *size, channels)``, and its classes."""
        done = np.empty((len(batch), *self.size, batch.images.shape[-1]), np.float32)
        for start in range(0, len(batch), step := max(1, BLOCK // batch.images[0].size)):
            part = slice(start, start + step)
            images = batch.images[batch.places[part]]
            augmenting.augment(images, self.size, batch.chosen, batch.draws.part(part), self.fill, done[part])
            self._shift_and_scale(done[part])
        return done, batch.labels

    def batches(self, size: int, seed: Sequence[int], chosen: Augmentation = NONE, first: int = 0) -> Iterator[tuple]:
        """The batches of :meth:`plan`, each :meth:`ready`."""
        return map(self.ready, self.plan(size, seed, chosen, first))

    def test_views(self, views: int = 1, crop: int = 0, size: int = 500) -> Iterator[np.ndarray]:
        """The test images in their own order, uint8 ``(count, views, height, width, channels)``.

        One view is the middle of the image; ten are those of :func:`alexbook.augmenting.views`, of images that have a
        border of the mean color where they are not ``crop`` pixels larger than the network's input on each side.
        """
        for start in range(0, len(self.test), size // views):
            images = self.test.images[start:start + size // views]
            if views == 1:
                yield self._middle(images)[:, None]
            else:
                yield augmenting.views(augmenting.pad(images, self.size, crop, self.fill), self.size)


def to_gray(images: np.ndarray) -> np.ndarray:
    """Color images ``(..., 3)`` as gray ones ``(..., 1)``, uint8; gray ones stay as they are."""
    if images.shape[-1] == 1:
        return images
    return np.rint(images.astype(np.float32) @ LUMA).astype(np.uint8)[..., None]


def center(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Images in the middle of a larger field of zeros; ``ValueError`` where they do not fit."""
    high, wide = images.shape[1:3]
    if high > height or wide > width:
        raise ValueError(f"The images are {high}x{wide} pixels, but the network's input is only "
                         f"{height}x{width}; choose a network for images of their size.")
    top, left = (height - high) // 2, (width - wide) // 2
    return np.pad(images, ((0, 0), (top, height - high - top), (left, width - wide - left), (0, 0)))


def sized(name: str, images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Images ``(count, height, width, channels)`` at the network's size, in the middle of it.

    The 8x8 digits are drawn as large as MNIST's are, 20 pixels high.
    """
    if name == "digits":
        images = pictures.frame(images, box=20, field=min(height, width))
    return center(images.reshape(*images.shape[:3], -1), height, width)


def adapt(network: Network, channels: int, classes: int) -> Network:
    """The network with as many input channels and outputs as the dataset has."""
    last = max(place for place, layer in enumerate(network.layers) if isinstance(layer, Dense | RBF))
    output = network.layers[last]
    if output.units == classes:
        layers = network.layers
    elif isinstance(output, RBF):
        raise ValueError(f"{network.name} has {output.units} fixed outputs, but the dataset has "
                         f"{classes} classes; choose a network with a trained output layer.")
    else:
        layers = tuple(replace(layer, units=classes) if place == last else layer
                       for place, layer in enumerate(network.layers))
    return replace(network, input_shape=(*network.input_shape[:2], channels), layers=layers)


def scale(images: np.ndarray, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Shift and divisor for each channel.

    ``standard`` brings them to mean 0 and deviation 1, ``1998`` to LeNet's gray values; ``2012`` subtracts the mean and
    leaves the scale of 0 to 255, as AlexNet did (paper, section 2; there it is a mean for each pixel).
    """
    if rule == "1998":
        divisor = 255 / (INK - PAPER)
        return np.float32([-PAPER * divisor]), np.float32([divisor])
    values = images.reshape(-1, images.shape[-1])
    mean = values.mean(axis=0, dtype=np.float64)
    squares = sum(np.square(values[start:start + 1_000_000], dtype=np.float64).sum(axis=0)
                  for start in range(0, len(values), 1_000_000))
    deviation = np.ones_like(mean) if rule == "2012" else np.sqrt(squares / len(values) - mean**2)
    return mean.astype(np.float32), deviation.astype(np.float32)


def arrays(split: Dataset, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A split's images and classes; images larger than ``side`` are shrunk to it (:func:`alexbook.images.fit`)."""
    larger = len(split) and max(split[0][0].shape[:2]) > side
    return split.arrays(side if larger else None)


def prepare(network: Network, train: Dataset, test: Dataset, grey: bool = False,
            pixels: str = "standard", crop: int = 0) -> Data:
    """The two splits at the network's size and in its colors, scaled by figures of the training split.

    Images larger than the network's input are shrunk to it, smaller ones lie in the middle of it. With a ``crop`` they
    may be larger by so many pixels on each side, as 256 is to 224 (AlexNet paper, section 4.1).
    """
    size = network.input_shape[:2]

    def ready(split: Dataset) -> Labeled:
        images, labels = arrays(split, min(size) + 2 * crop)
        images = sized(split.name, images, *map(max, size, images.shape[1:3]))
        return Labeled(to_gray(images) if grey else images, labels)

    about = {"classes": list(train.class_names), "train": train.provenance, "test": test.provenance}
    first, second = ready(train), ready(test)
    return Data(first, second, *scale(first.images, pixels), about, size)
