"""The checks of chapter 13 know right answers, and say what is wrong with the usual wrong ones."""

import numpy as np
import pytest
from exercise_cases import Case, assert_case, faults

pytest.importorskip("torch")
from alexbook.exercises import ch13_what_it_learned as exercises

CORRELATIONS = exercises._correlations()
ROWS, COLUMNS = np.indices((256, 256)) - 127.5
OUTSIDE = np.hypot(ROWS, COLUMNS) > 112


def targeted(image, gradient, step, low, high):
    """As the solution has it."""
    return np.clip(image - step * np.sign(gradient), low, high)


def integrated(gradient, image, baseline, steps, shift=0.5):
    """As the solution has it."""
    shares = (np.arange(steps) + shift) / steps
    along = [gradient(baseline + s * (image - baseline)) for s in shares]
    return (image - baseline) * np.mean(along, axis=0)


def summed(gradient, image, baseline, steps):
    """Another way to the same."""
    total = np.zeros_like(image)
    for k in range(1, steps + 1):
        total += gradient(baseline + (k - 0.5) / steps * (image - baseline))
    return total * (image - baseline) / steps


def by_angle(features, query, count):
    """As the solution has it."""
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(query)
    return np.argsort(-(features @ query) / lengths)[:count]


def normalized_first(features, query, count):
    """Another way: on the unit sphere the angle and the distance have the same order."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return np.linalg.norm(unit - query / np.linalg.norm(query), axis=1).argsort()[:count]


def filled(value, where=OUTSIDE):
    """The photograph with one color outside of the circle."""
    def shortcut(picture):
        changed = picture.copy()
        changed[where] = value
        return changed

    return shortcut


def rings(picture):
    """As the solution has it."""
    radius = np.hypot(ROWS, COLUMNS)
    changed = picture.copy()
    changed[radius > 112] = 255
    changed[(radius > 112) & (radius // 6 % 2 == 0)] = 0
    return changed


CASES = (
    Case(exercises.coarse, ((27, 577), (27.0, np.int64(577))), (
        ("for 224 pixels", (13, 577)),
        ("what rounding down gives", (26, 577)),
        ("the pool behind conv5", (14, 577)),
        ("have a stride?", (56, 577)),
        ("takes a pass, too", (27, 576)),
        ("moves down as well", (27, 25)),
        ("moves down as well", (27, 24)),
        ("begins at the border", (27, 530)),
        ("must fit", (27, 785)),
        ("not 1,000 passes", (27, 1000)),
    )),
    Case(exercises.targeted, ((targeted,), (lambda i, g, s, a, b: np.minimum(np.maximum(i - s * np.sign(g), a), b),)), (
        ("away from the class: the loss", (lambda i, g, s, a, b: np.clip(i + s * np.sign(g), a, b),)),
        ("leave the range from low", (lambda i, g, s, a, b: i - s * np.sign(g),)),
        ("and values leave the range", (lambda i, g, s, a, b: i + s * np.sign(g),)),
        ("as long as the gradient", (lambda i, g, s, a, b: np.clip(i - s * g, a, b),)),
        ("the step alone", (lambda i, g, s, a, b: np.clip(-s * np.sign(g), a, b),)),
        ("has not changed", (lambda i, g, s, a, b: i,)),
        ("a value moves by", (lambda i, g, s, a, b: np.clip(i - 3 * s * np.sign(g), a, b),)),
        ("Which sign", (lambda i, g, s, a, b: np.clip(i - s * np.abs(np.sign(g)), a, b),)),
        ("ends in TypeError", (lambda i: i,)),
    )),
    Case(exercises.integrated, ((integrated,), (summed,)), (
        ("has to be multiplied by the way", (lambda g, x, b, n: integrated(g, x, b, n) / (x - b),)),
        ("the factor is the image", (lambda g, x, b, n: integrated(g, x, b, n) * x / (x - b),)),
        ("their mean is asked for", (lambda g, x, b, n: integrated(g, x, b, n) * n,)),
        ("from the baseline to the image", (lambda g, x, b, n: -integrated(g, x, b, n),)),
        ("one gradient, at the image", (lambda g, x, b, n: g(x) * (x - b),)),
        ("the ends of the steps", (lambda g, x, b, n: integrated(g, x, b, n, 1),)),
        ("the beginnings of the steps", (lambda g, x, b, n: integrated(g, x, b, n, 0),)),
        ("the baseline is not 0", (lambda g, x, b, n: integrated(g, x, 0 * b, n),)),
        ("steps = 1", (lambda g, x, b, n: x * 17,)),
    )),
    Case(exercises.by_angle, ((by_angle,), (normalized_first,)), (
        ("the farthest ones", (lambda f, q, n: by_angle(-f, q, n),)),
        ("by Euclidean distance", (lambda f, q, n: np.linalg.norm(f - q, axis=1).argsort()[:n],)),
        ("not divided by the lengths", (lambda f, q, n: (-f @ q).argsort()[:n],)),
        ("the nearest must come first", (lambda f, q, n: by_angle(f, q, n)[::-1],)),
        ("other images", (lambda f, q, n: np.arange(n),)),
        ("5", (lambda f, q, n: by_angle(f, q, 1),)),
    )),
    Case(exercises.occlusion_check, ((CORRELATIONS[""],), (round(CORRELATIONS[""], 2),)), (
        *((why, (value,)) for why, value in CORRELATIONS.items()
          if why and min(abs(value - other) for name, other in CORRELATIONS.items() if name != why) > 0.03),
        ("the two maps are the same", (1.0,)),
        ("between −1 and 1", (1.5,)),
        ("more than -1.00", (-1.0,)),
    )),
    Case(exercises.shortcut, ((rings,),), (
        ("no photograph has changed", (lambda picture: picture,)),
        ("inside of the circle", (filled(0, np.ones((256, 256), bool)),)),
        ("no whole numbers from 0 to 255", (lambda picture: picture + 300 * OUTSIDE[..., None],)),
        ("become one class that they were not before", (
            lambda picture: np.where(np.hypot(ROWS, COLUMNS)[..., None] > 180, 255 - picture, picture),)),
        ("(256, 256, 3)", (lambda picture: picture[..., 0],)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_integrated_gradients_add_up_to_the_difference_of_the_outputs() -> None:
    rng = np.random.default_rng(0)
    matrix, image, baseline = rng.normal(size=(6, 6)), rng.normal(size=6), rng.normal(size=6)
    parts = integrated(lambda z: (matrix + matrix.T) @ z, image, baseline, 3)
    assert parts.sum() == pytest.approx(image @ matrix @ image - baseline @ matrix @ baseline)


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("13-what-it-learned", exercises, CASES)) == []
