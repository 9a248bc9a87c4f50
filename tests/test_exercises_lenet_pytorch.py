"""The checks of chapter 4 know right answers, and say what is wrong with the usual wrong ones."""

import numpy as np
import pytest
from alexbook import datasets, networks
from exercise_cases import Case, assert_case, faults

torch = pytest.importorskip("torch")
from alexbook import torch_models  # noqa: E402
from alexbook.exercises import lenet_pytorch as exercises  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402


class LeNet(nn.Module):
    """The chapter's."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.pool1 = nn.AvgPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.pool2 = nn.AvgPool2d(2)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x):
        x = self.pool1(torch.tanh(self.conv1(x)))
        x = self.pool2(torch.tanh(self.conv2(x)))
        x = torch.tanh(self.fc1(x.flatten(start_dim=1)))
        return self.fc3(torch.tanh(self.fc2(x)))


def ending(end):
    """A class whose forward does something with LeNet's output."""
    class Ending(LeNet):
        def forward(self, x):
            return end(super().forward(x))

    return Ending


class ReluLeNet(LeNet):
    """As the solution has it."""

    squash = staticmethod(F.relu)
    pool = nn.MaxPool2d

    def __init__(self):
        super().__init__()
        self.pool1, self.pool2 = self.pool(2), self.pool(2)

    def forward(self, x):
        x = self.pool1(self.squash(self.conv1(x)))
        x = self.pool2(self.squash(self.conv2(x)))
        x = self.squash(self.fc1(x.flatten(start_dim=1)))
        return self.fc3(self.squash(self.fc2(x)))


class TanhMax(ReluLeNet):
    squash = staticmethod(torch.tanh)


class ReluAverage(ReluLeNet):
    pool = nn.AvgPool2d


class LastRelu(ReluLeNet):
    def forward(self, x):
        return F.relu(super().forward(x))


class LastSoftmax(ReluLeNet):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


class Leaky(ReluLeNet):
    squash = staticmethod(F.leaky_relu)


class Wider(ReluLeNet):
    def __init__(self):
        super().__init__()
        self.more = nn.Linear(1, 1)


class Raises(LeNet):
    def forward(self, x):
        raise ValueError("no")


class Empty(nn.Module):
    def forward(self, x):
        return x


class Unanswered(LeNet):
    def forward(self, x):
        return None


TWICE = ending(lambda z: torch.softmax(z, dim=1))
LOSSES = [1.9, 1.62, 1.55, 1.52, 1.51]
ERRORS = [0.046, 0.05, 0.038]


def tensors(part="train", scale=True):
    framed = {name: datasets.frame(datasets.load("digits", name).images, box=20, field=28) for name in ("train", part)}
    images = torch.from_numpy(framed[part])[:, None].float()
    if scale:
        images = (images - framed["train"].mean()) / framed["train"].std()
    return images, torch.from_numpy(datasets.load("digits", part).labels)


X, Y = tensors()


def loader(images=X, labels=Y, batch_size=32, shuffle=True, **options):
    return DataLoader(TensorDataset(images, labels), batch_size, shuffle, **options)


class TableConv(nn.Module):
    """The chapter's."""

    def __init__(self, table):
        super().__init__()
        self.table = table
        self.filters = nn.ModuleList(nn.Conv2d(len(maps), 1, kernel_size=5) for maps in table)

    def forward(self, x):
        return torch.cat([f(x[:, maps]) for f, maps in zip(self.filters, self.table, strict=True)], dim=1)


def dense(c3=None, f6=84):
    """As the solution has it, on the package's network."""
    model = torch_models.build(networks.get("lenet5"), seed=0)
    model.C3 = c3 or TableConv([list(range(6))] * 16)
    if f6 != 84:
        model.F6 = nn.Linear(120, f6)
    return model


ONE_BLIND = [list(range(6))] * 15 + [[0, 1, 2, 3, 4]]
STARTS = {"A": "missed", "B": "large", "C": "default", "D": "glorot"}
ROWS = {0.1: [40, 35, 45], 1: [20, 22, 25], 10: [18, 21, 19], 100: [19, 18, 16]}
HELD = {j: [n / 297 for n in row] for j, row in ROWS.items()}

CASES = (
    Case(exercises.twice, ((TWICE, LOSSES), (TWICE, np.array(LOSSES))), (
        ("the softmax is missing", (LeNet, LOSSES)),
        ("over the batch", (ending(lambda z: z.softmax(0)), LOSSES)),
        ("logarithms of probabilities", (ending(lambda z: z.log_softmax(1)), LOSSES)),
        ("a third one", (ending(lambda z: z.softmax(1).softmax(1)), LOSSES)),
        ("is not the softmax of LeNet's", (ending(lambda z: z.sigmoid()), LOSSES)),
        ("gives the shape (7, 5)", (ending(lambda z: z[:, :5].softmax(1)), LOSSES)),
        ("which is not a tensor", (ending(lambda z: 5), LOSSES)),
        ("for 7 images your function ends in ValueError: no", (Raises, LOSSES)),
        ("has no conv1", (Empty, LOSSES)),
        ("a class that inherits", (TWICE(), LOSSES)),
        ("lower than two softmaxes allow", (TWICE, [0.4, 0.2, 0.1, 0.05, 0.03])),
        ("higher than two softmaxes allow", (TWICE, [2500.0, 2200.0, 2000.0, 1900.0, 1800.0])),
        ("five numbers", (TWICE, LOSSES[:4])),
    )),
    Case(exercises.loader, ((loader(),), (loader(num_workers=0),)), (
        ("the same order", (loader(shuffle=False),)),
        ("the last, smaller batch is dropped", (loader(drop_last=True),)),
        ("the first batch has 64", (loader(batch_size=64),)),
        ("each batch has one image", (loader(batch_size=1),)),
        ("Those are the test digits", (loader(*tensors("test")),)),
        ("are not the standardized training digits", (loader(tensors(scale=False)[0]),)),
        ("are not the standardized training digits", (loader(X.flip(0)),)),
        ("have the shape (1297, 28, 28)", (loader(X[:, 0]),)),
        ("some come twice", (loader(torch.cat([X[:-1], X[:1]]), torch.cat([Y[:-1], (Y[-1:] + 1) % 10])),)),
        ("a pass has 1,000 images", (loader(X[:1000], Y[:1000]),)),
        ("not a pair", (DataLoader(TensorDataset(X), 32, shuffle=True),)),
    )),
    Case(exercises.dense_c3, ((60_900, dense()), (60_900.0, dense(nn.Conv2d(6, 16, 5)))), (
        ("with its table", (60_000, dense())),
        ("C3 alone", (2_416, dense())),
        ("twice", (62_416, dense())),
        ("more than one weight", (60_036, dense())),
        ("61,000 is too many", (61_000, dense())),
        ("60,500 is too few", (60_500, dense())),
        ("filter 1 does not see map 0", (60_900, torch_models.build(networks.get("lenet5")))),
        ("filter 15 does not see map 5", (60_900, dense(TableConv(ONE_BLIND)))),
        ("C3 makes (15, 10, 10)", (60_900, dense(TableConv([list(range(6))] * 15)))),
        ("has no layer named C3", (60_900, LeNet())),
        ("60,884 trained values", (60_900, dense(nn.Conv2d(6, 16, 5, bias=False)))),
    )),
    Case(exercises.relu, ((ReluLeNet, ERRORS), (ReluLeNet, tuple(ERRORS))), (
        ("computes what LeNet does", (LeNet, ERRORS)),
        ("tanh is still in it", (TanhMax, ERRORS)),
        ("the pools still average", (ReluAverage, ERRORS)),
        ("a ReLU after fc3", (LastRelu, ERRORS)),
        ("it ends in a softmax", (LastSoftmax, ERRORS)),
        ("something else", (Leaky, ERRORS)),
        ("61,708 trained values", (Wider, ERRORS)),
        ("three seeds give three", (ReluLeNet, ERRORS[:2])),
        ("between 0 and 1", (ReluLeNet, [4.6, 5.0, 3.8])),
        ("divided by 500", (ReluLeNet, [0.0461, 0.05, 0.038])),
        ("90.0 % is wrong", (ReluLeNet, [0.9, 0.05, 0.038])),
        ("training errors", (ReluLeNet, [0.0, 0.0, 0.0])),
    )),
    Case(exercises.starts, ((STARTS,), ({letter: kind.upper() for letter, kind in STARTS.items()},)), (
        ('the keys "A", "B", "C" and "D"', (["missed", "large", "default", "glorot"],)),
        ("is there once", (STARTS | {"A": "glorot"},)),
        ("one of default, glorot, large, missed", (STARTS | {"A": "Kaiming"},)),
        ('with the start "default"', (STARTS | {"A": "default", "C": "missed"},)),
        ('with the start "glorot" fc1', (STARTS | {"A": "glorot", "D": "missed"},)),
        ('with the start "glorot" fc3 spreads by about 0.21; in B it is 10', (STARTS | {"B": "glorot", "D": "large"},)),
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


def test_classes_that_return_nothing_are_not_answered_yet() -> None:
    assert not exercises.twice.verdict(Unanswered, LOSSES).answered
    assert not exercises.relu.verdict(Unanswered, ERRORS).answered


def test_a_checked_network_stays_as_it_was() -> None:
    model = dense()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    state = torch.get_rng_state()
    assert exercises.dense_c3.verdict(60_900, model).right and model.training
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    exercises.strangers()
    assert torch.equal(torch.get_rng_state(), state)


def test_strangers_can_be_told_apart() -> None:
    """A start differs from each other one by a fifth in some layer, whatever the seed."""
    for kind in exercises._STARTS:
        for other in exercises._STARTS:
            if kind < other:
                for seed in range(5):
                    one, two = (exercises._spreads(exercises._start(k, seed)) for k in (kind, other))
                    assert max(abs(np.log(one[name] / two[name])) for name in one) > 0.2, (kind, other, seed)


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("04-lenet-pytorch", exercises, CASES)) == []
