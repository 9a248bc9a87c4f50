"""What a network is: a name, a source, an input and layers in order."""

from dataclasses import dataclass
from typing import Literal

from alexbook.layers import Layer

Rounding = Literal["floor", "ceil"]


@dataclass(frozen=True)
class Network:
    """A network: its input and its layers in order.

    ``input_shape`` is ``(height, width, channels)``. ``rounding`` says what happens to a window that would only
    partly fit: ``"floor"`` drops it (Keras, PyTorch), ``"ceil"`` keeps it (cuda-convnet, 2012); ``pool_rounding``
    differs from it in Caffe, which floors convolutions and ceils pooling.
    """

    name: str
    title: str
    source: str
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    rounding: Rounding = "floor"
    pool_rounding: Rounding | None = None

    def __post_init__(self) -> None:
        for field in ("rounding", "pool_rounding"):
            value = getattr(self, field)
            if value not in ("floor", "ceil") and not (field == "pool_rounding" and value is None):
                raise ValueError(f"{self.name}: {field} is {value!r}, but must be 'floor' or 'ceil'.")

    def __repr__(self) -> str:
        return f"<Network {self.name}: {self.title}; {len(self.layers)} layers>"
