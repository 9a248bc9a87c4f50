"""From a dataset to what a network is trained on: its size, its channels, its scale of gray values.

Images stay uint8, ``(count, height, width, channels)``, and become numbers batch by batch.
"""

from dataclasses import replace

import numpy as np

from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.datasets import Dataset, image_files
from alexbook.layers import RBF, Dense
from alexbook.networks import Network

# Weights of red, green and blue in a gray value (ITU-R BT.601, as Pillow's convert("L") has them).
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


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
        images = image_files.frame(images, box=20, field=min(height, width))
    return center(images.reshape(*images.shape[:3], -1), height, width)


def adapt(network: Network, channels: int, classes: int) -> Network:
    """The network with as many input channels and outputs as the dataset has."""
    last = max(index for index, layer in enumerate(network.layers) if isinstance(layer, Dense | RBF))
    output = network.layers[last]
    assert isinstance(output, Dense | RBF)
    if output.units == classes:
        layers = network.layers
    elif isinstance(output, RBF):
        raise ValueError(f"{network.name} has {output.units} fixed outputs, but the dataset has "
                         f"{classes} classes; choose a network with a trained output layer.")
    else:
        layers = (*network.layers[:last], replace(output, units=classes), *network.layers[last + 1:])
    return replace(network, input_shape=(*network.input_shape[:2], channels), layers=layers)


def arrays(split: Dataset, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A split's images and classes; images larger than ``side`` are shrunk to it (:func:`~alexbook.datasets.fit`)."""
    larger = len(split) and max(split[0][0].shape[:2]) > side
    return split.arrays(side if larger else None)


def prepare(network: Network, train: Dataset, test: Dataset, gray: bool = False,
            pixels: str = "standard", crop: int = 0) -> Data:
    """The two splits at the network's size and in its colors, normalized by figures of the training split.

    Images larger than the network's input are shrunk to it, smaller ones lie in the middle of it.

    Args:
        network: The network, of which the size of its input is used.
        train: The training images.
        test: The test images.
        gray: Whether color images become gray.
        pixels: The rule of the normalization, as for :meth:`~.normalization.Normalization.fit`.
        crop: So many pixels larger than the network's input images may be on each side, as 256 is to 224 (AlexNet
            paper, section 4.1).

    Returns:
        The images, uint8, with what makes numbers of them.
    """
    size = network.input_shape[:2]

    def fitted(split: Dataset) -> Split:
        images, labels = arrays(split, min(size) + 2 * crop)
        images = sized(split.name, images, *map(max, size, images.shape[1:3]))
        return Split(to_gray(images) if gray else images, labels)

    about = {"classes": list(train.class_names), "train": train.provenance, "test": test.provenance}
    train_split, test_split = fitted(train), fitted(test)
    return Data(train_split, test_split, Normalization.fit(train_split.images, pixels), size, about)
