"""What a network becomes in other formats gives the same answers; the exporters are those of the book's environment."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
import exports  # noqa: E402
from alexbook import networks, weights  # noqa: E402
from alexbook.models import torch as torch_models  # noqa: E402
from alexbook.networks import Network  # noqa: E402
from torch import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def runs(model: nn.Module, network: Network, path: Path, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """The outputs of the model and of its export, for a batch of another size than that of the example."""
    x = np.random.default_rng(batch).normal(size=(batch, *network.input_shape)).astype(np.float32)
    exports.export_torch(model, x[:2], path)
    with torch.inference_mode():
        expected = model(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    return exports.onnx_session(path)(x), expected


def test_a_network_with_response_normalization_keeps_its_outputs(tmp_path: Path) -> None:
    """Alpha is what goes wrong: the export divides it by the window's size as the original does."""
    network = networks.get("alexnet_small")
    found, expected = runs(torch_models.build(network, seed=0).eval(), network, tmp_path / "small.onnx", 5)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_onnx_s_lrn_is_pytorch_s() -> None:
    """As the chapter states it: ONNX divides alpha by the size, so TensorFlow's alpha is too small there."""
    import onnxruntime
    from onnx import TensorProto, helper
    x = 300 * np.random.default_rng(0).random((1, 20, 3, 3), np.float32)
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(x.shape)) for name in "xy"]

    def lrn(alpha: float) -> np.ndarray:
        node = helper.make_node("LRN", ["x"], ["y"], size=5, alpha=alpha, beta=0.75, bias=2.0)
        graph = helper.make_graph([node], "lrn", ports[:1], ports[1:])
        file = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])
        return onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"x": x})[0]
    expected = nn.LocalResponseNorm(5, 1e-4, 0.75, 2)(torch.from_numpy(x)).numpy()
    assert np.allclose(lrn(1e-4), expected, rtol=1e-4)
    assert not np.allclose(lrn(1e-4 / 5), expected, rtol=0.1)


def test_int8_is_a_quarter_as_large_and_gives_the_same_answers(tmp_path: Path) -> None:
    from alexbook import datasets
    card = weights.card("lenet5_modern")
    images = card.prepare(list(datasets.load("digits", "test").images[:200]))
    exports.export_torch(weights.load("lenet5_modern"), images[:2], tmp_path / "lenet.onnx")
    written = exports.quantized_onnx(tmp_path / "lenet.onnx", images[:40])
    plain, rounded = (exports.onnx_session(path)(images) for path in (tmp_path / "lenet.onnx", written))
    # Processors without VNNI add 8-bit products in 16 bits, which overflow (onnxruntime's page on quantization).
    assert (plain.argmax(1) == rounded.argmax(1)).mean() > (0.95 if torch.cpu._is_vnni_supported() else 0.8)
    assert written.stat().st_size < 0.4 * (tmp_path / "lenet.onnx").stat().st_size
    found = exports.measured(lambda batch: plain[:len(batch)], images[:32], plain[:32].argmax(1), plain[:32])
    assert found["error"] == 0 and found["largest_difference"] == 0 and found["other_answers"] == 0
