"""How Keras learns: the :class:`alexbook.training.Learner` for ``keras.Model`` networks."""

import os
from importlib.metadata import version

import keras
import numpy as np
from keras import ops

from alexbook import keras_models
from alexbook.networks import Network
from alexbook.training import Recipe, rubbish


class _Decayed:
    """Weight decay as a term of the gradient, on kernels and matrices only.

    Keras's own ``weight_decay`` shrinks the weights beside the step, which is another rule.
    """

    decay = 0.0

    def update_step(self, gradient, variable, learning_rate):
        if self.decay and len(variable.shape) > 1:
            gradient = ops.add(gradient, ops.multiply(self.decay, variable))
        super().update_step(gradient, variable, learning_rate)


class SGD(_Decayed, keras.optimizers.SGD):
    """``keras.optimizers.SGD`` with :class:`_Decayed`."""


class Adam(_Decayed, keras.optimizers.Adam):
    """``keras.optimizers.Adam`` with :class:`_Decayed`."""


def optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """The recipe's optimizer, with weight decay on kernels and matrices only."""
    made = (Adam(recipe.rate, epsilon=1e-8) if recipe.optimizer == "adam" else
            SGD(recipe.rate, momentum=recipe.momentum))
    made.decay = recipe.decay
    return made


def criterion(j: float | None):
    """Cross-entropy; with a constant ``j`` the 1998 loss (eq. 9), whose outputs are distances."""
    def loss(labels, outputs):
        if j is not None:
            never = ops.full_like(outputs[:, :1], -j)
            outputs = ops.concatenate([-outputs, never], axis=1)
        return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True)
    return loss


def errors(j: float | None) -> keras.metrics.Metric:
    """The share of wrong answers, as a metric; with a constant ``j`` the outputs are distances."""
    def error(labels, outputs):
        answers = ops.argmax(outputs if j is None else -outputs, axis=-1)
        labels = ops.reshape(ops.cast(labels, answers.dtype), (-1,))  # they come as a column
        return ops.cast(ops.not_equal(labels, answers), "float32")
    return keras.metrics.MeanMetricWrapper(error, name="error")


class Learner:
    """A network of the book that learns in Keras, on the device that its backend chooses."""

    def __init__(self, recipe: Recipe, network: Network) -> None:
        keras.utils.set_random_seed(recipe.seed)
        self.model = keras_models.build(network, recipe.seed)
        self.j = rubbish(network)
        self.model.compile(optimizer=optimizer(recipe), loss=criterion(self.j),
                           metrics=[errors(self.j)], jit_compile=False)  # XLA gains nothing on a CPU
        self.model.optimizer.build(self.model.trainable_variables)
        self.begin_epoch()

    def begin_epoch(self) -> None:
        self.loss = self.wrong = self.seen = 0

    def step(self, images: np.ndarray, labels: np.ndarray, rate: float) -> None:
        self.model.optimizer.learning_rate = rate
        measured = self.model.train_on_batch(images, labels, return_dict=True)  # of this batch alone
        self.loss += float(measured["loss"]) * len(labels)
        self.wrong += float(measured["error"]) * len(labels)
        self.seen += len(labels)

    def figures(self) -> tuple[float, float]:
        return self.loss / self.seen, self.wrong / self.seen

    def predict(self, images: np.ndarray) -> np.ndarray:
        output = self.model.predict_on_batch(images)
        return (output if self.j is None else -output).argmax(axis=1)

    def weights(self) -> dict[str, np.ndarray]:
        return {v.path: ops.convert_to_numpy(v) for v in self.model.trainable_variables}

    def _variables(self) -> list:
        return [*self.model.variables, *self.model.optimizer.variables]

    def state(self) -> dict[str, np.ndarray]:
        return {f"{place:03d}": ops.convert_to_numpy(v) for place, v in enumerate(self._variables())}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        for variable, (_, value) in zip(self._variables(), sorted(state.items()), strict=True):
            variable.assign(value)

    def about(self) -> dict:
        backend = keras.backend.backend()
        threads = os.environ.get("TF_NUM_INTRAOP_THREADS") or os.environ.get("OMP_NUM_THREADS")
        gpus = [name for name in keras.distribution.list_devices() if "cpu" not in name]
        return {"device": gpus[0] if gpus else "cpu", "threads": int(threads or os.cpu_count()),
                "versions": {"keras": keras.version(), backend: version(backend)}}
