"""The layers of the book's networks that Keras does not have, channels last, on any Keras backend."""

from math import prod

import keras
import numpy as np
from keras import ops

from alexbook.arithmetic import Pair

LARGE = 1 << 17  # values in one image's maps, half a megabyte, from which a processor is faster with one at a time

register = keras.saving.register_keras_serializable("alexbook")


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


class _Configured(keras.layers.Layer):
    """A layer whose settings are plain attributes, listed in ``settings``, so that it can be saved."""

    settings: tuple[str, ...] = ()

    def get_config(self) -> dict:
        return super().get_config() | {name: getattr(self, name) for name in self.settings}


@register
class Padding2D(_Configured):
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


class _Weighted(_Configured):
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

    settings = ("filters", "kernel_size", "strides", "dilation_rate")

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
class InnerAveragePooling2D(_Configured):
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


def _at_least_float32(x):
    """Squares of activations overflow float16, and their sums lose digits in bfloat16."""
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def _to_minus(beta: float, x):
    """``x ** -beta`` for positive x; roots, or exponential and logarithm, are several times faster than a power."""
    if beta != 0.75:
        return ops.exp(-beta * ops.log(x))
    root = ops.rsqrt(x)
    return root * ops.sqrt(root)


def _on_processor() -> bool:
    """Whether TensorFlow computes, and has no GPU to do it on."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf  # only where it is the backend

    return not tf.config.list_logical_devices("GPU")


def _by_image(compute, *arrays):
    """``compute(*arrays)``, on a processor one image at a time where maps are large.

    TensorFlow goes through whole arrays once for each operation, and waits for memory; one image stays in the cache.
    """
    shape = arrays[0].shape[1:]
    if None in shape or prod(shape) < LARGE or not _on_processor():
        return compute(*arrays)
    return ops.map(lambda images: compute(*(image[None] for image in images))[0], arrays)


def _normalize(x, sums, back, alpha: float, beta: float, k: float):
    """``x * d ** -beta`` with ``d = k + alpha * sums(x ** 2)``, its gradient written out, which takes half the time.

    ``sums`` adds up the values of a neighborhood, ``back`` those in whose neighborhood a value lies. The denominators
    are not kept for the way back, but computed once more: that is faster than to wait for them.
    """
    def denominators(x):
        return k + alpha * sums(ops.square(x))

    def forwards(x):
        return x * _to_minus(beta, denominators(x))

    def backwards(x, upstream):
        below = denominators(x)
        direct = upstream * _to_minus(beta, below)
        return direct - x * (2 * alpha * beta * back(direct * x / below))

    @ops.custom_gradient
    def normalized(x):
        def gradient(*arguments, upstream=None):
            return _by_image(backwards, x, arguments[0] if upstream is None else upstream)
        return _by_image(forwards, x), gradient
    return ops.cast(normalized(_at_least_float32(x)), x.dtype)


@register
class LocalResponseNormalization(_Configured):
    """Local response normalization across ``size`` neighboring maps, alpha divided by ``size``.

    The squares of neighbors are added by a product with a matrix of zeros and ones, maps x maps of a group: on a CPU
    that takes a fraction of the time that adding up slices takes (benchmarks/towers.py).
    """

    settings = ("size", "alpha", "beta", "k", "groups")

    def __init__(self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0,
                 groups: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.k, self.groups = size, alpha, beta, k, groups

    def build(self, shape):
        places = np.arange(shape[-1] // self.groups)
        ahead = places[:, None] - places  # of an input map, as seen from an output map
        self.near = (-(self.size // 2) <= ahead) & (ahead <= (self.size - 1) // 2)

    def call(self, x):
        def product(values, near):
            rows = ops.reshape(values, (-1, len(near)))  # a row for each pixel and group
            return ops.reshape(ops.matmul(rows, ops.cast(near, values.dtype)), ops.shape(values))

        def ahead(values):  # functions with names: TensorFlow tells two lambdas of one line apart by nothing, and warns
            return product(values, self.near)

        def behind(values):
            return product(values, self.near.T)
        return _normalize(x, ahead, behind, self.alpha / self.size, self.beta, self.k)

    def compute_output_shape(self, shape):
        return shape


@register
class SpatialResponseNormalization(_Configured):
    """Response normalization of each map by itself, over a square of neighboring pixels; ``size`` is odd."""

    settings = ("size", "alpha", "beta", "k")

    def __init__(self, size: int = 5, alpha: float = 1e-3, beta: float = 0.75, k: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def _mean(self, x):
        around = (self.size // 2, self.size // 2)
        return ops.average_pool(ops.pad(x, ((0, 0), around, around, (0, 0))), self.size, 1)  # zeros count, as pixels

    def call(self, x):
        return _normalize(x, self._mean, self._mean, self.alpha, self.beta, self.k)

    def compute_output_shape(self, shape):
        return shape


@register
class ScaledTanh(_Configured):
    """LeCun's squashing function ``1.7159 tanh(2/3 x)``."""

    def call(self, x):
        return 1.7159 * ops.tanh(x * (2 / 3))

    def compute_output_shape(self, shape):
        return shape


@register
class RBFDistance(_Configured):
    """The squared distance of a ``(batch, values)`` input to each fixed center."""

    settings = ("centers",)

    def __init__(self, centers: tuple[tuple[float, ...], ...], **kwargs) -> None:
        super().__init__(**kwargs)
        self.centers = centers

    def call(self, x):
        return ops.sum(ops.square(x[:, None, :] - ops.cast(self.centers, x.dtype)), axis=-1)
