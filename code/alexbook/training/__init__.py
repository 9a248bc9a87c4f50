"""Training a network of the book on one of its datasets, in either framework, to a recorded run.

What chapters call is here: a :class:`Recipe`, its data (:func:`load`), a trainer (:func:`make_trainer`), the loop
(:func:`train`) and the network's answers (:func:`predictions`).
"""

from alexbook.training._data import load
from alexbook.training._loop import predictions, train
from alexbook.training._trainer import Trainer
from alexbook.training.recipe import Recipe
from alexbook.training.run import make_trainer

__all__ = ["Recipe", "Trainer", "load", "make_trainer", "predictions", "train"]
