"""The checks of chapter 13, "What it learned"."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from alexbook import datasets, networks, weights
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, array, check, close, number, result, whole
from alexbook.datasets import photographs
from alexbook.explaining import images
from alexbook.explaining import torch as in_torch

SIDE, SQUARE, STRIDE = 448, 40, 8
PHOTOS, AT_LEAST = 11, 3
RADIUS = 112


def _map_side(side: int, rounding: str = "ceil") -> int:
    """The side of conv5's maps for a square image."""
    network = networks.get("alexnet_photos")
    layers = tuple(layer for layer in network.layers)
    cut = next(index for index, layer in enumerate(layers) if layer.name == "conv5") + 1
    return trace(replace(network, layers=layers[:cut], rounding=rounding), (side, side, 3)).rows[-1].output_shape[0]


@check
def coarse(side: object, passes: object) -> str:
    """Exercise 1: the side of Grad-CAM's map for a larger image, and the forward passes of occlusion."""
    found, true = whole(side, "the side of the map"), _map_side(SIDE)
    if found == _map_side(224):
        raise Wrong(f"{found} is the side for 224 pixels; a convolution gives more values for a larger image.")
    if found == _map_side(SIDE, "floor"):
        raise Wrong(f"{found} is what rounding down gives; this network rounds up.")
    if found == SIDE // 32:
        raise Wrong(f"{found} is a value for every 32 pixels; the pool behind conv5 comes later.")
    if found != true:
        raise Wrong(f"the map has not {found:,} values on a side. Which layers up to conv5 have a stride?")
    positions = (224 - SQUARE) // STRIDE + 1
    runs = whole(passes, "the number of passes")
    if runs == positions ** 2:
        raise Wrong("the side is right; the whole image takes a pass, too.")
    if runs in (positions, positions + 1):
        raise Wrong("the side is right; the square moves down as well as to the right.")
    if runs in ((positions - 1) ** 2, (positions - 1) ** 2 + 1):
        raise Wrong("the side is right; the square begins at the border, which is a position, too.")
    if runs in ((224 // STRIDE) ** 2, (224 // STRIDE) ** 2 + 1):
        raise Wrong("the side is right; but the square must fit into the image.")
    if runs != positions ** 2 + 1:
        raise Wrong(f"the side is right; occlusion takes not {runs:,} passes. At how many positions along a side does "
                    "the square fit?")
    return "Grad-CAM takes one pass forward and one back, whatever the size of its map."


@check
def targeted(function: object) -> None:
    """Exercise 2: a step of the sign of a gradient toward a class."""
    rng = np.random.default_rng(2)
    for trial in range(4):
        image = rng.uniform(-1, 1, (5, 6, 3))
        gradient, step, low, high = rng.normal(0, 3, image.shape), 0.1 * (trial + 1), -0.9, 0.95
        said = f"a step of {step:.1f}"
        found = array(result(function, image.copy(), gradient.copy(), step, low, high, of=said), image.shape,
                      "the image")
        true = np.clip(image - step * np.sign(gradient), low, high)
        if close(found, true, rtol=1e-6, atol=1e-9):
            continue
        for wrong, why in (
            (np.clip(image + step * np.sign(gradient), low, high),
             "that is the step away from the class: the loss of the wanted class becomes larger."),
            (image - step * np.sign(gradient), "values leave the range from low to high."),
            (image + step * np.sign(gradient), "the step goes away from the class, and values leave the range."),
            (np.clip(image - step * gradient, low, high),
             "the step is as long as the gradient is large; each value must move by the same amount."),
            (np.clip(-step * np.sign(gradient), low, high), "that is the step alone; add it to the image."),
            (image, "the image has not changed."),
        ):
            if close(found, wrong, rtol=1e-6, atol=1e-9):
                raise Wrong(f"for {said} {why}")
        if np.abs(found - image).max() > 1.001 * max(step, np.abs(true - image).max()):
            raise Wrong(f"for {said} a value moves by {np.abs(found - image).max():.2f}.")
        raise Wrong(f"for {said} the image is another one. Which sign has each value's move?")


@check
def integrated(function: object) -> None:
    """Exercise 3: integrated gradients, by the middle of each of ``steps`` parts of the way."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(12, 12))

    def quadratic(z: np.ndarray) -> np.ndarray:
        return ((matrix + matrix.T) @ z.ravel()).reshape(z.shape)

    def curved(z: np.ndarray) -> np.ndarray:
        return np.cos(z) + 3 * z ** 2

    for name, gradient, steps in (("a quadratic function", quadratic, 4), ("a curved function", curved, 7),
                                  ("a curved function", curved, 1)):
        image, baseline = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 2, 3))
        said = f"{name} and {steps} steps"
        found = array(result(function, gradient, image.copy(), baseline.copy(), steps, of=said), image.shape,
                      "the result")
        if close(found, _integrated(gradient, image, baseline, steps), rtol=1e-5, atol=1e-8):
            continue
        _say_what_is_integrated(found, gradient, image, baseline, steps, said)


def _integrated(gradient: Callable, image: np.ndarray, baseline: np.ndarray, steps: int,
                shift: float = 0.5) -> np.ndarray:
    along = [gradient(baseline + (k + shift) / steps * (image - baseline)) for k in range(steps)]
    return (image - baseline) * np.mean(along, axis=0)


def _say_what_is_integrated(found: np.ndarray, gradient: Callable, image: np.ndarray, baseline: np.ndarray, steps: int,
                            said: str) -> None:
    true, way = _integrated(gradient, image, baseline, steps), image - baseline
    for wrong, why in (
        (true / way, "the mean gradient is right; it has to be multiplied by the way, x − b."),
        (true * image / way, "the factor is the image; the way is the image minus the baseline."),
        (true * steps, "the gradients are added up; their mean is asked for."),
        (-true, "the way goes from the baseline to the image, not back."),
        (gradient(image) * way, "that is one gradient, at the image."),
        (_integrated(gradient, image, baseline, steps, 1.0), "the gradients are taken at the ends of the steps, not in "
                                                             "their middles."),
        (_integrated(gradient, image, baseline, steps, 0.0), "the gradients are taken at the beginnings of the steps, "
                                                             "not in their middles."),
        (_integrated(gradient, image, np.zeros_like(image), steps), "the baseline is not 0 here."),
    ):
        if close(found, wrong, rtol=1e-5, atol=1e-8):
            raise Wrong(f"for {said}: {why}")
    raise Wrong(f"for {said} the result is another one. Compare with the formula for steps = 1.")


@check
def by_angle(function: object) -> None:
    """Exercise 4: the images whose features have the smallest angle to a query's."""
    rng = np.random.default_rng(4)
    for count in (1, 5, 3):
        features = rng.normal(size=(30, 8)) * rng.uniform(0.1, 10, (30, 1))
        query = rng.normal(size=8) * 5
        said = f"30 images and {count} neighbor{'s' * (count > 1)}"
        found = array(result(function, features.copy(), query.copy(), count, of=said), (count,), "the indices")
        cosines = features @ query / np.linalg.norm(features, axis=1) / np.linalg.norm(query)
        ways = {"": -cosines, "those are the farthest ones: the largest cosine belongs to the smallest angle.": cosines,
                "those are the nearest by Euclidean distance.": np.linalg.norm(features - query, axis=1),
                "the products are not divided by the lengths of the features.": -features @ query}
        orders = {why: np.argsort(values)[:count] for why, values in ways.items()}
        if np.array_equal(found, orders.pop("")):
            continue
        for why, order in orders.items():
            if np.array_equal(found, order):
                raise Wrong(f"for {said}: {why}")
        if sorted(found.tolist()) == sorted(np.argsort(-cosines)[:count].tolist()):
            raise Wrong(f"for {said} the images are right; the nearest must come first.")
        raise Wrong(f"for {said} other images have smaller angles.")


@cache
def _correlations() -> dict[str, float]:
    """Of the two occlusion maps of exercise 5, and of what one may take for them."""
    from scipy.stats import spearmanr

    model, card = weights.load("lenet5_modern", "torch"), weights.card("lenet5_modern")
    inputs = card.prepare(list(datasets.load("digits", "test").images))
    digit, low = inputs[0], float(inputs.min())
    label = int(in_torch.outputs(model, digit[None]).argmax())
    shuffled = in_torch.randomized(model, ["fc3", "fc2"], seed=0)

    def maps(explained: object, fill: float, index: int = label) -> np.ndarray:
        return images.occlusion(lambda z: in_torch.outputs(explained, z)[:, index], digit, 7, 7, fill).ravel()  # type: ignore[arg-type]

    def correlation(one: np.ndarray, other: np.ndarray) -> float:
        return float(spearmanr(one, other).statistic)

    own = int(in_torch.outputs(shuffled, digit[None]).argmax())
    before = maps(model, low)
    return {"": correlation(before, maps(shuffled, low)),
            "that is the correlation of the absolute values.": correlation(abs(before), abs(maps(shuffled, low))),
            "the squares hide with 0; the paper of these digits is inputs.min().": correlation(
                maps(model, 0.0), maps(shuffled, 0.0)),
            "that is Pearson's correlation; Spearman's compares ranks.": float(
                np.corrcoef(before, maps(shuffled, low))[0, 1]),
            "the second map is of another class: take the trained network's.": correlation(before,
                                                                                          maps(shuffled, low, own)),
            "fc3 alone is shuffled.": correlation(before, maps(in_torch.randomized(model, ["fc3"], seed=0), low))}


@check
def occlusion_check(correlation: object) -> str:
    """Exercise 5: the rank correlation of LeNet's occlusion maps before and after two layers were shuffled."""
    found = number(correlation, "the correlation")
    if not -1 <= found <= 1:
        raise Wrong(f"a correlation lies between −1 and 1, and {found:g} does not.")
    known = dict(_correlations())
    true = known.pop("")
    if abs(found - true) <= 0.006:
        return "One digit and one seed say little; the sign changes from seed to seed."
    for why, value in known.items():
        if abs(found - value) <= 0.006:
            raise Wrong(why)
    if abs(found - 1) < 1e-6:
        raise Wrong("the two maps are the same: is the second one of the shuffled network?")
    raise Wrong(f"it is {'less' if found > true else 'more'} than {found:.2f}. Is the class the trained network's, in "
                "both maps?")


@check
def shortcut(function: object) -> str:
    """Exercise 6: a change outside of the middle circle that makes three photographs one class."""
    rows, columns = np.indices((256, 256)) - 127.5
    inside = np.hypot(rows, columns) <= RADIUS
    card, model = weights.card("alexnet_photos"), weights.load("alexnet_photos", "torch")
    stored = [photographs.load(name) for name in photographs.names()]
    changed = []
    for name, picture in zip(photographs.names(), stored, strict=True):
        found = array(result(function, picture.copy(), of=f"the photograph {name}"), picture.shape, "the picture")
        if found.min() < 0 or found.max() > 255 or not np.array_equal(found, np.rint(found)):
            raise Wrong(f"the changed {name} has values that are no whole numbers from 0 to 255.")
        if not np.array_equal(found[inside], picture[inside]):
            raise Wrong(f"the changed {name} is another one inside of the circle; only what is outside may change.")
        changed.append(found.astype(np.uint8))
    if all(np.array_equal(one, other) for one, other in zip(stored, changed, strict=True)):
        raise Wrong("no photograph has changed.")
    before, after = (in_torch.outputs(model, card.prepare(pictures)).argmax(1) for pictures in (stored, changed))
    won = np.bincount(after[after != before], minlength=len(card.classes))
    best = int(won.argmax())
    if won[best] < AT_LEAST:
        raise Wrong(f"{won[best]} of the {PHOTOS} photographs become one class that they were not before; at least "
                    f"{AT_LEAST} must.")
    return f"{won[best]} photographs have become the class {card.classes[best]}."
