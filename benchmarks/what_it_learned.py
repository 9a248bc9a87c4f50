#!/usr/bin/env python3
"""What has a network that comes with the book learned, measured on the test images of Caltech-101?

    python benchmarks/what_it_learned.py --data FOLDER                                      prints what it finds
    python benchmarks/what_it_learned.py --data FOLDER --to data/benchmarks/what_it_learned.json

The images may not travel with the book, so the chapter "What it learned" draws these numbers, and shows the same on the
book's own photographs. Nothing is trained. At most ``MOST`` test images of each class are used, and the first ``FEW``
where an image takes many passes. "Hidden" means replaced by the mean color of the training images, which is 0 for the
network.
"""

import argparse
import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from alexbook import datasets, runs, weights  # noqa: E402
from alexbook.batches import preprocessing  # noqa: E402
from alexbook.datasets import image_files, photographs  # noqa: E402
from alexbook.explaining import images as explained  # noqa: E402
from alexbook.explaining import neighbors, torch  # noqa: E402

NETWORK = "alexnet_photos"
PER_CLASS, SEED = 30, 0  # of the split that the network was tested on
SIDE, CROP = 256, 224
MOST = 10  # test images of each class, the first ones
FEW = 2  # where an image takes many passes
BATCH = 32
WINDOW = 32  # pixels of the square that hides, and of its stride
LEVELS = (1, 2, 4, 8)  # gray levels of an adversarial step
ANGLES = (30, 45)
TILES = (2, 4, 8)  # tiles along a side
TOP = 9
LAYERS = ("relu1", "relu2", "relu3", "relu4", "relu5", "relu6", "relu7")
COMPARED = ("relu5", "relu6", "relu7")


class Tested:
    """The network, its card, and test images as stored, uint8 ``(count, 256, 256, 3)``."""

    def __init__(self, source: str, folder: Path) -> None:
        self.card = weights.card(source)
        self.model = weights.load(source, "torch")
        whole = datasets.load("caltech101", "test", folder, per_class=PER_CLASS, seed=SEED)
        self.data = whole.take(_first(whole.labels, MOST))
        self.labels = self.data.labels
        self.mean, self.std = (np.array(each, np.float32) for each in (self.card.mean, self.card.std))

    @property
    def few(self) -> np.ndarray:
        """The first test images of each class: their indices."""
        return _first(self.labels, FEW)

    def stored(self, indices: np.ndarray) -> np.ndarray:
        return np.stack([image_files.fit(self.data.images[int(index)], SIDE) for index in indices])

    def normal(self, stored: np.ndarray, top: int = 16, left: int = 16) -> np.ndarray:
        """The network's input: a crop of the stored images, normalized."""
        return (stored[:, top:top + CROP, left:left + CROP] - self.mean) / self.std

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        parts = range(0, len(inputs), BATCH)
        return np.concatenate([torch.outputs(self.model, inputs[start:start + BATCH]) for start in parts])

    def accuracy(self, inputs: np.ndarray, labels: np.ndarray) -> float:
        return round(float((self.logits(inputs).argmax(1) == labels).mean()), 4)


def _first(labels: np.ndarray, count: int) -> np.ndarray:
    """The indices of the first images of each class."""
    return np.concatenate([np.flatnonzero(labels == label)[:count] for label in range(labels.max() + 1)])


def features(tested: Tested) -> dict[str, np.ndarray]:
    """Of all test images: logits, values of three layers, pixels, and each channel's largest value in each layer."""
    found: dict[str, list] = {}
    for start in range(0, len(tested.labels), BATCH):
        inputs = tested.normal(tested.stored(np.arange(start, min(start + BATCH, len(tested.labels)))))
        values = torch.activations(tested.model, inputs)
        here = {"logits": values["fc8"], "pixels": pixels(inputs)}
        here |= {name: values[name].reshape(len(inputs), -1).astype(np.float32) for name in COMPARED}
        for name in LAYERS:
            flat = values[name].reshape(len(inputs), -1, values[name].shape[-1])
            here |= {f"{name} largest": flat.max(1), f"{name} zeros": (flat == 0).mean((1, 2))[:, None]}
        for name, each in here.items():
            found.setdefault(name, []).append(each)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def pixels(inputs: np.ndarray) -> np.ndarray:
    """The images in 56 × 56 pixels, each the mean of 4 × 4, as rows."""
    return inputs.reshape(len(inputs), CROP // 4, 4, CROP // 4, 4, 3).mean((2, 4)).reshape(len(inputs), -1)


def units(values: dict[str, np.ndarray], labels: np.ndarray) -> dict:
    """For each layer: channels that are never active, the share of zeros, and how alike the top images' classes are."""
    found = {}
    for name in LAYERS:
        largest = values[f"{name} largest"]
        alive = np.flatnonzero(largest.max(0) > 0)
        top = labels[np.argsort(-largest[:, alive], axis=0, kind="stable")[:TOP]]
        same = np.array([np.bincount(column).max() for column in top.T])
        found[name] = {"channels": largest.shape[1], "never_active": int(largest.shape[1] - len(alive)),
                       "zeros": round(float(values[f"{name} zeros"].mean()), 4),
                       "mean_same_class": round(same.mean(), 3),
                       "most_same": {int(alive[place]): top[:, place].tolist() for place in np.argsort(-same)[:6]}}
    chance = np.random.default_rng(0).permuted(np.tile(labels, (2000, 1)), axis=1)[:, :TOP]
    found["chance"] = round(float(np.mean([np.bincount(row).max() for row in chance])), 3)
    return found


def near(tested: Tested, values: dict[str, np.ndarray]) -> dict:
    """How often the nearest test image is of the same class, and the classes of the photographs' nearest ones."""
    shown = tested.card.prepare([photographs.load(name) for name in photographs.names()])
    layers = torch.activations(tested.model, shown)
    own = {name: layers[name].reshape(len(shown), -1) for name in COMPARED} | {"pixels": pixels(shown)}
    by_class = {}
    for name in ("pixels", *COMPARED):
        right = neighbors.hits(values[name], tested.labels)
        by_class[name] = round(float(np.mean([right[tested.labels == label].mean()
                                              for label in range(len(tested.card.classes))])), 4)
    nearest = {name: tested.labels[neighbors.nearest(values[name], own[name], 5)] for name in ("pixels", "relu7")}
    listed = {name: dict(zip(photographs.names(), rows.tolist(), strict=True)) for name, rows in nearest.items()}
    return {"nearest_of_same_class": by_class, "photographs": listed}


def plane(values: dict[str, np.ndarray]) -> list[list[float]]:
    """t-SNE of relu7: two coordinates for each test image."""
    from sklearn.manifold import TSNE

    found = TSNE(perplexity=30, init="pca", random_state=0).fit_transform(values["relu7"])
    return [[round(x, 1), round(y, 1)] for x, y in found.tolist()]


def hidden(tested: Tested, predicted: np.ndarray) -> dict:
    """Of the images that are recognized: how many keep their class when the middle, or all but it, is hidden."""
    right = np.flatnonzero(predicted == tested.labels)
    kept = {"without_middle": [], "only_middle": []}
    middle = slice(CROP // 4, 3 * CROP // 4)
    for start in range(0, len(right), BATCH):
        inputs = tested.normal(tested.stored(right[start:start + BATCH]))
        without, only = inputs.copy(), np.zeros_like(inputs)
        without[:, middle, middle], only[:, middle, middle] = 0, inputs[:, middle, middle]
        for name, changed in (("without_middle", without), ("only_middle", only)):
            kept[name].extend((tested.logits(changed).argmax(1) == predicted[right[start:start + BATCH]]).tolist())
    labels = tested.labels[right]
    return {"images": np.bincount(labels, minlength=len(tested.card.classes)).tolist()} | {
        name: np.bincount(labels, np.array(each), len(tested.card.classes)).astype(int).tolist()
        for name, each in kept.items()}


def black_corners(stored: np.ndarray) -> np.ndarray:
    """Of the four corners of each image, how many are black: no value above 24 in 12 × 12 pixels."""
    ends = (slice(None, 12), slice(-12, None))
    return sum((stored[:, rows, columns].max((1, 2, 3)) < 24).astype(int) for rows in ends for columns in ends)


def corners(tested: Tested) -> dict:
    """Black corners, class by class; and what they do to images that have none."""
    shares = np.zeros(len(tested.card.classes))
    for label in range(len(shares)):
        indices = np.flatnonzero(tested.labels == label)
        shares[label] = black_corners(tested.stored(indices)).mean() / 4
    cornered = np.flatnonzero(shares >= 0.5)
    clean = np.array([index for index in tested.few if tested.labels[index] not in cornered])
    stored = tested.stored(clean)
    clean, stored = (each[black_corners(stored) == 0] for each in (clean, stored))
    found: dict = {"share": np.round(shares, 3).tolist(), "images": len(clean), "called_so": {}}
    for angle in (0, *ANGLES):
        for corner in ("black", "mirrored") if angle else ("none",):
            logits = tested.logits(tested.normal(rotated(stored, angle, corner)))
            answers = logits.argmax(1)
            found["called_so"][f"{angle} {corner}"] = {
                "accuracy": round(float((answers == tested.labels[clean]).mean()), 4),
                "cornered": round(float(np.isin(answers, cornered).mean()), 4),
                "most": np.bincount(answers, minlength=len(shares)).argsort()[::-1][:3].tolist()}
    own = np.flatnonzero(np.isin(tested.labels, cornered))
    inputs = tested.normal(tested.stored(own))
    rows, columns = np.indices((CROP, CROP)) - (CROP - 1) / 2
    inside = (np.hypot(rows, columns) < CROP / 2)[None, :, :, None]
    found["their_own"] = {"images": len(own), "accuracy": tested.accuracy(inputs, tested.labels[own]),
                          "corners_hidden": tested.accuracy(inputs * inside, tested.labels[own])}
    everything = tested.normal(tested.stored(clean))
    found["others"] = {"accuracy": tested.accuracy(everything, tested.labels[clean]),
                       "corners_hidden": tested.accuracy(everything * inside, tested.labels[clean])}
    return found


def rotated(stored: np.ndarray, angle: float, corner: str = "mirrored") -> np.ndarray:
    """Images turned counterclockwise; what comes into view at the corners is black, or mirrored."""
    if not angle:
        return stored
    from PIL import Image

    border = 0 if corner == "black" else SIDE // 2
    wide = np.pad(stored, ((0, 0), (border, border), (border, border), (0, 0)), "reflect") if border else stored
    turned = [np.asarray(Image.fromarray(each).rotate(angle, Image.Resampling.BILINEAR)) for each in wide]
    return np.stack(turned)[:, border:border + SIDE, border:border + SIDE]


def shuffled_tiles(inputs: np.ndarray, along: int, seed: int = 0) -> np.ndarray:
    """Each image cut into ``along`` × ``along`` tiles, which are put together in a random order."""
    rng, side, found = np.random.default_rng(seed), CROP // along, np.empty_like(inputs)
    for image, target in zip(inputs, found, strict=True):
        for place, source in enumerate(rng.permutation(along ** 2)):
            (down, right), (top, left) = divmod(place, along), divmod(int(source), along)
            target[down * side:(down + 1) * side, right * side:(right + 1) * side] = \
                image[top * side:(top + 1) * side, left * side:(left + 1) * side]
    return found


def changed(tested: Tested) -> dict:
    """The accuracy on changed images: moved, turned, gray, mirrored, tiles shuffled, small steps against the class."""
    stored, labels = tested.stored(tested.few), tested.labels[tested.few]
    inputs = tested.normal(stored)
    found: dict = {"images": len(labels), "unchanged": tested.accuracy(inputs, labels)}
    found["moved 16"] = tested.accuracy(tested.normal(stored, 32, 32), labels)
    for angle in (15, 45, 180):
        found[f"turned {angle}"] = tested.accuracy(tested.normal(rotated(stored, angle)), labels)
    gray = np.repeat(preprocessing.to_gray(stored), 3, axis=3)
    found |= {"gray": tested.accuracy(tested.normal(gray), labels),
              "mirrored": tested.accuracy(inputs[:, :, ::-1], labels)}
    found |= {f"tiles {along}": tested.accuracy(shuffled_tiles(inputs, along), labels) for along in TILES}
    low, high = -tested.mean / tested.std, (255 - tested.mean) / tested.std
    gradient = np.concatenate([torch.loss_gradient(tested.model, inputs[start:start + BATCH],
                                                   labels[start:start + BATCH].tolist())
                               for start in range(0, len(labels), BATCH)])
    for levels in LEVELS:
        found[f"against {levels:g}"] = tested.accuracy(
            explained.adversarial(inputs, gradient, levels / tested.std, low, high), labels)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], inputs.shape)
    found[f"random {LEVELS[-1]:g}"] = tested.accuracy(
        explained.adversarial(inputs, signs, LEVELS[-1] / tested.std, low, high), labels)
    return found


def occluded(tested: Tested, predicted: np.ndarray) -> dict:
    """One recognized image of every sixth class with a square hidden: the fall of its logit, and if the class stays."""
    right = predicted == tested.labels
    chosen = [np.flatnonzero(right & (tested.labels == label))[:1] for label in range(0, len(tested.card.classes), 6)]
    falls, stays = [], []
    for index in np.concatenate(chosen):
        image, label = tested.normal(tested.stored(np.array([index])))[0], tested.labels[index]
        logits: list[np.ndarray] = []

        def score(batch: np.ndarray, label: int = label, seen: list = logits) -> np.ndarray:
            seen.append(tested.logits(batch))
            return seen[-1][:, label]

        falls.append(explained.occlusion(score, image, WINDOW, WINDOW))
        stays.append((np.concatenate(logits)[1:].argmax(1) == label).reshape(falls[-1].shape))
    return {"images": len(falls), "window": WINDOW, "mean_fall": np.round(np.mean(falls, axis=0), 3).tolist(),
            "class_stays": np.round(np.mean(stays, axis=0), 3).tolist()}


def measure(source: str, folder: Path) -> dict:
    """All of it, as plain values."""
    started = time.perf_counter()
    tested = Tested(source, folder)
    values = features(tested)
    predicted = values["logits"].argmax(1)
    by_class = [float((predicted[tested.labels == label] == label).mean()) for label in range(len(tested.card.classes))]
    versions = {name: __import__(name).__version__ for name in ("torch", "numpy", "sklearn")}
    return {
        "command": "python benchmarks/what_it_learned.py", "network": Path(source).stem, "run": tested.card.run,
        "hardware": runs.processor(), "versions": {"python": platform.python_version(), **versions},
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "test": tested.data.provenance,
        "classes": list(tested.card.classes), "labels": tested.labels.tolist(),
        "accuracy": round(float((predicted == tested.labels).mean()), 4),
        "mean_of_classes": round(np.mean(by_class), 4),
        "accuracy_of_classes": np.round(by_class, 3).tolist(),
        "units": units(values, tested.labels), "neighbors": near(tested, values), "plane": plane(values),
        "hidden": hidden(tested, predicted), "corners": corners(tested), "changed": changed(tested),
        "occluded": occluded(tested, predicted), "seconds": round(time.perf_counter() - started)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default=NETWORK, help="a shipped network's name, or a file of weights")
    parser.add_argument("--to", type=Path)
    given = parser.parse_args()
    found = measure(given.weights, given.data)
    if given.to:
        lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in found.items()]
        given.to.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    short = {key: value for key, value in found.items() if key not in ("labels", "plane", "classes")}
    print(json.dumps(short, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
