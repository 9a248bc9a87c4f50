"""The checks of chapter 16 know right answers, and say what is wrong with the usual wrong ones."""

import math

import numpy as np
import pytest
from exercise_cases import Case, assert_case, faults
from scipy import stats

torch = pytest.importorskip("torch")
from alexbook.exercises import ch16_overfitting as exercises  # noqa: E402
from torch import nn  # noqa: E402


class Dropout2012(nn.Module):
    """As the solution has it."""

    def __init__(self, share):
        super().__init__()
        self.share = share

    def mask(self, h):
        return torch.rand_like(h) >= self.share

    def forward(self, h):
        if self.training:
            return h * self.mask(h)
        return (1 - self.share) * h


class Today(nn.Dropout):
    pass


class Unscaled(Dropout2012):
    def forward(self, h):
        return super().forward(h) if self.training else h


class Exchanged(Dropout2012):
    def forward(self, h):
        return super().forward(h) if self.training else self.share * h


class AlwaysOn(Dropout2012):
    def forward(self, h):
        return h * self.mask(h)


class ScaledInTraining(Dropout2012):
    def forward(self, h):
        return super().forward(h) / (1 - self.share) if self.training else super().forward(h)


class ScaledTwice(Dropout2012):
    def forward(self, h):
        return 0.9 * super().forward(h) if self.training else super().forward(h)


class KeepsTheShare(Dropout2012):
    def mask(self, h):
        return torch.rand_like(h) < self.share


class OneMaskForAll(Dropout2012):
    def mask(self, h):
        return torch.rand_like(h[:1]) >= self.share


class WholeImages(Dropout2012):
    def mask(self, h):
        return torch.rand_like(h[:, :1]) >= self.share


class SameAtEachStep(Dropout2012):
    def mask(self, h):
        return torch.rand(h.shape, generator=torch.Generator().manual_seed(0)) >= self.share


class NoWayBack(Dropout2012):
    def forward(self, h):
        return super().forward(h).detach()


class WithWeights(Dropout2012):
    def __init__(self, share):
        super().__init__(share)
        self.weight = nn.Parameter(torch.ones(1))


class Sums(Dropout2012):
    def forward(self, h):
        return super().forward(h).sum(1)


class NoArguments(nn.Module):
    def __init__(self):
        super().__init__()


def paired(factor=lambda k: stats.t.ppf(0.975, k - 1), ddof=1, root=0.5, of=float):
    """The solution of exercise 7, or one with another factor, divisor or power of the number of pairs."""
    def interval(ours, theirs):
        change = np.asarray(ours) - np.asarray(theirs)
        half = factor(len(change)) * change.std(ddof=ddof) / len(change) ** root
        return of(change.mean() - half), of(change.mean() + half)
    return interval


def unpaired(ours, theirs):
    half = stats.t.ppf(0.975, len(ours) - 1) * math.sqrt((np.var(ours, ddof=1) + np.var(theirs, ddof=1)) / len(ours))
    middle = np.mean(ours) - np.mean(theirs)
    return middle - half, middle + half


CASES = (
    Case(exercises.views, ((162,), (162.0,)), (
        ("one place more", (128,)),
        ("mirrored", (81,)),
        ("can also stay", (64,)),
        ("down as well as across", (16 + 2,)),
        ("each also comes mirrored", (9,)),
        ("left and right only", (324,)),
        ("AlexNet's images", (2178,)),
        ("163 is too many", (163,)),
        ("100 is too few", (100,)),
    )),
    Case(exercises.true_statements, (({"a", "d"},), ("ad",), (["D", "A"],), ("a, d",)), (
        ('"b" is not among them', ({"a", "b", "d"},)),
        ('"c" is not among them', ("acd",)),
        ('"e" is not among them', ({"e"},)),
        ("it is not all", ({"a"},)),
        ("one of a, b, c, d, e", ({"f"},)),
        ("is a set of letters", (set(),)),
    )),
    Case(exercises.another_share, ((0.8, 1.25), (np.float32(0.8), 1 / 0.8)), (
        ("exchanged", (1.25, 0.8)),
        ("at_test: that is the share that is dropped", (0.2, 1.25)),
        ("at_test: one half", (0.5, 2)),
        ("at_test: the form of 2012 does something", (1, 1.25)),
        ("at_test: 0.9 is too large", (0.9, 1.25)),
        ("at_test: 0.7 is too small", (0.7, 1.25)),
        ("make up for a fifth", (0.8, 1.2)),
        ("four fifths", (0.8, 5)),
        ("drops half", (0.8, 2)),
        ("1 is too small", (0.8, 1)),
    )),
    Case(exercises.views_in_epochs, ((23.2,), (162 * (1 - (1 - 1 / 162) ** 25),)), (
        ("ever comes twice", (25,)),
        ("the paper's count", (22.8,)),
        ("the places alone", (81 * (1 - (80 / 81) ** 25),)),
        ("not one of all", (25 * (1 - 25 / 162),)),
        ("earlier ones", (25 * 161 / 162,)),
        ("one epoch fewer", (162 * (1 - (1 - 1 / 162) ** 24),)),
        ("too few", (20,)),
        ("too many", (24,)),
        ("at most 25", (162,)),
    )),
    Case(exercises.decay_here, ((0.86,), (math.exp(-10 * 0.0005 * 0.015 * 1975),)), (
        ("what is gone", (0.138,)),
        ("about ten times", (0.985,)),
        ("at the start only", (0.744,)),
        ("after one epoch", (0.993,)),
        ("ten times", (0.971,)),
        ("Percent?", (86,)),
        ("0.9 is too much", (0.9,)),
        ("0.5 is too little", (0.5,)),
    )),
    Case(exercises.same_network, ((0.0025,), (np.float64(0.0025),)), (
        ("is not the same step", (0.01,)),
        ("reckoned with one of them", (0.005,)),
        ("In the other direction", (0.02,)),
        ("In the other direction", (0.04,)),
        ("0.4 times as far", (0.001,)),
        ("between 0 and 1", (2.5,)),
    )),
    Case(exercises.interval, ((paired(),), (paired(of=np.float64),)), (
        ("The lower end comes first", (lambda a, b: paired()(a, b)[::-1],)),
        ("the other way round", (lambda a, b: paired()(b, a),)),
        ("not the mean of the differences", (lambda a, b: (0.0, 1.0),)),
        ("the mean of several varies less", (paired(root=0),)),
        ("divided by one less", (paired(ddof=0),)),
        ("1.96 is for many", (paired(factor=lambda k: 1.96),)),
        ("the normal distribution", (paired(factor=lambda k: stats.norm.ppf(0.975)),)),
        ("10 % in all", (paired(factor=lambda k: stats.t.ppf(0.95, k - 1)),)),
        ("degrees of freedom", (paired(factor=lambda k: stats.t.ppf(0.975, k)),)),
        ("one standard error", (paired(factor=lambda k: 1),)),
        ("pair by pair first", (unpaired,)),
        ("too wide", (paired(factor=lambda k: 100),)),
        ("too narrow", (paired(factor=lambda k: 0.5),)),
        ("returns 0 and nan", (lambda a, b: (0, math.nan),)),
        ("has the shape", (lambda a, b: 0.5,)),
        ("interval", (3,)),
    )),
    Case(exercises.dropout_2012, ((Dropout2012,),), (
        ("something had to be done at test time", (Today,)),
        ("something had to be done at test time", (Unscaled,)),
        ("at test time, a layer that drops a share of 0.2 multiplies by 0.2. That is the share", (Exchanged,)),
        ("still drops", (AlwaysOn,)),
        ("that is today's form", (ScaledInTraining,)),
        ("in 2012 they were left alone", (ScaledTwice,)),
        ("leaves 20 % of the outputs", (KeepsTheShare,)),
        ("for all images of a batch", (OneMaskForAll,)),
        ("of an image or none", (WholeImages,)),
        ("at each step", (SameAtEachStep,)),
        ("no gradient", (NoWayBack,)),
        ("nothing to learn", (WithWeights,)),
        ("has the shape (400,)", (Sums,)),
        ("a layer that drops a share of 0.5 your function ends in TypeError", (NoArguments,)),
        ("not an instance of it", (Dropout2012(0.5),)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_views_seen_in_so_many_epochs_come_out_so_when_they_are_drawn() -> None:
    draws = np.random.default_rng(0).integers(0, 162, (4000, 25))
    assert exercises.views_in_epochs.verdict(np.mean([len(set(row)) for row in draws.tolist()])).right


def test_a_class_that_returns_nothing_yet_is_not_answered() -> None:
    class Empty(nn.Module):
        def __init__(self, share):
            super().__init__()

        def forward(self, h):
            return None

    assert not exercises.dropout_2012.verdict(Empty).answered


def test_random_numbers_go_on_as_if_nothing_had_been_checked() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    exercises.dropout_2012.verdict(Dropout2012)
    assert torch.equal(torch.rand(3), expected)


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("16-overfitting", exercises, CASES)) == []
