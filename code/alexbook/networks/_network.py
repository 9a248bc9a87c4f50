"""What a network is: a name, a source, an input and layers in order."""

from dataclasses import dataclass, replace
from typing import Any, Literal

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
        if not isinstance(self.layers, tuple | list):
            raise ValueError(f"{self.name}: layers is {self.layers!r}, but must be a tuple of layers.")
        if odd := [layer for layer in self.layers if not isinstance(layer, Layer)]:
            raise ValueError(f"{self.name}: {odd[0]!r} among its layers is no layer; layers must be a tuple of layers.")
        for field in ("rounding", "pool_rounding"):
            value = getattr(self, field)
            if value not in ("floor", "ceil") and not (field == "pool_rounding" and value is None):
                raise ValueError(f"{self.name}: {field} is {value!r}, but must be 'floor' or 'ceil'.")

    def with_settings(self, name: str, **settings: object) -> "Network":
        """The same network with one layer's settings changed, as in ``with_settings("conv3", groups=2)``.

        Raises ``ValueError`` where no layer has that name, and for settings that cannot be.
        """
        if name not in {layer.name for layer in self.layers}:
            raise ValueError(f"{self.name} has no layer named {name!r}; it has "
                             f"{', '.join(layer.name for layer in self.layers if layer.name)}.")
        changed: dict[str, Any] = settings
        return replace(self, layers=tuple(replace(layer, **changed) if layer.name == name else layer
                                          for layer in self.layers))

    def __repr__(self) -> str:
        return f"<Network {self.name}: {self.title}; {len(self.layers)} layers>"
