"""How fast batches are made."""

import time

from alexbook.batches.data import Data
from alexbook.batches.loader import Loader
from alexbook.training.recipe import Recipe


def images_per_second(recipe: Recipe, data: Data, loader: Loader | None = None, seconds: float = 2.0) -> float:
    """What a loader makes of a recipe's training images, with nobody to learn from them.

    Batches are made one after another; the first is not counted.

    Args:
        recipe: Says how large batches are and how images are augmented.
        data: The images.
        loader: What makes the batches; NumPy's loader if none is given.
        seconds: How long to measure; at least three batches are made.

    Returns:
        Images per second.
    """
    loader = loader or data.loader
    plan = data.plan(recipe.batch_size, [recipe.seed, 0], recipe.augmentation)
    loader.make_batch(next(plan))
    count, batches, began = 0, 0, time.perf_counter()
    while batches < 3 or time.perf_counter() - began < seconds:
        batch = next(plan, None)
        if batch is None:
            plan = data.plan(recipe.batch_size, [recipe.seed, 0], recipe.augmentation)
            continue
        loader.make_batch(batch)
        count, batches = count + len(batch), batches + 1
    return count / (time.perf_counter() - began)
