"""The Keras side of training_step.py: steps of the book's learner, and of the same networks as tutorials train them."""

import sys
from collections.abc import Callable

import keras
import tensorflow as tf
from alexbook import keras_layers, keras_models, memory
from alexbook.keras_training import Learner
from alexbook.network import Network
from alexbook.recipes import Recipe
from step_common import batch_of, configurations, products, serve

Job = Callable[[], object]


def ours(network: Network, count: int) -> Job:
    """A step of the learner that ``python -m alexbook train`` uses, with the book's usual recipe."""
    learner = Learner(Recipe(network.name, "imagenette", "keras"), network)
    images, labels = batch_of(network, count)
    return lambda: learner.step(images, labels, 1e-4)


def plain_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer as Keras and TensorFlow have it: ``Conv2D(groups=...)``, TensorFlow's own response normalization."""
    match layer:
        case keras_layers.GroupedConv2D():
            return keras.layers.Conv2D(layer.filters, layer.kernel_size, layer.strides, groups=layer.groups,
                                       name=layer.name)
        case keras_layers.LocalResponseNormalization():
            def across(x):
                parts = [tf.nn.local_response_normalization(part, layer.size // 2, layer.k, layer.alpha / layer.size,
                                                            layer.beta) for part in tf.split(x, layer.groups, axis=-1)]
                return tf.concat(parts, axis=-1)
            return keras.layers.Lambda(across, name=layer.name)
        case keras_layers.SpatialResponseNormalization():
            def within(x):
                sums = tf.nn.avg_pool2d(tf.pad(x ** 2, [[0, 0], [2, 2], [2, 2], [0, 0]]), layer.size, 1, "VALID")
                return x / (layer.k + layer.alpha * sums) ** layer.beta
            return keras.layers.Lambda(within, name=layer.name)
    return layer.__class__.from_config(layer.get_config())


def tutorial(network: Network, count: int) -> Job:
    """A step with the same weights to learn, compiled with Keras's defaults."""
    model = keras.models.clone_model(keras_models.build(network, 0), clone_function=plain_layer)
    model.compile(keras.optimizers.SGD(1e-4, momentum=0.9, weight_decay=5e-4),
                  keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    images, labels = batch_of(network, count)
    return lambda: model.train_on_batch(images, labels)


def multiply(side: int) -> Job:
    """A product of two square matrices."""
    a = tf.random.normal((side, side))
    return lambda: tf.linalg.matmul(a, a).numpy()


def main(count: int, keep: bool) -> None:
    """All jobs; or, where memory is kept, the book's steps alone."""
    found = configurations()
    if keep and not memory.keep():
        raise SystemExit("This C library cannot be told to keep memory; only Linux's glibc can.")
    jobs = {f"ours: {name}": ours(network, count) for name, network in found.items()}
    if not keep:
        jobs |= {f"tutorial: {name}": tutorial(network, count) for name, network in found.items()}
        jobs |= {"peak": lambda: products(multiply)}
    serve(jobs, {"keras": keras.__version__, "tensorflow": tf.__version__})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] == ["keep"])
