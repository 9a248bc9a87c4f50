"""The checks of chapter 15 know right answers, and say what is wrong with the usual wrong ones."""

from dataclasses import replace

import numpy as np
import pytest
from alexbook import networks
from alexbook.layers import Activation, Dropout
from exercise_cases import Case, assert_case, faults

torch = pytest.importorskip("torch")
from alexbook.exercises import ch15_relu as exercises  # noqa: E402
from torch import nn  # noqa: E402

torch.manual_seed(3)
BUGGY = nn.Sequential()
BUGGY.add_module("fc3", nn.Linear(1568, 128))
BUGGY.add_module("fc4", nn.Linear(128, 10))
for layer in BUGGY:
    nn.init.normal_(layer.bias)
W = BUGGY.fc4.weight @ BUGGY.fc3.weight
B = BUGGY.fc4.weight @ BUGGY.fc3.bias + BUGGY.fc4.bias


def leaky(a):
    return torch.where(a > 0, a, 0.1 * a)


def leaky_slope(a):
    return torch.where(a > 0, 1.0, 0.1)


def scaled_tanh(layers, kinds=("relu", "tanh", "sigmoid"), keep_name=True, to="scaled_tanh"):
    """As the solution has it."""
    return tuple(
        Activation(to, name=layer.name if keep_name else "")
        if isinstance(layer, Activation) and layer.function in kinds else layer for layer in layers)


CASES = (
    Case(exercises.sigmoids, ((0.25 ** 7,), (0.00006,), (np.float64(1 / 16384),)), (
        ("too many", (0.25 ** 8,)),
        ("too few", (0.25 ** 6,)),
        ("not its slope", (0.5 ** 7,)),
        ("not shared out", (0.25 / 7,)),
        ("what one sigmoid leaves", (0.25,)),
        ("in percent", (0.0061,)),
        ("as tanh has", (1,)),
        ("between 0 and 1", (16384,)),
        ("0.001 is too large", (0.001,)),
        ("too small", (1e-9,)),
    )),
    Case(exercises.which_is_which, (("DCAB",), (" dcab ",)), (
        ("ReLU and tanh at their best are exchanged", ("CDAB",)),
        ("the sigmoid and the high rate are exchanged", ("DCBA",)),
        ("C is not the sigmoid", ("ABCD",)),
        ("D is not the run", ("BCAD",)),
        ("each once", ("DCA",)),
        ("each once", ("DDAB",)),
        ("each once", ("DCABE",)),
    )),
    Case(exercises.one_layer, ((W, B, BUGGY), (W.detach().numpy(), B.tolist(), BUGGY)), (
        ("turn it over", (W.T, B, BUGGY)),
        ("has the shape (128, 1568)", (BUGGY.fc3.weight, B, BUGGY)),
        ("Which of them comes first", (2 * W, B, BUGGY)),
        ("b is fc4's bias alone", (W, BUGGY.fc4.bias, BUGGY)),
        ("fc4's own bias is missing", (W, BUGGY.fc4.weight @ BUGGY.fc3.bias, BUGGY)),
        ("where x is 0", (W, torch.zeros(10), BUGGY)),
        ("b has the shape (128,)", (W, BUGGY.fc3.bias, BUGGY)),
        ("the network buggy", (W, B, nn.Linear(2, 2))),
    )),
    Case(exercises.leaky_relu, ((leaky, leaky_slope), (lambda a: torch.maximum(a, 0.1 * a), leaky_slope),
                                (leaky, lambda a: np.where(a.numpy() > 0, 1, 0.1))), (
        ("plain ReLU; this one leaks", (torch.relu, leaky_slope)),
        ("not ours", (nn.LeakyReLU(), leaky_slope)),
        ("below 0", (lambda a: torch.where(a > 0, a, -0.1 * a), leaky_slope)),
        ("with another slope", (lambda a: torch.where(a > 0, a, 0.2 * a), leaky_slope)),
        ("it stays as it is", (lambda a: 0.1 * a, leaky_slope)),
        ("the slope of the left side", (leaky, lambda a: torch.where(a >= 0, 1.0, 0.1))),
        ("whose units can die", (leaky, lambda a: (a > 0).double())),
        ("the function's value", (leaky, lambda a: torch.where(a > 0, 1.0, 0.1 * a))),
        ("rises on the left", (leaky, lambda a: torch.where(a > 0, 1.0, -0.1))),
        ("a straight line", (leaky, lambda a: torch.full_like(a, 0.1))),
        ("when a changes by 1", (leaky, lambda a: torch.where(a > 0, 1.0, 0.2))),
        ("has the shape ()", (leaky, lambda a: 1.0)),
        ("leaky is a function", (torch.zeros(3), leaky_slope)),
    )),
    Case(exercises.sigmoid_gain, ((10.5,), (11,), (np.float32(10),)), (
        ("why does it not", (4,)),
        ("too little", (1,)),
        ("too much", (16,)),
        ("above 0", (-10.5,)),
        ("enormous", (5000,)),
    )),
    Case(exercises.one_more_activation, ((scaled_tanh,),
                                         (lambda layers: tuple(scaled_tanh(list(layers))),)), (
        ("is still tanh", (lambda layers: scaled_tanh(layers, kinds=("relu",)),)),
        ("still probabilities", (lambda layers: scaled_tanh(layers, kinds=("relu", "tanh", "sigmoid", "softmax")),)),
        ("has lost its name", (lambda layers: scaled_tanh(layers, keep_name=False),)),
        ("becomes tanh", (lambda layers: scaled_tanh(layers, to="tanh") if layers[1].function == "relu"
                          else scaled_tanh(layers),)),
        ("a tuple is asked for", (lambda layers: list(scaled_tanh(layers)),)),
        ("takes layers and gives layers", (lambda layers: networks.get("lenet5"),)),
        ("your function makes 10", (lambda layers: scaled_tanh(layers)[:-1],)),
        ("should stay as it is", (lambda layers: tuple(
            replace(layer, rate=0.25) if isinstance(layer, Dropout) else layer for layer in scaled_tanh(layers)),)),
        ("is still relu", (lambda layers: layers,)),
        ("ends in AttributeError", (lambda layers: [layer.function for layer in layers],)),
        ("which is no Activation", (lambda layers: tuple(
            "scaled_tanh" if isinstance(layer, Activation) and layer.function != "softmax" else layer
            for layer in layers),)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_the_stack_is_the_chapters_own() -> None:
    """What slopes of at most a quarter leave of a gradient, over nine layers."""
    first, last = exercises._left(1.0, seed=0)
    assert 0 < first / last < 0.25 ** 9


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("15-relu", exercises, CASES)) == []
