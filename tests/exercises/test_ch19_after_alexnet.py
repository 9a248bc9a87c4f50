"""The checks of chapter 19."""

import numpy as np
import pytest
from alexbook.exercises import ch19_after_alexnet as exercises
from exercise_cases import Case, assert_case, faults


def suspicious(images, labels, neighbors=5):
    """The chapter's solution: the most similar other images vote."""
    flat = images.reshape(len(images), -1).astype(float)
    squares = (flat ** 2).sum(1)
    distance = squares[:, None] + squares - 2 * flat @ flat.T
    np.fill_diagonal(distance, np.inf)
    nearest = labels[np.argsort(distance, axis=1)[:, :neighbors]]
    votes = [np.bincount(row, minlength=10).argmax() for row in nearest]
    return np.flatnonzero(np.array(votes) != labels)


def planted(images, labels):
    """What no reader can know."""
    return exercises._planted(19)[2]


CASES = (
    Case(exercises.gradient, ((1e-10, 2.6), (0.1 ** 10, 1.1 ** 10)), (
        ("exchanged", (2.59, 1e-10)),
        ("without shortcuts: the slopes of a chain are multiplied", (1.0, 2.59)),
        ("without shortcuts: that is one block", (0.1, 2.59)),
        ("with them: that counts the way by all shortcuts and", (1e-10, 2.0)),
        ("with them: that is one block", (1e-10, 1.1)),
        ("with them: that is the way by all shortcuts alone", (1e-10, 1.0)),
        ("without shortcuts, 1e-05 is too large", (1e-5, 2.59)),
        ("with them, 3.5 is too large", (1e-10, 3.5)),
    )),
    Case(exercises.bottleneck, ((69_632, 1_179_648),), (
        ("leave the biases out", (69_632 + 384, 1_179_648)),
        ("leave batch normalization out", (69_632 + 768, 1_179_648)),
        ("one of the two 1 × 1", (53_248, 1_179_648)),
        ("the 1 × 1 convolutions have weights", (36_864, 1_179_648)),
        ("on the narrow channels", (32_768 + 589_824, 1_179_648)),
        ("only the middle", (9 * (32_768 + 4_096), 1_179_648)),
        ("the bottleneck: a kernel of 3 × 3 has nine", (32_768 + 3 * 4_096, 1_179_648)),
        ("the bottleneck: 70,000 is too many", (70_000, 1_179_648)),
        ("there are two", (69_632, 589_824)),
        ("two of 3 × 3: leave the biases", (69_632, 1_179_648 + 512)),
        ("they keep 256", (69_632, 73_728)),
        ("two of 3 × 3: a kernel of 3 × 3 has nine", (69_632, 131_072)),
        ("two of 3 × 3: 1,000,000 is too few", (69_632, 1_000_000)),
    )),
    Case(exercises.divided, ((17_002_752, 8.8), (17_002_752, 149_520_384 / 17_002_752)), (
        ("the whole convolution", (149_520_384, 8.8)),
        ("the 1 × 1 convolution is missing", (389_376, 8.8)),
        ("the depthwise convolution is missing", (16_613_376, 8.8)),
        ("for one position", (100_608, 8.8)),
        ("comes first", (169 * 9 * 384 + 16_613_376, 8.8)),
        ("a MAC is both", (2 * 17_002_752, 8.8)),
        ("20,000,000 MACs are too many", (20_000_000, 8.8)),
        ("the other way round", (17_002_752, 0.1137)),
        ("they are not 9 times fewer", (17_002_752, 9)),
    )),
    Case(exercises.budget, ((107.1, 4), (107.1, 4.0)), (
        ("in watt hours", (107_100, 4)),
        ("that is one training", (3.57, 4)),
        ("that is one condition", (17.85, 4)),
        ("that is one seed", (21.42, 4)),
        ("in megajoules", (385.56, 4)),
        ("200 kWh are too many", (200, 4)),
        ("so many trainings fit", (107.1, 28)),
        ("which is more than 100", (107.1, 5)),
        ("one more seed still fits", (107.1, 3)),
    )),
    Case(exercises.audit, ((suspicious,), (planted,)), (
        ("among them 0 of the 18", (lambda images, labels: np.arange(0),)),
        ("names 1797 labels", (lambda images, labels: np.arange(len(labels)),)),
        ("yes or no for each image", (lambda images, labels: np.zeros(len(labels)),)),
        ("indices are whole numbers", (lambda images, labels: np.array([0.5, 2]),)),
        ("indices are whole numbers", (lambda images, labels: np.array([-1]),)),
        ("a row of indices", (lambda images, labels: np.zeros((2, 2)),)),
        ("your function ends in ValueError", (lambda images, labels: images.reshape(3, -1, 7),)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


@pytest.mark.parametrize("seed", range(5))
def test_other_planted_labels_are_found_as_well(seed: int) -> None:
    """The bounds leave room: the solution passes with other places and labels, too."""
    images, labels, wrong = exercises._planted(seed)
    named = suspicious(images, labels)
    assert len(set(named) & set(wrong)) >= exercises.FOUND and len(named) <= exercises.NAMED


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("19-after-alexnet", exercises, CASES)) == []
