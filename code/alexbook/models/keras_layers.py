"""The layers of the book's networks that Keras does not have, channels last, on any Keras backend."""

from math import prod

import keras
import numpy as np
from keras import ops

from alexbook.arithmetic import Pair
from alexbook.models._keras_norm import (
    Configured,
    LocalResponseNormalization,
    SpatialResponseNormalization,
    register,
)

__all__ = ["GroupedConv2D", "InnerAveragePooling2D", "LocalResponseNormalization", "Padding2D", "RBFDistance",
           "ScaledTanh", "SpatialResponseNormalization", "Subsampling2D", "TableConv2D", "Uniform"]


@register
class Uniform(keras.initializers.Initializer):
    """Uniform between minus and plus ``limits``: one number, or one for each value of the last axis."""

    def __init__(self, limits: float | list[float], seed: int) -> None:
        self.limits, self.seed = limits, seed

    def __call__(self, shape, dtype=None):
        drawn = keras.random.uniform(shape, -1, 1, dtype=dtype, seed=self.seed)
        return drawn * ops.convert_to_tensor(self.limits, dtype=drawn.dtype)

    def get_config(self) -> dict:
        return {"limits": self.limits, "seed": self.seed}


@register
class Padding2D(Configured):
    """Adds ``sides``, ``((top, bottom), (left, right))`` pixels of ``value``."""

    settings = ("sides", "value")

    def __init__(self, sides: tuple[Pair, Pair], value: float = 0.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.sides, self.value = sides, value

    def call(self, x):
        return ops.pad(x, ((0, 0), *self.sides, (0, 0)), constant_values=self.value)

    def compute_output_shape(self, shape):
        (top, bottom), (left, right) = self.sides
        high, wide = (None if n is None else n + added for n, added in
                      zip(shape[1:3], (top + bottom, left + right), strict=True))
        return shape[0], high, wide, shape[3]


class _Weighted(Configured):
    """A layer with a ``kernel`` and, if wanted, a ``bias``."""

    def __init__(self, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 use_bias: bool = True, **kwargs) -> None:
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.use_bias = use_bias

    def get_config(self) -> dict:
        serialize = keras.initializers.serialize
        return super().get_config() | {"kernel_initializer": serialize(self.kernel_initializer),
                                       "bias_initializer": serialize(self.bias_initializer),
                                       "use_bias": self.use_bias}

    def make_weights(self, kernel_shape: tuple[int, ...], maps: int) -> None:
        self.kernel = self.add_weight(name="kernel", shape=kernel_shape,
                                      initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(maps,),
                                    initializer=self.bias_initializer) if self.use_bias else None

    def with_bias(self, x):
        return x + ops.cast(self.bias, x.dtype) if self.use_bias else x


class _Convolution(_Weighted):
    """Common part of the convolutions that follow, which add no padding."""

    settings: tuple[str, ...] = ("filters", "kernel_size", "strides", "dilation_rate")

    def __init__(self, filters: int, kernel_size: Pair, strides: Pair = (1, 1),
                 dilation_rate: Pair = (1, 1), **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.strides, self.dilation_rate = strides, dilation_rate

    def convolve(self, x, kernel):
        return ops.conv(x, kernel, self.strides, "valid", "channels_last", self.dilation_rate)


@register
class GroupedConv2D(_Convolution):
    """``Conv2D(groups=...)`` with its weights, computed as one convolution for each group of maps.

    On TensorFlow Keras hands a grouped convolution to XLA, whose CPU code trains four times slower.
    """

    settings = (*_Convolution.settings, "groups")

    def __init__(self, groups: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, shape):
        self.make_weights((*self.kernel_size, shape[-1] // self.groups, self.filters),
                          self.filters)

    def call(self, x):
        halves = zip(ops.split(x, self.groups, axis=-1),
                     ops.split(self.kernel, self.groups, axis=-1), strict=True)
        return self.with_bias(ops.concatenate([self.convolve(*half) for half in halves], axis=-1))


@register
class TableConv2D(_Convolution):
    """A convolution whose filters see only the maps that a table lists (LeNet-5's C3).

    The kernel is ``(height, width, connections)``, in the table's order; it is spread into a dense
    one at each call, so that the weights counted are those that exist.
    """

    settings = (*_Convolution.settings, "table")

    def __init__(self, table: tuple[tuple[int, ...], ...], **kwargs) -> None:
        super().__init__(filters=len(table), **kwargs)
        self.table = table

    def get_config(self) -> dict:
        return {name: value for name, value in super().get_config().items() if name != "filters"}

    def build(self, shape):
        pairs = [(filter_, map_) for filter_, maps in enumerate(self.table) for map_ in maps]
        self.make_weights((*self.kernel_size, len(pairs)), self.filters)
        self.dense_shape = (*self.kernel_size, shape[-1], self.filters)
        places = np.zeros((len(pairs), shape[-1] * self.filters), "float32")
        places[range(len(pairs)), [map_ * self.filters + filter_ for filter_, map_ in pairs]] = 1
        self.places = places

    def call(self, x):
        kernel = ops.matmul(self.kernel, ops.cast(self.places, self.kernel.dtype))
        return self.with_bias(self.convolve(x, ops.reshape(kernel, self.dense_shape)))


@register
class Subsampling2D(_Weighted):
    """Each window's sum, times one coefficient per map (``kernel``), plus one ``bias`` per map."""

    settings = ("pool_size", "strides")

    def __init__(self, pool_size: Pair, strides: Pair, **kwargs) -> None:
        super().__init__(**kwargs)
        self.pool_size, self.strides = pool_size, strides

    def build(self, shape):
        self.make_weights(shape[-1:], shape[-1])

    def call(self, x):
        mean = ops.average_pool(x, self.pool_size, self.strides, "valid", "channels_last")
        return self.with_bias(mean * ops.cast(prod(self.pool_size) * self.kernel, x.dtype))


@register
class InnerAveragePooling2D(Configured):
    """The mean of each window over the pixels inside the input, for padding of any shape."""

    settings = ("pool_size", "strides", "sides")

    def __init__(self, pool_size: Pair, strides: Pair, sides: tuple[Pair, Pair], **kwargs) -> None:
        super().__init__(**kwargs)
        self.pool_size, self.strides, self.sides = pool_size, strides, sides

    def _mean(self, x):
        padded = ops.pad(x, ((0, 0), *self.sides, (0, 0)))
        return ops.average_pool(padded, self.pool_size, self.strides, "valid", "channels_last")

    def call(self, x):
        return self._mean(x) / self._mean(ops.ones_like(x[:1, :, :, :1]))


@register
class ScaledTanh(Configured):
    """LeCun's squashing function ``1.7159 tanh(2/3 x)``."""

    def call(self, x):
        return 1.7159 * ops.tanh(x * (2 / 3))

    def compute_output_shape(self, shape):
        return shape


@register
class RBFDistance(Configured):
    """The squared distance of a ``(batch, values)`` input to each fixed center."""

    settings = ("centers",)

    def __init__(self, centers: tuple[tuple[float, ...], ...], **kwargs) -> None:
        super().__init__(**kwargs)
        self.centers = centers

    def call(self, x):
        return ops.sum(ops.square(x[:, None, :] - ops.cast(self.centers, x.dtype)), axis=-1)
