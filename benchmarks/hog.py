#!/usr/bin/env python3
"""What do hand-made features bring? HOG and a linear classifier on the images that the book's networks were trained on.

    python benchmarks/hog.py --data FOLDER                                   prints a table
    python benchmarks/hog.py --data FOLDER --to data/benchmarks/hog.json

The features are histograms of oriented gradients: the same numbers as scikit-image's, which a test holds, but of many
images at once. The classifier is softmax regression (scikit-learn), which is a network of one layer. Size of the cells
and strength of the regularization are chosen on training images that are held out, as many as for the networks'
learning rates; the grid of strengths is continued until the best one is not at its edge. The test images are used once
for each line of the table. The images in gray get the settings that were chosen in color, as the networks did.
"""

import argparse
import json
import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import sklearn  # noqa: E402
from alexbook import datasets  # noqa: E402
from alexbook.batches import preprocessing  # noqa: E402
from alexbook.runs import processor  # noqa: E402
from numpy.lib.stride_tricks import sliding_window_view  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

HELD = {"cifar10": 5000, "tiny_imagenet_20": 1000, "shapes": 500}  # images, as for the networks' learning rates
GRID = (1e-4, 1e-3, 1e-2)  # of scikit-learn's C, the inverse of the strength; continued where an edge is best
FARTHEST = (1e-7, 1e3)
ITERATIONS = 300


@dataclass(frozen=True)
class Features:
    """What the classifier gets of an image: HOG in square cells of so many pixels."""

    cell: int
    side: int = 32

    def __str__(self) -> str:
        return f"HOG, cells of {self.cell} × {self.cell}, images of {self.side} × {self.side}"

    def of(self, images: np.ndarray) -> np.ndarray:
        """``(images, features)``, float32, for images ``(images, side, side, channels)``.

        Where an image has colors, a pixel's gradient is that of the channel in which it is the largest (Dalal and
        Triggs, section 6.1).
        """
        return np.concatenate([hog(part, self.cell) for part in np.array_split(images, -(-len(images) // 500))])


def hog(images: np.ndarray, cell: int) -> np.ndarray:
    """What ``skimage.feature.hog`` gives for each image: nine bins, blocks of 2 x 2 cells, normalized by L2-Hys."""
    values = images.astype(np.float64)
    down, right = np.zeros_like(values), np.zeros_like(values)
    down[:, 1:-1] = values[:, 2:] - values[:, :-2]
    right[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
    length = np.hypot(down, right)
    strongest = length.argmax(axis=-1)[..., None]
    down, right, length = (np.take_along_axis(each, strongest, axis=-1)[..., 0] for each in (down, right, length))
    bins = (np.rad2deg(np.arctan2(down, right)) % 180 // 20).astype(np.int8)
    count, height, width = bins.shape
    cells = np.stack([np.where(bins == each, length, 0)
                      .reshape(count, height // cell, cell, width // cell, cell).mean(axis=(2, 4))
                      for each in range(9)], axis=-1)
    blocks = np.moveaxis(sliding_window_view(cells, (2, 2), axis=(1, 2)), 3, -1)
    blocks = blocks.reshape(*blocks.shape[:3], -1)
    blocks = np.minimum(_normalized(blocks), 0.2)
    return _normalized(blocks).reshape(count, -1).astype(np.float32)


def _normalized(blocks: np.ndarray) -> np.ndarray:
    return blocks / np.sqrt((blocks ** 2).sum(axis=-1, keepdims=True) + 1e-10)


def classifier(strength: float):
    """Softmax regression on features of mean 0 and standard deviation 1."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=ITERATIONS))


def error(train: tuple, test: tuple, strength: float) -> float:
    """The share of wrong answers on the test features of a classifier trained on the others."""
    return 1 - classifier(strength).fit(*train).score(*test)


def search(train: tuple, held: tuple, grid: tuple[float, ...] = GRID) -> dict[float, float]:
    """The error on the images held out for each ``C``, from the smallest to the largest; the best is not at an edge.

    Unless it lies at the end of what makes sense at all (``FARTHEST``).
    """
    found = {strength: error(train, held, strength) for strength in grid}
    while True:
        best = min(found, key=found.__getitem__)
        least, most = min(found), max(found)
        if best == least > FARTHEST[0]:
            following = least / 10
        elif best == most < FARTHEST[1]:
            following = most * 10
        else:
            return dict(sorted(found.items()))
        following = float(f"{following:.0e}")
        found[following] = error(train, held, following)


def held_out(count: int, of: int) -> np.ndarray:
    """Which of the training images are held out, bool: the same ones as for the networks (``train --holdout``)."""
    held = np.zeros(of, bool)
    held[np.arange(count) * of // count] = True
    return held


def measure(dataset: str, candidates: tuple[Features, ...], folder: str | None = None) -> dict:
    """Choose among the candidates on images held out, then measure the best of them on the test images.

    Returns:
        The errors on the images held out, for each candidate and ``C``; what was chosen; the test error in color and
        in gray; the fingerprints of the images.
    """
    train, test = (datasets.load(dataset, split, folder) for split in ("train", "test"))
    started, searches, all_features = time.perf_counter(), [], []
    held = held_out(HELD[dataset], len(train))
    for features in candidates:
        pixels, labels = preprocessing.arrays(train, features.side)
        values = features.of(pixels)
        found = search((values[~held], labels[~held]), (values[held], labels[held]))
        all_features.append(values)
        searches.append({"features": str(features), "length": values.shape[1],
                         "held_out_errors": {f"{strength:g}": round(share, 6) for strength, share in found.items()}})
        print(dataset, searches[-1], flush=True)
    best = min(range(len(candidates)), key=lambda number: min(searches[number]["held_out_errors"].values()))
    errors = searches[best]["held_out_errors"]
    strength, features = float(min(errors, key=errors.__getitem__)), candidates[best]
    result = {}
    for color in ("color", "gray"):
        parts = []
        for split in (train, test):
            pixels, labels = preprocessing.arrays(split, features.side)
            if color == "gray":
                pixels = preprocessing.to_gray(pixels)
            known = all_features[best] if color == "color" and split is train else None
            parts.append((features.of(pixels) if known is None else known, labels))
        result[color] = round(error(*parts, strength), 6)
        print(dataset, features, color, result[color], flush=True)
    return {"dataset": dataset, "train": train.provenance, "test": test.provenance, "held_out": HELD[dataset],
            "searches": searches, "features": str(features), "C": strength, "test_errors": result,
            "seconds": round(time.perf_counter() - started)}


def about() -> dict:
    """What the result depends on."""
    return {"hardware": processor(), "threads": int(os.environ["OMP_NUM_THREADS"]),
            "versions": {"python": platform.python_version(), "numpy": np.__version__,
                         "scikit-learn": sklearn.__version__},
            "date": datetime.now(UTC).isoformat(timespec="seconds")}


TABLE = (
    ("tiny_imagenet_20", "HOG", (Features(8), Features(4))),
    ("tiny_imagenet_20", "HOG, 64 × 64", (Features(8, 64),)),
    ("cifar10", "HOG", (Features(8), Features(4))),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FOLDER", help="a folder that holds the datasets")
    parser.add_argument("--to", type=Path, metavar="FILE", help="also write the result as JSON")
    options = parser.parse_args()
    rows = [{"name": name} | measure(dataset, candidates, options.data) for dataset, name, candidates in TABLE]
    for row in rows:
        print(f"{row['dataset']:17} {row['name']:13} {row['features']:42} C = {row['C']:<7g}"
              f" color {100 * row['test_errors']['color']:.1f} %, gray {100 * row['test_errors']['gray']:.1f} %")
    if options.to:
        options.to.parent.mkdir(parents=True, exist_ok=True)
        result = {"command": "python benchmarks/hog.py"} | about() | {"rows": rows}
        options.to.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
