"""The Keras side of training_step.py: steps of the book's trainer, and of the same networks as tutorials train them."""

import sys
from collections.abc import Callable
from functools import partial

import keras
import tensorflow as tf
from alexbook.models import keras as keras_models
from alexbook.models import keras_layers
from alexbook.networks import Network
from alexbook.training import _malloc
from alexbook.training.keras_trainer import KerasTrainer
from alexbook.training.recipe import Recipe
from step_common import batch_of, configurations, lazily, products, serve

Job = Callable[[], object]


def ours(network: Network, count: int) -> Job:
    """A step of the trainer that ``python -m alexbook train`` uses, with the book's usual recipe."""
    trainer = KerasTrainer(Recipe(network.name, "imagenette", "keras"), network)
    images, labels = batch_of(network, count)
    return lambda: trainer.step(images, labels, 1e-4)


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
    if keep and not _malloc.keep():
        raise SystemExit("This C library cannot be told to keep memory; only Linux's glibc can.")
    makers = {f"ours: {name}": partial(ours, network, count) for name, network in found.items()}
    if not keep:
        makers |= {f"tutorial: {name}": partial(tutorial, network, count) for name, network in found.items()}
    jobs: dict[str, Job] = {name: lazily(make) for name, make in makers.items()}
    if not keep:
        jobs |= {"peak": lambda: products(multiply)}
    serve(jobs, {"keras": keras.__version__, "tensorflow": tf.__version__})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] == ["keep"])
