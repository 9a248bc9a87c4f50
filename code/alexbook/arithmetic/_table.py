"""The result of a trace: one row per layer, printed as text, shown as HTML, exported as dictionaries."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TypeVar

from alexbook.layers import Layer, Pair
from alexbook.networks import Network

Shape = tuple[int, ...]
Kind = TypeVar("Kind", bound=Layer)


@dataclass(frozen=True)
class Row:
    """One layer of a trace.

    Shapes are ``(height, width, channels)`` or ``(units,)``; ``fixed`` counts stored values that are not trained;
    ``connections`` counts as LeCun et al. 1998 do: every input of every unit, the bias too. ``receptive_field`` and
    ``jump`` (how far it moves from one output to the next) are ``(vertical, horizontal)``, in pixels of the
    network's input, or ``None`` once the map has been flattened.
    """

    name: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    weights: int
    biases: int
    fixed: int
    macs: int
    connections: int
    receptive_field: Pair | None
    jump: Pair | None

    def of(self, kind: type[Kind]) -> Kind:
        """The row's layer, known to be of this class; ``TypeError`` where it is of another."""
        if not isinstance(self.layer, kind):
            raise TypeError(f"{self.name} is {self.layer!r}, and no {kind.__name__}.")
        return self.layer

    @property
    def parameters(self) -> int:
        """Trained values: weights and biases."""
        return self.weights + self.biases

    @property
    def activations(self) -> int:
        """Values in the output."""
        return prod(self.output_shape)

    @property
    def activation_bytes(self) -> int:
        """Size of the output in float32, for one image."""
        return 4 * self.activations


@dataclass(frozen=True)
class Trace:
    """A network's rows. Prints as a table, shows as HTML in a notebook, ``trace["conv1"]`` is that layer's row."""

    network: Network
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{self.network.name} has no layer {name!r}; it has {', '.join(row.name for row in self)}.")

    def _total(self, field: str) -> int:
        return sum(getattr(row, field) for row in self.rows)

    @property
    def parameters(self) -> int:
        """Trained values of the whole network."""
        return self._total("parameters")

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image, forward."""
        return self._total("macs")

    @property
    def connections(self) -> int:
        """Connections as counted in 1998."""
        return self._total("connections")

    @property
    def parameter_bytes(self) -> int:
        """Size of everything stored, trained or fixed, in float32."""
        return 4 * (self.parameters + self._total("fixed"))

    def only(self, *kinds: type[Layer]) -> "Trace":
        """The same trace with just the rows of these layer classes, to show fewer."""
        return Trace(self.network, tuple(row for row in self.rows if isinstance(row.layer, kinds)))

    def to_dicts(self) -> list[dict]:
        """One plain dictionary per row, ready for ``json`` or a data frame."""
        fields = ("name", "input_shape", "output_shape", "weights", "biases", "parameters", "fixed", "macs",
                  "connections", "activations", "activation_bytes", "receptive_field", "jump")
        return [{"kind": row.layer.kind} | {field: getattr(row, field) for field in fields} for row in self.rows]

    def _cells(self) -> list[tuple[str, ...]]:
        head = ("layer", "output", "parameters", "MACs", "activations", "receptive field")
        body = [(row.name, size_text(row.output_shape), f"{row.parameters:,}", f"{row.macs:,}",
                 f"{row.activations:,}", _field_text(row)) for row in self.rows]
        total = ("total", "", f"{self.parameters:,}", f"{self.macs:,}", f"{self._total('activations'):,}", "")
        return [head, *body, total]

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
        lines = ["  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                           for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
                 for line in cells]
        rule = "-" * max(len(line) for line in lines)
        return "\n".join([f"{self.network.title}, input {size_text(self.rows[0].input_shape)}",
                          lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape  # here, since few traces are shown as HTML and its tables take a while to import

        head, *body, total = self._cells()

        def line(cells: tuple[str, ...], tag: str) -> str:
            first = f'<th scope="row">{escape(cells[0])}</th>' if tag == "td" else f"<th>{escape(cells[0])}</th>"
            return f"<tr>{first}" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells[1:]) + "</tr>"

        caption = f"{self.network.title}, input {size_text(self.rows[0].input_shape)}"
        return (f'<table class="trace"><caption>{escape(caption)}</caption><thead>{line(head, "th")}</thead><tbody>'
                + "".join(line(cells, "td") for cells in body)
                + f'</tbody><tfoot>{line(total, "td")}</tfoot></table>')


def size_text(shape: Shape) -> str:
    """``(55, 55, 96)`` as ``55x55x96``."""
    return "x".join(str(size) for size in shape)


def _field_text(row: Row) -> str:
    if row.receptive_field is None:
        return "all"
    high, wide = row.receptive_field
    return str(high) if high == wide else f"{high}x{wide}"
