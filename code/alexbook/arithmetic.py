"""What a network's layers do to a shape, and what they cost: one trace, as a table.

Every figure follows from the layers' settings alone; nothing is built and nothing is run. A MAC is one
multiply-accumulate with a learned (or, in :class:`~alexbook.layers.RBF`, a fixed) weight; biases, pooling,
normalization and activations are not counted. Receptive fields are in input pixels.
"""

from math import ceil, prod

from alexbook.layers import (
    LRN,
    RBF,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    Padding,
    Pair,
    SpatialNorm,
    Subsample,
    pair,
)
from alexbook.network import Network, Rounding
from alexbook.tables import Row, Shape, Trace

WINDOWED = (Conv, MaxPool, AvgPool, Subsample)
POOLS = (MaxPool, AvgPool, Subsample)


def paddings(padding: Padding, size: Pair, kernel: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """Any form of padding as ``((top, bottom), (left, right))``; ``kernel`` is the dilated one.

    ``"same"`` follows TensorFlow: just enough for ``ceil(size / stride)`` outputs, an odd pixel at the end.
    """
    if padding == "same":
        totals = [max((ceil(n / s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple(pair(sides) for sides in pair(padding))


def output_size(size: int, kernel: int, stride: int = 1, padding: int | Pair = 0, dilation: int = 1,
                rounding: Rounding = "floor") -> int:
    """How many windows fit along one side: ``1 + (size + before + after - dilated kernel) / stride``, rounded.

    ``padding`` is the number of pixels added at each end, or ``(before, after)``. With ``"ceil"`` a last window that
    hangs over the end still counts, provided that it starts before the end (Caffe's and PyTorch's rule).
    Raises ``ValueError`` where not one window fits.
    """
    before, after = pair(padding)
    reach = dilation * (kernel - 1) + 1
    room = size + before + after - reach
    if room < 0:
        dilated = f" (kernel {kernel}, dilation {dilation})" if dilation > 1 else ""
        raise ValueError(
            f"a kernel of {reach}{dilated} does not fit into {size + before + after} pixels (input {size}, padding "
            f"{before} + {after}); it needs a kernel of at most {size + before + after} or {-room} more pixels of "
            "padding")
    fitting = room // stride + 1
    overhangs = rounding == "ceil" and room % stride and fitting * stride < size + before
    return fitting + 1 if overhangs else fitting


def _dilation(layer: Layer) -> Pair:
    return pair(layer.dilation) if isinstance(layer, Conv) else (1, 1)


def _reach(layer: Layer) -> Pair:
    """The side lengths of a layer's window on its input, holes of a dilated kernel included."""
    return tuple(d * (k - 1) + 1 for k, d in zip(pair(layer.kernel), _dilation(layer), strict=True))


def _map_size(layer: Layer, shape: Shape, rounding: Rounding) -> Pair:
    stride = pair(layer.stride)
    sides = paddings(layer.padding, shape[:2], _reach(layer), stride)
    kernel, dilation = pair(layer.kernel), _dilation(layer)
    if isinstance(layer, POOLS) and any(max(ends) >= k for ends, k in zip(sides, kernel, strict=True)):
        raise ValueError(f"a padding of {layer.padding} with a kernel of {layer.kernel} lets a window lie wholly in "
                         "the padding; a pool's padding must be smaller than its kernel")
    if layer.padding == "same":
        rounding = "floor"  # the padding is what makes it fit
    return tuple(output_size(shape[axis], kernel[axis], stride[axis], sides[axis], dilation[axis], rounding)
                 for axis in (0, 1))


def output_shape(layer: Layer, shape: Shape, rounding: Rounding = "floor") -> Shape:
    """The shape that ``layer`` makes of an input of ``shape``; ``ValueError`` says in one sentence why it cannot."""
    if isinstance(layer, (*WINDOWED, LRN, SpatialNorm, BatchNorm)) and len(shape) != 3:
        raise ValueError(f"its input has the shape {shape}, but must be (height, width, channels)")
    if isinstance(layer, (Dense, RBF)) and len(shape) != 1:
        raise ValueError(f"its input has the shape {shape}, but must be (units,): put a Flatten layer before it")
    if isinstance(layer, (Conv, LRN)) and shape[2] % layer.groups:
        fitting = [n for n in range(1, shape[2] + 1) if shape[2] % n == 0]
        raise ValueError(f"{shape[2]} input channels do not divide into {layer.groups} groups; "
                         f"groups must be one of {', '.join(map(str, fitting))}")
    match layer:
        case Conv(connections=table):
            if table and max(map(max, table)) >= shape[2] or table and min(map(min, table)) < 0:
                raise ValueError(f"its connection table names input maps {min(map(min, table))} to "
                                 f"{max(map(max, table))}, but its input has maps 0 to {shape[2] - 1}")
            return (*_map_size(layer, shape, rounding), layer.filters)
        case MaxPool() | AvgPool() | Subsample():
            return (*_map_size(layer, shape, rounding), shape[2])
        case Flatten():
            return (prod(shape),)
        case Dense(units=units):
            return (units,)
        case RBF(centers=centers):
            if len(centers[0]) != shape[0]:
                raise ValueError(f"its centers have {len(centers[0])} values, but its input has {shape[0]}")
            return (len(centers),)
        case _:
            return shape


def _stored(layer: Layer, shape: Shape) -> tuple[int, int, int]:
    """Weights, biases and fixed values of a layer whose input has this shape."""
    match layer:
        case Conv(filters=filters, bias=bias, connections=table):
            maps_seen = sum(map(len, table)) if table else filters * shape[2] // layer.groups
            return maps_seen * prod(pair(layer.kernel)), filters * bias, 0
        case Subsample():
            return shape[2], shape[2], 0
        case BatchNorm():
            return shape[2], shape[2], 2 * shape[2]
        case Dense(units=units, bias=bias):
            return shape[0] * units, units * bias, 0
        case RBF(units=units):
            return 0, 0, shape[0] * units
        case _:
            return 0, 0, 0


def _work(layer: Layer, stored: tuple[int, int, int], output: Shape) -> tuple[int, int]:
    """Multiply-accumulates and 1998-style connections for one image."""
    weights, biases, fixed = stored
    match layer:
        case Conv():
            positions = prod(output[:2])
            return weights * positions, (weights + biases) * positions
        case Subsample():
            return 0, prod(output) * (prod(pair(layer.kernel)) + 1)
        case BatchNorm():
            return 0, 2 * prod(output)
        case _:
            return weights + fixed, weights + biases + fixed


def _names(layers: tuple[Layer, ...]) -> list[str]:
    """A name for each layer: its own, or its kind and a running number (``relu1``, ``dropout2``)."""
    seen: dict[str, int] = {}
    names = []
    for layer in layers:
        kind = getattr(layer, "function", layer.kind)
        seen[kind] = seen.get(kind, 0) + (not layer.name)
        names.append(layer.name or f"{kind}{seen[kind]}")
    return names


def trace(network: Network, input_shape: Shape | None = None) -> Trace:
    """Walk an image of ``input_shape`` (default: the network's own) through the network's layers.

    Raises ``ValueError`` with one sentence that names the layer, the value that does not fit, and what would.
    """
    shape = tuple(input_shape or network.input_shape)
    if len(shape) != 3 or any(not isinstance(size, int) or size < 1 for size in shape):
        raise ValueError(f"{network.name}: the input shape is {shape}, but must be (height, width, channels), each "
                         "at least 1.")
    field, jump = (1, 1), (1, 1)
    rows = []
    for name, layer in zip(_names(network.layers), network.layers, strict=True):
        pooling = isinstance(layer, POOLS)
        rounding = network.pool_rounding or network.rounding if pooling else network.rounding
        try:
            output = output_shape(layer, shape, rounding)
        except ValueError as error:
            raise ValueError(f"{name}: {error}.") from None
        if isinstance(layer, WINDOWED):
            field = tuple(f + (k - 1) * j for f, k, j in zip(field, _reach(layer), jump, strict=True))
            jump = tuple(j * s for j, s in zip(jump, pair(layer.stride), strict=True))
        elif isinstance(layer, Flatten):
            field = jump = None
        stored = _stored(layer, shape)
        rows.append(Row(name, layer, shape, output, *stored, *_work(layer, stored, output), field, jump))
        shape = output
    return Trace(network, tuple(rows))
