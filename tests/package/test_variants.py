"""Changed networks: each change does what its name says, and nothing else."""

import numpy as np
import pytest
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.layers import LRN, Activation, BatchNorm, Conv, Dropout, MaxPool, SpatialNorm
from alexbook.networks import Network
from alexbook.networks.ablations import CHANGES, vary

SMALL = networks.get("alexnet_small")


def kinds(network: Network, *wanted: type) -> int:
    return sum(isinstance(layer, wanted) for layer in network.layers)


@pytest.mark.parametrize("change", [name for name in CHANGES if name != "relu"])
def test_each_change_gives_a_network_that_can_be_traced(change):
    changed = vary(SMALL, [change])
    assert changed.name == f"alexnet_small-{change}" and changed.layers != SMALL.layers
    assert trace(changed).rows[-1].output_shape == (10,)


def test_changes_do_what_they_say():
    functions = {layer.function for layer in vary(SMALL, ["tanh"]).layers if isinstance(layer, Activation)}
    assert functions == {"tanh", "softmax"}
    assert kinds(vary(SMALL, ["no-dropout"]), Dropout) == 0 < kinds(SMALL, Dropout)
    assert kinds(vary(networks.get("alexnet_2012"), ["no-lrn"]), LRN, SpatialNorm) == 0
    normed = vary(SMALL, ["batch-norm"])
    assert kinds(normed, LRN) == 0 and kinds(normed, BatchNorm) == kinds(normed, Conv) == 5
    assert all(layer.kernel == layer.stride == 2 for layer in vary(SMALL, ["pools-apart"]).layers
               if isinstance(layer, MaxPool))
    assert kinds(vary(SMALL, ["no-conv4"]), Conv) == 4
    half = [layer.filters for layer in vary(SMALL, ["half-width"]).layers if isinstance(layer, Conv)]
    assert half == [16, 32, 48, 48, 32]


def test_two_towers_are_those_of_2012():
    one, two = trace(vary(networks.get("alexnet_article"), ["two-towers"])), trace(networks.get("alexnet_2012"))
    assert (one.parameters, one.macs) == (two.parameters, two.macs) == (60_965_224, 724_406_816)


def test_changes_come_one_after_the_other():
    changed = vary(SMALL, ["tanh", "no-dropout"])
    assert changed.name == "alexnet_small-tanh-no-dropout" and kinds(changed, Dropout) == 0


@pytest.mark.parametrize(("changes", "wanted"), [
    (["tanh", "swish"], "no change named 'swish'; there are relu, tanh"),
    (["relu"], "'relu' changes nothing"),
    (["no-conv3", "no-conv3"], "no convolution 'conv3' to remove; there are conv1, conv2, conv4, conv5"),
])
def test_what_cannot_be_changed_is_said(changes, wanted):
    with pytest.raises(ValueError, match=wanted):
        vary(SMALL, changes)


def by_hand(x: np.ndarray) -> np.ndarray:
    """Batch normalization in training, factor 1 and shift 0; (N, H, W, C)."""
    return (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_batch_norm_equals_the_formula_and_keeps_running_means(framework):
    pytest.importorskip(framework)
    x = np.random.default_rng(0).normal(3, 2, (16, 6, 5, 3)).astype("float32")
    network = Network("one", "one", "test", x.shape[1:], (BatchNorm(name="norm"),))
    assert (trace(network).parameters, trace(network)["norm"].fixed) == (6, 6)
    if framework == "torch":
        import torch
        from alexbook.models import torch as torch_models
        model = torch_models.build(network).train()
        assert torch_models.count(model) == 6
        trained = model(torch.tensor(x.transpose(0, 3, 1, 2))).detach().numpy().transpose(0, 2, 3, 1)
        running = model.norm.running_mean.numpy()
    else:
        from alexbook.models import keras as keras_models
        model = keras_models.build(network)
        assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 6
        trained = np.asarray(model(x, training=True))
        running = np.asarray(model.get_layer("norm").moving_mean)
    np.testing.assert_allclose(trained, by_hand(x), atol=1e-4)
    np.testing.assert_allclose(running, 0.1 * x.mean((0, 1, 2)), rtol=1e-4)


def test_batch_normalization_of_dense_layers_leaves_the_last_and_the_convolutions():
    network = vary(networks.get("alexnet_photos_128"), ["batch-norm-dense"])
    norms = [row for row in trace(network).rows if isinstance(row.layer, BatchNorm)]
    assert [(row.name, row.output_shape, row.parameters, row.fixed) for row in norms] == [
        ("fc6_norm", (512,), 1024, 1024), ("fc7_norm", (512,), 1024, 1024)]
    biases = {row.name: row.biases for row in trace(network).rows if row.name in ("fc6", "fc7", "fc8", "conv1")}
    assert biases == {"conv1": 96, "fc6": 0, "fc7": 0, "fc8": 101}
