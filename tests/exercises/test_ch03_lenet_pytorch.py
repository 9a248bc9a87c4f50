"""The checks of chapter 3 know right answers, and say what is wrong with the usual wrong ones."""

import numpy as np
import pytest
from alexbook import datasets
from exercise_cases import Case, assert_case, faults
from numpy.lib.stride_tricks import sliding_window_view

torch = pytest.importorskip("torch")
from alexbook.exercises import ch03_lenet_pytorch as exercises  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.data import DataLoader, Sampler, TensorDataset  # noqa: E402


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


class BatchesInAnyOrder(Sampler):
    """The same batches in each pass, but for their order."""

    def __iter__(self):
        parts = torch.arange(len(X)).split(32)
        order = torch.randperm(len(parts) - 1).tolist()
        return iter([parts[place].tolist() for place in (*order, len(parts) - 1)])


SHUFFLED_BATCHES = DataLoader(TensorDataset(X, Y), batch_sampler=BatchesInAnyOrder())
MEANS = torch.stack([X[digit == Y].mean(0) for digit in range(10)])[Y]


def average_backward(gradient):
    return np.repeat(np.repeat(gradient, 2, axis=0), 2, axis=1) / 4


def to_the_first(gradient):
    """As if the largest value of each window were its first."""
    spread = np.zeros([2 * side for side in gradient.shape])
    spread[::2, ::2] = gradient
    return spread


def average_by_autograd(gradient):
    inputs = torch.zeros(1, 1, *(2 * side for side in gradient.shape), dtype=torch.float64, requires_grad=True)
    F.avg_pool2d(inputs, 2).backward(torch.tensor(gradient)[None, None])
    return inputs.grad[0, 0]


def correlate(image, kernel):
    return (sliding_window_view(image, kernel.shape) * kernel).sum(axis=(2, 3))


def kernel_gradients(x, gradient):
    """As the solution has it."""
    return np.array([[correlate(channel, each) for channel in x] for each in gradient])


def gradients_by_loops(x, gradient):
    size = x.shape[1] - gradient.shape[1] + 1
    found = np.zeros((len(gradient), len(x), size, size))
    for f, c, u, v in np.ndindex(found.shape):
        for i, j in np.ndindex(gradient.shape[1:]):
            found[f, c, u, v] += gradient[f, i, j] * x[c, i + u, j + v]
    return found


def summed(x, gradient):
    right = kernel_gradients(x, gradient)
    return np.broadcast_to(right.sum(1, keepdims=True), right.shape)


KINDS = {"A": "missed", "B": "large", "C": "default", "D": "glorot"}
MISSING = {"A": "step", "B": "zero_grad", "C": "nothing", "D": "backward"}

CASES = (
    Case(exercises.average_backward, ((average_backward,), (average_by_autograd,)), (
        ("the whole gradient", (lambda g: 4 * average_backward(g),)),
        ("those of a window lie side by side", (lambda g: np.tile(g, (2, 2)) / 4,)),
        ("as in max pooling", (to_the_first,)),
        ("has the shape (2, 2)", (lambda g: g / 4,)),
        ("is not that of autograd", (lambda g: average_backward(g) / 2,)),
        ("your function ends in IndexError", (lambda g: g[5],)),
    )),
    Case(exercises.loader, ((loader(),), (loader(num_workers=0),)), (
        ("the same order", (loader(shuffle=False),)),
        ("the same batches, in another order", (SHUFFLED_BATCHES,)),
        ("are not the standardized training digits", (loader(MEANS),)),
        ("the last, smaller batch is dropped", (loader(drop_last=True),)),
        ("the first batch has 64", (loader(batch_size=64),)),
        ("each batch has one image", (loader(batch_size=1),)),
        ("Those are the test digits", (loader(*tensors("test")),)),
        ("are not the standardized training digits", (loader(tensors(scale=False)[0]),)),
        ("are not the standardized training digits", (loader(X.flip(0)),)),
        ("have the shape (1297, 28, 28)", (loader(X[:, 0]),)),
        ("some come twice", (loader(torch.cat([X[:-1], X[:1]]), torch.cat([Y[:-1], (Y[-1:] + 1) % 10])),)),
        ("an epoch has 1,000 images", (loader(X[:1000], Y[:1000]),)),
        ("not a pair", (DataLoader(TensorDataset(X), 32, shuffle=True),)),
    )),
    Case(exercises.kernel_gradients, ((kernel_gradients,), (gradients_by_loops,)), (
        ("the kernels come first", (lambda x, g: kernel_gradients(x, g).swapaxes(0, 1),)),
        ("turned by 180 degrees", (lambda x, g: kernel_gradients(x, g)[:, :, ::-1, ::-1],)),
        ("the sum over all channels", (summed,)),
        ("yours is the mean", (lambda x, g: kernel_gradients(x, g) / g[0].size,)),
        ("has the shape (3, 3, 3)", (lambda x, g: kernel_gradients(x, g).sum(1),)),
        ("is not that of autograd", (lambda x, g: kernel_gradients(x, g) * 2,)),
    )),
    Case(exercises.missing, ((MISSING,), ({letter: line.upper() for letter, line in MISSING.items()},)), (
        ('the keys "A", "B", "C" and "D"', (list("ABCD"),)),
        ("is there once", (MISSING | {"A": "nothing"},)),
        ("one of nothing, zero_grad, backward, step", (MISSING | {"A": "loss"},)),
        ("no parameter of a new network has a gradient; A does", (MISSING | {"A": "backward", "D": "step"},)),
        ("forgets the gradients of the step before; B does", (MISSING | {"B": "nothing", "C": "zero_grad"},)),
        ("the gradients of two calls are added; A does", (MISSING | {"A": "zero_grad", "B": "step"},)),
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
    Case(exercises.initializations, ((KINDS,), ({letter: kind.upper() for letter, kind in KINDS.items()},)), (
        ('the keys "A", "B", "C" and "D"', (["missed", "large", "default", "glorot"],)),
        ("is there once", (KINDS | {"A": "glorot"},)),
        ("one of default, glorot, large, missed", (KINDS | {"A": "Kaiming"},)),
        ('with the initialization "default"', (KINDS | {"A": "default", "C": "missed"},)),
        ('with the initialization "glorot" the output of fc1', (KINDS | {"A": "glorot", "D": "missed"},)),
        ('with the initialization "glorot" the output of fc3 has a standard deviation of about 0.21; in B it is 10',
         (KINDS | {"B": "glorot", "D": "large"},)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_a_class_that_returns_nothing_is_not_answered_yet() -> None:
    assert not exercises.relu.verdict(Unanswered, ERRORS).answered


def test_random_numbers_stay_as_they_were() -> None:
    state = torch.get_rng_state()
    exercises.strangers()
    assert torch.equal(torch.get_rng_state(), state)


def symptoms(step):
    """Whether weights move, whether there are gradients, and whether those of two calls are added."""
    torch.manual_seed(0)
    model = LeNet()
    before = model.fc3.weight.detach().clone()
    step(model, torch.optim.SGD(model.parameters(), lr=0.1), X[:32], Y[:32])
    moved = not torch.equal(before, model.fc3.weight)
    if model.fc3.weight.grad is None:
        return moved, False, False
    frozen = torch.optim.SGD(model.parameters(), lr=0.0)
    step(model, frozen, X[:32], Y[:32])
    first = model.fc3.weight.grad.clone()
    step(model, frozen, X[:32], Y[:32])
    return moved, True, not torch.allclose(first, model.fc3.weight.grad)


def test_the_training_steps_lack_what_they_are_said_to_lack() -> None:
    wanted = {"nothing": (True, True, False), "zero_grad": (True, True, True), "backward": (False, False, False),
              "step": (False, True, False)}
    assert {letter: symptoms(step) for letter, step in exercises.training_steps().items()} == {
        letter: wanted[line] for letter, line in MISSING.items()}


def test_strangers_can_be_told_apart() -> None:
    """An initialization differs from each other one by a fifth in some layer, whatever the seed."""
    for kind in exercises._KINDS:
        for other in exercises._KINDS:
            if kind < other:
                for seed in range(5):
                    one, two = (exercises._spreads(exercises._initialized(k, seed)) for k in (kind, other))
                    assert max(abs(np.log(one[name] / two[name])) for name in one) > 0.2, (kind, other, seed)


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("03-lenet-pytorch", exercises, CASES)) == []
