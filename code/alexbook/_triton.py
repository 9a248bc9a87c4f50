"""TensorFlow and triton in one process.

PyTorch's CUDA build brings triton, and imports it with the first optimizer. Where TensorFlow 2.21 was loaded before
triton's library, that ends the process with a segmentation fault (tensorflow/tensorflow#124205); the other way round
both work. So the library is loaded just before TensorFlow is, which costs some 20 ms and only those who use both.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

TOGETHER = (2, 21)  # the first TensorFlow that needs it; Colab's 2.20 does not


class BeforeTensorFlow:
    """A finder of modules that finds none, but is asked before TensorFlow is imported."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """None, always: the other finders go on."""
        if name == "tensorflow":
            sys.meta_path.remove(self)
            load(_spec())


def load(spec: ModuleSpec | None) -> bool:
    """Load triton's library, where triton is installed, and not triton itself; whether there was one to load."""
    import ctypes  # not above, where everybody would wait for them
    from pathlib import Path

    libraries = sorted(Path(spec.origin).parent.glob("_C/libtriton*.so")) if spec and spec.origin else []
    try:
        return any([ctypes.CDLL(str(library)) for library in libraries])  # noqa: C419 (each is loaded)
    except OSError:  # a library that does not load does no harm either
        return False


def _spec() -> ModuleSpec | None:
    return importlib.util.find_spec("triton") if "triton" not in sys.modules else None


def guard() -> None:
    """Make this process safe for both. Where TensorFlow is there already, triton stays out: PyTorch works without it.

    Only ``torch.compile`` on a GPU needs it: whoever wants that imports ``alexbook`` before TensorFlow.
    """
    if sys.platform != "linux" or "triton" in sys.modules:
        return
    if (tensorflow := sys.modules.get("tensorflow")) is None:
        sys.meta_path.insert(0, BeforeTensorFlow())
    elif tuple(map(int, tensorflow.__version__.split(".")[:2])) >= TOGETHER:
        sys.modules["triton"] = None  # type: ignore[assignment]  # what Python has for a module that cannot be imported
