"""What a layer is: frozen dataclasses that hold a layer's settings and nothing else.

Shapes are channels-last, ``(height, width, channels)``, or ``(units,)`` after :class:`Flatten`. What a layer does to a
shape, and what it costs, is in :mod:`alexbook.arithmetic`. Pure Python: no framework, no NumPy.
"""

from dataclasses import KW_ONLY, dataclass
from itertools import chain
from math import isfinite
from typing import Literal

Pair = tuple[int, int]
Size = int | Pair
Padding = int | Pair | tuple[Pair, Pair] | Literal["same"]

ACTIVATIONS = ("relu", "sigmoid", "tanh", "scaled_tanh", "softmax")


def pair(size: Size) -> Pair:
    """A size for both directions; a ``(vertical, horizontal)`` pair stays as it is.

    >>> pair(3), pair((3, 5))
    ((3, 3), (3, 5))
    """
    if isinstance(size, int):
        return size, size
    vertical, horizontal = size
    return vertical, horizontal


def reach(kernel: int, dilation: int = 1) -> int:
    """Pixels from the first to the last that a kernel sees along one side, the holes of a dilated one included.

    >>> reach(3), reach(3, dilation=2)
    (3, 5)
    """
    return dilation * (kernel - 1) + 1


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:  # a whole number that no float is as large as
        return False


def _are_tuples(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) > 0 and all(isinstance(part, tuple | list) for part in value)


@dataclass(frozen=True)
class Layer:
    """Common base: a layer may carry the name that its network's paper gives it."""

    _: KW_ONLY
    name: str = ""

    def __post_init__(self) -> None:
        self._check(isinstance(self.name, str), "name", "text")

    @property
    def kind(self) -> str:
        """The class's name in lower case, used where the layer has no name of its own."""
        return type(self).__name__.lower()

    def _check(self, fine: bool, field: str, wanted: str) -> None:
        if not fine:
            value = getattr(self, field)
            name = self.name if self.name and isinstance(self.name, str) else self.kind
            raise ValueError(f"{name}: {field} is {value!r}, but must be {wanted}.")

    def _check_sizes(self, *fields: str) -> None:
        for field in fields:
            value = getattr(self, field)
            sizes = value if isinstance(value, tuple) and len(value) == 2 else (value,)
            fine = all(_is_whole(size) and size >= 1 for size in sizes)
            self._check(fine, field, "a whole number of at least 1, or a (vertical, horizontal) pair of such")

    def _check_count(self, *fields: str) -> None:
        for field in fields:
            value = getattr(self, field)
            self._check(_is_whole(value) and value >= 1, field, "a whole number of at least 1")

    def _check_numbers(self, *fields: str) -> None:
        for field in fields:
            self._check(_is_number(getattr(self, field)), field, "a number")

    def _check_start(self, bias: object, start: object) -> None:
        self._check(isinstance(bias, bool), "bias", "True or False")
        self._check(start is None or isinstance(start, Normal | He), "start", "None, a Normal(...) or He()")


def _flat(value: object) -> list:
    return [item for part in value for item in _flat(part)] if isinstance(value, tuple) else [value]


def _padding_form(value: object) -> bool:
    if not isinstance(value, tuple):
        return True
    inner = {len(part) if isinstance(part, tuple) else 0 for part in value}
    return len(value) == 2 and inner in ({0}, {2})


@dataclass(frozen=True)
class He:
    """Where training starts, for layers with a ReLU behind them: each weight from a normal distribution around 0 whose
    standard deviation is ``sqrt(2 / fan-in)`` (He et al. 2015, eq. 10), every bias at ``bias``.
    """

    bias: float = 0.0

    def __post_init__(self) -> None:
        if not _is_number(self.bias):
            raise ValueError(f"he: bias is {self.bias!r}, but must be a number.")


@dataclass(frozen=True)
class Normal:
    """Where training starts: each weight drawn from a normal distribution around 0, every bias at ``bias``.

    A :class:`Conv` or :class:`Dense` with ``start=None`` starts by its network's rule instead
    (:func:`alexbook.models._common.limits`).
    """

    deviation: float
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not (_is_number(self.deviation) and self.deviation > 0):
            raise ValueError(f"normal: deviation is {self.deviation!r}, but must be greater than 0.")
        if not _is_number(self.bias):
            raise ValueError(f"normal: bias is {self.bias!r}, but must be a number.")


class Windowed(Layer):
    """Common base of what slides a window over maps: convolutions and pools.

    The fields are those of the classes below; ``dilation`` is 1 where a layer has none.
    """

    kernel: Size
    stride: Size
    padding: Padding
    dilation: Size = 1

    @property
    def reach(self) -> Pair:
        """The side lengths of the window on its input, ``(vertical, horizontal)``, holes included."""
        kernel, dilation = pair(self.kernel), pair(self.dilation)
        return reach(kernel[0], dilation[0]), reach(kernel[1], dilation[1])

    def _check_window(self) -> None:
        self._check_sizes("kernel", "stride", "dilation")
        value = self.padding
        fine = value == "same" if isinstance(value, str) else all(
            _is_whole(size) and size >= 0 for size in _flat(value)) and _padding_form(value)
        self._check(fine, "padding", "'same', a whole number of at least 0, a (vertical, horizontal) pair, or "
                                     "((top, bottom), (left, right))")


@dataclass(frozen=True)
class Conv(Windowed):
    """Convolution (cross-correlation, as in every framework) of maps with ``filters`` learned kernels.

    ``padding`` is a number, a ``(vertical, horizontal)`` pair, ``((top, bottom), (left, right))`` or ``"same"``
    (TensorFlow's rule: the output has ``ceil(input / stride)`` pixels, an odd pixel of padding goes to the bottom or
    right). ``groups`` splits input and output maps into that many independent convolutions (AlexNet paper, section
    3.2); ``connections`` instead lists for each filter the input maps it sees (LeNet-5's C3, LeCun et al. 1998,
    Table I).
    """

    filters: int
    kernel: Size
    stride: Size = 1
    padding: Padding = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True
    connections: tuple[tuple[int, ...], ...] | None = None
    start: Normal | He | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_count("filters", "groups")
        self._check_start(self.bias, self.start)
        self._check_window()
        self._check(self.filters % self.groups == 0, "groups", f"a divisor of the {self.filters} filters")
        if self.connections is not None:
            self._check(self.groups == 1, "groups", "1 where a connection table says which maps a filter sees")
            self._check(_are_tuples(self.connections) and all(map(_is_whole, chain(*self.connections))),
                        "connections", "tuples of the numbers of input maps")
            self._check(len(self.connections) == self.filters, "connections",
                        f"one tuple of input maps for each of the {self.filters} filters")
            self._check(all(maps and len(set(maps)) == len(maps) for maps in self.connections), "connections",
                        "made of non-empty tuples that name no input map twice")


@dataclass(frozen=True)
class Pool(Windowed):
    """Common base of the pools; ``stride`` defaults to the kernel, so that windows lie side by side."""

    kernel: Size
    stride: Size = None  # type: ignore[assignment]  # from __post_init__ on it is the kernel
    padding: Padding = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride is None:
            object.__setattr__(self, "stride", self.kernel)
        self._check_window()


class MaxPool(Pool):
    """The largest value in each window; ``stride`` defaults to the kernel, a smaller one makes windows overlap."""


class AvgPool(Pool):
    """The mean of each window, over the pixels that lie inside the input."""


class Subsample(Pool):
    """LeNet's trainable subsampling: each window's *sum*, times one coefficient per map, plus one bias per map.

    LeCun et al. 1998, section II.B. The squashing function that follows is a layer of its own.
    """


@dataclass(frozen=True)
class LRN(Layer):
    """Local response normalization across ``size`` neighboring maps (AlexNet paper, section 3.3).

    ``b = a / (k + alpha / size * sum(a_j ** 2)) ** beta``. Alpha is divided by ``size``, as cuda-convnet, Caffe and
    PyTorch do and TensorFlow does not. With ``groups`` the neighborhood never crosses from one group of maps to the
    next (the two GPUs of 2012 normalized their own maps only).
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0
    groups: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_count("size", "groups")
        self._check_numbers("alpha", "beta", "k")
        self._check(self.k > 0, "k", "greater than 0")


@dataclass(frozen=True)
class SpatialNorm(Layer):
    """Response normalization within each map, over ``size`` x ``size`` neighboring pixels; zeros lie outside the map.

    ``b = a / (k + alpha / size ** 2 * sum(a_j ** 2)) ** beta``. The released source code of 2012 has one after
    conv2's LRN (``cnorm2`` in layers-145.cfg, alpha 0.001); the paper does not mention it. The code of its kernel was
    not released: ``k = 1`` and the zeros outside are assumptions.
    """

    size: int = 5
    alpha: float = 1e-3
    beta: float = 0.75
    k: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_count("size")
        self._check_numbers("alpha", "beta", "k")
        self._check(_is_whole(self.size) and self.size % 2 == 1, "size", "odd")
        self._check(self.k > 0, "k", "greater than 0")


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each map, or unit, brought to mean 0 and variance 1 over the batch, then times a learned factor, plus a shift.

    Ioffe and Szegedy 2015. For prediction it uses running means of both, of which each step takes in a tenth; they are
    stored and not trained.
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(_is_number(self.epsilon) and self.epsilon > 0, "epsilon", "greater than 0")


class Flatten(Layer):
    """All values in one row; frameworks differ in the order (Keras: row, column, map; PyTorch: map, row, column)."""


@dataclass(frozen=True)
class Dense(Layer):
    """Every output sees every input (a "fully connected" layer)."""

    units: int
    bias: bool = True
    start: Normal | He | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_count("units")
        self._check_start(self.bias, self.start)


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, each value is set to 0 with probability ``rate``."""

    rate: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check(_is_number(self.rate) and 0 <= self.rate < 1, "rate", "at least 0 and less than 1")


@dataclass(frozen=True)
class Activation(Layer):
    """A nonlinearity by name; ``scaled_tanh`` is LeCun's ``1.7159 tanh(2/3 x)`` (1998, eq. 6 and appendix A)."""

    function: str

    def __post_init__(self) -> None:
        super().__post_init__()
        known = isinstance(self.function, str) and self.function in ACTIVATIONS
        self._check(known, "function", f"one of {', '.join(ACTIVATIONS)}")


@dataclass(frozen=True)
class RBF(Layer):
    """LeNet-5's output: each unit is the squared distance of its input to a fixed center (1998, section II.B, eq. 7).

    The smallest output is the answer. ``centers`` holds one tuple for each unit; they are stored but not trained.
    """

    centers: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        fine = _are_tuples(self.centers) and all(all(map(_is_number, center)) for center in self.centers)
        self._check(fine, "centers", "tuples of numbers, one tuple for each unit")
        self._check(len({len(center) for center in self.centers}) == 1, "centers", "tuples of one and the same length")

    @property
    def units(self) -> int:
        """The number of centers, one for each class."""
        return len(self.centers)
