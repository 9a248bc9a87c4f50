"""What the tests of several processes and devices train: in the test itself, and in what it starts."""

from dataclasses import replace

import numpy as np
import tiny_networks
from alexbook import networks
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.layers import Activation, Conv, Dense, Dropout, Flatten
from alexbook.training.recipe import Recipe

RECIPE = Recipe("tiny", "made up", "torch", epochs=2, batch_size=12, lr=0.05, weight_decay=1e-2, bias_lr_factor=2.0)
DROPPING = tiny_networks.network(Conv(4, 5, 3, name="conv"), Activation("relu"), Flatten(), Dropout(0.5),
                                 Dense(10, name="out"), shape=(32, 32, 3))
RGB = networks.get("lenet5_rgb")

# 37 images: three batches of 12, an even number, and a last one of 1, in which one of two processes has none.
CASES = {
    "augmented": (replace(RECIPE, crop=3, flip=True, color=0.1), RGB),
    "odd": (replace(RECIPE, batch_size=7), RGB),  # 7 = 4 + 3, and a last one of 2
    "dropout": (RECIPE, DROPPING),
}
STOPPED = CASES["dropout"]


def data(count=37):
    """Random color images and classes."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (count + 20, 32, 32, 3), np.uint8)
    labels = draw.integers(0, 10, count + 20)
    return Data(Split(images[:count], labels[:count]), Split(images[count:], labels[count:]),
                Normalization(np.float32([127] * 3), np.float32([74] * 3)), (32, 32),
                {"classes": list("0123456789")})
