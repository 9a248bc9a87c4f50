"""The checks of chapter 2 know right answers, and say what is wrong with the usual wrong ones."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from alexbook import datasets, runs  # noqa: E402
from alexbook.arithmetic import trace  # noqa: E402
from alexbook.exercises import ch02_lenet_keras as exercises  # noqa: E402
from exercise_cases import Case, assert_case, faults  # noqa: E402
from keras import layers  # noqa: E402


def lenet(padding="valid", window=2, hidden=120, head=(), pool=layers.AveragePooling2D, side=28,
          use_bias=True, squash="tanh", dense="tanh", dilation=1):
    """As the solution has it."""
    return keras.Sequential([
        keras.Input((side, side, 1)),
        layers.Conv2D(6, 5, padding=padding, activation=squash, use_bias=use_bias), layers.AveragePooling2D(window),
        layers.Conv2D(16, 5 if dilation == 1 else 3, dilation_rate=dilation, activation=squash), pool(2),
        layers.Flatten(),
        layers.Dense(hidden, activation=squash), layers.Dense(84, activation=dense), layers.Dense(10),
        *head,
    ])


def cross_entropy_gradient(logits, label):
    """As the solution has it."""
    p = np.exp(logits - np.max(logits))
    p /= p.sum()
    p[label] -= 1
    return p


def overflowing(logits, label):
    with np.errstate(all="ignore"):
        p = np.exp(logits) / np.exp(logits).sum()
    p[label] -= 1
    return p


def as_probabilities(logits, label):
    p = cross_entropy_gradient(logits, label)
    p[label] += 1
    return p


def trained(furthest, copies=6):
    """A LeNet trained in seconds on digits that were moved by up to so many pixels."""
    digits = datasets.load("digits", "train").take(range(1000))
    still = datasets.frame(digits.images)[..., None].astype("float32") / 255
    rng = np.random.default_rng(0)
    moved = np.concatenate([
        np.stack([np.roll(image, rng.integers(-furthest, furthest + 1, size=2), axis=(0, 1)) for image in still])
        for _ in range(copies)])
    keras.utils.set_random_seed(0)
    model = lenet("same")
    model.compile(optimizer=keras.optimizers.Adam(0.003),
                  loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(moved, np.tile(digits.labels, copies), epochs=4, batch_size=64, verbose=0)
    return model


def diverged():
    model = lenet("same")
    model.set_weights([np.full(w.shape, np.nan) for w in model.get_weights()])
    return model


def some_runs(error=0.007, **recipe):
    """Three runs made up from the book's, with another error."""
    confusion = np.diag([1000] * 10)
    wrong = round(10_000 * error)
    confusion[0, 0] -= wrong
    confusion[0, 1] += wrong
    return [replace(run, test_error=error, confusion=confusion.tolist(), recipe=run.recipe | recipe)
            for run in runs.load("mnist-lenet5_modern-keras-*")]


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
        ("it ends in a softmax", (44_426, lenet(head=(layers.Softmax(),)))),
        ("it has no activation", (44_426, lenet(squash=None, dense=None))),
        ("ReLU in the place of tanh", (44_426, lenet(squash="relu", dense="relu"))),
        ("sigmoids in the place of tanh", (44_426, lenet(squash="sigmoid", dense="sigmoid"))),
        ("a tanh behind the last layer", (44_426, lenet(head=(layers.Activation("tanh"),)))),
        ("a ReLU behind the last layer", (44_426, lenet(head=(layers.ReLU(),)))),
        ("something else than LeNet", (44_426, lenet(dense=None))),
        ("something else than LeNet", (44_426, lenet(head=(layers.Rescaling(np.nan),)))),
        ("conv2 has 880 parameters", (44_426, lenet(dilation=2))),
        ("not ten logits", (44_426, lenet(head=(layers.Reshape((10, 1)),)))),
        ("is a Keras model", (44_426, 44_426)),
    )),
    Case(exercises.steps, ((18_760, 32), (18_760.0, 32.0)), (
        ("make a step, too", (937 * 20, 32)),
        ("that is one epoch", (938, 32)),
        ("that counts images", (1_200_000, 32)),
        ("no batch takes images of two epochs", (18_750, 32)),
        ("less than 20,000", (20_000, 32)),
        ("more than 10", (10, 32)),
        ("is not full", (18_760, 64)),
        ("how many do the full batches leave", (18_760, 31)),
    )),
    Case(exercises.summary, (("pool2", 1), ("Pool2", 1.0)), (
        ("with a stride of 1 in pool1, fc1 would have 232,440", ("pool1", 1)),
        ("of 2 in conv1, fc1 would have", ("conv1", 2)),
        ("has that stride in the network of this page", ("pool2", 2)),
        ("no longer fits", ("conv1", 14)),
        ("one of conv1, pool1, conv2, pool2", ("fc1", 1)),
        ("cannot be", ("pool2", 0)),
    )),
    Case(exercises.logit_gradient, ((cross_entropy_gradient,), (lambda z, c: list(cross_entropy_gradient(z, c)),)), (
        ("not finite", (overflowing,)),
        ("direction in which the loss falls", (lambda z, c: -cross_entropy_gradient(z, c),)),
        ("those are the probabilities", (as_probabilities,)),
        ("no mean over the classes", (lambda z, c: cross_entropy_gradient(z, c) / len(z),)),
        ("differences of the loss give", (lambda z, c: np.zeros(len(z)),)),
        ("shape", (lambda z, c: np.zeros(len(z) + 1),)),
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
    Case(exercises.tolerant, ((trained(3),),), (
        ("in all directions", (trained(0, copies=2),)),
        ("has it been trained", (lenet("same"),)),
        ("did its training diverge", (diverged(),)),
        ("the input of tolerant is (None, 32, 32, 1)", (lenet(side=32),)),
        ("the output of tolerant is (None, 10, 1)", (lenet(head=(layers.Reshape((10, 1)),)),)),
        ("is a Keras model", (15,)),
    )),
    Case(exercises.better_recipe, ((GOOD,), (tuple(GOOD),)), (
        ("not below the recorded 0.76 %", (runs.load("mnist-lenet5_modern-keras-*"),)),
        ("has the framework torch, not keras", (runs.load("mnist-lenet5_modern-torch-*"),)),
        ("has the network lenet5, not lenet5_modern", (runs.load("mnist-lenet5-keras-*"),)),
        ("three different seeds", (GOOD[:2],)),
        ("three different seeds", ([GOOD[0]] * 3,)),
        ("--holdout", (some_runs(holdout=5000),)),
        ("differ in more than their seeds: lr", ([*GOOD[:2], *some_runs(lr=1)[2:]],)),
        ("do not belong together", ([*GOOD[:2], replace(GOOD[2], test_error=0.0)],)),
        ("each of the list is a run", (["a", "b", "c"],)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_runs_without_end_come_to_an_end() -> None:
    verdict = exercises.better_recipe.verdict(itertools.cycle(GOOD))
    assert not verdict.right and "more than 1000 runs" in verdict.why


def test_the_summary_in_the_chapter_is_the_networks() -> None:
    rows = trace(exercises.betrayed())
    assert [rows[name].parameters for name in ("conv1", "conv2", "fc1", "fc2", "fc3")] == [
        156, 2_416, 155_640, 10_164, 850]


def test_only_one_stride_explains_the_summary() -> None:
    right = [(name, stride) for name in exercises.STRIDED for stride in range(1, 29)
             if exercises.summary.verdict(name, stride).right]
    assert len(right) == 1


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("02-lenet-keras", exercises, CASES)) == []
