"""One description, two frameworks: with the same weights both give the same numbers."""

import numpy as np
import pytest
import tiny_networks
from alexbook import building

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
from alexbook import keras_models, torch_models  # noqa: E402
from keras import ops  # noqa: E402


def copy_weights(network, source, target):
    """From the PyTorch model to the Keras model, layer by layer."""
    shape = None
    for row in building.rows(network):
        if row.layer.kind == "flatten":
            shape = row.input_shape
        if not row.parameters:
            continue
        module, layer = source.get_submodule(row.name), target.get_layer(row.name)
        kernel = module.weight.detach().numpy()
        if kernel.ndim > 2:
            kernel = kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.transpose(1, 2, 0)
        elif kernel.ndim == 2:
            if shape is not None:  # PyTorch flattens map by map, Keras pixel by pixel
                height, width, maps = shape
                kernel = kernel.reshape(-1, maps, height, width).transpose(0, 2, 3, 1).reshape(len(kernel), -1)
                shape = None
            kernel = kernel.T
        bias = [] if module.bias is None else [module.bias.detach().numpy()]
        layer.set_weights([kernel, *bias])


@tiny_networks.every
def test_outputs_agree(network):
    ours, theirs = torch_models.build(network, seed=0).eval(), keras_models.build(network, seed=1)
    copy_weights(network, ours, theirs)
    x = np.random.default_rng(0).normal(size=(3, *network.input_shape)).astype("float32")
    with torch.inference_mode():
        one = ours(torch.from_numpy(x.transpose(0, 3, 1, 2)))
    one = (one.permute(0, 2, 3, 1) if one.ndim == 4 else one).numpy()
    np.testing.assert_allclose(ops.convert_to_numpy(theirs(x)), one, rtol=1e-4, atol=1e-5)
    assert np.std(one) > 1e-3
