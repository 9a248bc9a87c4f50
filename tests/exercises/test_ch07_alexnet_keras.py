"""The checks of chapter 7 know right answers, and say what is wrong with the usual wrong ones."""

import numpy as np
import pytest
from exercise_cases import Case, assert_case, faults

keras = pytest.importorskip("keras")
from alexbook.exercises import ch07_alexnet_keras as exercises  # noqa: E402

STEPS = np.arange(40)
FIT = 6.9 * np.exp(-STEPS / 15) + 0.3
TEST = 6.5 * np.exp(-STEPS / 10) + 0.1
LABELS = np.arange(32) % 10
LOGITS = 12.0 * np.eye(1000)[LABELS]


class GroupedLRN(keras.layers.Layer):
    """The solution of exercise 6, and with other class attributes the usual mistakes."""

    divide, cast, lose, ungrouped = True, True, (), False

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0, groups=1, **kwargs):
        super().__init__(**kwargs)
        self.settings = {"size": size, "alpha": alpha, "beta": beta, "k": k, "groups": groups}

    def build(self, input_shape):
        channel, groups = np.arange(input_shape[-1]), 1 if self.ungrouped else self.settings["groups"]
        group = channel * groups // input_shape[-1]
        near = np.abs(channel[:, None] - channel) <= self.settings["size"] // 2
        self.neighbors = (near & (group[:, None] == group)).astype("float32")

    def call(self, inputs):
        x = keras.ops.cast(inputs, "float32") if self.cast else inputs
        alpha = self.settings["alpha"] / (self.settings["size"] if self.divide else 1)
        sums = keras.ops.matmul(keras.ops.square(x), keras.ops.cast(self.neighbors, x.dtype))
        return keras.ops.cast(x / (self.settings["k"] + alpha * sums) ** self.settings["beta"], self.returned(inputs))

    def returned(self, inputs):
        return inputs.dtype

    def get_config(self):
        kept = {name: value for name, value in self.settings.items() if name not in self.lose}
        return super().get_config() | kept


def variant(**attributes):
    return type("GroupedLRN", (GroupedLRN,), attributes)


CASES = (
    Case(exercises.forget_to_flatten, (((6, 6, 1000), 24_265_064), ((None, 6, 6, 1000), 24_265_064)), (
        ("leaves all axes but the last", ((1000,), 24_265_064)),
        ("what comes out of fc8", ((6, 6, 256), 24_265_064)),
        ("which axes", ((13, 13, 1000), 24_265_064)),
        ("with its flattening", ((6, 6, 1000), 60_965_224)),
        ("the single tower's", ((6, 6, 1000), 25_678_184)),
        ("keeps its biases", ((6, 6, 1000), 24_260_968)),
        ("sees both towers", ((6, 6, 1000), 23_740_776)),
        ("too few", ((6, 6, 1000), 7)),
    )),
    Case(exercises.other_wrong_pair, ((16.118, 20.0), (np.float32(16.1), 20)), (
        ("changed places", (20.0, 16.12)),
        ("sure and right", (0.0, 20.0)),
        ("equally likely", (6.91, 20.0)),
        ("never below 0", (-16.1, 20.0)),
        ("not the same", (16.12, 16.12)),
        ("what it should say: 30 is too large", (16.12, 30)),
    )),
    Case(exercises.which_loss, ((FIT, TEST), (list(FIT), list(TEST))), (
        ("the same numbers", (FIT, FIT)),
        ("changed places", (np.r_[6.9, TEST[1:]], FIT)),
        ("is dropout on", (np.r_[6.9, TEST[:-1]], TEST)),
        ("once after each step", (FIT, TEST[:30])),
        ("at least 20 steps", (FIT[:5], TEST[:5])),
        ("one near log 1000", (FIT / 5, TEST / 5)),
        ("hardly fallen", (np.full(40, 7.2), np.full(40, 6.9))),
    )),
    Case(exercises.cut_apart, ((442_368, 74_760_192),), (
        ("parameters come first", (74_760_192, 442_368)),
        ("sees half of the maps", (884_736, 74_760_192)),
        ("the biases stay", (442_560, 74_760_192)),
        ("one tower's", (221_184, 74_760_192)),
        ("at each of its positions", (442_368, 442_368)),
        ("fewer positions than conv2", (442_368, 322_486_272)),
        ("too few", (442_368, 5)),
    )),
    Case(exercises.telling_summary, (("conv2", 3, "valid"), ("Conv2", 3.0, "VALID")), (
        ("that it should have", ("conv1", 3, "valid")),
        ("look before it", ("conv3", 3, "valid")),
        ("5 x 5 is not what is left", ("conv2", 5, "valid")),
        ("would have 27 x 27", ("conv2", 3, "same")),
        ("one of same, valid", ("conv2", 3, "none")),
    )),
    Case(exercises.grouped_lrn, ((GroupedLRN,),), (
        ("not one of its objects", (GroupedLRN(),)),
        ("3 and 4 are still neighbors", (variant(ungrouped=True),)),
        ("divided by the size", (variant(divide=False),)),
        ("give back groups", (variant(lose=("groups",)),)),
        ("give back size, alpha, beta, k, groups", (variant(lose=tuple(GroupedLRN().settings)),)),
        ("their squares computed", (variant(cast=False),)),
        ("the type of what came in", (variant(returned=lambda self, inputs: "float32"),)),
    )),
    Case(exercises.own_batch, ((LABELS, LOGITS), (list(LABELS), LOGITS.astype("float32"))), (
        ("below 0.05", (LABELS, LOGITS / 4)),
        ("32 of the 32 images", (LABELS, 12.0 * np.eye(1000)[LABELS + 1])),
        ("1 of the 32 images are", (LABELS, np.concatenate([12.0 * np.eye(1000)[[11]], LOGITS[1:]]))),
        ("these are probabilities", (LABELS, np.eye(1000)[LABELS])),
        ("at least 32 images", (LABELS[:5], LOGITS[:5])),
        ("not finite", (LABELS, LOGITS * np.nan)),
        ("the same label", (np.zeros(32), LOGITS)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_right_answers_pass_and_wrong_ones_get_their_sentence(case):
    assert_case(case)


def test_the_summary_of_exercise_5_is_keras_own():
    layers = keras.layers
    maps = keras.Input((27, 27, 96))
    found = layers.Conv2D(256, 3)
    assert found(maps).shape == (None, 25, 25, 256) and found.count_params() == 221_440
    assert layers.Dense(4096).compute_output_shape((None, 6400)) == (None, 4096) and 6400 * 4096 + 4096 == 26_218_496


def test_every_exercise_of_the_chapter_has_its_check():
    assert not list(faults("07-alexnet-keras", exercises, CASES))
