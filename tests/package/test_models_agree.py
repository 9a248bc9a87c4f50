"""One description, two frameworks: with the same weights both give the same numbers."""

import numpy as np
import pytest
import tiny_networks

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
from alexbook.models import convert_weights  # noqa: E402
from alexbook.models import keras as keras_models  # noqa: E402
from alexbook.models import torch as torch_models  # noqa: E402
from keras import ops  # noqa: E402


@tiny_networks.every
def test_outputs_agree(network):
    ours, theirs = torch_models.build(network, seed=0).eval(), keras_models.build(network, seed=1)
    convert_weights.torch_to_keras(ours, theirs)
    x = np.random.default_rng(0).normal(size=(3, *network.input_shape)).astype("float32")
    with torch.inference_mode():
        one = ours(torch.from_numpy(x.transpose(0, 3, 1, 2)))
    one = (one.permute(0, 2, 3, 1) if one.ndim == 4 else one).numpy()
    np.testing.assert_allclose(ops.convert_to_numpy(theirs(x)), one, rtol=1e-4, atol=1e-5)
    assert np.std(one) > 1e-3
