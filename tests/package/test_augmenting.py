"""Augmentation: the fast version against the plain one, and the parameters against what the paper says."""

import random

import numpy as np
import pytest
from alexbook.batches import augmentation
from alexbook.batches.augmentation import Augmentation


def batch(seed: int, count: int = 7, side: tuple[int, int] = (12, 10), channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *side, channels), dtype=np.uint8)


@pytest.mark.parametrize("seed", range(60))
def test_the_fast_version_equals_the_plain_one(seed):
    given = random.Random(seed)
    channels = given.choice([1, 3])
    images = batch(seed, given.randint(1, 9), (given.randint(4, 16), given.randint(4, 16)), channels)
    size = (given.randint(2, 12), given.randint(2, 12))
    chosen = Augmentation(given.randint(0, 5), given.random() < 0.7, given.choice([0.0, 0.1, 1.0]))
    fill = np.uint8([7, 8, 9])[:channels]
    parameters = augmentation.sample(np.random.default_rng(seed), len(images), chosen, augmentation.color_axes(images))
    one = augmentation.one_by_one(images, size, chosen, parameters, fill)
    np.testing.assert_array_equal(augmentation.augment(images, size, chosen, parameters, fill), one)
    assert one.shape == (len(images), *size, channels) and one.dtype == np.float32


def test_every_crop_comes_about_equally_often():
    """256 to 224 pixels with crop 16: offsets 0 to 32 along each axis, the released code's 33 x 33 x 2 = 2178 views."""
    parameters = augmentation.sample(np.random.default_rng(0), 200_000, Augmentation(16, True))
    places = np.bincount(parameters.top * 33 + parameters.left, minlength=33 * 33)
    assert len(places) == 1089 and places.min() > 100 and abs(parameters.mirrored.mean() - 0.5) < 0.01


def test_a_crop_of_a_larger_image_shows_no_fill():
    images = np.full((50, 16, 16, 3), 200, np.uint8)
    chosen = Augmentation(2)
    parameters = augmentation.sample(np.random.default_rng(0), 50, chosen)
    assert (augmentation.augment(images, (12, 12), chosen, parameters, np.uint8([0, 0, 0])) == 200).all()


def test_a_crop_of_a_small_image_is_filled():
    images = np.full((50, 8, 8, 1), 200, np.uint8)
    chosen = Augmentation(2)
    parameters = augmentation.sample(np.random.default_rng(0), 50, chosen)
    cropped = augmentation.augment(images, (8, 8), chosen, parameters, np.uint8([5]))
    assert (cropped[(parameters.top == 2) & (parameters.left == 2)] == 200).all()
    moved = parameters.top == 0
    assert moved.any() and (cropped[moved][:, :2] == 5).all() and (cropped[moved][:, 2:, 2:-2] == 200).all()


def test_color_axes_are_the_principal_axes():
    rng = np.random.default_rng(0)
    truth = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    deviations = np.array([40.0, 12.0, 3.0])
    pixels = 128 + (rng.normal(size=(200_000, 3)) * deviations) @ truth
    axes = augmentation.color_axes(pixels.clip(0, 255).reshape(200, 50, 20, 3))
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), deviations, rtol=0.02)
    assert np.allclose(np.abs(axes / np.linalg.norm(axes, axis=1, keepdims=True) @ truth.T), np.eye(3), atol=0.02)
    assert np.allclose(axes.T @ axes, np.cov(pixels.clip(0, 255).T), atol=10)


def test_color_noise_has_the_deviation_asked_for_and_one_shift_for_each_image():
    images = batch(0, 40_000, (2, 2))
    axes = augmentation.color_axes(images)
    chosen = Augmentation(color=0.1)
    parameters = augmentation.sample(np.random.default_rng(1), len(images), chosen, axes)
    shifts = augmentation.augment(images, (2, 2), chosen, parameters, np.uint8([0, 0, 0])) - images
    assert np.abs(shifts - shifts[:, :1, :1]).max() < 1e-4
    np.testing.assert_allclose(np.cov(shifts[:, 0, 0].T), 0.01 * axes.T @ axes, rtol=0.05, atol=1.5)


def test_ten_views():
    images = batch(3, 2, (6, 7))
    ten = augmentation.ten_crop(images, (4, 4))
    assert ten.shape == (2, 10, 4, 4, 3)
    np.testing.assert_array_equal(ten[:, 0], images[:, :4, :4])
    np.testing.assert_array_equal(ten[:, 3], images[:, 2:, 3:])
    np.testing.assert_array_equal(ten[:, 4], images[:, 1:5, 1:5])
    np.testing.assert_array_equal(ten[:, 5:], ten[:, :5, :, ::-1])
    with pytest.raises(ValueError, match="6x7 pixels, but ten crops of 8x4"):
        augmentation.ten_crop(images, (8, 4))


@pytest.mark.parametrize("wrong", [{"crop": -1}, {"crop": 1.5}, {"color": -0.1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Augmentation(**wrong)


def test_color_noise_without_axes_is_refused():
    with pytest.raises(ValueError, match="color_axes"):
        augmentation.sample(np.random.default_rng(0), 2, Augmentation(color=0.1))
