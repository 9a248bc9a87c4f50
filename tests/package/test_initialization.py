"""Where training starts: what each layer's ``start`` says is what both frameworks draw, and what has none is untouched.

A network whose initializer silently reaches no layer trains, badly; so everything here looks at the values drawn. The
dense layers of the large networks are shortened, which changes no layer's start and makes a network in a moment.
"""

from dataclasses import replace

import numpy as np
import pytest
from alexbook import networks
from alexbook.layers import Activation, Conv, Dense, Dropout, Flatten, He, Normal
from alexbook.models import _common
from alexbook.networks import Network, ablations

FRAMEWORKS = ("torch", "keras")
STARTED = {"alexnet_2012", "alexnet_half", "alexnet_paper", "alexnet_bvlc", "caffenet", "alexnet_photos",
           "alexnet_photos_128"}
BIASED = {"conv2", "conv4", "conv5", "fc6", "fc7"}


def shortened(name):
    """The network with dense layers of 200 units: its own layers and starts, a fraction of the values."""
    network = networks.get(name)
    layers = tuple(replace(layer, units=200) if isinstance(layer, Dense) else layer for layer in network.layers)
    return replace(network, layers=layers)


def drawn(framework, network, seed=0):
    """Layer name -> (weights, biases or None) as NumPy arrays, of a network built with that seed."""
    pytest.importorskip(framework)
    if framework == "torch":
        from alexbook.models import torch as torch_models
        model = torch_models.build(network, seed)
        found = {row.name: model.get_submodule(row.name) for row in _common.rows(network) if row.parameters}
        return {name: tuple(None if values is None else values.detach().numpy()
                            for values in (module.weight, module.bias)) for name, module in found.items()}
    from alexbook.models import keras as keras_models
    model = keras_models.build(network, seed)
    found = {row.name: model.get_layer(row.name).get_weights() for row in _common.rows(network) if row.parameters}
    return {name: (values[0], values[1] if len(values) > 1 else None) for name, values in found.items()}


def is_normal(values, deviation):
    """Mean, deviation and the shares within one and two deviations, each within four standard errors."""
    values, count = values.ravel() / deviation, values.size
    assert abs(values.mean()) < 4 / count**0.5
    assert values.std() == pytest.approx(1, abs=4 / (2 * count) ** 0.5)
    for reach, share in ((1, 0.6827), (2, 0.9545)):
        assert (abs(values) < reach).mean() == pytest.approx(share, abs=4 * (share * (1 - share) / count) ** 0.5)


def test_which_networks_say_how_they_start():
    learned = {name: [layer for layer in net.layers if isinstance(layer, (Conv, Dense))]
               for name, net in networks.NETWORKS.items()}
    some = {name for name, layers in learned.items() if any(layer.start for layer in layers)}
    every = {name for name, layers in learned.items() if all(layer.start for layer in layers)}
    assert some == every == STARTED


@pytest.mark.parametrize(("name", "bias", "deviations"), [
    ("alexnet_paper", 1.0, {}),
    ("alexnet_2012", 1.0, {"conv3": 0.03, "conv4": 0.03, "conv5": 0.03}),
    ("alexnet_half", 1.0, {"conv3": 0.03, "conv4": 0.03, "conv5": 0.03}),
    ("alexnet_photos", 1.0, {"conv3": 0.03, "conv4": 0.03, "conv5": 0.03}),
    ("alexnet_bvlc", 0.1, {"fc6": 0.005, "fc7": 0.005}),
    ("caffenet", 1.0, {"fc6": 0.005, "fc7": 0.005}),
])
def test_starts_are_those_of_the_sources(name, bias, deviations):
    starts = {layer.name: layer.start for layer in networks.get(name).layers if isinstance(layer, (Conv, Dense))}
    assert list(starts) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    for layer, start in starts.items():
        assert start == Normal(deviations.get(layer, 0.01), bias if layer in BIASED else 0.0), layer


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", sorted(STARTED))
def test_every_layer_starts_as_it_says(framework, name):
    network = shortened(name)
    starts = {layer.name: layer.start for layer in network.layers if isinstance(layer, (Conv, Dense))}
    values = drawn(framework, network)
    assert set(values) == set(starts)
    for layer, (weights, biases) in values.items():
        is_normal(weights, starts[layer].deviation)
        assert (biases == np.float32(starts[layer].bias)).all(), layer


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_tower_and_no_filter_is_forgotten(framework):
    """Each half of a grouped kernel, and each single filter, has the deviation; no two layers share their draws."""
    values = drawn(framework, shortened("alexnet_2012"))
    kernel = values["conv4"][0].transpose(2, 3, 1, 0) if framework == "torch" else values["conv4"][0]
    for half in np.split(kernel, 2, axis=-1):
        is_normal(half, 0.03)
    assert (abs(kernel.reshape(-1, 384).std(0) / 0.03 - 1) < 5 / (2 * 1728) ** 0.5).all()
    firsts = [weights.ravel()[:5] / weights.std() for weights, _ in values.values()]
    assert len({tuple(np.round(first, 3)) for first in firsts}) == len(firsts)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_layer_without_a_start_keeps_its_networks_rule(framework):
    started = Network("mixed", "mixed", "test", (12, 12, 3), (
        Conv(16, 5, name="first"), Activation("relu"), Conv(16, 3, start=Normal(0.2, 0.5), name="second"), Flatten(),
        Dense(50, start=Normal(0.02), bias=False, name="third"), Dropout(), Dense(40, name="fourth")))
    plain = replace(started, layers=tuple(
        replace(layer, start=None) if isinstance(layer, (Conv, Dense)) else layer for layer in started.layers))
    mixed, old = drawn(framework, started), drawn(framework, plain)
    is_normal(mixed["second"][0], 0.2)
    is_normal(mixed["third"][0], 0.02)
    assert (mixed["second"][1] == 0.5).all() and mixed["third"][1] is None
    fans = {"first": 25 * (3 + 16), "second": 9 * (16 + 16), "third": 576 + 50, "fourth": 50 + 40}
    for values, names in ((mixed, ("first", "fourth")), (old, fans)):
        for name in names:
            limit = (6 / fans[name]) ** 0.5
            assert 0.98 * limit < abs(values[name][0]).max() <= 1.000001 * limit, name
            assert values[name][0].std() == pytest.approx(limit / 3**0.5, rel=0.06), name
            assert values[name][1] is None or not values[name][1].any()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_seed_repeats_and_another_differs(framework):
    network = shortened("alexnet_half")
    one, two, other = (drawn(framework, network, seed) for seed in (3, 3, 4))
    for name in one:
        assert np.array_equal(one[name][0], two[name][0]), name
        assert (one[name][0] != other[name][0]).mean() > 0.99, name


def test_pytorch_draws_a_built_model_anew():
    """``initialize`` reaches every layer: whatever stood there before is gone, and the rule holds again."""
    torch = pytest.importorskip("torch")
    from alexbook.models import torch as torch_models

    network = shortened("alexnet_2012")
    model = torch_models.build(network, seed=0)
    with torch.no_grad():
        for values in model.parameters():
            values.fill_(7.0)
    torch_models.initialize(model, network)
    assert not any((values == 7).any() for values in model.parameters())
    is_normal(model.conv3.weight.detach().numpy(), 0.03)
    assert (model.conv2.bias == 1).all() and (model.conv3.bias == 0).all()


def test_a_started_keras_model_is_saved_and_loaded(tmp_path):
    keras = pytest.importorskip("keras")
    from alexbook.models import keras as keras_models

    network = Network("one", "one", "test", (8, 8, 4), (Conv(6, 3, groups=2, start=Normal(0.1, 1.0), name="conv"),))
    model = keras_models.build(network, seed=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))
    assert again.get_layer("conv").kernel_initializer.stddev == 0.1


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_he_draws_with_the_deviation_of_the_paper(framework):
    network = ablations.vary(networks.get("alexnet_photos_128"), ["he"])
    fan_ins = {row.name: row.weights // row.output_shape[-1] for row in _common.rows(network) if row.parameters}
    values = drawn(framework, network)
    assert fan_ins["conv1"] == 11 * 11 * 3 and fan_ins["conv2"] == 5 * 5 * 48 and set(values) == set(fan_ins)
    for layer, (weights, biases) in values.items():
        is_normal(weights, (2 / fan_ins[layer]) ** 0.5)
        assert not biases.any()
    with pytest.raises(ValueError, match=r"he: bias is nan, but must be a number\."):
        He(float("nan"))
