"""One network trained in Keras on several devices of one machine, each with a share of every batch.

    python -m alexbook train alexnet_small cifar10 --framework keras --devices 2

This is TensorFlow's ``tf.distribute.MirroredStrategy``: every device has a copy of each variable, learns from every
second, third, ... image of a batch, and takes the step that follows from all devices' gradients together. Up to
rounding that is the step of one device with the whole batch. Two layers cannot keep to that: with dropout each device
masks its own share, and batch normalization sees its own share alone. ``keras.distribution`` is no help here: it works
on JAX and does nothing on TensorFlow.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from alexbook.networks import Network
from alexbook.training.keras_trainer import KerasTrainer, criterion
from alexbook.training.recipe import Recipe


def gpus() -> int:
    """How many GPUs TensorFlow sees."""
    return len(tf.config.list_physical_devices("GPU"))


def _logical_processors(count: int) -> None:
    """The processor in so many parts, for TensorFlow: to see on any machine how several devices work."""
    processor = tf.config.list_physical_devices("CPU")[0]
    configurations = [tf.config.LogicalDeviceConfiguration()] * count
    if tf.config.get_logical_device_configuration(processor) != configurations:
        try:
            tf.config.set_logical_device_configuration(processor, configurations)
        except RuntimeError:
            raise ValueError(f"The devices are {count}, but TensorFlow is at work already and cannot divide the "
                             "processor any more; start a new Python process.") from None


def mirrored(devices: int) -> tf.distribute.Strategy:
    """The strategy for so many devices: GPUs, or where there is none, parts of the processor."""
    if 0 < gpus() < devices:
        raise ValueError(f"The devices are {devices}, but there are {gpus()} GPUs.")
    if not gpus():
        _logical_processors(devices)
    kind = "GPU" if gpus() else "CPU"
    return tf.distribute.MirroredStrategy(
        [f"{kind}:{number}" for number in range(devices)],
        None if gpus() else tf.distribute.ReductionToOneDevice())  # None: NCCL between GPUs


class MirroredTrainer(KerasTrainer):
    """A network on all devices of a strategy, which share each batch that :meth:`step` is given."""

    def __init__(self, recipe: Recipe, network: Network, strategy: tf.distribute.Strategy) -> None:
        if recipe.compile:
            raise ValueError("The recipe's compile does not go with several devices in Keras; leave one of them out.")
        self.strategy, self.count = strategy, strategy.num_replicas_in_sync
        with strategy.scope():
            super().__init__(recipe, network)
        self.learn = tf.function(self._learn_everywhere, reduce_retracing=True)

    def _learn(self, images: tf.Tensor, labels: tf.Tensor, share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One device's part in a step. Keras's optimizer adds up what the devices bring, so each brings the gradient
        of its mean loss times its share of the batch's images.
        """
        with tf.GradientTape() as tape:
            outputs = tf.cast(self.model(images, training=True), "float32")
            loss = share * tf.reduce_mean(criterion(self.j)(labels, outputs))
            scaled = self.model.optimizer.scale_loss(loss)
        variables = [v.value for v in self.model.trainable_variables]
        self.model.optimizer.apply(tape.gradient(scaled, variables), self.model.trainable_variables)
        answers = tf.argmax(outputs if self.j is None else -outputs, axis=-1)
        return loss, share * tf.reduce_mean(tf.cast(answers != tf.cast(labels, answers.dtype), "float32"))

    def _learn_everywhere(self, *shares: tf.distribute.DistributedValues) -> list[tf.Tensor]:
        measured = self.strategy.run(self._learn, args=shares)
        return [self.strategy.reduce("SUM", values, axis=None) for values in measured]

    def _shares(self, values: np.ndarray | tf.Tensor) -> tf.distribute.DistributedValues:
        """Every second, third, ... of the values for each device; one where a device would get none."""
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(values[context.replica_id_in_sync_group % len(values)::self.count]))

    def _train_on_batch(self, images: np.ndarray | tf.Tensor, labels: np.ndarray | tf.Tensor) -> dict:
        sizes = [len(labels[number::self.count]) for number in range(self.count)]
        shares = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(sizes[context.replica_id_in_sync_group] / len(labels)))
        loss, wrong = self.learn(self._shares(images), self._shares(labels), shares)
        return {"loss": loss, "error": wrong}

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        outputs = keras.ops.convert_to_numpy(self.model(images, training=False)).astype("float32")
        return keras.ops.convert_to_numpy(keras.ops.softmax(outputs if self.j is None else -outputs))

    def about(self) -> dict[str, Any]:
        return super().about() | {"devices": self.count}
