"""The book's fast response normalizations against PyTorch's own, and against plain formulas."""

import random

import pytest

torch = pytest.importorskip("torch")
from alexbook.models import _torch_norm  # noqa: E402
from alexbook.models.torch_layers import LocalResponseNorm, SpatialResponseNorm  # noqa: E402


def theirs(x, size, alpha, beta, k, groups):
    norm = torch.nn.LocalResponseNorm(size, alpha, beta, k)
    return torch.cat([norm(part) for part in x.chunk(groups, dim=1)], dim=1)


def spatial(x, size, alpha, beta, k):
    mean = torch.nn.functional.avg_pool2d(x.square(), size, 1, size // 2)
    return x / (k + alpha * mean) ** beta


def assert_same(ours, plain, x, toward):
    results = [ours(x), plain(x)]
    gradients = [torch.autograd.grad((result * toward).sum(), x)[0] for result in results]
    torch.testing.assert_close(*results)
    torch.testing.assert_close(*gradients)


def drawn(seed):
    """A random source, and a batch of 1 to 5 images of random size in either layout, to be cut into random parts."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    groups = draw.choice([1, 1, 2, 3])
    shape = (draw.randint(1, 5), groups * draw.randint(1, 9), draw.randint(1, 5), draw.randint(1, 5))
    layout = draw.choice([torch.contiguous_format, torch.channels_last])
    x = (torch.randn(shape) * 8).double().to(memory_format=layout).requires_grad_()
    return draw, groups, x, torch.randn_like(x)


@pytest.mark.parametrize("seed", range(40))
def test_values_and_gradients_equal_pytorchs(seed, monkeypatch):
    draw, groups, x, toward = drawn(seed)
    monkeypatch.setattr(_torch_norm, "PART", draw.choice([1, 100, 1 << 18]))
    if draw.random() < 0.5:  # what another device than a processor does
        monkeypatch.setattr(_torch_norm, "sum_by_shifts", _torch_norm.sum_by_band)
    settings = (draw.randint(1, 7), 10 ** draw.uniform(-4, 0), draw.choice([0.75, 0.75, 0.5, 1.3]),
                draw.uniform(0.5, 3), groups)
    assert_same(LocalResponseNorm(*settings), lambda x: theirs(x, *settings), x, toward)


@pytest.mark.parametrize("seed", range(20))
def test_spatial_norm_equals_a_mean_over_windows(seed, monkeypatch):
    draw, _, x, toward = drawn(seed)
    monkeypatch.setattr(_torch_norm, "PART", draw.choice([1, 100, 1 << 18]))
    settings = draw.choice([1, 3, 5, 7]), 10 ** draw.uniform(-4, 0), draw.choice([0.75, 0.5]), draw.uniform(0.5, 3)
    assert_same(SpatialResponseNorm(*settings), lambda x: spatial(x, *settings), x, toward)


@pytest.mark.parametrize("norm", [LocalResponseNorm(5), SpatialResponseNorm(5, 1e-3, 0.75, 1.0)])
def test_the_layout_stays_channels_last(norm):
    x = torch.randn(2, 8, 5, 5).to(memory_format=torch.channels_last)
    assert norm(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("norm", [LocalResponseNorm(5, alpha=1.0), SpatialResponseNorm(5, 1.0, 0.75, 1.0)])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(norm, kind):
    x = (torch.randn(2, 8, 5, 5) * 1000).to(kind).requires_grad_()  # 1000 ** 2 overflows float16
    with torch.autocast("cpu", kind):
        y = norm(x)
    wide = norm(x.detach().float())
    assert y.dtype == kind
    torch.testing.assert_close(y, wide.to(kind))
    y.float().sum().backward()
    assert x.grad.dtype == kind and x.grad.isfinite().all()


def test_an_empty_batch():
    assert LocalResponseNorm(5)(torch.empty(0, 8, 5, 5)).shape == (0, 8, 5, 5)


def test_groups_keep_to_themselves():
    x = torch.zeros(1, 4, 1, 1)
    x[0, 1] = 100.0
    one, two = (LocalResponseNorm(5, alpha=1.0, groups=groups)(x + 1)[0, :, 0, 0] for groups in (1, 2))
    assert one[2] < 0.1 and two[2] > 0.5
