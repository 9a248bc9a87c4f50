"""HOG and softmax regression: the features, the choice of the strength, and the recorded result."""

import importlib.util
import json

import numpy as np
import pytest
from alexbook import datasets, package_data, runs
from alexbook.training._data import hold_out
from repository import ROOT

spec = importlib.util.spec_from_file_location("hog_benchmark", ROOT / "benchmarks" / "hog.py")
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)
RECORDED = json.loads((package_data.folder() / "benchmarks" / "hog.json").read_text(encoding="utf-8"))
ROWS = {(row["dataset"], row["name"]): row for row in RECORDED["rows"]}


def test_features_have_the_length_of_blocks_of_four_cells_and_know_no_brightness():
    images = np.random.default_rng(0).integers(0, 200, (3, 32, 32, 3), dtype=np.uint8)
    features = benchmark.Features(8).of(images)
    assert features.shape == (3, 3 * 3 * 36) and features.dtype == np.float32
    np.testing.assert_allclose(benchmark.Features(8).of(images + 50), features, atol=1e-5)
    assert benchmark.Features(4).of(images[..., :1]).shape == (3, 7 * 7 * 36)


@pytest.mark.parametrize("cell", [4, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_scikit_image(cell, channels):
    feature = pytest.importorskip("skimage.feature")
    images = np.random.default_rng(3).integers(0, 256, (5, 32, 32, channels), dtype=np.uint8)
    images[0], images[1, :16] = 0, 255  # flat ones have no direction
    one = channels == 1
    expected = [feature.hog(image[..., 0] if one else image, 9, (cell, cell), (2, 2),
                            channel_axis=None if one else -1) for image in images]
    np.testing.assert_allclose(benchmark.Features(cell).of(images), expected, atol=1e-5)


def test_in_color_a_gradient_is_that_of_the_channel_in_which_it_is_largest():
    gray = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 1), dtype=np.uint8)
    one = np.concatenate([gray, np.full_like(gray, 7), np.full_like(gray, 200)], axis=-1)
    np.testing.assert_allclose(benchmark.Features(8).of(one), benchmark.Features(8).of(gray), atol=1e-5)


@pytest.mark.parametrize("best", [1e-6, 1e-4, 1e-3, 1e-1, 10])
def test_the_search_goes_on_until_the_best_is_between_two_others(monkeypatch, best):
    monkeypatch.setattr(benchmark, "error", lambda train, test, strength: abs(np.log10(strength / best)))
    found = benchmark.search((), ())
    assert list(found) == sorted(found)
    assert min(found, key=found.get) == pytest.approx(best) and min(found) < 0.9 * best and max(found) > 1.1 * best


def test_the_search_ends_where_nothing_is_best(monkeypatch):
    monkeypatch.setattr(benchmark, "error", lambda train, test, strength: strength)
    assert min(benchmark.search((), ())) == benchmark.FARTHEST[0]


def test_the_images_held_out_are_those_of_the_training_command():
    train = datasets.load("shapes", "train")
    held = benchmark.held_out(500, len(train))
    kept, apart = hold_out(train, 500)
    assert (train.labels[held] == apart.labels).all() and (train.images[held] == apart.images).all()
    assert (train.labels[~held] == kept.labels).all()


def test_a_class_that_features_tell_is_learned():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 200)
    features = rng.normal(size=(200, 5)) + 4 * labels[:, None]
    assert benchmark.error((features[:100], labels[:100]), (features[100:], labels[100:]), 1.0) == 0


def test_the_recorded_settings_are_those_that_were_best_on_images_held_out():
    assert [(dataset, name) for dataset, name, _ in benchmark.TABLE] == list(ROWS)
    for row in ROWS.values():
        errors = {(search["features"], float(strength)): error for search in row["searches"]
                  for strength, error in search["held_out_errors"].items()}
        assert min(errors, key=errors.get) == (row["features"], row["C"])
        strengths = [strength for features, strength in errors if features == row["features"]]
        assert min(strengths) < row["C"] < max(strengths)
        assert row["held_out"] == benchmark.HELD[row["dataset"]]


@pytest.mark.parametrize("dataset, name", list(ROWS))
def test_the_recorded_images_are_those_of_the_networks(dataset, name):
    row = ROWS[dataset, name]
    for network in ("lenet5_rgb", "alexnet_small"):
        for run in runs.load(f"{dataset}-{network}-torch-seed*"):
            for split in ("train", "test"):
                assert row[split]["fingerprint"] == run.dataset[split]["fingerprint"]
                assert row[split]["images"] == run.dataset[split]["images"]
        held, = {run.recipe["holdout"] for run in runs.load(f"holdout-{dataset}-{network}-*")}
        assert held == row["held_out"]
