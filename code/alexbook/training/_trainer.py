"""What a framework does by itself in training: the interface of a trainer."""

from typing import Any, Protocol

import numpy as np

from alexbook.batches.data import Data
from alexbook.batches.loader import Loader
from alexbook.layers import RBF
from alexbook.networks import Network
from alexbook.training.recipe import FIELD_DEFAULTS, Recipe


class Trainer(Protocol):
    """A network that is trained, in one framework. Images are channels last, float32, as its loader makes them."""

    recipe: Recipe

    def loader(self, data: Data) -> Loader:
        """What makes batches where the network wants them: in NumPy, or on the device."""

    def begin_epoch(self) -> None:
        """Start the sums of :meth:`metrics` anew."""

    def step(self, images: Any, labels: Any, lr: float) -> None:
        """One step of the optimizer on one batch, as :meth:`loader` makes it, at this learning rate."""

    def metrics(self) -> tuple[float, float]:
        """Mean loss and share of wrong answers in training, since the epoch began."""

    def probabilities(self, images: Any) -> np.ndarray:
        """``(count, classes)``: the probability that the network gives each class, for each image."""

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the rest of the epoch depends on: weights, optimizer, random state, the epoch's sums."""

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up a state that :meth:`state` returned."""

    def weights(self) -> dict[str, np.ndarray]:
        """The trained values alone, by name."""

    def stored(self) -> dict[str, np.ndarray]:
        """All that the network needs to answer: the trained values and running figures, by name."""

    def about(self) -> dict[str, Any]:
        """Versions of the framework, the device, its threads."""


def rubbish(network: Network, recipe: Recipe) -> float | None:
    """The constant j of the 1998 loss (LeCun et al. 1998, eq. 9): the distance of a "rubbish class".

    It keeps the distances to wrong classes from growing for ever.

    Returns:
        The recipe's j for a network with RBF outputs, ``None`` for all others.

    Raises:
        ValueError: The recipe has a j for a network whose loss has none.
    """
    if isinstance(network.layers[-1], RBF):
        return recipe.j
    if recipe.j != FIELD_DEFAULTS["j"]:
        raise ValueError(f"The j is {recipe.j:g}, but {network.name} has no RBF outputs, and so no j; leave j out.")
    return None
