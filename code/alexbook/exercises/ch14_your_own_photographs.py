"""The checks of chapter 14, "Your own photographs"."""


from functools import cache
from typing import Any

import numpy as np

from alexbook.checking import Wrong, array, callable_, check, given, number, result, shown, whole, word
from alexbook.datasets import Dataset, image_files, photographs

MEAN = np.array([137.71, 132.63, 125.73], np.float32)  # of alexnet_photos, as its card says
STD = np.array([77.74, 76.10, 79.47], np.float32)
WAYS = ("right", "BGR", "no mean", "divided by 255")
TRUE = ("no mean", "right", "divided by 255", "BGR")  # of A to D
CASES = ("mushrooms", "dogs", "radar", "cups")
CHOICES = ("linear", "fine-tune", "scratch")


def prepared(way: str) -> np.ndarray:
    """The eleven shipped photographs, prepared in one of four ways; float32, ``(11, 224, 224, 3)``."""
    pixels = np.stack([image_files.fit(photographs.load(name, None), 224) for name in photographs.names()])
    values = pixels.astype(np.float32)
    match way:
        case "right":
            return (values - MEAN) / STD
        case "BGR":
            return (values[..., ::-1] - MEAN) / STD
        case "no mean":
            return values / STD
        case "divided by 255":
            return values / 255
    raise ValueError(f"There is no way {way!r}; there are {', '.join(WAYS)}.")


@cache
def table() -> tuple[tuple[float, ...], ...]:
    """For A to D, as the chapter shows it: the smallest value, the largest, and the mean of each channel."""
    rows = []
    for way in TRUE:
        values = prepared(way)
        rows.append((float(values.min()), float(values.max()), *values.mean((0, 1, 2), dtype=np.float64).tolist()))
    return tuple(rows)


@check
def detective(a: object, b: object, c: object, d: object) -> None:
    """Exercise 1: what each of four programs did, from the statistics of what came out."""
    found = [word(value, WAYS, letter) for value, letter in zip((a, b, c, d), "ABCD", strict=True)]
    for said, true, letter, row in zip(found, TRUE, "ABCD", table(), strict=True):
        if said == true.casefold():
            continue
        if said == "divided by 255":
            raise Wrong(f"divided by 255, the largest value would be 1, and {letter} has {row[1]:.2f}.")
        if said == "no mean":
            raise Wrong(f"without a mean subtracted nothing is below 0 and the largest value is above 3; {letter} goes "
                        f"from {row[0]:.2f} to {row[1]:.2f}.")
        if min(row) >= 0:
            raise Wrong(f"{letter} has no value below 0, so no mean was subtracted.")
        raise Wrong(f"in {letter} a mean was subtracted; look at which channel has the largest mean, and at which of "
                    "them was red.")


@check
def which_way(mushrooms: object, dogs: object, radar: object, cups: object) -> None:
    """Exercise 2: features, fine-tuning or training from scratch, for four cases."""
    given_ = (mushrooms, dogs, radar, cups)
    found = {case: word(value, CHOICES, case) for case, value in zip(CASES, given_, strict=True)}
    if found["mushrooms"] != "linear":
        raise Wrong("96 photographs of mushrooms are to train how many weights? Leave as many as you can as they are.")
    if found["dogs"] == "scratch":
        raise Wrong("dogs are among the things that ImageNet's networks have learned already.")
    if found["dogs"] == "linear":
        raise Wrong("for the dogs there are 12,000 photographs and a GPU: more than the last layer can learn.")
    if found["radar"] == "linear":
        raise Wrong("the radar's images are unlike photographs: what would features of photographs say of them?")
    if found["radar"] == "fine-tune":
        raise Wrong("fine-tuning is worth a comparison; but what speaks against the other way, with as many images, as "
                    "much time, and channels that are no colors?")
    if found["cups"] != "linear":
        raise Wrong("40 photographs of cups, all from one afternoon: what would more trained weights learn from them?")


@check
def divide(function: object) -> str:
    """Exercise 3: files held out by groups."""
    rng = np.random.default_rng(14)
    for _ in range(12):
        count = int(rng.integers(4, 40))
        groups = np.repeat(rng.permutation(1000)[:count], rng.integers(1, 7, count))
        rng.shuffle(groups)
        share = float(rng.choice([0.1, 0.2, 0.25, 0.5]))
        of = f"{len(groups)} files of {count} groups and a share of {share:g}"
        _divided(result(function, groups, share, of=of), groups, share, of)
    return "No group is on both sides."


def _divided(found: Any, groups: np.ndarray, share: float, of: str) -> None:
    """Raises Wrong where the files held out are not whole groups, too few or too many."""
    try:
        held = np.asarray(found)
    except Exception:
        raise Wrong(f"for {of} your function gives {shown(found)}, and no array.") from None
    if held.dtype != bool or held.shape != groups.shape:
        raise Wrong(f"for {of} your function gives {shown(held.dtype)} {held.shape}; True or False for each file is "
                    "asked for.")
    if both := set(groups[held].tolist()) & set(groups[~held].tolist()):
        raise Wrong(f"for {of} a group is on both sides: {min(both)}, and {len(both) - 1} more.")
    if held.sum() < share * len(groups):
        raise Wrong(f"for {of} {held.sum()} files are held out; {share * len(groups):g} are asked for at least.")
    largest = max(int((groups == each).sum()) for each in np.unique(groups[held]))
    if held.sum() - largest >= share * len(groups):
        raise Wrong(f"for {of} {held.sum()} files are held out; without one of the groups it would still be enough.")


@check
def int8(function: object) -> str:
    """Exercise 4: whole numbers and a scale for each output channel, on random weights."""
    rng = np.random.default_rng(8)
    for shape in ((4, 3, 5, 5), (10, 16), (2, 1, 1, 1), (6, 2, 3, 3)):
        spread = rng.uniform(0.01, 1, (shape[0], *[1] * (len(shape) - 1)))
        weights = (spread * rng.normal(0, 1, shape)).astype(np.float32)
        of = f"weights of the shape {shape}"
        if shape == (6, 2, 3, 3):
            weights[2] = 0
            of += " with a channel of zeros"
        pair = result(function, weights, of=of)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise Wrong(f"for {of} your function gives {shown(pair)}; the numbers and the scales are asked for.")
        _rounded(given(pair[0]), given(pair[1]), weights, of)
    return "Each weight comes back to within half a scale."


def _rounded(numbers: Any, scales: Any, weights: np.ndarray, of: str) -> None:
    """Raises Wrong where numbers and scales are not those of the weights."""
    scale = array(scales, (len(weights),), f"for {of} the scales")
    found = array(numbers, weights.shape, f"for {of} the whole numbers")
    if getattr(numbers, "dtype", None) != np.int8:
        kind = getattr(numbers, "dtype", type(numbers).__name__)
        raise Wrong(f"for {of} the numbers are {shown(kind)}; int8 is asked for.")
    if not np.isfinite(scale).all() or not (scale > 0).all():
        raise Wrong(f"for {of} a scale is not a number above 0. What is the largest weight of a channel of zeros?")
    if found.min() < -127:
        raise Wrong(f"for {of} there is a number {found.min():g}; the range is -127 to 127.")
    gap = np.abs(found * scale.reshape(-1, *[1] * (weights.ndim - 1)) - weights).reshape(len(weights), -1).max(1)
    channel = int((gap / scale).argmax())
    if gap[channel] > 0.501 * scale[channel]:
        raise Wrong(f"for {of} a weight of channel {channel} comes back wrong by {gap[channel] / scale[channel]:.2g} "
                    "of its scale; half a scale is allowed. Is it rounded, and does each channel have its own scale?")
    largest = np.abs(found).reshape(len(found), -1).max(1)
    if (largest[weights.reshape(len(weights), -1).any(1)] < 127).any():
        raise Wrong(f"for {of} a channel's largest number is {largest.min():g}; all of the range is to be used.")


@check
def prune(function: object) -> str:
    """Exercise 5: the smallest of all weights together become 0."""
    rng = np.random.default_rng(5)
    for share in (0.0, 0.3, 0.5, 0.9):
        values = [rng.normal(0, spread, shape).astype(np.float32)
                  for spread, shape in ((1.0, (6, 1, 5, 5)), (0.1, (40, 30)), (0.3, (7,)))]
        of = f"three arrays and a share of {share:g}"
        kept = [value.copy() for value in values]
        found = given(callable_(function)(values, share))
        if any(not np.array_equal(one, other) for one, other in zip(values, kept, strict=True)):
            raise Wrong(f"for {of} your function changes the arrays that it was given; return new ones.")
        if not isinstance(found, (list, tuple)) or len(found) != len(values):
            kind = shown(type(found).__name__)
            raise Wrong(f"for {of} your function gives {kind}; a list of three arrays is asked for.")
        arrays = [array(one, value.shape, f"for {of} an array") for one, value in zip(found, values, strict=True)]
        _pruned(arrays, values, share, of)
    return "The smallest of all are gone."


def _pruned(found: list[np.ndarray], values: list[np.ndarray], share: float, of: str) -> None:
    """Raises Wrong where other weights are 0 than the smallest of all together."""
    count = round(share * sum(value.size for value in values))
    zeros = [int((one == 0).sum()) for one in found]
    for one, value in zip(found, values, strict=True):
        if not np.array_equal(one[one != 0], value.astype(np.float64)[one != 0]):
            raise Wrong(f"for {of} weights that are left have changed.")
    if abs(sum(zeros) - count) > 1:
        raise Wrong(f"for {of} {sum(zeros)} of {sum(value.size for value in values)} weights are 0; {count} are asked "
                    "for.")
    gone = [np.abs(value[one == 0]).max(initial=0) for one, value in zip(found, values, strict=True)]
    left = [np.abs(value[one != 0]).min(initial=np.inf) for one, value in zip(found, values, strict=True)]
    if max(gone) <= min(left):
        return
    said = f"for {of} a weight of {max(gone):.2g} is gone, and one of {min(left):.2g} is left."
    if all(abs(zero - share * value.size) <= 1 for zero, value in zip(zeros, values, strict=True)):
        raise Wrong(f"{said} The share is meant of all arrays together, not of each.")
    if all(value[one == 0].max(initial=-np.inf) <= value[one != 0].min(initial=np.inf)
           for one, value in zip(found, values, strict=True)):
        raise Wrong(f"{said} The smallest are those near to 0, on either side of it.")
    raise Wrong(said)


@check
def own_classifier(train: object, test: object, predicted: object) -> str:
    """Exercise 6: the reader's photographs, divided, and predictions better than guessing."""
    for name, part in (("train", train), ("test", test)):
        if not isinstance(part, Dataset):
            raise Wrong(f"{name} is what datasets.load gives, and {shown(part)} is not.")
    assert isinstance(train, Dataset) and isinstance(test, Dataset)
    if train.class_names != test.class_names:
        raise Wrong(f"train has the classes {', '.join(train.class_names)}, and test {', '.join(test.class_names)}.")
    if len(test) < 20:
        raise Wrong(f"with {len(test)} test images chance decides; take at least 20.")
    known, new = ({part[index][0].tobytes() for index in range(len(part))} for part in (train, test))
    same = known & new
    if same:
        raise Wrong(f"{len(same)} of the test images are among the training images, too.")
    answers = array(predicted, (len(test),), "the predictions")
    wrong = [value for value in answers.tolist() if not 0 <= whole(value, "a prediction") < len(test.class_names)]
    if wrong:
        raise Wrong(f"a prediction is {wrong[0]:g}; the classes are numbered 0 to {len(test.class_names) - 1}.")
    accuracy = float((answers == test.labels).mean())
    guessing = float(np.bincount(test.labels).max() / len(test))
    error = np.sqrt(guessing * (1 - guessing) / len(test))
    if number(accuracy) <= guessing + 2 * error:
        raise Wrong(f"{accuracy:.0%} are right; always the most frequent class would be right for {guessing:.0%}, and "
                    f"with luck for {guessing + 2 * error:.0%}.")
    return f"{accuracy:.0%} right, against {guessing:.0%} by guessing."


