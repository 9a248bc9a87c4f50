"""The checks of chapter 17 know right answers, and say what is wrong with the usual wrong ones."""

import numpy as np
import pytest
from exercise_cases import Case, assert_case, faults

torch = pytest.importorskip("torch")
from alexbook.exercises import ch17_normalization_and_pooling as exercises  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


def fold(weight, mean, variance, factor, shift):
    """As the solution has it."""
    s = factor / np.sqrt(variance + 1e-5)
    return weight * s[:, None, None, None], shift - s * mean


def folded(scale=None, bias=None):
    """The solution with another factor or another bias."""
    def other(weight, mean, variance, factor, shift):
        s = factor / np.sqrt(variance + 1e-5)
        by = scale(variance, factor) if scale else s
        return weight * by[:, None, None, None], bias(s, mean, shift) if bias else shift - s * mean

    return other


def on_the_wrong_axis(weight, mean, variance, factor, shift):
    s = factor / np.sqrt(variance + 1e-5)
    return weight * np.resize(s, weight.shape[1])[None, :, None, None], shift - s * mean


class Normalize(nn.Module):
    """As the solution has it; the classes below it change one thing each."""

    over = (0, 2, 3)
    correction, running_correction, momentum, epsilon = 0, 1, 0.1, 1e-5

    def __init__(self, maps):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(maps))
        self.shift = nn.Parameter(torch.zeros(maps))
        self.register_buffer("mean", torch.zeros(maps))
        self.register_buffer("variance", torch.ones(maps))

    def of_batch(self, x):
        return x.mean(self.over, keepdim=True), x.var(self.over, correction=self.correction, keepdim=True)

    def kept(self):
        return self.mean[:, None, None], self.variance[:, None, None]

    def moved(self, x):
        with torch.no_grad():
            self.mean.lerp_(x.mean((0, 2, 3)), self.momentum)
            self.variance.lerp_(x.var((0, 2, 3), correction=self.running_correction), self.momentum)

    def deviation(self, variance):
        return torch.sqrt(variance + self.epsilon)

    def forward(self, x):
        mean, variance = self.of_batch(x) if self.training else self.kept()
        if self.training:
            self.moved(x)
        return self.factor[:, None, None] * (x - mean) / self.deviation(variance) + self.shift[:, None, None]


def variant(name, **changed):
    return type(name, (Normalize,), changed)


class Chosen(Normalize):
    """Written as the solution is, buffer by buffer."""

    def forward(self, x):
        mean, variance = self.mean, self.variance
        if self.training:
            mean = x.mean((0, 2, 3))
            variance = x.var((0, 2, 3), correction=0)
            with torch.no_grad():
                self.mean.lerp_(mean, 0.1)
                self.variance.lerp_(x.var((0, 2, 3), correction=1), 0.1)
        mean, variance, factor, shift = (v[:, None, None] for v in (mean, variance, self.factor, self.shift))
        return factor * (x - mean) / torch.sqrt(variance + 1e-5) + shift


class PlainAverages(Normalize):
    def __init__(self, maps):
        super().__init__(maps)
        mean, variance = self.mean, self.variance
        del self.mean, self.variance
        self.mean, self.variance = mean, variance


class NothingLearned(Normalize):
    def __init__(self, maps):
        super().__init__(maps)
        del self.factor, self.shift
        self.factor, self.shift = torch.ones(maps), torch.zeros(maps)


class Detached(Normalize):
    def of_batch(self, x):
        return super().of_batch(x.detach())


class BatchInUse(Normalize):
    def forward(self, x):
        mean, variance = self.of_batch(x)
        if self.training:
            self.moved(x)
        return self.factor[:, None, None] * (x - mean) / self.deviation(variance) + self.shift[:, None, None]


class MovesInUse(Normalize):
    def forward(self, x):
        found = super().forward(x)
        if not self.training:
            self.moved(x)
        return found


class RunningInTraining(Normalize):
    def of_batch(self, x):
        return super().of_batch(x) if not self.mean.any() else self.kept()


class NoShift(Normalize):
    def forward(self, x):
        return super().forward(x) - self.shift[:, None, None]


class NotCentered(Normalize):
    def of_batch(self, x):
        mean, variance = super().of_batch(x)
        return torch.zeros_like(mean), variance


class Swapped(Normalize):
    def kept(self):
        return self.mean[:, None, None], self.variance[:, None, None] ** 2


WITH_N = variant("WithN", running_correction=0)
CASES = (
    Case(exercises.at_the_edge, ((27.63,), (200 / 14 ** 0.75,)), (
        ("a map in the middle", (200 / 22 ** 0.75,)),
        ("four terms", (200 / 18 ** 0.75,)),
        ("the map itself", (200 / 10 ** 0.75,)),
        ("the map alone", (200 / 6 ** 0.75,)),
        ("the formula that ran", (200 / 4.4 ** 0.75,)),
        ("to the power", (200 / 14,)),
        ("k is missing", (200 / 12 ** 0.75,)),
        ("the paper's k", (200 / 13 ** 0.75,)),
        ("is divided by", (14 ** 0.75,)),
        ("are squared", (200 / (2 + 1e-4 * 600) ** 0.75,)),
        ("then added", (200 / (2 + 1e-4 * 600 ** 2) ** 0.75,)),
        ("30 is too large", (30,)),
        ("5 is too small", (5,)),
    )),
    Case(exercises.lrn_today, ((0.072,), (2e-5 * 3600,)), (
        ("the same alpha", (2e-5,)),
        ("the sum is of squares", (2e-5 * 60,)),
        ("in the other direction", (2e-5 / 3600,)),
        ("in the other direction", (2e-5 / 60,)),
        ("for a library that divides", (0.36,)),
        ("the same everywhere", (0.08,)),
        ("between 0 and 2", (7.2,)),
    )),
    Case(exercises.shift_both, ((4 / 14, 1 / 7), (0.286, 0.143)), (
        ("exchanged", (1 / 7, 4 / 14)),
        ("3 x 3: that is for a shift to the right only", (0.5, 1 / 7)),
        ("2 x 2: that is for a shift to the right only", (4 / 14, 1 / 3)),
        ("3 x 3: that is the part of one window's", (4 / 9, 1 / 4)),
        ("3 x 3: the two shifts are not independent", (1 / 4, 1 / 9)),
        ("counted twice", (4 / 18, 1 / 8)),
        ("that changes", (10 / 14, 6 / 7)),
        ("3 x 3: a share lies", (28.6, 14.3)),
        ("2 x 2: 0.2 is too large", (4 / 14, 0.2)),
    )),
    Case(exercises.fold, ((fold,), (lambda *arguments: list(fold(*arguments)),)), (
        ("is still the old one", (folded(scale=lambda v, f: np.ones_like(f)),)),
        ("is not divided", (folded(scale=lambda v, f: f),)),
        ("lacks the factor", (folded(scale=lambda v, f: 1 / np.sqrt(v + 1e-5)),)),
        ("and not by its root", (folded(scale=lambda v, f: f / (v + 1e-5)),)),
        ("epsilon is missing", (folded(scale=lambda v, f: f / np.sqrt(v)),)),
        ("under the root", (folded(scale=lambda v, f: f / (np.sqrt(v) + 1e-5)),)),
        ("is multiplied", (folded(scale=lambda v, f: f * np.sqrt(v + 1e-5)),)),
        ("which axis of weight", (on_the_wrong_axis,)),
        ("the bias lacks what the mean", (folded(bias=lambda s, m, f: f),)),
        ("the bias lacks the shift", (folded(bias=lambda s, m, f: -s * m),)),
        ("the bias takes the mean off as it is", (folded(bias=lambda s, m, f: f - m),)),
        ("the bias adds the mean", (folded(bias=lambda s, m, f: f + s * m),)),
        ("the bias scales the shift", (folded(bias=lambda s, m, f: s * (f - m)),)),
        ("gives 0", (folded(bias=lambda s, m, f: 2 * f),)),
        ("gives two arrays", (lambda *arguments: fold(*arguments)[0],)),
        ("for 4 filters of 3 x 3 x 3 your function ends in ValueError",
         (lambda weight, mean, variance, factor, shift: (weight * factor, shift),)),
        ("the bias has the shape (3, 4)",
         (lambda w, m, v, f, s: (fold(w, m, v, f, s)[0], np.tile(s, (3, 1))),)),
    )),
    Case(exercises.four_towers, ((60_258_664,), (60_258_664.0,)), (
        ("with two", (60_965_224,)),
        ("one tower", (62_378_344,)),
        ("the step from two to four", (706_560,)),
        ("less to halve", (59_552_104,)),
        ("not more", (61_671_784,)),
        ("conv3 sees all maps", (60_258_664 - 663_552,)),
        ("conv2 is not changed yet", (60_258_664 + 153_600,)),
        ("one bias", (60_258_664 - 448,)),
        ("too many", (60_300_000,)),
        ("too few", (60_000_000,)),
    )),
    Case(exercises.how_many_images, ((19_278,), (20_000,), (18_500.0,)), (
        ("*one* error; a difference has two", (9_639,)),
        ("once; twice is asked for", (4_820,)),
        ("once the standard error of *one*", (2_410,)),
        ("no more than half", (38_556,)),
        ("a point is 0.01", (1.93,)),
        ("p (1 - p) is missing", (80_000,)),
        ("p instead of", (32_400,)),
        ("the root of it", (138.8,)),
        ("so many are too few", (15_000,)),
        ("so many are not needed", (25_000,)),
        ("no number of test images", (-5,)),
    )),
    Case(exercises.own_batch_norm, ((Normalize,), (Chosen,)), (
        ("with another name", (type("Mine", (nn.BatchNorm2d,), {}),)),
        ("must be nn.Parameter", (NothingLearned,)),
        ("would not be saved", (PlainAverages,)),
        ("over n - 1", (variant("WithoutN", correction=1),)),
        ("image by image", (variant("ByImage", over=(2, 3)),)),
        ("place by place", (variant("ByPlace", over=(0,)),)),
        ("over the maps", (variant("OverMaps", over=(1,)),)),
        ("over all maps together", (variant("Together", over=(0, 1, 2, 3)),)),
        ("and not by its root", (variant("Variance", deviation=lambda self, v: v + 1e-5),)),
        ("not divided by its standard deviation", (variant("OnlyCentered", deviation=lambda self, v: 1.0),)),
        ("not centered", (NotCentered,)),
        ("is epsilon 1e-5", (variant("LargeEpsilon", epsilon=1e-3),)),
        ("as it came", (variant("Identity", forward=lambda self, x: x),)),
        ("batch number 2", (RunningInTraining,)),
        ("a pixel moves the mean", (Detached,)),
        ("mean and variance of the batch", (BatchInUse,)),
        ("go on changing", (MovesInUse,)),
        ("nine tenths", (variant("Fast", momentum=0.9),)),
        ("last batch's alone", (variant("Last", momentum=1.0),)),
        ("divides by n, where", (WITH_N,)),
        ("still 0 and 1", (variant("NeverMoved", moved=lambda self, x: None),)),
        ("not applied as the batch's", (Swapped,)),
        ("are both used", (NoShift,)),
        ("an instance of it", (Normalize(4),)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_so_much_of_noise_stays_when_it_is_pooled() -> None:
    """The shares that the check counts, measured on noise."""
    noise = torch.rand(16, 300, 301, generator=torch.Generator().manual_seed(1))
    shares = []
    for kernel in (3, 2):
        one, other = (F.max_pool2d(part, kernel, 2) for part in (noise[:, :-1, :-1], noise[:, 1:, 1:]))
        shares.append((one == other[:, :one.shape[1], :one.shape[2]]).float().mean().item())
    assert exercises.shift_both.verdict(*shares).right


def test_a_layer_that_returns_nothing_yet_is_not_answered() -> None:
    assert not exercises.own_batch_norm.verdict(variant("Empty", forward=lambda self, x: None)).answered


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("17-normalization-and-pooling", exercises, CASES)) == []
