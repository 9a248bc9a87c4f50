"""The images of a run: what is trained on, what is tested on, and how they become numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from alexbook.batches import augmentation as augmentations
from alexbook.batches.augmentation import Augmentation, Batch
from alexbook.batches.loader import NumpyLoader
from alexbook.batches.normalization import Normalization

NONE = Augmentation()


@dataclass(frozen=True, eq=False)
class Split:
    """Images, uint8 ``(count, height, width, channels)``, and their classes, int64 ``(count,)``."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Data:
    """A run's training and test images, their normalization, and the size at which the network sees them.

    Images are as large as the network's input or, for random crops, larger.

    Attributes:
        train: The training images.
        test: The test images.
        normalization: What makes numbers of the images.
        size: Height and width of the network's input.
        about: What a record says of the dataset.
        watched: After each epoch the network is tested on so many of the test images, the first ones (0: all of them);
            at the end it is tested on all.
    """

    train: Split
    test: Split
    normalization: Normalization
    size: tuple[int, int]
    about: dict[str, Any] = field(default_factory=dict)
    watched: int = 0

    @property
    def loader(self) -> NumpyLoader:
        """The loader that makes batches of these images in NumPy."""
        return NumpyLoader(self.normalization, self.size)

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this data from other data: the classes, in order, and the fingerprint of each split."""
        return {"classes": self.about.get("classes")} | {
            split: self.about.get(split, {}).get("fingerprint") for split in ("train", "test")}

    @cached_property
    def color_axes(self) -> np.ndarray:
        """The principal axes of the training images' colors (:func:`alexbook.batches.augmentation.color_axes`)."""
        return augmentations.color_axes(self.train.images)

    def first_tests(self) -> "Data":
        """The same with only those test images that are used after each epoch."""
        if not self.watched:
            return self
        return replace(self, test=Split(self.test.images[:self.watched], self.test.labels[:self.watched]))

    def plan(self, batch_size: int, seed: Sequence[int], augmentation: Augmentation = NONE,
             first: int = 0) -> Iterator[Batch]:
        """The training images, once, in batches in an order that ``seed`` gives, with what is sampled for each.

        What is random depends on ``seed`` and the batch's number alone, so that the batches from ``first`` on are what
        they would have been without a break.
        """
        shuffled = np.random.default_rng(seed).permutation(len(self.train))
        axes = self.color_axes if augmentation.color else None
        for number in range(first, -(-len(shuffled) // batch_size)):
            indices = shuffled[number * batch_size:(number + 1) * batch_size]
            rng = np.random.default_rng([*seed, number])
            parameters = augmentations.sample(rng, len(indices), augmentation, axes)
            yield Batch(self.train.images, indices, self.train.labels[indices], augmentation, parameters)

    def test_views(self, views: int = 1, crop: int = 0, count: int = 500) -> Iterator[np.ndarray]:
        """The test images in their own order, uint8 ``(images, views, height, width, channels)``, about ``count`` views
        at a time.

        One view is the middle of the image; ten are those of :func:`~.augmentation.ten_crop`, of images that have a
        border of the mean color where they are not ``crop`` pixels larger than the network's input on each side.
        """
        for start in range(0, len(self.test), count // views):
            images = self.test.images[start:start + count // views]
            if views == 1:
                yield self._middle(images)[:, None]
            else:
                padded = augmentations.pad(images, self.size, crop, self.normalization.fill)
                yield augmentations.ten_crop(padded, self.size)

    def _middle(self, images: np.ndarray) -> np.ndarray:
        top, left = ((have - want) // 2 for have, want in zip(images.shape[1:3], self.size, strict=True))
        return images[:, top:top + self.size[0], left:left + self.size[1]]
