"""Training in Keras: the :class:`alexbook.training._trainer.Trainer` for ``keras.Model`` networks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
from keras import ops

from alexbook.batches.data import Data
from alexbook.batches.keras_loader import KerasLoader
from alexbook.batches.loader import Loader
from alexbook.models import keras as keras_models
from alexbook.networks import Network
from alexbook.training._trainer import rubbish
from alexbook.training.recipe import Recipe

BACKENDS = ("tensorflow", "jax")  # that have Keras's list of devices


class _Grouped:
    """Weight decay as a term of the gradient, on kernels and matrices only; biases at a learning rate of their own.

    Keras's own ``weight_decay`` shrinks the weights beside the step, which is another rule.
    """

    decay = 0.0
    bias_lr_factor = 1.0

    def update_step(self, gradient, variable, learning_rate):
        if len(variable.shape) <= 1:
            learning_rate = learning_rate * self.bias_lr_factor
        elif self.decay:
            gradient = ops.add(gradient, ops.multiply(self.decay, variable))
        super().update_step(gradient, variable, learning_rate)


class SGD(_Grouped, keras.optimizers.SGD):
    """``keras.optimizers.SGD`` with :class:`_Grouped`."""

    def shrink_velocity(self, ratio: float) -> None:
        """What makes Keras's momentum PyTorch's when the learning rate becomes ``ratio`` times what it was.

        Keras, like the paper (section 5), keeps a velocity that has the rates of its past in it; PyTorch keeps a sum
        of gradients, so that a new rate holds for the past as well.
        """
        for velocity in self.momentums:
            velocity.assign(ops.multiply(velocity, ratio))


class Adam(_Grouped, keras.optimizers.Adam):
    """``keras.optimizers.Adam`` with :class:`_Grouped`."""


def optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """The recipe's optimizer: weight decay on kernels and matrices only, biases at their own learning rate."""
    made = (Adam(recipe.lr, epsilon=1e-8) if recipe.optimizer == "adam" else
            SGD(recipe.lr, momentum=recipe.momentum))
    made.decay, made.bias_lr_factor = recipe.weight_decay, recipe.bias_lr_factor
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


def _gpus() -> list[str]:
    return [name for name in keras.distribution.list_devices() if "cpu" not in name]


@contextmanager
def _policy(precision: str) -> Iterator[None]:
    """Layers made inside compute in this precision; weights are float32 in all of them."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class KerasTrainer:
    """A network of the book that is trained in Keras, on the device that its backend chooses.

    The recipe's ``compile`` is Keras's ``jit_compile``: by XLA.
    """

    def __init__(self, recipe: Recipe, network: Network) -> None:
        if keras.backend.backend() not in BACKENDS:
            raise ValueError(f"Keras is set to the backend {keras.backend.backend()} (KERAS_BACKEND or "
                             f"~/.keras/keras.json); training in Keras needs {' or '.join(BACKENDS)}.")
        keras.utils.set_random_seed(recipe.seed)
        self.recipe, self.lr = recipe, recipe.lr
        with _policy(recipe.precision):
            self.model = keras_models.build(network, recipe.seed)
        self.j = rubbish(network, recipe)
        self.sgd = optimizer(recipe)
        self.model.compile(optimizer=self.sgd, loss=criterion(self.j),
                           metrics=[errors(self.j)], jit_compile=recipe.compile,
                           auto_scale_loss=recipe.precision == "float16")
        self.model.optimizer.build(self.model.trainable_variables)
        self.begin_epoch()

    def loader(self, data: Data) -> Loader:
        return KerasLoader(data.normalization, data.size) if _gpus() else data.loader

    def begin_epoch(self) -> None:
        self.loss = self.wrong = self.seen = 0
        self.unread: list[tuple] = []  # what steps have measured and nobody has asked for

    def _set_lr(self, lr: float) -> None:
        if self.recipe.momentum_form == "torch" and lr != self.lr and self.recipe.optimizer == "sgd":
            self.sgd.shrink_velocity(lr / self.lr)
        self.lr = self.sgd.learning_rate = lr

    def step(self, images: np.ndarray, labels: np.ndarray, lr: float) -> None:
        self._set_lr(lr)
        self.unread.append((self._train_on_batch(images, labels), len(labels)))

    def _train_on_batch(self, images: np.ndarray, labels: np.ndarray) -> dict:
        """``train_on_batch``, which on a GPU would wait for each step to end, because it returns plain numbers."""
        if keras.backend.backend() == "jax":
            return self.model.train_on_batch(images, labels, return_dict=True)
        self.model.make_train_function()
        self.model.reset_metrics()  # to measure this batch alone
        return self.model.train_function(iter([(images, labels)]))

    def _read(self) -> None:
        for measured, count in self.unread:
            self.loss += float(measured["loss"]) * count
            self.wrong += float(measured["error"]) * count
            self.seen += count
        self.unread.clear()

    def metrics(self) -> tuple[float, float]:
        self._read()
        return self.loss / self.seen, self.wrong / self.seen

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        output = self.model.predict_on_batch(images).astype("float32")
        return ops.convert_to_numpy(ops.softmax(output if self.j is None else -output))

    def weights(self) -> dict[str, np.ndarray]:
        return {v.path: ops.convert_to_numpy(v) for v in self.model.trainable_variables}

    def stored(self) -> dict[str, np.ndarray]:
        return {v.path: ops.convert_to_numpy(v) for v in self.model.weights}

    def _variables(self) -> list:
        return [*self.model.variables, *self.model.optimizer.variables]

    def state(self) -> dict[str, np.ndarray]:
        self._read()
        sums = np.array([self.loss, self.wrong, self.seen, self.lr], np.float64)
        return {f"{index:03d}": ops.convert_to_numpy(v) for index, v in enumerate(self._variables())} | {"sums": sums}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.begin_epoch()
        self.loss, self.wrong, self.seen, self.lr = state["sums"].tolist()
        values = [state[name] for name in sorted(state) if name != "sums"]
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)

    def about(self) -> dict[str, Any]:
        backend = keras.backend.backend()
        threads = os.environ.get("TF_NUM_INTRAOP_THREADS") or os.environ.get("OMP_NUM_THREADS")
        return {"device": next(iter(_gpus()), "cpu"), "threads": int(threads or os.cpu_count() or 1),
                "versions": {"keras": keras.version(), backend: version(backend)}}
