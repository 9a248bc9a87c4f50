"""TensorFlow and PyTorch in one process, with triton installed, as PyTorch's CUDA build brings it: no order crashes."""

import importlib.util
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("triton", "tensorflow", "torch"))),
    reason="needs triton, TensorFlow and PyTorch; the lock brings triton on Linux x86-64 only")

STEP = """
import torch
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
model(torch.ones(1, 2)).sum().backward()
optimizer.step()
print("done")
"""
ORDERS = {
    "Keras, then PyTorch": "import alexbook, keras",
    "PyTorch, then TensorFlow": "import alexbook, torch, tensorflow",
    "the package after Keras": "import keras, alexbook",
    "triton by itself": "import alexbook, tensorflow, triton",
}


def run(code: str) -> subprocess.CompletedProcess:
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run([sys.executable, "-c", code], env=quiet, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("order", ORDERS)
def test_an_optimizer_works_in_either_order(order: str) -> None:
    result = run(ORDERS[order] + STEP)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr[-500:]


def test_triton_is_loaded_for_tensorflow_alone() -> None:
    """Who uses one framework, or none, waits for nothing."""
    code = "import alexbook, {}; print(any('libtriton' in line for line in open('/proc/self/maps')))"
    if sys.platform == "linux":
        assert [run(code.format(name)).stdout for name in ("numpy", "tensorflow")] == ["False\n", "True\n"]
