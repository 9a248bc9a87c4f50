"""Response normalization in Keras, on any backend, several times faster on a CPU than what TensorFlow has.

Squares of neighbors are added up by one matrix product, the gradient is written out, and on a processor large maps are
worked on one image at a time, so that they stay in its cache.
"""

from math import prod

import keras
import numpy as np
from keras import ops

LARGE = 1 << 17  # values in one image's maps, half a megabyte, from which a processor is faster with one at a time

register = keras.saving.register_keras_serializable("alexbook")


class Configured(keras.layers.Layer):
    """A layer whose settings are plain attributes, listed in ``settings``, so that it can be saved."""

    settings: tuple[str, ...] = ()

    def get_config(self) -> dict:
        return super().get_config() | {name: getattr(self, name) for name in self.settings}


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
class LocalResponseNormalization(Configured):
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
class SpatialResponseNormalization(Configured):
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
