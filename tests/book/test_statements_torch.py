"""What the chapters say about PyTorch, held by a small run of each."""

import json
import re

import pytest
import torch
from repository import ROOT
from torch import nn
from torch.nn import functional as F


def test_same_padding_is_not_always_symmetric() -> None:
    """Chapter 1: an even kernel needs an odd number of zeros, and the odd one goes to the end."""
    image = torch.arange(1.0, 5).reshape(1, 1, 1, 4)
    ones = torch.ones(1, 1, 1, 2)
    same = F.conv2d(image, ones, padding="same")
    assert torch.equal(same, F.conv2d(F.pad(image, (0, 1)), ones))
    assert not torch.equal(same, F.conv2d(F.pad(image, (1, 0)), ones))
    with pytest.raises(ValueError, match="strided"):
        nn.Conv2d(1, 1, 3, stride=2, padding="same")


def moves_along(layer, image: torch.Tensor, by: int) -> bool:
    """Whether the output of the image, moved to the right, is a moved output of the image."""
    def moved(values: torch.Tensor, n: int) -> torch.Tensor:
        return F.pad(values, (n, 0))[..., :values.shape[-1]]
    old, new = layer(image), layer(moved(image, by))
    return any(torch.allclose(moved(old, n), new, atol=1e-9) for n in range(6))


def test_where_translation_equivariance_ends() -> None:
    """Chapter 1: with a stride or pooling of 2 only even shifts move the output, and at the border none does."""
    torch.manual_seed(0)
    thing, kernel = torch.rand(1, 1, 8, 8, dtype=torch.float64), torch.randn(1, 1, 3, 3, dtype=torch.float64)
    roomy = F.pad(thing, (8, 8, 8, 8))

    def stride_1(x):
        return F.conv2d(x, kernel)
    for by in range(1, 5):
        assert moves_along(stride_1, roomy, by)
        assert moves_along(lambda x: F.conv2d(x, kernel, stride=2), roomy, by) == (by % 2 == 0)
        assert moves_along(lambda x: F.max_pool2d(stride_1(x), 3, 2), roomy, by) == (by % 2 == 0)
        assert not moves_along(stride_1, thing, by)

    def four_halvings(x):
        for _ in range(4):
            x = F.conv2d(x, kernel, stride=2)
        return x
    far = F.pad(thing, (80, 80, 80, 80))
    assert [by for by in range(1, 33) if moves_along(four_halvings, far, by)] == [16, 32]


def test_a_convolution_backward_is_its_transpose() -> None:
    """Chapter 3's proof: one sum, read as a product with the outputs, the inputs and the weights."""
    torch.manual_seed(0)
    x, k = (torch.randn(1, 1, n, n, dtype=torch.float64, requires_grad=True) for n in (7, 3))
    g = torch.randn(1, 1, 5, 5, dtype=torch.float64)
    y = F.conv2d(x, k)
    d_x, d_k = torch.autograd.grad(y, (x, k), g)
    assert (d_x * x).sum().item() == pytest.approx((g * y).sum().item())
    assert (d_k * k).sum().item() == pytest.approx((g * y).sum().item())


def test_flattening_goes_by_index_and_not_by_memory() -> None:
    """Chapter 9: another layout in memory gives the same line."""
    x = torch.arange(12.0).reshape(1, 3, 2, 2)
    stored = x.contiguous(memory_format=torch.channels_last)
    assert stored.flatten().tolist() == list(range(12))
    assert stored.untyped_storage().tolist() != x.untyped_storage().tolist()


def test_a_second_softmax_divides_the_gradient_by_the_number_of_classes() -> None:
    """Chapter 7: 0.999 and 0.000999 at the start, and chapter 8's 1,000 times."""
    pushes = []
    for end in (lambda logits: logits, lambda logits: logits.softmax(1)):
        logits = torch.zeros(1, 1000, dtype=torch.float64, requires_grad=True)
        F.cross_entropy(end(logits), torch.tensor([3])).backward()
        pushes.append(-logits.grad[0, 3].item())
    assert pushes == pytest.approx([0.999, 0.000999], rel=1e-9)
    chapter = (ROOT / "chapters" / "07-alexnet-keras.ipynb").read_text(encoding="utf-8")
    outputs = [o for cell in json.loads(chapter)["cells"] for o in cell.get("outputs", [])]
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    stated = re.search(r"from logits ([\d.]+), through a second softmax ([\d.]+)", printed)
    assert stated and list(map(float, stated.groups())) == pytest.approx(pushes, rel=1e-9)


def initialize_by(test) -> list[nn.Module]:
    """The layers of a lazy network that an initializer with this test touches before the first batch."""
    touched = []

    def initialize(module: nn.Module) -> None:
        if test(module):
            nn.init.constant_(module.weight, 0.25)
            touched.append(module)
    nn.Sequential(nn.LazyConv2d(8, 3), nn.Flatten(), nn.LazyLinear(10)).apply(initialize)
    return touched


def test_an_initializer_passes_over_lazy_layers_only_if_it_tests_for_the_exact_type() -> None:
    """Chapter 8: with ``isinstance`` the mistake is an error."""
    assert initialize_by(lambda module: type(module) in (nn.Conv2d, nn.Linear)) == []
    with pytest.raises(ValueError, match="Attempted to use an uninitialized\\s+parameter"):
        initialize_by(lambda module: isinstance(module, (nn.Conv2d, nn.Linear)))
