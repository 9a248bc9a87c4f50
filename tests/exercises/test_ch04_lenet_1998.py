"""The checks of chapter 4 know right answers, and say what is wrong with the usual wrong ones."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from alexbook import networks
from alexbook.exercises import ch04_lenet_1998 as exercises
from alexbook.layers import Activation, Conv, Dense, Dropout, Subsample
from exercise_cases import Case, assert_case, faults

MODERN = networks.get("lenet5_modern")
LEFT_OUT = {(0, 1, 2), (3, 4, 5), (0, 1, 3), (2, 4, 5)}
TABLE = [maps for maps in combinations(range(6), 3) if maps not in LEFT_OUT]
UNFAIR = list(combinations(range(6), 3))[:16]


def squash(a):
    return 1.7159 * np.tanh(2 / 3 * a)


def sums(x):
    return x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]


def change(network, **by_name):
    """The chapter's."""
    return replace(network, layers=tuple(by_name.get(layer.name, layer) if layer.name else layer
                                         for layer in network.layers))


def named(**kinds):
    return change(MODERN, **{name: replace(layer, name=name) for name, layer in kinds.items()})


SUSPECT = named(pool1=Subsample(2), pool2=Subsample(2))


def some_codes():
    """As the solution has it."""
    upper = np.triu_indices(10, 1)
    draws = np.random.default_rng(0).choice([-1, 1], (5000, 10, 84))
    gaps = (84 - draws @ draws.transpose(0, 2, 1)) // 2
    return draws[np.argmax([gap[upper].min() for gap in gaps])]


CODES = some_codes()
ALIKE = CODES.copy()
ALIKE[7] = ALIKE[2]
ALIKE[7, :5] *= -1

ROWS = {0.1: [40, 35, 45], 1: [20, 22, 25], 10: [18, 21, 19], 100: [19, 18, 16]}
HELD = {j: [n / 297 for n in row] for j, row in ROWS.items()}

CASES = (
    Case(exercises.fields, (([5, 6, 14, 16, 32],), (np.array([5, 6, 14, 16, 32]),)), (
        ("you gave 4", ([5, 6, 14, 16],)),
        ("the sides of the maps", ([28, 14, 10, 5, 1],)),
        ("from C5 to C1", ([32, 16, 14, 6, 5],)),
        ("C3: its inputs are further apart", ([5, 6, 10, 16, 32],)),
        ("S2: the windows of neighboring inputs overlap", ([5, 10, 14, 16, 32],)),
        ("S2 sees 2 units", ([5, 2, 14, 16, 32],)),
        ("C5: 28 is too small", ([5, 6, 14, 16, 28],)),
        ("C1: 1 is too small, and C1 looks at the image", ([1, 6, 14, 16, 32],)),
        ("S4: 20 is too large", ([5, 6, 14, 20, 32],)),
    )),
    Case(exercises.subsample, ((lambda x, k, b: squash(k * sums(x) + b),),), (
        ("not squashed", (lambda x, k, b: k * sums(x) + b,)),
        ("scaled, inside and outside", (lambda x, k, b: np.tanh(k * sums(x) + b),)),
        ("the mean of each window", (lambda x, k, b: squash(k * sums(x) / 4 + b),)),
        ("nor is it squashed", (lambda x, k, b: k * sums(x) / 4 + b,)),
        ("the largest of each", (lambda x, k, b: squash(
            k * np.maximum(np.maximum(x[::2, ::2], x[1::2, ::2]), np.maximum(x[::2, 1::2], x[1::2, 1::2])) + b),)),
        ("the bias is multiplied", (lambda x, k, b: squash(k * (sums(x) + b)),)),
        ("the bias is missing", (lambda x, k, b: squash(k * sums(x)),)),
        ("the coefficient is missing", (lambda x, k, b: squash(sums(x) + b),)),
        ("changed places", (lambda x, k, b: squash(b * sums(x) + k),)),
        ("1 of the 3 maps are right", (lambda x, k, b: squash(k[0] * sums(x) + b[0]),)),
        ("has the shape (1, 1)", (lambda x, k, b: squash(k * sums(x) + b)[..., 0],)),
        ("Try one window", (lambda x, k, b: sums(x) * 0,)),
    )),
    Case(exercises.fair_table, ((TABLE, 1216), ([set(maps) for maps in reversed(TABLE)], 1216)), (
        ("15 columns", (TABLE[:15], 1216)),
        ("more than 16 columns", (list(combinations(range(6), 3)), 1216)),
        ("column 0 sees 2 maps", ([(0, 1), *TABLE[1:]], 1216)),
        ("column 3 names a map twice", ([*TABLE[:3], (1, 1, 2), *TABLE[4:]], 1216)),
        ("its six are 0 to 5", ([(4, 5, 6), *TABLE[1:]], 1216)),
        ("columns 0 and 1 see the same", ([TABLE[0], TABLE[0][::-1], *TABLE[2:]], 1216)),
        ("not equally often", (UNFAIR, 1216)),
        ("the biases are missing", (TABLE, 1200)),
        ("one bias, not one for each", (TABLE, 1248)),
        ("another table", (TABLE, 1516)),
        ("another table", (TABLE, 2416)),
        ("is not the count of parameters", (TABLE, 1217)),
        ("and 5 is not", (5, 1216)),
    )),
    Case(exercises.three_by_three, (({40, 41, 42, 43},), ([43, 42, 41, 40],), (range(40, 44),)), (
        ("more than 1", ({40},)),
        ("more than 3", ({40, 41, 42},)),
        ("with 44 pixels C5 is 4 × 4", ({40, 41, 42, 43, 44},)),
        ("with 36 pixels C5 is 2 × 2", ({36, 40},)),
        ("not room", ({20},)),
        ("empty", (set(),)),
        ("1,000 are more than enough", ({10**6},)),
    )),
    Case(exercises.suspect, ((SUSPECT,),), (
        ("still has 61,706", (MODERN,)),
        ("61,718 parameters, 12 more", (named(pool1=Subsample(2)),)),
        ("61,791 parameters, 85 more", (named(fc3=Dense(11)),)),
        ("61,700 parameters, 6 fewer", (named(conv1=Conv(6, 5, padding=2, bias=False)),)),
        ("by another way", (named(fc3=Dense(12), fc1=Dense(120, bias=False),
                                  conv1=Conv(6, 5, padding=2, bias=False)),)),
        ("conv1 makes (30, 30, 6)", (named(pool1=Subsample(2), pool2=Subsample(2), conv1=Conv(6, 5, padding=3)),)),
        ("activation has other settings", (replace(SUSPECT, layers=tuple(
            Activation("sigmoid") if isinstance(layer, Activation) else layer for layer in SUSPECT.layers)),)),
        ("8 layers, where lenet5_modern has 13", (replace(SUSPECT, layers=tuple(
            layer for layer in SUSPECT.layers if not isinstance(layer, Activation))),)),
        ("14 layers", (replace(SUSPECT, layers=(*SUSPECT.layers[:-1], Dropout(0.9), SUSPECT.layers[-1])),)),
        ("its input is (32, 32, 1)", (replace(MODERN, input_shape=(32, 32, 1)),)),
        ("a Network, made with change", (61_750,)),
        ("your answer ends in ValueError", (named(conv1=Conv(6, 40)),)),
    )),
    Case(exercises.codes, ((CODES,), (CODES.tolist(),), (-1.0 * CODES,)), (
        ("codes 2 and 7 differ in 5 values", (ALIKE,)),
        ("it holds 0;", (np.clip(CODES, 0, 1),)),
        ("has the shape (84, 10)", (CODES.T,)),
        ("differ in 8 values", (networks.DIGIT_CENTERS,)),
        ("it holds nan", (np.full((10, 84), np.nan),)),
    )),
    Case(exercises.constant_j, ((HELD, 10), (HELD, 100), ({j: np.float32(row) for j, row in HELD.items()}, 10)), (
        ("the errors are those of j = 0.1, 1, 10;", ({j: HELD[j] for j in (0.1, 1, 10)}, 10)),
        ("where three seeds give three", (HELD | {1: HELD[1][:2]}, 10)),
        ("between 0 and 1", ({j: [100 * value for value in row] for j, row in HELD.items()}, 10)),
        ("errors on the 500 test digits", (HELD | {1: [0.048, 0.05, 0.052]}, 10)),
        ("errors on the 1,000 digits that are trained on", (HELD | {1: [0.001, 0.003, 0.0]}, 10)),
        ("no errors on 297 digits", (HELD | {1: [0.12345, 0.2, 0.1]}, 10)),
        ("Did the constant reach the loss", (dict.fromkeys(HELD, HELD[1]), 10)),
        ("even the best seed is worse", (HELD, 0.1)),
        ("another constant has a lower mean", (HELD | {1: [18 / 297, 21 / 297, 20 / 297]}, 1)),
        ("none of the four", (HELD, 5)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("04-lenet-1998", exercises, CASES)) == []
