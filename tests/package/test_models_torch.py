"""The networks built in PyTorch: counts, starting weights, and values against PyTorch's own layers."""

from itertools import pairwise

import pytest
import tiny_networks
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.layers import LRN, Activation, AvgPool, Conv, Dense, Dropout, Flatten, MaxPool, Subsample
from alexbook.models import _common

torch = pytest.importorskip("torch")
from alexbook.models import torch as torch_models  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


def images(network, count=2):
    height, width, channels = network.input_shape
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


@tiny_networks.every
def test_shapes_and_parameters_layer_by_layer(network):
    model = torch_models.build(network, seed=0)
    traced = {row.name: row for row in trace(network)}
    x = images(network)
    for name, module in model.named_children():
        x = module(x)
        if name in traced:
            row = traced.pop(name)
            height_width_maps = (*x.shape[2:], x.shape[1])
            assert height_width_maps == row.output_shape, name
            assert torch_models.count(module) == row.parameters, name
    assert all(row.layer == Activation("softmax", name=row.layer.name) for row in traced.values())
    assert torch_models.count(model) == trace(network).parameters


def test_a_final_softmax_is_left_to_the_loss():
    assert list(dict(torch_models.build(networks.get("lenet5_modern")).named_children()))[-1] == "fc3"


@tiny_networks.every
def test_weights_start_within_their_limits_and_are_drawn(network):
    model = torch_models.build(network, seed=0)
    for row in _common.rows(network):
        if not row.parameters:
            continue
        weights, biases = _common.limits(network, row)
        module = model.get_submodule(row.name)
        bound = max(weights)
        assert module.weight.abs().max() <= bound
        assert module.weight.unique().numel() > 0.9 * module.weight.numel()
        if module.weight.numel() > 1000:
            assert module.weight.abs().max() > 0.95 * bound
            if len(set(weights)) == 1:
                assert module.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        if module.bias is not None:
            assert bool(module.bias.any()) == any(biases)


def test_lenet5_starts_as_in_1998():
    """2.4 / fan-in: C1 sees 25 pixels, a unit of C5 400; C3's filters see 3, 4 or 6 maps of 25."""
    model = torch_models.build(networks.get("lenet5"), seed=3)
    assert 0.9 * 2.4 / 25 < model.C1.weight.abs().max() <= 2.4 / 25
    assert 0.99 * 2.4 / 400 < model.C5.weight.abs().max() <= 2.4 / 400
    filters = model.C3.pairs[0]
    for chosen, maps in ((filters < 6, 3), ((filters >= 6) & (filters < 15), 4), (filters == 15, 6)):
        assert 0.95 * 2.4 / (25 * maps) < model.C3.weight[chosen].abs().max() <= 2.4 / (25 * maps)


def test_the_modern_one_starts_as_glorot_and_bengio_say():
    """The bound of ``nn.init.xavier_uniform_`` itself, seen on many draws."""
    model = torch_models.build(networks.get("lenet5_modern"), seed=0)
    for module in (model.conv1, model.conv2, model.fc1):
        theirs = nn.init.xavier_uniform_(torch.empty_like(module.weight))
        assert module.weight.std().item() == pytest.approx(theirs.std().item(), rel=0.15)
        assert not module.bias.any()


def test_a_seed_repeats_and_leaves_the_random_state_alone():
    network = networks.get("lenet5")
    before = torch.get_rng_state()
    one, two, other = (torch_models.build(network, seed).C5.weight for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(*(torch_models.build(network).C5.weight for _ in range(2)))


def test_connection_table_is_a_dense_convolution_with_zeros():
    network = tiny_networks.TINY["table"]
    layer = torch_models.build(network, seed=0)[0]
    dense = torch.zeros(4, 4, 3, 3)
    for weight, (filter_, map_) in zip(layer.weight, layer.pairs.T.tolist(), strict=True):
        assert map_ in tiny_networks.TABLE[filter_]
        dense[filter_, map_] = weight
    x = images(network)
    torch.testing.assert_close(layer(x), F.conv2d(x, dense, layer.bias))
    layer(x).sum().backward()
    assert layer.weight.grad.abs().min() > 0


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("layer, native", [
    (MaxPool(3, 2, padding=1), lambda ceil: nn.MaxPool2d(3, 2, 1, ceil_mode=ceil)),
    (MaxPool(3, 2), lambda ceil: nn.MaxPool2d(3, 2, ceil_mode=ceil)),
    (AvgPool((2, 4), 3, padding=(1, 2)), lambda ceil: nn.AvgPool2d((2, 4), 3, (1, 2), ceil, False)),
    (AvgPool(3, 2), lambda ceil: nn.AvgPool2d(3, 2, 0, ceil, False)),
])
def test_pools_equal_pytorchs_own(layer, native, ceil):
    network = tiny_networks.network(layer, shape=(8, 10, 3), rounding="ceil" if ceil else "floor")
    x = images(network) - 5  # so that a zero taken for a pixel would be the maximum
    torch.testing.assert_close(torch_models.build(network)(x), native(ceil)(x))


def test_ceil_convolution_is_zeros_at_bottom_and_right():
    network = tiny_networks.network(Conv(2, 11, 4), shape=(224, 224, 1), rounding="ceil")
    model = torch_models.build(network, seed=0)
    x = images(network, 1)
    y = model(x)
    assert y.shape[2:] == (55, 55)
    conv = dict(model.named_children())["conv1"]
    torch.testing.assert_close(y, conv(F.pad(x, (0, 3, 0, 3))), rtol=0, atol=0)
    torch.testing.assert_close(y[..., :54, :54], conv(x), rtol=1e-5, atol=1e-6)


def test_subsampling_is_the_sum_times_a_coefficient_plus_a_bias():
    network = tiny_networks.network(Subsample(2), shape=(4, 6, 2))
    layer = torch_models.build(network, seed=0)[0]
    x = images(network)
    window = x[:, 1, 2:4, 4:6].sum(dim=(1, 2))
    torch.testing.assert_close(layer(x)[:, 1, 1, 2], window * layer.weight[1] + layer.bias[1])


def test_lrn_never_looks_across_groups():
    network = tiny_networks.network(LRN(5, alpha=1.0, groups=2), shape=(2, 2, 8))
    x = images(network)
    changed = x.clone()
    changed[:, 4:] += 3
    first, second = (torch_models.build(network)(values)[:, :4] for values in (x, changed))
    assert torch.equal(first, second)
    whole = tiny_networks.network(LRN(5, alpha=1.0), shape=(2, 2, 8))
    assert not torch.equal(*(torch_models.build(whole)(values)[:, :4] for values in (x, changed)))


def test_scaled_tanh_and_distances_by_hand():
    assert torch_models.ScaledTanh()(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1, -1], abs=1e-5)
    distances = torch_models.RBFDistance(((1, -1), (0, 2)))(torch.tensor([[1.0, 1.0]]))
    assert distances.tolist() == [[4.0, 2.0]]


def test_dropout_works_in_training_only():
    model = torch_models.build(tiny_networks.network(Flatten(), Dropout(0.5)))
    x = torch.ones(4, 4, 11, 9)
    assert (model(x) == 0).float().mean().item() == pytest.approx(0.5, abs=0.06)
    assert torch.equal(model.eval()(x), torch.ones(4, 396))


def test_a_network_that_does_not_fit_says_where():
    with pytest.raises(ValueError, match="late: .*kernel"):
        torch_models.build(tiny_networks.network(Conv(2, 3), Conv(2, 12, name="late")))
    with pytest.raises(ValueError, match="Flatten"):
        torch_models.build(tiny_networks.network(Dense(2)))


def test_every_lenet_learns_from_a_step():
    for name in ("lenet5", "lenet5_modern", "lenet_caffe"):
        network = networks.get(name)
        model = torch_models.build(network, seed=0)
        optimizer = torch.optim.SGD(model.parameters(), 1e-3)
        losses = []
        for _ in range(3):
            output = model(images(network, 8))
            loss = output[:, 3].mean() if name == "lenet5" else F.cross_entropy(output, torch.full((8,), 3))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert all(later < sooner for sooner, later in pairwise(losses)), (name, losses)
        assert all(values.grad.abs().sum() > 0 for values in model.parameters())
