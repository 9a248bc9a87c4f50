"""The shapes that code draws: the same everywhere, ten classes of equal size, and a gray value that tells no color."""

import hashlib
import random

import numpy as np
import pytest
from alexbook import datasets
from alexbook.batches import preprocessing
from alexbook.datasets import shapes as synthetic

CHECKSUMS = {"train": "sha256:618810b6383a131152e24ebfee6dd7e0559bc2f90a0137b61097c95276b03d86",
             "test": "sha256:7eca120a8ffccadebfe8b97a8e22400eddd3ab4a18fd77a0bbbb21d6779fe5ef"}


@pytest.fixture(scope="module")
def drawn() -> dict[str, datasets.Dataset]:
    return {split: datasets.load("shapes", split) for split in ("train", "test")}


def test_they_are_a_dataset_like_any_other(drawn):
    assert {split: len(part) for split, part in drawn.items()} == datasets.splits("shapes") == synthetic.SIZES
    assert datasets.describe("shapes").classes == synthetic.CLASSES == drawn["train"].class_names
    assert len(set(synthetic.CLASSES)) == 10
    for part in drawn.values():
        assert part.images.shape == (len(part), 32, 32, 3) and part.images.dtype == np.uint8
        assert part.labels.dtype == np.int64 and set(np.bincount(part.labels)) == {len(part) // 10}
    assert drawn["test"].provenance["copy"] == "drawn by the book's own code"


@pytest.mark.parametrize("split", ["train", "test"])
def test_they_are_the_same_on_every_machine(drawn, split):
    assert drawn[split].fingerprint == CHECKSUMS[split]
    again = synthetic.shapes(split)
    assert (again[0] == drawn[split].images).all() and (again[1] == drawn[split].labels).all()


def test_a_part_of_the_images_taken_at_even_steps_has_all_classes(drawn):
    for step in (2, 4, 5, 8, 10):
        assert len(set(drawn["train"].labels[::step])) == 10


def test_no_picture_is_in_both_splits_or_twice_in_training(drawn):
    seen = {split: [hashlib.sha256(image).digest() for image in part.images] for split, part in drawn.items()}
    assert len(set(seen["train"] + seen["test"])) == 5000


def test_a_tint_keeps_every_gray_value():
    draws = np.random.default_rng(5)
    red, blue = draws.integers(-84, 85, (2, 400, 50))
    gray = draws.integers(84, 172, (400, 50))
    tinted = synthetic.tinted(gray, red, blue)
    assert (preprocessing.to_gray(tinted)[..., 0] == gray).all()
    assert (tinted[..., 0] == gray + red).all() and (tinted[..., 2] == gray + blue).all()


def test_every_test_picture_is_there_in_both_colors_and_in_gray_they_are_one(drawn):
    test = drawn["test"]
    twins: dict[bytes, list[int]] = {}
    for gray, label in zip(preprocessing.to_gray(test.images), test.labels, strict=True):
        twins.setdefault(gray.tobytes(), []).append(int(label))
    assert len(twins) == 500
    for labels in twins.values():
        blue = max(labels)
        assert sorted(labels) == [blue - 1, blue] and blue % 2 == 1
        assert test.class_names[blue - 1].split()[1] == test.class_names[blue].split()[1]


def test_colors_are_what_their_names_say(drawn):
    """Where twins differ, the orange one has more red and less blue."""
    test = drawn["test"]
    place = {(gray.tobytes(), int(label) % 2): image.astype(int) for gray, image, label in
             zip(preprocessing.to_gray(test.images), test.images, test.labels, strict=True)}
    for (gray, blue), image in place.items():
        if not blue:
            change = image - place[gray, 1]
            assert change[..., 0].max() > 0 <= change[..., 0].min()
            assert change[..., 2].min() < 0 >= change[..., 2].max()
            assert 0.02 < (change[..., 0] > 0).mean() < 0.4


def test_shapes_turn_scale_and_stay_within_their_radius():
    """A shape has the area that geometry gives it, whatever its turn; the pixels count quarters."""
    areas = {"disk": np.pi, "ring": np.pi * 3 / 4, "square": 9 / 4, "triangle": 3 * 3**0.5 / 4, "cross": 20 / 9}
    axis = np.arange(-400, 401)
    for shape in synthetic.SHAPES:
        radius = random.Random(shape).randint(200, 390)
        inside = synthetic._within(shape, axis[None, :], axis[:, None], np.int64(radius))
        assert inside.sum() == pytest.approx(areas[shape] * radius**2, rel=0.02), shape
        assert not inside[np.hypot(*np.meshgrid(axis, axis)) > radius * 2**0.5].any()


def test_draws_are_uniform_and_reach_both_ends():
    values = synthetic._Draws(3).between(-2, 4, 70_000)
    counts = np.bincount(values + 2)
    assert len(counts) == 7 and abs(counts - 10_000).max() < 500
    assert sorted(synthetic._Draws(3).order(1000)) == list(range(1000))


def test_the_classes_are_separable_by_color_but_not_by_gray(drawn):
    """The mean blue minus red of the middle tells orange from blue; of the gray values nothing does."""
    train = drawn["train"]
    middle = train.images[:, 8:24, 8:24].astype(int)
    difference = (middle[..., 2] - middle[..., 0]).mean(axis=(1, 2))
    blue = train.labels % 2 == 1
    assert ((difference > 0) == blue).mean() > 0.85
    gray = preprocessing.to_gray(middle.astype(np.uint8)).mean(axis=(1, 2, 3))
    assert 0.46 < ((gray > np.median(gray)) == blue).mean() < 0.54
