"""The checks of chapter 1 know right answers, and say what is wrong with the usual wrong ones."""

import numpy as np
import pytest
from alexbook import datasets
from alexbook.exercises import ch01_sliding_window as exercises
from exercise_cases import NONSENSE, Case, assert_case, faults
from numpy.lib.stride_tricks import sliding_window_view

pytest.importorskip("torch")


def conv_layer(x, weights, bias):
    """The chapter's."""
    return np.einsum("ijcuv,uvcf->ijf", sliding_window_view(x, weights.shape[:2], axis=(0, 1)), weights) + bias


def halves(x, weights, groups):
    parts, kernels = np.split(x, groups, axis=2), np.split(weights, groups, axis=3)
    return [conv_layer(part, kernel, 0) for part, kernel in zip(parts, kernels, strict=True)]


def grouped(x, weights, groups):
    """As the solution has it."""
    return np.concatenate(halves(x, weights, groups), axis=2)


def template():
    """As the solution has it."""
    digits = datasets.load("digits")
    zero = digits.images[digits.labels == 0].mean(axis=0)
    return (zero - digits.images.mean(axis=0))[2:7, 2:7]


HOLE = np.zeros((5, 5))
HOLE[1:4] = (1, 1, -3, 1, 1)
RIM = np.ones((5, 5))
RIM[1:4, 1:4] = -2
CHANGED = np.array([[9.0]])

CASES = (
    Case(exercises.predict, ((15,), (15.0,), (np.int64(15),)), (
        ("the pool still has to come", (32,)),
        ("hangs over the end", (16,)),
        ("was the padding added", (14,)),
        ("the convolution has a stride", (31,)),
        ("the pool has a stride", (30,)),
        ("overlap", (10,)),
        ("too large", (64,)),
        ("too small", (1,)),
        ("whole number", (15.5,)),
    )),
    Case(exercises.odd_zero, (((0, 3),), ([3, 0],), ((1, 2),), (np.array([2, 1]),)), (
        ("54 windows fit", ((0, 0),)),
        ("54 windows fit", ((1, 1),)),
        ("1 pixel is left over", ((2, 2),)),
        ("3 pixels are left over", ((3, 3),)),
        ("56 windows fit", ((5, 5),)),
        ("takes no pixels away", ((-1, 4),)),
        ("has 2 numbers; you gave 1", ((3,),)),
        ("row of whole numbers", (3,)),
    ), nonsense=tuple(value for value in NONSENSE if type(value) is not list or value != [1, 2])),  # 1 + 2 is right
    Case(exercises.windows, ((lambda n, k, s, p: (n + 2 * p - k) // s + 1,),
                             (lambda n, k, s, p: len(range(0, n + 2 * p - k + 1, s)),)), (
        ("the first window is missing", (lambda n, k, s, p: (n + 2 * p - k) // s,)),
        ("not rounded", (lambda n, k, s, p: (n + 2 * p - k) / s + 1,)),
        ("both ends", (lambda n, k, s, p: (n + p - k) // s + 1,)),
        ("the padding is left out", (lambda n, k, s, p: (n - k) // s + 1,)),
        ("the stride is left out", (lambda n, k, s, p: n + 2 * p - k + 1,)),
        ("hangs over", (lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1,)),
        ("not divided by the stride", (lambda n, k, s, p: (n + 2 * p - k + 1) // s,)),
        ("for 8 pixels, kernel 3, stride 1 and padding 0 your function gives 5. Draw it", (lambda n, k, s, p: 5,)),
        ("for 5 pixels, kernel 5, stride 3 and padding 0", (lambda n, k, s, p: (n + 2 * p - k) // s + 1 + (n == k),)),
        ("your function ends in TypeError", (lambda n, k: n - k + 1,)),
    )),
    Case(exercises.small_or_large, ((5, 28_608), (5.0, np.int64(28_608))), (
        ("one of the two sees", (3, 28_608)),
        ("share a pixel", (6, 28_608)),
        ("product", (9, 28_608)),
        ("how many pixels", (7, 28_608)),
        ("the biases are missing", (5, 28_672)),
        ("the sign", (5, -28_608)),
        ("the difference is asked for", (5, 73_856)),
        ("each of the 64", (5, 7)),
        ("count the parameters", (5, 28_600)),
    )),
    Case(exercises.grouped, ((grouped,),), (
        ("added up", (lambda x, w, g: sum(halves(x, w, g)),)),
        ("first group of channels", (lambda x, w, g: conv_layer(x[..., :w.shape[2]], w, 0),)),
        ("put together in the wrong order", (lambda x, w, g: np.concatenate(halves(x, w, g)[::-1], axis=2),)),
        ("alternate", (lambda x, w, g: np.stack(halves(x, w, g), 3).reshape(halves(x, w, g)[0].shape[:2] + (-1,)),)),
        ("matched in the wrong order",
         (lambda x, w, g: np.concatenate([conv_layer(part, kernel, 0) for part, kernel in
                                          zip(np.split(x, g, 2)[::-1], np.split(w, g, 3), strict=True)], axis=2),)),
        ("not every second",
         (lambda x, w, g: np.concatenate([conv_layer(x[..., n::g], kernel, 0) for n, kernel in
                                          enumerate(np.split(w, g, 3))], axis=2),)),
        ("ends in ValueError", (lambda x, w, g: conv_layer(x, w, 0),)),
        ("3 of 6 feature maps agree", (lambda x, w, g: grouped(x, w, g) * (np.arange(w.shape[3]) < w.shape[3] // 2),)),
        ("returns the shape (6, 7, 5)", (lambda x, w, g: grouped(x, w, g).transpose(2, 0, 1),)),
        ("for 6 channels, 8 kernels of 1x1", (lambda x, w, g: grouped(x, w, g) if len(w) == 3 else
                                          np.zeros((9, 7, w.shape[3])),)),
    )),
    Case(exercises.detector, ((template(),), (HOLE,), ((100 * HOLE).tolist(),)), (
        ("10 of its 30", (np.pad(RIM, 0),)),
        ("at most 5 x 5", (np.ones((6, 6)),)),
        ("no shape", (np.ones((5, 5)),)),
        ("no shape", (CHANGED,)),
        ("not a finite number", (np.full((3, 3), np.nan),)),
        ("What has a zero", (np.array([[1, 0, -1]] * 3),)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("01-sliding-window", exercises, CASES)) == []


def test_readers_functions_cannot_change_what_they_are_compared_with() -> None:
    def spoils(x, weights, groups):
        found = grouped(x, weights, groups)
        x[:], weights[:] = 0, 0
        return found

    assert exercises.grouped.verdict(spoils).right
