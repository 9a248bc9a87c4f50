"""The checks of chapter 14 know right answers, and say what is wrong with the usual wrong ones."""

from dataclasses import replace

import numpy as np
import pytest
from alexbook import datasets, weights
from alexbook.exercises import ch14_your_own_photographs as exercises
from exercise_cases import Case, assert_case, faults
from repository import ROOT


def held_out(groups, share):
    """As the solution has it."""
    held = np.zeros(len(groups), bool)
    for group in np.random.default_rng(0).permutation(np.unique(groups)):
        if held.sum() < share * len(groups):
            held |= groups == group
    return held


def held_out_in_order(groups, share):
    """Another way: the groups as they are numbered, up to the first that makes it enough."""
    numbers, counts = np.unique(groups, return_counts=True)
    enough = np.searchsorted(np.cumsum(counts), share * len(groups)) + 1
    return np.isin(groups, numbers[:enough])


def by_file(groups, share):
    held = np.zeros(len(groups), bool)
    held[np.random.default_rng(0).permutation(len(groups))[:int(np.ceil(share * len(groups)))]] = True
    return held


def quantize(weights):
    """As the solution has it."""
    flat = weights.reshape(len(weights), -1)
    scales = np.abs(flat).max(axis=1) / 127
    scales[scales == 0] = 1
    numbers = np.rint(flat / scales[:, None]).astype(np.int8)
    return numbers.reshape(weights.shape), scales.astype(np.float32)


def quantized(largest=127, rounding=np.rint, one_scale=False, safe=True, kind=np.int8):
    """The solution with one mistake."""
    def function(weights):
        flat = weights.reshape(len(weights), -1)
        scales = np.abs(flat).max(axis=1) / largest
        if one_scale:
            scales[:] = scales.max()
        if safe:
            scales[scales == 0] = 1
        with np.errstate(invalid="ignore"):
            numbers = rounding(flat / scales[:, None]).clip(-128, 127).astype(kind)
        return numbers.reshape(weights.shape), scales.astype(np.float32)
    return function


def prune(values, share):
    """As the solution has it."""
    sizes = np.concatenate([np.abs(value).ravel() for value in values])
    order = np.argsort(sizes, kind="stable")
    keep = np.ones(len(sizes), bool)
    keep[order[:round(share * len(sizes))]] = False
    parts = np.split(keep, np.cumsum([value.size for value in values])[:-1])
    return [value * part.reshape(value.shape) for value, part in zip(values, parts, strict=True)]


def prune_by_threshold(values, share):
    """Another way: everything below the quantile of the absolute values."""
    sizes = np.sort(np.concatenate([np.abs(value).ravel() for value in values]))
    count = round(share * len(sizes))
    limit = sizes[count] if count < len(sizes) else np.inf
    return [np.where(np.abs(value) < limit, 0, value) for value in values]


def prune_each(values, share):
    return [prune([value], share)[0] for value in values]


def prune_signed(values, share):
    sizes = np.sort(np.concatenate([value.ravel() for value in values]))
    limit = sizes[min(round(share * len(sizes)), len(sizes) - 1)]
    return [np.where(value < limit, 0, value) for value in values]


def prune_largest(values, share):
    return [value * (other == 0) for value, other in zip(values, prune(values, 1 - share), strict=True)]


def prune_in_place(values, share):
    for value, other in zip(values, prune(values, share), strict=True):
        value[...] = other
    return values


digits = datasets.load("digits")
TRAIN, TEST = digits.take(range(100)), digits.take(range(100, 160))
SMALL = digits.take(range(100, 110))

CASES = (
    Case(exercises.detective, (("no mean", "right", "divided by 255", "BGR"),
                               ("No mean", "Right", "divided by 255", "bgr")), (
        ("in B a mean was subtracted", ("no mean", "BGR", "divided by 255", "right")),
        ("A has no value below 0", ("right", "right", "divided by 255", "BGR")),
        ("and A has 3.35", ("divided by 255", "right", "divided by 255", "BGR")),
        ("C goes from 0.00 to 1.00", ("no mean", "right", "no mean", "BGR")),
        ("B goes from -1.77", ("no mean", "no mean", "divided by 255", "BGR")),
        ("is one of right, BGR", ("no mean", "right", "divided by 255", "squeezed")),
    )),
    Case(exercises.which_way, (("linear", "fine-tune", "scratch", "linear"),
                               ("Linear", "fine-tune", "SCRATCH", "linear")), (
        ("96 photographs", ("scratch", "fine-tune", "scratch", "linear")),
        ("96 photographs", ("fine-tune", "fine-tune", "scratch", "linear")),
        ("dogs are among the things", ("linear", "scratch", "scratch", "linear")),
        ("12,000 photographs", ("linear", "linear", "scratch", "linear")),
        ("unlike photographs", ("linear", "fine-tune", "linear", "linear")),
        ("what speaks against the other way", ("linear", "fine-tune", "fine-tune", "linear")),
        ("40 photographs of cups", ("linear", "fine-tune", "scratch", "fine-tune")),
    )),
    Case(exercises.divide, ((held_out,), (held_out_in_order,)), (
        ("a group is on both sides", (by_file,)),
        ("0 files are held out", (lambda groups, share: np.zeros(len(groups), bool),)),
        ("it would still be enough", (lambda groups, share: np.ones(len(groups), bool),)),
        ("True or False for each file", (lambda groups, share: np.flatnonzero(held_out(groups, share)),)),
        ("ends in TypeError", (lambda groups: groups,)),
    )),
    Case(exercises.int8, ((quantize,), (quantized(),)), (
        ("all of the range", (quantized(largest=100),)),
        ("comes back wrong", (quantized(rounding=np.trunc),)),
        ("half a scale is allowed" , (lambda weights: (quantize(weights)[0], 2 * quantize(weights)[1]),)),
        ("all of the range", (quantized(one_scale=True),)),
        ("a channel of zeros", (quantized(safe=False),)),
        ("int8 is asked for", (quantized(kind=np.float32),)),
        ("there is a number -128", (quantized(largest=128),)),
        ("the numbers and the scales", (lambda weights: quantize(weights)[0],)),
        ("ends in TypeError", (lambda: 0,)),
    )),
    Case(exercises.prune, ((prune,), (prune_by_threshold,)), (
        ("not of each", (prune_each,)),
        ("near to 0", (prune_signed,)),
        ("changes the arrays", (prune_in_place,)),
        ("is gone, and one of", (prune_largest,)),
        ("are asked for", (lambda values, share: [value.copy() for value in values],)),
        ("have changed", (lambda values, share: [2 * value for value in values],)),
        ("a list of three arrays", (lambda values, share: prune(values, share)[:2],)),
    )),
    Case(exercises.own_classifier, ((TRAIN, TEST, TEST.labels), (TRAIN, TEST, TEST.labels.tolist())), (
        ("chance decides", (TRAIN, SMALL, SMALL.labels)),
        ("are among the training images", (TRAIN.join(TEST), TEST, TEST.labels)),
        ("always the most frequent class", (TRAIN, TEST, 0 * TEST.labels)),
        ("numbered 0 to 9", (TRAIN, TEST, TEST.labels + 5)),
        ("has the shape (59,)", (TRAIN, TEST, TEST.labels[1:])),
        ("train is what datasets.load gives", (TRAIN.arrays(), TEST, TEST.labels)),
        ("train has the classes", (replace(TRAIN, class_names=tuple("abcdefghij")), TEST, TEST.labels)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("14-your-own-photographs", exercises, CASES)) == []


def test_the_detective_s_photographs_are_prepared_as_the_card_says() -> None:
    card = weights.card("alexnet_photos")
    assert np.allclose(exercises.MEAN, card.mean, atol=0.01) and np.allclose(exercises.STD, card.std, atol=0.01)
    with pytest.raises(ValueError, match="There is no way"):
        exercises.prepared("upside down")


def test_the_chapter_shows_the_detective_s_table() -> None:
    text = (ROOT / "chapters" / "14-your-own-photographs.ipynb").read_text(encoding="utf-8").replace("\u2212", "-")
    for letter, row in zip("ABCD", exercises.table(), strict=True):
        assert f"| {letter} | " + " | ".join(f"{value:.2f}" for value in row) + " |" in text


def test_quantizing_by_hand_is_what_a_file_of_8_bits_holds() -> None:
    """The exercise's solution against the values that the package stores in 8 bits."""
    from alexbook.weights import _files
    values = np.random.default_rng(0).normal(size=(7, 3, 2, 2)).astype(np.float32)
    packed, (numbers, scales) = _files.pack({"a": values}, 8), quantize(values)
    assert np.array_equal(packed["a"], numbers) and np.allclose(packed["a.scale"], scales)


def test_most_of_lenet_s_weights_can_be_pruned() -> None:
    """Exercise 5's second half: half of the weights are gone, and few digits change sides."""
    found = weights.read("lenet5_modern")
    digits = datasets.load("digits")
    model = weights.load("lenet5_modern")
    import torch
    x = torch.from_numpy(found.card.prepare(list(digits.images)).transpose(0, 3, 1, 2).copy())
    with torch.inference_mode():
        before = (model(x).argmax(1).numpy() == digits.labels).mean()
        pruned = prune([value.numpy() for value in model.state_dict().values()], 0.5)
        model.load_state_dict(dict(zip(model.state_dict(), map(torch.from_numpy, pruned), strict=True)))
        after = (model(x).argmax(1).numpy() == digits.labels).mean()
    assert sum((value == 0).sum() for value in pruned) >= 0.49 * sum(value.size for value in pruned)
    assert after > before - 0.03
