"""The AlexNets: published and recomputed counts, and the same counts and shapes in what both frameworks build."""

from math import prod

import numpy as np
import pytest
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.arithmetic._table import size_text
from alexbook.layers import Conv, Dense, MaxPool, SpatialNorm
from alexbook.networks import Network

SOURCE, FLOORED = "55x55 27x27 27x27 13x13 13x13 13x13 13x13 6x6", "54x54 26x26 26x26 12x12 12x12 12x12 12x12 5x5"
COUNTS = {  # parameters, MACs, units of convolutions and dense layers, and the side lengths from conv1 to pool5
    "alexnet_paper": (49_430_888, 643_026_048, 609_640, FLOORED),
    "alexnet_2012": (60_965_224, 724_406_816, 659_272, SOURCE),
    "alexnet_article_text": (50_844_008, 982_409_760, 607_048,
                             "55x55 27x27 25x25 12x12 12x12 12x12 12x12 5x5"),
    "alexnet_article": (62_378_344, 1_135_256_096, 659_272, SOURCE),
    "alexnet_torchvision": (61_100_840, 714_188_480, 494_184, SOURCE),
    "alexnet_bvlc": (60_965_224, 724_406_816, 659_272, SOURCE),
    "caffenet": (60_965_224, 724_406_816, 659_272, SOURCE),
    "alexnet_d2l": (50_844_008, 1_009_945_728, 609_640, FLOORED),
    "alexnet_slim": (50_303_912, 736_555_776, 473_064, FLOORED),
    "alexnet_half": (59_798_312, 391_514_384, 355_864, SOURCE),
}
PER_LAYER = {  # with two groups, layers-145.cfg: output, parameters, MACs
    "conv1": ((55, 55, 96), 34_944, 105_415_200), "conv2": ((27, 27, 256), 307_456, 223_948_800),
    "conv3": ((13, 13, 384), 885_120, 149_520_384), "conv4": ((13, 13, 384), 663_936, 112_140_288),
    "conv5": ((13, 13, 256), 442_624, 74_760_192), "fc6": ((4096,), 37_752_832, 37_748_736),
    "fc7": ((4096,), 16_781_312, 16_777_216), "fc8": ((1000,), 4_097_000, 4_096_000),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    table = trace(networks.get(name))
    units = sum(row.activations for row in table.only(Conv, Dense))
    sides = " ".join(size_text(row.output_shape[:2]) for row in list(table.only(Conv, MaxPool))[:8])
    assert (table.parameters, table.macs, units, sides) == COUNTS[name]
    assert table.rows[-1].output_shape == (1000,)


@pytest.mark.parametrize("name", PER_LAYER)
def test_layers_of_2012(name):
    row = trace(networks.get("alexnet_2012"))[name]
    assert (row.output_shape, row.parameters, row.macs) == PER_LAYER[name]


def test_receptive_fields():
    table = trace(networks.get("alexnet_2012"))
    found = {row.name: (row.receptive_field[0], row.jump[0]) for row in table.only(Conv, MaxPool)}
    assert found == {"conv1": (11, 4), "pool1": (19, 8), "conv2": (51, 8), "pool2": (67, 16), "conv3": (99, 16),
                     "conv4": (131, 16), "conv5": (163, 16), "pool5": (195, 32)}


def test_only_224_to_227_pixels_fit_the_source():
    net = networks.get("alexnet_2012")
    fitting = [size for size in range(200, 250) if trace(net, (size, size, 3))["conv1"].output_shape[0] == 55]
    assert fitting == [224, 225, 226, 227]


@pytest.mark.parametrize("name", COUNTS)
def test_pytorch_builds_what_is_counted(name):
    torch = pytest.importorskip("torch")
    from alexbook.models import torch as torch_models

    net = networks.get(name)
    model = torch_models.build(net).eval()
    assert torch_models.count(model) == COUNTS[name][0]
    shapes = {}
    for layer, module in model.named_children():
        module.register_forward_hook(lambda _, __, out, layer=layer: shapes.update({layer: tuple(out.shape[1:])}))
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, *net.input_shape[:2])).shape == (1, 1000)
    macs = 0
    for row in trace(net).only(Conv, MaxPool, Dense):
        *sides, maps = row.output_shape
        assert shapes[row.name] == (maps, *sides), row.name
        kernel = getattr(model.get_submodule(row.name), "weight", None)
        macs += 0 if kernel is None else kernel.numel() * prod(shapes[row.name][1:])
    assert macs == COUNTS[name][1]


@pytest.mark.parametrize("name", COUNTS)
def test_keras_builds_what_is_counted(name):
    keras = pytest.importorskip("keras")
    from alexbook.models import keras as keras_models

    net = networks.get(name)
    model = keras_models.build(net)
    assert model.count_params() == COUNTS[name][0]
    macs = 0
    for row in trace(net).only(Conv, MaxPool, Dense):
        layer = model.get_layer(row.name)
        assert tuple(layer.output.shape[1:]) == row.output_shape, row.name
        macs += prod(layer.kernel.shape) * prod(layer.output.shape[1:-1]) if layer.weights else 0
    assert macs == COUNTS[name][1]
    image = np.zeros((1, *net.input_shape), "float32")
    assert model(image, training=False).shape == (1, 1000)
    keras.backend.clear_session()


def spatial_norm_by_hand(x, layer):
    """(H, W, C), one pixel at a time."""
    out, reach = np.empty_like(x), layer.size // 2
    for row, column in np.ndindex(x.shape[:2]):
        near = x[max(row - reach, 0):row + reach + 1, max(column - reach, 0):column + reach + 1]
        total = (near ** 2).sum((0, 1))
        out[row, column] = x[row, column] / (layer.k + layer.alpha / layer.size ** 2 * total) ** layer.beta
    return out


@pytest.mark.parametrize("framework", ["torch", "keras"])
@pytest.mark.parametrize("layer", [SpatialNorm(), SpatialNorm(3, alpha=2.0, beta=0.5, k=2.0)])
def test_spatial_norm_equals_the_formula(framework, layer):
    pytest.importorskip(framework)
    x = np.random.default_rng(0).normal(0, 20, (9, 7, 3)).astype("float32")
    net = Network("one", "one", "test", x.shape, (layer,))
    if framework == "torch":
        import torch
        from alexbook.models import torch as torch_models
        result = torch_models.build(net)(torch.tensor(x.transpose(2, 0, 1)[None]))[0].numpy().transpose(1, 2, 0)
    else:
        from alexbook.models import keras as keras_models
        result = np.asarray(keras_models.build(net)(x[None]))[0]
    np.testing.assert_allclose(result, spatial_norm_by_hand(x, layer), rtol=1e-4)


@pytest.mark.parametrize("size", [0, 4, 2.0])
def test_spatial_norm_needs_an_odd_size(size):
    with pytest.raises(ValueError, match=f"spatialnorm: size is {size}, but must be"):
        SpatialNorm(size)


@pytest.mark.parametrize(("name", "side", "last"), [("alexnet_photos", 224, 6), ("alexnet_photos_128", 128, 3)])
def test_the_networks_for_photographs_have_the_convolutions_of_2012(name, side, last):
    ours, theirs = networks.get(name), networks.get("alexnet_2012")
    flat = [[type(layer).__name__ for layer in network.layers].index("Flatten") for network in (ours, theirs)]
    assert ours.layers[:flat[0]] == theirs.layers[:flat[1]] and ours.rounding == theirs.rounding
    table = trace(ours)
    convolutions = sum(parameters for name, (_, parameters, _) in PER_LAYER.items() if name.startswith("conv"))
    inputs = last * last * 256
    assert table["pool5"].output_shape == (last, last, 256) and ours.input_shape == (side, side, 3)
    assert table.parameters == convolutions + (inputs + 1) * 512 + 513 * 512 + 513 * 101
