"""What a network's layers do to a shape, and what they cost: one trace, as a table.

Every figure follows from the layers' settings alone; nothing is built and nothing is run. A MAC is one
multiply-accumulate with a learned (or, in :class:`~alexbook.layers.RBF`, a fixed) weight; biases, pooling,
normalization and activations are not counted. Receptive fields are in input pixels.
"""

from math import prod
from operator import index
from typing import Any

from alexbook.arithmetic._table import Row, Shape, Trace
from alexbook.layers import (
    LRN,
    RBF,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    Layer,
    Padding,
    Pair,
    Pool,
    SpatialNorm,
    Subsample,
    Windowed,
    pair,
    reach,
)
from alexbook.networks import Network, Rounding

MOST_CHANNELS = 100_000  # whose divisors are listed in a message


def paddings(padding: Padding, size: Pair, kernel: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """Any form of padding as pixels at the four ends.

    Args:
        padding: A number, a ``(vertical, horizontal)`` pair, ``((top, bottom), (left, right))``, or ``"same"``:
            TensorFlow's rule, just enough for ``ceil(size / stride)`` outputs, an odd pixel at the end.
        size: The input's ``(height, width)`` in pixels.
        kernel: What a window spans, ``(vertical, horizontal)``, the holes of a dilated kernel included.
        stride: ``(vertical, horizontal)``.

    Returns:
        ``((top, bottom), (left, right))``, in pixels.

    >>> paddings("same", (224, 224), (11, 11), (4, 4))
    ((3, 4), (3, 4))
    """
    if isinstance(padding, str):
        if padding != "same":
            raise ValueError(f"padding is {padding!r}, but the only rule with a name is 'same'")
        high, wide = (max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True))
        return (high // 2, high - high // 2), (wide // 2, wide - wide // 2)
    vertical, horizontal = (padding, padding) if isinstance(padding, int) else padding
    return pair(vertical), pair(horizontal)


def output_size(size: int, kernel: int, stride: int = 1, padding: int | Pair = 0, dilation: int = 1,
                rounding: Rounding = "floor") -> int:
    """How many windows fit along one side: ``1 + (size + before + after - reach of the kernel) / stride``, rounded.

    Args:
        size: Pixels of the input along this side.
        kernel: Values of the kernel along this side.
        stride: Pixels from one window to the next.
        padding: Pixels added at each end, or ``(before, after)``.
        dilation: Pixels from one value of the kernel to the next.
        rounding: ``"floor"`` drops a window that would only partly fit. With ``"ceil"`` it counts, provided that it
            starts before the end (the rule of Caffe and PyTorch).

    Returns:
        The number of outputs along this side.

    Raises:
        ValueError: Where not one window fits, and for what is no size at all.

    >>> output_size(227, kernel=11, stride=4), output_size(224, 11, stride=4, padding=2), output_size(55, 3, stride=2)
    (55, 55, 27)
    """
    for name, value in (("size", size), ("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        if not _is_at_least(1, value):
            raise ValueError(f"{name} is {value!r}, but must be a whole number of at least 1")
    if rounding not in ("floor", "ceil"):
        raise ValueError(f"rounding is {rounding!r}, but must be 'floor' or 'ceil'")
    ends = padding if isinstance(padding, tuple | list) else (padding, padding)
    if len(ends) != 2 or not all(_is_at_least(0, end) for end in ends):
        raise ValueError(f"padding is {padding!r}, but must be a whole number of at least 0, or a (before, after) pair")
    before, after = ends
    seen = reach(kernel, dilation)
    room = size + before + after - seen
    if room < 0:
        dilated = f" (kernel {kernel}, dilation {dilation})" if dilation > 1 else ""
        raise ValueError(
            f"a kernel of {seen}{dilated} does not fit into {size + before + after} pixels (input {size}, padding "
            f"{before} + {after}); it needs a kernel of at most {size + before + after} or {-room} more pixels of "
            "padding")
    fitting = room // stride + 1
    overhangs = rounding == "ceil" and room % stride and fitting * stride < size + before
    return fitting + 1 if overhangs else fitting


def _is_at_least(least: int, value: Any) -> bool:
    """Whether a value is a whole number, Python's or NumPy's, that is not below ``least``."""
    try:
        return not isinstance(value, bool) and index(value) >= least
    except TypeError:
        return False


def _map_size(layer: Windowed, shape: Shape, rounding: Rounding) -> Pair:
    kernel, stride, dilation = pair(layer.kernel), pair(layer.stride), pair(layer.dilation)
    sides = paddings(layer.padding, (shape[0], shape[1]), layer.reach, stride)
    if isinstance(layer, Pool) and any(max(ends) >= k for ends, k in zip(sides, kernel, strict=True)):
        raise ValueError(f"a padding of {layer.padding} with a kernel of {layer.kernel} lets a window lie wholly in "
                         "the padding; a pool's padding must be smaller than its kernel")
    if layer.padding == "same":
        rounding = "floor"  # the padding is what makes it fit
    high, wide = (output_size(shape[axis], kernel[axis], stride[axis], sides[axis], dilation[axis], rounding)
                  for axis in (0, 1))
    return high, wide


def output_shape(layer: Layer, shape: Shape, rounding: Rounding = "floor") -> Shape:
    """The shape that a layer makes of an input.

    Args:
        layer: One of :mod:`alexbook.layers`.
        shape: ``(height, width, channels)``, or ``(units,)`` behind a :class:`~alexbook.layers.Flatten`.
        rounding: What happens to a window that would only partly fit, as in :func:`output_size`.

    Returns:
        The output's shape, in the same form.

    Raises:
        ValueError: Where the layer cannot have such an input; one sentence says why.

    >>> output_shape(Conv(96, 11, stride=4), (227, 227, 3))
    (55, 55, 96)
    """
    if not isinstance(layer, Layer):
        raise ValueError(f"{layer!r} is no layer")
    if not (isinstance(shape, tuple | list) and shape and all(_is_at_least(1, size) for size in shape)):
        raise ValueError(f"its input has the shape {shape!r}, but must be whole numbers of at least 1")
    if isinstance(layer, (Windowed, LRN, SpatialNorm)) and len(shape) != 3:
        raise ValueError(f"its input has the shape {shape}, but must be (height, width, channels)")
    if isinstance(layer, (Dense, RBF)) and len(shape) != 1:
        raise ValueError(f"its input has the shape {shape}, but must be (units,): put a Flatten layer before it")
    if isinstance(layer, (Conv, LRN)) and shape[2] % layer.groups:
        fitting = [n for n in range(1, shape[2] + 1) if shape[2] % n == 0] if shape[2] <= MOST_CHANNELS else []
        known = f"one of {', '.join(map(str, fitting))}" if fitting else f"a divisor of {shape[2]}"
        raise ValueError(f"{shape[2]} input channels do not divide into {layer.groups} groups; groups must be {known}")
    match layer:
        case Conv(connections=table):
            if (table and max(map(max, table)) >= shape[2]) or (table and min(map(min, table)) < 0):
                raise ValueError(f"its connection table names input maps {min(map(min, table))} to "
                                 f"{max(map(max, table))}, but its input has maps 0 to {shape[2] - 1}")
            return (*_map_size(layer, shape, rounding), layer.filters)
        case Pool():
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
            return shape[-1], shape[-1], 2 * shape[-1]
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
    """Walk one image through the network's layers: shapes, parameters, work, receptive fields.

    Args:
        network: The network.
        input_shape: ``(height, width, channels)``; the network's own where none is given.

    Returns:
        A :class:`~alexbook.arithmetic._table.Trace`, which has a row for each layer and prints as a table.

    Raises:
        ValueError: Where a layer does not fit; one sentence names it, the value, and what would fit.

    >>> from alexbook import networks
    >>> traced = trace(networks.get("alexnet_2012"))
    >>> traced.parameters, traced.macs, traced["conv1"].output_shape
    (60965224, 724406816, (55, 55, 96))
    """
    if not isinstance(network, Network):
        raise ValueError(f"{network!r} is no network; networks.get('alexnet_2012') is one.")
    shape = network.input_shape if input_shape is None else input_shape
    if not (isinstance(shape, tuple | list) and len(shape) == 3 and all(_is_at_least(1, size) for size in shape)):
        raise ValueError(f"{network.name}: the input shape is {shape!r}, but must be (height, width, channels), each "
                         "at least 1.")
    shape = tuple(shape)
    field: Pair | None = (1, 1)
    jump: Pair | None = (1, 1)
    rows = []
    for name, layer in zip(_names(network.layers), network.layers, strict=True):
        rounding = network.pool_rounding or network.rounding if isinstance(layer, Pool) else network.rounding
        try:
            output = output_shape(layer, shape, rounding)
        except ValueError as error:
            raise ValueError(f"{name}: {error}.") from None
        if isinstance(layer, Windowed) and field and jump:
            (high, wide), stride = layer.reach, pair(layer.stride)
            field = field[0] + (high - 1) * jump[0], field[1] + (wide - 1) * jump[1]
            jump = jump[0] * stride[0], jump[1] * stride[1]
        elif isinstance(layer, Flatten):
            field = jump = None
        stored = _stored(layer, shape)
        rows.append(Row(name, layer, shape, output, *stored, *_work(layer, stored, output), field, jump))
        shape = output
    return Trace(network, tuple(rows))
