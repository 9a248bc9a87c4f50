"""What was measured on Caltech-101 for "What it learned": the changes of images, and the recorded result."""

import json

import numpy as np
import pytest
import what_it_learned as benchmark
from alexbook import package_data, weights

RECORDED = json.loads((package_data.folder() / "benchmarks" / "what_it_learned.json").read_text(encoding="utf-8"))
RNG = np.random.default_rng(0)


def stored(count: int = 2) -> np.ndarray:
    return RNG.integers(30, 256, (count, 256, 256, 3), dtype=np.uint8)


def test_tiles_are_the_same_pixels_in_another_order():
    inputs = RNG.normal(size=(2, 224, 224, 3))
    found = benchmark.shuffled_tiles(inputs, 4)
    assert not np.array_equal(found, inputs)
    tiles = [{tuple(image[top:top + 56, left:left + 56].ravel()[:9]) for top in range(0, 224, 56)
              for left in range(0, 224, 56)} for image in (inputs[0], found[0])]
    assert tiles[0] == tiles[1] and len(tiles[0]) == 16


def test_a_turn_leaves_the_middle_and_fills_the_corners_as_it_says():
    images = stored()
    assert (benchmark.black_corners(images) == 0).all()
    black, mirrored = (benchmark.rotated(images, 45, corner) for corner in ("black", "mirrored"))
    assert (benchmark.black_corners(black) == 4).all() and (benchmark.black_corners(mirrored) == 0).all()
    np.testing.assert_array_equal(black[:, 80:176, 80:176], mirrored[:, 80:176, 80:176])
    np.testing.assert_array_equal(benchmark.rotated(images, 0), images)
    np.testing.assert_array_equal(benchmark.rotated(images, 180), images[:, ::-1, ::-1])


def test_pixels_are_means_of_blocks():
    inputs = RNG.normal(size=(1, 224, 224, 3))
    found = benchmark.pixels(inputs).reshape(56, 56, 3)
    np.testing.assert_allclose(found[5, 7], inputs[0, 20:24, 28:32].mean((0, 1)))


def test_the_first_images_of_each_class_are_taken():
    assert benchmark._first(np.array([1, 0, 1, 1, 0]), 2).tolist() == [1, 4, 0, 2]


def test_the_best_images_of_a_unit_are_counted_by_class():
    labels = np.repeat([0, 1], 9)
    values = {f"{name} {what}": np.zeros((18, 2)) for name in benchmark.LAYERS for what in ("largest", "zeros")}
    values["relu1 largest"][:9, 1] = 1 + np.arange(9)
    found = benchmark.units(values, labels)["relu1"]
    assert (found["channels"], found["never_active"], found["mean_same_class"]) == (2, 1, 9)
    assert found["most_same"] == {1: [0] * 9}


@pytest.mark.skipif("alexnet_photos" not in weights.names(), reason="its weights are not there yet")
def test_the_record_is_of_the_shipped_network_and_its_test_images():
    card, labels = weights.card("alexnet_photos"), np.array(RECORDED["labels"])
    assert RECORDED["run"] == card.run and tuple(RECORDED["classes"]) == card.classes
    assert np.bincount(labels).max() == benchmark.MOST and set(labels.tolist()) == set(range(101))
    scatter = np.sqrt(card.test_error * (1 - card.test_error) / len(labels))
    assert RECORDED["accuracy"] == pytest.approx(1 - card.test_error, abs=0.1 + 3 * scatter)  # other shares of classes
    assert len(RECORDED["plane"]) == len(labels) == RECORDED["test"]["images"]


def test_the_record_has_what_the_chapter_claims():
    changed, corners = RECORDED["changed"], RECORDED["corners"]["called_so"]
    steps = [changed[f"against {levels:g}"] for levels in benchmark.LEVELS]
    assert changed["unchanged"] > steps[0] > steps[-1] and changed["random 8"] > steps[-1] + 0.1
    assert corners["45 black"]["cornered"] > 2 * corners["45 mirrored"]["cornered"]
    near = RECORDED["neighbors"]["nearest_of_same_class"]
    assert near["relu7"] > 2 * near["pixels"]
    same = [RECORDED["units"][layer]["mean_same_class"] for layer in benchmark.LAYERS]
    assert same[-1] == max(same) > RECORDED["units"]["chance"]
