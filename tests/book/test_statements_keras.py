"""What the chapters say about Keras on TensorFlow, held by a small run of each."""

import math

import keras
import numpy as np
import pytest
from keras import ops

CLIPPED = 1e-7


def loss(outputs: list[float], right: int) -> float:
    told = keras.losses.sparse_categorical_crossentropy(
        np.array([right]), np.array([outputs], "float32"), from_logits=False)
    return float(ops.convert_to_numpy(told)[0])


def by_hand(outputs: list[float], right: int) -> float:
    """Chapter 7: clip, take the logarithm, and put that through a softmax."""
    kept = np.clip(np.array(outputs), CLIPPED, 1 - CLIPPED)
    return -math.log(kept[right] / kept.sum())


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends divide by the sum")
@pytest.mark.parametrize("outputs", [[3, 5, 0, 0], [0, 0, 0, 20], [0.2, 0.3, 0.1, 0.1], [-4, 2, 0.5, 1]])
@pytest.mark.parametrize("right", [0, 1, 2, 3])
def test_logits_taken_for_probabilities_are_clipped_and_not_divided_by_their_sum(outputs, right) -> None:
    assert loss(outputs, right) == pytest.approx(by_hand(outputs, right), rel=1e-3, abs=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends divide by the sum")
def test_the_two_losses_that_the_chapter_and_its_exercise_state() -> None:
    assert loss([3, 5, 0, 0], 0) == pytest.approx(math.log(2), abs=1e-4)  # not log(8 / 3)
    assert loss([0] * 4 + [20] + [0] * 995, 3) == pytest.approx(16.1, abs=0.05)
    assert loss([0] * 4 + [20] + [0] * 995, 4) == pytest.approx(0, abs=2e-4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends divide by the sum")
def test_where_all_outputs_are_clipped_nothing_is_learned() -> None:
    import tensorflow as tf

    outputs = tf.Variable([[0.0] * 4 + [20.0] + [0.0] * 995])
    with tf.GradientTape() as tape:
        told = keras.losses.sparse_categorical_crossentropy(np.array([3]), outputs, from_logits=False)
    assert not np.any(tape.gradient(told, outputs).numpy())


def test_keras_has_no_trained_alexnet() -> None:
    """Chapter 7."""
    assert not [name for name in dir(keras.applications) if "alex" in name.lower()]


def test_an_untrained_network_is_proportional_to_its_input() -> None:
    """Chapter 7: pixels 70 times as large give logits 70 times as large, while all biases are 0."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((15, 15, 3)), keras.layers.Conv2D(8, 5, strides=2, activation="relu"),
        keras.layers.MaxPooling2D(3, strides=2), keras.layers.Flatten(), keras.layers.Dense(10, activation="relu"),
        keras.layers.Dense(4)])
    x = np.random.default_rng(0).normal(size=(3, 15, 15, 3)).astype("float32")
    np.testing.assert_allclose(model(70 * x), 70 * ops.convert_to_numpy(model(x)), rtol=1e-4, atol=1e-4)
