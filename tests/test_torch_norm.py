"""The book's fast local response normalization against PyTorch's own."""

import random

import pytest

torch = pytest.importorskip("torch")
from alexbook.torch_norm import LocalResponseNorm  # noqa: E402


def theirs(x, size, alpha, beta, k, groups):
    norm = torch.nn.LocalResponseNorm(size, alpha, beta, k)
    return torch.cat([norm(part) for part in x.chunk(groups, dim=1)], dim=1)


@pytest.mark.parametrize("seed", range(40))
def test_values_and_gradients_equal_pytorchs(seed):
    draw = random.Random(seed)
    torch.manual_seed(seed)
    groups = draw.choice([1, 1, 2, 3])
    maps = groups * draw.randint(1, 9)
    settings = (draw.randint(1, 7), 10 ** draw.uniform(-4, 0), draw.choice([0.75, 0.75, 0.5, 1.3]),
                draw.uniform(0.5, 3), groups)
    x = (torch.randn(2, maps, draw.randint(1, 5), draw.randint(1, 5)) * 8).double().requires_grad_()
    toward = torch.randn_like(x)
    results = [LocalResponseNorm(*settings)(x), theirs(x, *settings)]
    gradients = [torch.autograd.grad((result * toward).sum(), x)[0] for result in results]
    torch.testing.assert_close(*results)
    torch.testing.assert_close(*gradients)


def test_the_layout_stays_channels_last():
    x = torch.randn(2, 8, 5, 5).to(memory_format=torch.channels_last)
    assert LocalResponseNorm(5)(x).is_contiguous(memory_format=torch.channels_last)


def test_groups_keep_to_themselves():
    x = torch.zeros(1, 4, 1, 1)
    x[0, 1] = 100.0
    one, two = (LocalResponseNorm(5, alpha=1.0, groups=groups)(x + 1)[0, :, 0, 0] for groups in (1, 2))
    assert one[2] < 0.1 and two[2] > 0.5
