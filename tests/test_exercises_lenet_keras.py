"""The checks of chapter 3 know right answers, and say what is wrong with the usual wrong ones."""

from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from alexbook import keras_models, networks, runs  # noqa: E402
from alexbook.arithmetic import trace  # noqa: E402
from alexbook.exercises import lenet_keras as exercises  # noqa: E402
from exercise_cases import Case, assert_case, faults  # noqa: E402
from keras import layers, ops  # noqa: E402

OLD = keras_models.build(networks.get("lenet5"), seed=0)
C3 = OLD.get_layer("C3")


def lenet(padding="valid", window=2, hidden=120, head=(), pool=layers.AveragePooling2D, side=28,
          use_bias=True):
    """As the solution has it."""
    return keras.Sequential([
        keras.Input((side, side, 1)),
        layers.Conv2D(6, 5, padding=padding, activation="tanh", use_bias=use_bias), layers.AveragePooling2D(window),
        layers.Conv2D(16, 5, activation="tanh"), pool(2),
        layers.Flatten(),
        layers.Dense(hidden, activation="tanh"), layers.Dense(84, activation="tanh"), layers.Dense(10),
        *head,
    ])


def wide(side=48, last="C5", network=OLD, flat=False):
    """As the solution has it, for the package's network, whose squashing layers have no names in the paper."""
    x = inputs = keras.Input((side, side, 1))
    for layer in network.layers[1:]:
        x = layer(x)
        if layer.name == last:
            break
    return keras.Model(inputs, layers.Flatten()(x) if flat else x)


def full_kernel(layer=C3):
    """As the solution has it."""
    return (ops.convert_to_numpy(layer.kernel) @ layer.places).reshape(5, 5, 6, 16)


FULL = full_kernel()
DENSE = np.where(FULL == 0, 0.1, FULL)
SHUFFLED = FULL.transpose(1, 0, 2, 3)
SHIFTED = np.roll(FULL, 1, axis=3)


def some_runs(error=0.009, **recipe):
    """Three runs made up from the book's, with another error."""
    confusion = np.diag([1000] * 10)
    wrong = round(10_000 * error)
    confusion[0, 0] -= wrong
    confusion[0, 1] += wrong
    return [replace(run, test_error=error, confusion=confusion.tolist(), recipe=run.recipe | recipe)
            for run in runs.load("mnist-lenet5-keras-*")]


GOOD = some_runs()

CASES = (
    Case(exercises.forget_padding, ((44_426, lenet()), (44_426.0, lenet(head=(layers.Activation("linear"),)))), (
        ("with padding", (61_706, lenet())),
        ("some biases missing", (44_426 - 236, lenet())),
        ("too many", (50_000, lenet())),
        ("too few", (1, lenet())),
        ("conv1 gives (28, 28, 6): look at its padding", (44_426, lenet("same"))),
        ("pool1 gives (8, 8, 6): look at its size", (44_426, lenet(window=3))),
        ("fc1 gives (128,)", (44_426, lenet(hidden=128))),
        ("conv1 has 150 parameters", (44_426, lenet(use_bias=False))),
        ("the model has 44,466 parameters", (44_426, lenet(head=(layers.BatchNormalization(),)))),
        ("6 convolutions, average pools", (44_426, lenet(pool=layers.MaxPooling2D))),
        ("the model's input is (32, 32, 1)", (44_426, lenet(side=32))),
        ("not ten logits", (44_426, lenet(head=(layers.Reshape((10, 1)),)))),
        ("is a Keras model", (44_426, 44_426)),
    )),
    Case(exercises.larger_image, ((wide(), OLD),), (
        ("has 48 by 48 pixels", (wide(32), OLD)),
        ("stop after C5", (wide(flat=True), OLD)),
        ("ends with 16 maps", (wide(last="S4"), OLD)),
        ("new weights", (wide(network=keras_models.build(networks.get("lenet5"), seed=1)), OLD)),
        ("10 by 10 in wide", (keras.Sequential([keras.Input((48, 48, 1)), layers.Conv2D(120, 39)]), OLD)),
        ("is a Keras model", (25, OLD)),
    )),
    Case(exercises.summary, (("pool2", 1), ("Pool2", 1.0)), (
        ("with a stride of 1 in pool1, fc1 would have 232,440", ("pool1", 1)),
        ("of 2 in conv1, fc1 would have", ("conv1", 2)),
        ("has that stride in the network of this page", ("pool2", 2)),
        ("no longer fits", ("conv1", 14)),
        ("one of conv1, pool1, conv2, pool2", ("fc1", 1)),
        ("cannot be", ("pool2", 0)),
    )),
    Case(exercises.masked, ((FULL, 900, C3), (ops.convert_to_tensor(FULL), 900, C3)), (
        ("swapped", (FULL.transpose(0, 1, 3, 2), 900, C3)),
        ("PyTorch's order", (FULL.transpose(3, 2, 0, 1), 900, C3)),
        ("no value of the full kernel is zero", (DENSE, 900, C3)),
        ("which order", (SHUFFLED, 900, C3)),
        ("the other way round", (SHIFTED, 900, C3)),
        ("not finite", (FULL * np.inf, 900, C3)),
        ("counts the missing pairs", (FULL, 36, C3)),
        ("that are trained", (FULL, 1500, C3)),
        ("not always zero", (FULL, 2400, C3)),
        ("the last argument is", (FULL, 900, OLD.get_layer("C1"))),
    )),
    Case(exercises.softmax_twice, ((1.46, 5.91), (np.log((np.e + 9) / np.e), np.log((np.e + 999) / np.e))), (
        ("for 10 classes: 0 is what one", (0, 5.91)),
        ("for 10 classes: that is the largest probability", (0.23, 5.91)),
        ("for 10 classes: that is the loss of a network that knows nothing", (2.303, 5.91)),
        ("for 1,000 classes: that is the loss of a network that knows nothing", (1.46, 6.908)),
        ("the natural logarithm", (1.4612 / np.log(2), 5.91)),
        ("how many of the exponentials", (np.log(np.e + 10) - 1, 5.91)),
        ("for 1,000 classes it is more than 1.46", (1.46, 1.46)),
        ("for 10 classes it is less than 1.5", (1.5, 5.91)),
    )),
    Case(exercises.better_recipe, ((GOOD,), (tuple(GOOD),)), (
        ("the mean is not below 1 %", (runs.load("mnist-lenet5-keras-*"),)),
        ("has the framework torch, not keras", (runs.load("mnist-lenet5-torch-*"),)),
        ("has the network lenet5_modern", (runs.load("mnist-lenet5_modern-keras-*"),)),
        ("three different seeds", (GOOD[:2],)),
        ("three different seeds", ([GOOD[0]] * 3,)),
        ("--holdout", (some_runs(holdout=5000),)),
        ("differ in more than their seeds: rate", ([*GOOD[:2], *some_runs(rate=1)[2:]],)),
        ("do not belong together", ([*GOOD[:2], replace(GOOD[2], test_error=0.0)],)),
        ("each of the list is a run", (["a", "b", "c"],)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_the_summary_in_the_chapter_is_the_networks() -> None:
    rows = trace(exercises.betrayed())
    assert [rows[name].parameters for name in ("conv1", "conv2", "fc1", "fc2", "fc3")] == [
        156, 2_416, 155_640, 10_164, 850]


def test_only_one_stride_explains_the_summary() -> None:
    right = [(name, stride) for name in exercises.STRIDED for stride in range(1, 29)
             if exercises.summary.verdict(name, stride).right]
    assert len(right) == 1


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("03-lenet-keras", exercises, CASES)) == []
