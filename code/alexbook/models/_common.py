"""What both frameworks' builders need to know about a layer: padding in pixels, and where training starts.

Pure Python. A builder walks :func:`rows` and makes one framework layer of each.
"""

from math import prod, sqrt

from alexbook.arithmetic import Pair, Row, paddings, trace
from alexbook.layers import Activation, Conv, Dense, He, Normal, Subsample, Windowed, pair
from alexbook.networks import Network

NO_SIDES = ((0, 0), (0, 0))


def rows(network: Network) -> tuple[Row, ...]:
    """The trace's rows that are built: all, but for a softmax at the end (models return logits)."""
    traced = trace(network).rows
    return traced[:-1] if traced[-1].layer == Activation("softmax", name=traced[-1].layer.name) \
        else traced


def sides(row: Row) -> tuple[Pair, Pair]:
    """Pixels to add, ``((top, bottom), (left, right))``, so that plain windows give the row's output.

    That is the layer's padding and, where the network rounds up, what the last window lacks at the
    bottom and at the right.
    """
    layer = row.layer
    if not isinstance(layer, Windowed):
        return NO_SIDES
    stride = pair(layer.stride)
    padding = paddings(layer.padding, (row.input_shape[0], row.input_shape[1]), layer.reach, stride)

    def along(axis: int) -> Pair:
        before, after = padding[axis]
        needed = (row.output_shape[axis] - 1) * stride[axis] + layer.reach[axis]
        return before, max(after, needed - row.input_shape[axis] - before)

    return along(0), along(1)


def fan_ins(row: Row) -> list[int]:
    """Inputs of one unit, the bias not counted: a number for each filter, map or unit of the layer."""
    layer = row.layer
    if isinstance(layer, Subsample):
        return [prod(pair(layer.kernel))] * row.output_shape[-1]
    if isinstance(layer, Dense):
        return [row.input_shape[0]] * layer.units
    if not isinstance(layer, Conv):
        raise TypeError(f"{row.name}: the layer {layer!r} has no weights.")
    area = prod(pair(layer.kernel))
    seen = map(len, layer.connections) if layer.connections else [row.input_shape[2] // layer.groups] * layer.filters
    return [area * maps for maps in seen]


def start(row: Row) -> Normal | None:
    """The distribution that the layer itself names to start from; where it names none, :func:`limits` holds."""
    named = getattr(row.layer, "start", None)
    return Normal(sqrt(2 / max(fan_ins(row))), named.bias) if isinstance(named, He) else named


def limits(network: Network, row: Row) -> tuple[list[float], list[float]]:
    """Where training starts in a layer without a ``start`` of its own: uniform between minus and plus these limits.

    One weight limit and one bias limit for each filter, map or unit. Networks with the scaled tanh
    start as LeCun et al. 1998 (appendix A) say, at 2.4 / fan-in; all others as Glorot and Bengio 2010
    (eq. 16) say, at ``sqrt(6 / (fan-in + fan-out))`` with biases of 0.
    """
    fans = fan_ins(row)
    if any(getattr(layer, "function", "") == "scaled_tanh" for layer in network.layers):
        return [2.4 / fan for fan in fans], [2.4 / fan for fan in fans]
    kernel = getattr(row.layer, "kernel", 1)
    fan_out = prod(pair(kernel)) * (1 if isinstance(row.layer, Subsample) else len(fans))
    return [sqrt(6 / (fan + fan_out)) for fan in fans], [0.0] * len(fans)
