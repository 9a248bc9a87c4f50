"""How good trained weights are on test images: top-1, top-5 and mean of classes; one view of an image, or ten."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexbook import datasets
from alexbook.batches import preprocessing
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.weights import _scores, load, read

BATCH = 200  # views that go through the network at a time


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A network's answers for test images.

    Attributes:
        probabilities: float32 ``(images, classes)``; with ten views the mean over them.
        labels: The true classes, int64 ``(images,)``.
        classes: Their names.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    @property
    def ranking(self) -> np.ndarray:
        """For each image the classes, the most probable first, ``(images, classes)``."""
        return np.argsort(-self.probabilities, axis=1, kind="stable")

    def error(self, top: int = 1) -> float:
        """The share of images whose class is not among the ``top`` most probable ones."""
        if not 1 <= top <= len(self.classes):
            raise ValueError(f"The top is {top}, but must be from 1 to {len(self.classes)}, the number of classes.")
        return float(1 - (self.ranking[:, :top] == self.labels[:, None]).any(axis=1).mean())

    @property
    def errors_by_class(self) -> np.ndarray:
        """The error on the images of each class, ``(classes,)``; nan for a class without test images."""
        wrong = self.ranking[:, 0] != self.labels
        counts = np.bincount(self.labels, minlength=len(self.classes))
        missed = np.bincount(self.labels, wrong, minlength=len(self.classes))
        return np.divide(missed, counts, out=np.full(len(counts), np.nan), where=counts > 0)

    @property
    def class_error(self) -> float:
        """The mean of the classes' errors, which counts a class of 5 test images as much as one of 50."""
        return float(np.nanmean(self.errors_by_class))

    @property
    def confusion(self) -> np.ndarray:
        """How many images of each class (rows) were taken for each (columns)."""
        counts = np.zeros((len(self.classes),) * 2, int)
        np.add.at(counts, (self.labels, self.ranking[:, 0]), 1)
        return counts


def evaluate(source: str | Path, dataset: str, folder: str | Path | None = None, *, split: str = "test",
             views: int = 1, framework: str = "torch", per_class: int | None = None, seed: int = 0) -> Evaluation:
    """Measure trained weights on a dataset, prepared as the card says.

    Args:
        source: As for :func:`alexbook.weights.load`.
        dataset: A dataset's name, with the classes that the network was trained on.
        folder: A folder that holds the dataset.
        split: Which images of it.
        views: 1, the middle of each image, or 10, the AlexNet paper's crops and their mirror images (section 4.1).
        framework: ``"torch"`` or ``"keras"``.
        per_class: For Caltech-101 and flowers, with how many training images of each class the splits are drawn.
        seed: For these, which draw.

    Raises:
        ValueError: The dataset's classes are not the network's, or there are no such views.
    """
    if views not in (1, 10):
        raise ValueError(f"The views are {views}, but must be 1 or 10.")
    found = read(source)
    card, network = found.card, found.card.build()
    images = datasets.load(dataset, split, folder, per_class=per_class, seed=seed)
    if images.class_names != card.classes:
        raise ValueError(f"{dataset} has other classes than {source} was trained on ({len(card.classes)} of "
                         f"{card.dataset}).")
    size = network.input_shape[:2]
    pixels, labels = preprocessing.arrays(images, card.side)
    pixels = preprocessing.sized(images.name, pixels, *map(max, size, pixels.shape[1:3]))
    tested = Split(preprocessing.to_gray(pixels) if card.channels == 1 else pixels, labels)
    normalization = Normalization(np.array(card.mean, np.float32), np.array(card.std, np.float32))
    data = Data(tested, tested, normalization, size)
    crop = max(0, (card.side - min(size)) // 2)
    model, sign = load(source, framework), -1 if network.layers[-1].kind == "rbf" else 1
    shares = []
    for batch in data.test_views(views, crop, BATCH):
        flat = normalization.normalize(batch.reshape(-1, *batch.shape[2:]))
        shares.append(_scores.softmax(sign * _scores.scores(model, flat, framework)).reshape(
            len(batch), views, -1).mean(axis=1))
    return Evaluation(np.concatenate(shares), labels, card.classes)
