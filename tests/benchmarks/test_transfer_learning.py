"""What measures transfer counts, draws, spoils and keeps what it should; no dataset and no trained network are used."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
import transfer
from sklearn.metrics import recall_score


def test_recalls_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.permutation(np.arange(60) % 4), rng.integers(0, 4, 60)
    assert np.allclose(transfer.recalls(predicted, labels), recall_score(labels, predicted, average=None))


def test_mistakes_begin_with_rightly_prepared_images_and_do_what_they_say() -> None:
    rng = np.random.default_rng(1)
    mean, std = np.array([137.7, 132.6, 125.7]), np.array([77.7, 76.1, 79.5])
    pixels = rng.integers(0, 256, (2, 5, 4, 3)).astype(float)
    made = {name: change((pixels - mean) / std) for name, change in transfer.mistakes(mean, std).items()}
    assert np.allclose(made["right"], (pixels - mean) / std)
    assert np.allclose(made["channels swapped"], (pixels[..., ::-1] - mean) / std)
    assert np.allclose(made["mean not subtracted"], pixels / std)
    assert np.allclose(made["pixels divided by 255, nothing else"], pixels / 255)
    assert np.allclose(made["pixels 0 to 255, nothing else"], pixels)
    assert np.allclose(made["upside down"], (pixels[:, ::-1] - mean) / std)


def test_near_duplicates_are_nearly_the_photograph() -> None:
    image = np.random.default_rng(2).integers(0, 256, (50, 80, 3)).astype(np.uint8)
    views = list(transfer.near_duplicates(image, np.random.default_rng(0)))
    assert len(views) == transfer.VIEWS
    assert {view.shape for view in views} == {(45, 72, 3)} and {view.dtype for view in views} == {np.dtype(np.uint8)}
    assert all(0.85 < view.mean() / image.mean() < 1.15 for view in views)


def test_a_fifth_of_each_class_is_held_out() -> None:
    classes = np.repeat(np.arange(3), 20)
    chosen = transfer._fifth(np.arange(60), classes, np.random.default_rng(0))
    assert sorted(np.bincount(classes[chosen])) == [4, 4, 4]


def test_c_is_chosen_on_the_training_images_alone() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(3), 12)
    features = rng.normal(size=(36, 5)) + 3 * np.eye(5)[labels]
    model, strength = transfer.fit(features, labels)
    assert strength in transfer.GRID and model.score(features, labels) > 0.9
    single = np.arange(3)
    assert transfer.fit(features[::12], single)[1] == transfer.ALONE


def test_weights_balance_an_imbalanced_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 100 images of two classes and 5 of the third, the weighted classifier finds more of the third."""
    rng = np.random.default_rng(4)
    centers = np.array([[0, 0], [2, 0], [1, 1.5]])

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.repeat(np.arange(3), count)
        return centers[labels] + rng.normal(size=(3 * count, 2)), labels
    many, few, test = drawn(100), drawn(5), drawn(200)
    features = np.concatenate([many[0], few[0], test[0]])
    rows = np.split(np.arange(len(features)), [300, 315])
    draws = (rows[0], many[1], rows[2], test[1]), (rows[1], few[1], rows[2], test[1])
    monkeypatch.setattr(transfer, "CLASSES", 3)
    found = {way: transfer.imbalanced(features, *draws, 2, way) for way in ("plain", "weighted")}
    assert found["weighted"]["recall_rare"] > found["plain"]["recall_rare"]
    assert found["weighted"]["recall_others"] < found["plain"]["recall_others"]


def test_a_row_measured_with_other_weights_is_replaced(tmp_path: Path) -> None:
    row = {"dataset": "flowers", "per_class": 5, "seed": 0, "weights": "old", "accuracy": 0.5}
    assert transfer._same(row, {"dataset": "flowers", "per_class": 5, "seed": 0, "weights": "new"})
    assert not transfer._same(row, {"dataset": "flowers", "per_class": 5, "seed": 1, "weights": "old"})
    transfer.write(tmp_path / "transfer.json", {"command": "x", "linear": [row, row]})
    text = (tmp_path / "transfer.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"command": "x", "linear": [row, row]} and text.count("\n") == 7
