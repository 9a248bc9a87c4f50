#!/usr/bin/env python3
"""How many photographs of each class does a classifier need, and how much do features from other photographs save?

    python benchmarks/transfer.py --data FOLDER --cache FOLDER                prints what is measured
    python benchmarks/transfer.py --data FOLDER --cache FOLDER --to data/benchmarks/transfer.json

With ``--to``, what the file holds already is not measured again; ``--only linear layers`` measures some of the parts.
Features are computed once for each photograph and kept in ``--cache``.

Three seeds draw the training and the test images of flowers (five classes, 100 test images of each) and of Caltech-101
(101 classes, at most 15 test images of each). The features are 512 numbers of SqueezeNet, which was trained on
ImageNet (the mean over positions of its last feature maps), or those of each layer of ``alexnet_photos``, which was
trained on Caltech-101; the networks compute in bfloat16. The classifier is softmax regression (scikit-learn) on
features of mean 0 and standard deviation 1; its strength ``C`` is chosen by cross-validation on the training images
alone. Accuracy is always the mean of the classes' accuracies. One thread.
"""

import argparse
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import sklearn  # noqa: E402
import torch  # noqa: E402
from alexbook import datasets, networks, weights  # noqa: E402
from alexbook.batches import augmentation, preprocessing  # noqa: E402
from alexbook.datasets import image_files  # noqa: E402
from alexbook.models import torch as torch_models  # noqa: E402
from alexbook.networks import ablations  # noqa: E402
from alexbook.runs import processor  # noqa: E402
from alexbook.weights import pretrained  # noqa: E402
from PIL import Image  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, StratifiedKFold  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

SEEDS = (0, 1, 2)
SIZES = {"flowers": (1, 5, 15, 30, 100), "caltech101": (1, 5, 15, 30)}  # training images of each class
GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of C, the inverse of the strength
ALONE = 1e-2  # C where a class has one image and nothing can be held out
FOLDS = 3
TESTED = {"flowers": 100, "caltech101": 15}  # test images of each class, at most
LAYERS = {1: "pool1", 2: "pool2", 3: "relu3", 4: "relu4", 5: "pool5", 6: "relu6", 7: "relu7"}  # a module's output
CELLS = 4  # a feature map is averaged over 4 x 4 cells
BATCH, CHUNK = 32, 256
CHANGES = ("he", "batch-norm", "batch-norm-dense")  # how alexnet_photos was trained

Features = dict[str, np.ndarray]
"""Name of an image's file, with its class -> its features, or one row of them."""


# --- features

def squeezenet_features(images: np.ndarray) -> np.ndarray:
    """SqueezeNet's 512 numbers of prepared images ``(count, 227, 227, 3)``."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        maps = _squeezenet().features(_channels_last(images))
    return maps.float().mean((2, 3)).numpy()


@cache
def _squeezenet() -> torch.nn.Module:
    return pretrained.load("squeezenet_imagenet").to(memory_format=torch.channels_last)


def _channels_last(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)


def layer_features(source: str, images: np.ndarray) -> dict[int, np.ndarray]:
    """The features of each of the seven layers of ``alexnet_photos`` for prepared images ``(count, 224, 224, 3)``."""
    found, names = {}, {name: number for number, name in LAYERS.items()}
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        x = _channels_last(images)
        for name, module in _photos(source).named_children():
            x = module(x)
            if name in names:
                values = x.float().relu()  # pool1 and pool5 stand before their ReLU, which commutes with a maximum
                if values.ndim == 4:
                    values = torch.nn.functional.adaptive_avg_pool2d(values, CELLS)
                found[names[name]] = values.flatten(1).numpy()
    return found


@cache
def _photos(source: str) -> torch.nn.Module:
    return weights.load(source).to(memory_format=torch.channels_last)


def key(path: Path) -> str:
    """What an image is called here: its class and file."""
    return f"{path.parent.name}/{path.name}"


def keys(images: datasets.Dataset) -> list[str]:
    """The names of a dataset's images, in order."""
    return [key(path) for path in images.images.paths]


def extracted(images: datasets.Dataset, prepare: Callable[[list[np.ndarray]], np.ndarray],
              of: Callable[[np.ndarray], np.ndarray], parts: Path) -> np.ndarray:
    """Features of a dataset's images, ``(images, features)``; what is done is kept in ``parts``, a few at a time."""
    rows = []
    parts.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(images), CHUNK):
        file = parts / f"{start}.npy"
        if not file.is_file():
            batches = [range(first, min(first + BATCH, start + CHUNK, len(images)))
                       for first in range(start, min(start + CHUNK, len(images)), BATCH)]
            found = [of(prepare([images[index][0] for index in batch])) for batch in batches]
            np.save(parts / "part.npy", np.concatenate(found))
            (parts / "part.npy").rename(file)
        rows.append(np.load(file))
    return np.concatenate(rows)


class Study:
    """The images of one dataset that the seeds draw, and their features."""

    def __init__(self, dataset: str, folder: str | None, store: Path) -> None:
        self.dataset, self.folder, self.store = dataset, folder, store
        largest = max(SIZES[dataset])
        self.drawn = {seed: self._test(seed) for seed in SEEDS}
        sets = [each for seed in SEEDS
                for each in (datasets.load(dataset, "train", folder, per_class=largest, seed=seed), self.drawn[seed])]
        paths = {key(path): (path, label) for each in sets
                 for path, label in zip(each.images.paths, each.labels, strict=True)}
        names = sorted(paths)
        self.images = replace(sets[0], split="drawn", labels=np.array([paths[name][1] for name in names]),
                              images=image_files.ImageFiles(tuple(paths[name][0] for name in names)))
        self.rows = {name: row for row, name in enumerate(names)}

    def _test(self, seed: int) -> datasets.Dataset:
        tested = datasets.load(self.dataset, "test", self.folder, per_class=max(SIZES[self.dataset]), seed=seed)
        rows = np.concatenate([np.random.default_rng(seed).permutation(np.flatnonzero(tested.labels == each))
                               [:TESTED[self.dataset]] for each in range(len(tested.class_names))])
        return tested.take(np.sort(rows))

    @cache  # noqa: B019 (there are two studies)
    def squeezenet(self) -> np.ndarray:
        """SqueezeNet's 512 numbers of every drawn image."""
        prepare = partial(pretrained.prepare, "squeezenet_imagenet")
        return extracted(self.images, prepare, squeezenet_features, self.store / f"{self.dataset}-squeezenet")

    @cache  # noqa: B019
    def layers(self, source: str) -> dict[int, np.ndarray]:
        """The features of every layer of ``alexnet_photos``."""
        def joined(images: np.ndarray) -> np.ndarray:
            return np.concatenate(list(layer_features(source, images).values()), axis=1)
        card = weights.card(source)
        whole = extracted(self.images, card.prepare, joined, self.store / f"{self.dataset}-{checksum(source)[:12]}")
        widths = [each.shape[1] for each in layer_features(source, card.prepare(self.images[0][0])).values()]
        return dict(zip(LAYERS, np.split(whole, np.cumsum(widths)[:-1], axis=1), strict=True))

    def draw(self, seed: int, per_class: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Rows and classes of the images to train on, and of those to test on, which are the same for every size."""
        chosen = datasets.load(self.dataset, "train", self.folder, per_class=per_class, seed=seed)
        return self._rows(chosen), chosen.labels, self._rows(self.drawn[seed]), self.drawn[seed].labels

    def _rows(self, images: datasets.Dataset) -> np.ndarray:
        return np.array([self.rows[name] for name in keys(images)])


@cache
def checksum(source: str) -> str:
    """The sha256 of the values in a file of weights."""
    digest = hashlib.sha256()
    for name, array in sorted(weights.read(source).values.items()):
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


# --- the classifier

def fit(features: np.ndarray, labels: np.ndarray, **settings: object) -> tuple[Pipeline, float]:
    """Softmax regression, and the ``C`` that cross-validation on these images chose."""
    def pipeline(strength: float) -> Pipeline:
        return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300, **settings))
    fewest = np.bincount(labels).min()
    if fewest < 2:
        return pipeline(ALONE).fit(features, labels), ALONE
    search = GridSearchCV(pipeline(ALONE), {"logisticregression__C": GRID}, scoring="balanced_accuracy",
                          cv=StratifiedKFold(min(FOLDS, fewest), shuffle=True, random_state=0))
    search.fit(features, labels)
    return search.best_estimator_, search.best_params_["logisticregression__C"]


def recalls(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The share of each class's images that were recognized, ``(classes,)``."""
    return np.array([(predicted[labels == each] == each).mean() for each in range(labels.max() + 1)])


def linear(features: np.ndarray, draw: tuple[np.ndarray, ...]) -> dict:
    """Train on the drawn images and test on the others."""
    train, train_labels, test, test_labels = draw
    model, strength = fit(features[train], train_labels)
    return {"C": strength, "test_images": len(test),
            "accuracy": _share(recalls(model.predict(features[test]), test_labels).mean())}


def _share(value: float) -> float:
    return round(float(value), 6)


# --- the parts

def linear_rows(study: Study, options: argparse.Namespace) -> Iterator[tuple[dict, Callable[[], dict]]]:
    """SqueezeNet's features; on flowers also fc7 of ``alexnet_photos`` (Caltech-101's classes are what it learned)."""
    for seed in SEEDS:
        for per_class in SIZES[study.dataset]:
            yield ({"dataset": study.dataset, "features": "squeezenet", "per_class": per_class, "seed": seed},
                   lambda s=seed, n=per_class: linear(study.squeezenet(), study.draw(s, n)))


def layer_rows(study: Study, options: argparse.Namespace) -> Iterator[tuple[dict, Callable[[], dict]]]:
    """Each layer of ``alexnet_photos`` on flowers; the last one with more and fewer images, too."""
    if study.dataset != "flowers":
        return
    for seed in SEEDS:
        for number in LAYERS:
            for per_class in (5, 30, 100) if number == 7 else (30,):
                yield ({"dataset": "flowers", "features": f"alexnet_photos layer {number}", "per_class": per_class,
                        "seed": seed, "weights": checksum(options.weights)},
                       lambda s=seed, n=per_class, layer=number: linear(study.layers(options.weights)[layer],
                                                                        study.draw(s, n)))


def imbalance_rows(study: Study, options: argparse.Namespace) -> Iterator[tuple[dict, Callable[[], dict]]]:
    """100 images of four kinds of flowers and five of one, each in turn; tested on 100 of each."""
    if study.dataset != "flowers":
        return
    for seed in SEEDS:
        for rare in range(5):
            for way in ("plain", "weighted", "undersampled"):
                yield ({"rare": study.images.class_names[rare], "seed": seed, "way": way},
                       lambda s=seed, r=rare, w=way: imbalanced(study.squeezenet(), study.draw(s, 100),
                                                                study.draw(s, 5), r, w))


def imbalanced(features: np.ndarray, many: tuple[np.ndarray, ...], few: tuple[np.ndarray, ...], rare: int,
               way: str) -> dict:
    """Recall of the rare class and of the others, and the share of true ones among what is called the rare class."""
    chosen = [np.concatenate([big[many[1] != rare], small[few[1] == rare]])
              for big, small in ((many[0], few[0]), (many[1], few[1]))]
    if way == "undersampled":
        chosen = list(few[:2])  # five of each
    settings = {"class_weight": "balanced"} if way == "weighted" else {}
    model, strength = fit(features[chosen[0]], chosen[1], **settings)
    predicted = model.predict(features[many[2]])
    found, others = recalls(predicted, many[3]), np.arange(CLASSES) != rare
    called = predicted == rare
    return {"C": strength, "recall_rare": _share(found[rare]), "recall_others": _share(found[others].mean()),
            "mean_of_classes": _share(found.mean()),
            "precision_rare": _share((many[3][called] == rare).mean()) if called.any() else None}


CLASSES = 5  # of flowers
VIEWS = 5  # of each photograph, as when somebody presses the button five times


def leakage_rows(study: Study, options: argparse.Namespace) -> Iterator[tuple[dict, Callable[[], dict]]]:
    """Five near-duplicates of each photograph: divided by file, or by photograph."""
    if study.dataset != "flowers":
        return
    for seed in SEEDS:
        for per_class in (10,):
            yield ({"per_class": per_class, "seed": seed, "views": VIEWS},
                   lambda s=seed, n=per_class: leakage(study, s, n))


def near_duplicates(image: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Views of one photograph: nine tenths of it, a little brighter or darker."""
    height, width = image.shape[:2]
    for _ in range(VIEWS):
        high, wide = int(0.9 * height), int(0.9 * width)
        top, left = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
        view = image[top:top + high, left:left + wide] * rng.uniform(0.9, 1.1)
        yield np.clip(np.rint(view), 0, 255).astype(np.uint8)


def leakage(study: Study, seed: int, per_class: int) -> dict:
    """A fifth held out, by file and by photograph, against the accuracy on photographs from elsewhere."""
    rng = np.random.default_rng(seed)
    train, labels, test, test_labels = study.draw(seed, per_class)
    views = [squeezenet_features(pretrained.prepare("squeezenet_imagenet", list(near_duplicates(
        study.images[row][0], rng)))) for row in train]
    features, classes = np.concatenate(views), np.repeat(labels, VIEWS)
    groups = np.repeat(np.arange(len(train)), VIEWS)
    found = {}
    for way in ("file", "photograph"):
        unit = np.arange(len(classes)) if way == "file" else groups
        held = np.isin(unit, _fifth(unit, classes, rng))
        model, _ = fit(features[~held], classes[~held])
        found[f"split_by_{way}"] = _share(recalls(model.predict(features[held]), classes[held]).mean())
    model, _ = fit(features, classes)
    found["elsewhere"] = _share(recalls(model.predict(study.squeezenet()[test]), test_labels).mean())
    return found


def _fifth(unit: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A fifth of the units of each class."""
    units = [rng.permutation(np.unique(unit[classes == each])) for each in range(classes.max() + 1)]
    return np.concatenate([each[:len(each) // 5] for each in units])


def mistakes(mean: np.ndarray, std: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Name -> what it makes of rightly prepared images."""
    def pixels(images: np.ndarray) -> np.ndarray:
        return images * std + mean
    return {"right": lambda images: images,
            "channels swapped": lambda images: (pixels(images)[..., ::-1] - mean) / std,
            "mean not subtracted": lambda images: pixels(images) / std,
            "pixels divided by 255, nothing else": lambda images: pixels(images) / 255,
            "pixels 0 to 255, nothing else": pixels,
            "upside down": lambda images: images[:, ::-1]}


def preparation_rows(study: Study, options: argparse.Namespace) -> Iterator[tuple[dict, Callable[[], dict]]]:
    """Five test images of each class of Caltech-101, prepared wrongly, through ``alexnet_photos``."""
    if study.dataset != "caltech101":
        return
    test = datasets.load("caltech101", "test", study.folder, per_class=30, seed=0)
    first = np.concatenate([np.flatnonzero(test.labels == each)[:5] for each in range(101)])
    card = weights.card(options.weights)
    ways = mistakes(np.array(card.mean, np.float32), np.array(card.std, np.float32))
    for way in (*ways, "squeezed to a square"):
        yield ({"network": "alexnet_photos", "way": way, "weights": checksum(options.weights)},
               lambda w=way: prepared_wrongly(test.take(first), options.weights, ways.get(w)))


def prepared_wrongly(images: datasets.Dataset, source: str, change: Callable[[np.ndarray], np.ndarray] | None) -> dict:
    """Top-1 and top-5 of the network's own classes."""
    card, logits = weights.card(source), []
    for start in range(0, len(images), BATCH):
        batch = [images[index][0] for index in range(start, min(start + BATCH, len(images)))]
        if change is None:
            batch = [squeezed(image, card.side) for image in batch]
        prepared = card.prepare(batch)
        with torch.inference_mode():
            logits.append(_photos(source)(_channels_last(
                prepared if change is None else change(prepared).astype(np.float32))).numpy())
    ranking = np.argsort(-np.concatenate(logits), axis=1)
    five = (ranking[:, :5] == images.labels[:, None]).any(1)
    return {"images": len(images), "accuracy": _share(recalls(ranking[:, 0], images.labels).mean()),
            "top5": _share(np.mean([five[images.labels == each].mean() for each in range(101)]))}


def squeezed(image: np.ndarray, side: int) -> np.ndarray:
    """The whole image as a square, whatever its shape was."""
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


# --- training all layers

SIDE, CROP = 128, 9
EPOCHS, STEPS, TRAIN_BATCH = 30, 160, 25  # at least so many steps
LR, TUNED = 0.02, 0.1  # the learning rate, and that of layers that are not new as a share of it


def training_rows(study: Study, options: argparse.Namespace) -> Iterator[tuple[dict, Callable[[], dict]]]:
    """All layers trained on flowers at 128 pixels, from scratch or from the convolutions of ``alexnet_photos``."""
    if study.dataset != "flowers":
        return
    for seed in SEEDS:
        for per_class in (30, 5, 100) if seed == 0 else (30, 5):
            for way in options.ways:
                told = {"weights": checksum(options.weights)} if way == "fine-tuned" else {}
                yield ({"dataset": "flowers", "way": way, "per_class": per_class, "seed": seed} | told,
                       lambda s=seed, n=per_class, w=way: trained(study, s, n, options.weights, w))


def trained(study: Study, seed: int, per_class: int, source: str, way: str) -> dict:
    """Train the network on the drawn images, with crops, mirror images and color noise, and test it."""
    train, labels, test, test_labels = study.draw(seed, per_class)
    torch.manual_seed(seed)
    network = ablations.vary(networks.get("alexnet_photos_128"), CHANGES)
    model = torch_models.build(preprocessing.adapt(network, 3, 5), seed=seed).to(memory_format=torch.channels_last)
    old = [parameter for name, parameter in model.named_parameters() if name.startswith("conv")]
    new = [parameter for name, parameter in model.named_parameters() if not name.startswith("conv")]
    if way == "fine-tuned":
        state = _photos(source).state_dict()
        model.load_state_dict({name: value for name, value in state.items() if name.startswith("conv")}, strict=False)
    groups = [{"params": new, "lr": LR}, {"params": old, "lr": LR * (TUNED if way == "fine-tuned" else 1)}]
    started = time.process_time()
    pixels = _pixels(study, train)
    mean, std = pixels.mean((0, 1, 2), dtype=np.float64), pixels.std((0, 1, 2), dtype=np.float64)
    if way == "fine-tuned":
        mean, std = np.array(weights.card(source).mean), np.array(weights.card(source).std)
    normal = partial(_normal, mean=mean.astype(np.float32), std=std.astype(np.float32))
    _train(model, groups, pixels, labels, normal, seed)
    shares = _predict(model, normal(_pixels(study, test)[:, CROP:-CROP, CROP:-CROP]))
    return {"accuracy": _share(recalls(shares.argmax(1), test_labels).mean()), "test_images": len(test),
            "steps": max(EPOCHS, -(-STEPS // (len(labels) // TRAIN_BATCH))) * (len(labels) // TRAIN_BATCH),
            "processor_seconds": round(time.process_time() - started)}


def _normal(pixels: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    return (pixels.astype(np.float32) - mean) / std


def _pixels(study: Study, rows: Iterable[int]) -> np.ndarray:
    return np.stack([image_files.fit(study.images[row][0], SIDE + 2 * CROP) for row in rows])


def _train(model: torch.nn.Module, groups: list[dict], pixels: np.ndarray, labels: np.ndarray,
           normal: Callable[[np.ndarray], np.ndarray], seed: int) -> None:
    rng = np.random.default_rng(seed)
    how = augmentation.Augmentation(CROP, True, 0.1)
    axes = augmentation.color_axes(pixels)
    optimizer = torch.optim.SGD(groups, momentum=0.9, weight_decay=5e-4)
    each = len(labels) // TRAIN_BATCH
    epochs = max(EPOCHS, -(-STEPS // each))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * each)
    model.train()
    for _ in range(epochs):
        order = rng.permutation(len(labels))
        for start in range(0, len(order) - TRAIN_BATCH + 1, TRAIN_BATCH):
            chosen = order[start:start + TRAIN_BATCH]
            parameters = augmentation.sample(rng, len(chosen), how, axes)
            images = augmentation.augment(pixels[chosen], (SIDE, SIDE), how, parameters, np.zeros(3))
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(_channels_last(normal(images)))
            loss = torch.nn.functional.cross_entropy(logits.float(), torch.from_numpy(labels[chosen]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()


def _predict(model: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return np.concatenate([model(_channels_last(images[start:start + BATCH])).numpy()
                               for start in range(0, len(images), BATCH)])


# --- the table

PARTS = {"linear": linear_rows, "imbalance": imbalance_rows, "leakage": leakage_rows, "layers": layer_rows,
         "preparation": preparation_rows, "training": training_rows}


def about() -> dict:
    """What the result depends on."""
    return {"command": "python benchmarks/transfer.py", "hardware": processor(), "threads": 1,
            "versions": {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__,
                         "scikit-learn": sklearn.__version__},
            "date": datetime.now(UTC).isoformat(timespec="seconds")}


def measure(options: argparse.Namespace) -> None:
    """Measure what is not in the file yet, and write it after each row."""
    result = json.loads(options.to.read_text(encoding="utf-8")) if options.to and options.to.is_file() else {}
    studies = {dataset: Study(dataset, options.data, options.cache) for dataset in options.datasets}
    for part in options.only or PARTS:
        rows = result.setdefault(part, [])
        for study in studies.values():
            for told, work in PARTS[part](study, options):
                if any(told.items() <= row.items() for row in rows):
                    continue
                row = told | work()
                rows[:] = [each for each in rows if not _same(each, told)] + [row]
                print(part, row, flush=True)
                if options.to:
                    write(options.to, about() | result)


def _same(row: dict, told: dict) -> bool:
    """Whether a row is of the same matter, perhaps measured with other weights."""
    return {name: value for name, value in told.items() if name != "weights"}.items() <= row.items()


def write(path: Path, result: dict) -> None:
    """One row to a line."""
    parts = {name: value for name, value in result.items() if name in PARTS}
    lines = [f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in result.items()
             if name not in PARTS]
    for name, rows in parts.items():
        inner = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
        lines.append(f" {json.dumps(name)}: [\n{inner}\n ]")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FOLDER", help="a folder that holds the datasets and SqueezeNet's file")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", required=True, help="where features are kept")
    parser.add_argument("--weights", default="alexnet_photos", help="the weights of alexnet_photos, or a file of them")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="these parts")
    parser.add_argument("--datasets", nargs="*", choices=SIZES, default=list(SIZES), help="these datasets")
    parser.add_argument("--ways", nargs="*", default=["from scratch", "fine-tuned"], help="of the part training")
    parser.add_argument("--to", type=Path, metavar="FILE", help="also write the result as JSON, and go on from it")
    options = parser.parse_args()
    if options.data:
        os.environ["ALEXBOOK_DATA"] = options.data
    torch.set_num_threads(1)
    measure(options)


if __name__ == "__main__":
    main()
