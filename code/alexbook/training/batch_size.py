"""The largest batch that fits in memory, found by trying, and what to say where one does not.

A trial is two steps (the second one has the optimizer's memory as well) and one batch of test images, with a trainer
made for it and thrown away, so that nothing of the run itself depends on it.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, cycle, islice
from pathlib import Path

from alexbook.batches.data import Data
from alexbook.training import _malloc, checkpoints
from alexbook.training._trainer import Trainer
from alexbook.training.recipe import Recipe

# What Python, the system, PyTorch (on NVIDIA, Apple, processors), TensorFlow and JAX say when memory runs out.
WORDS = ("memoryerror", "outofmemoryerror", "out of memory", "can't allocate memory", "not enough memory", "bad_alloc",
         "alloc_failed", "resourceexhaustederror", "resource_exhausted", "could not create a memory",
         "host_allocation_failed", "unable to find a valid cudnn algorithm", "was unable to find an engine",
         "dst tensor is not initialized", "invalid buffer size", "cannot allocate memory")
MakeTrainer = Callable[[Recipe], Trainer]


def out_of_memory(error: BaseException) -> bool:
    """Whether it says that memory ran out, in any of the frameworks' ways; neither needs to be installed."""
    said = f"{type(error).__name__}: {error}".lower().strip()
    if said.endswith("could not create a primitive"):  # oneDNN; with more words behind it means something else
        return True
    return isinstance(error, Exception) and any(words in said for words in WORDS)


def sizes(largest: int) -> Iterator[int]:
    """Batch sizes to try: the one asked for, then the powers of two below it."""
    yield largest
    yield from (2**power for power in reversed(range((largest - 1).bit_length())))


def fits(recipe: Recipe, data: Data, make: MakeTrainer) -> bool:
    """Whether two steps and a batch of test images fit in memory."""
    trainer = loader = batch = None
    try:
        trainer = make(recipe)
        loader = trainer.loader(data)
        plans = (data.plan(recipe.batch_size, [recipe.seed, 0], recipe.augmentation) for _ in cycle("again"))
        for batch in islice(chain.from_iterable(plans), 2):
            trainer.step(*loader.make_batch(batch), recipe.lr)
        trainer.metrics()  # which waits for the device
        views = next(data.test_views(recipe.views, recipe.crop))
        trainer.probabilities(loader.normalize(views.reshape(-1, *views.shape[2:])))
        return True
    except Exception as error:
        if not out_of_memory(error):
            raise
        return False
    finally:
        trainer = loader = batch = None
        clear()


def clear() -> None:
    """Give back what trainers that are gone have left in memory."""
    gc.collect()
    _malloc.release()
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_available():
        sys.modules["torch"].cuda.empty_cache()
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()


def largest(recipe: Recipe, data: Data, make: MakeTrainer, below: int | None = None) -> int | None:
    """The largest of :func:`sizes` that fits, up to the recipe's or ``below`` another; ``None`` where 1 does not."""
    tried = (size for size in sizes(recipe.batch_size) if below is None or size < below)
    return next((size for size in tried if fits(replace(recipe, batch_size=size), data, make)), None)


def auto_batch(recipe: Recipe, data: Data, make: MakeTrainer, checkpoint: Path | None = None,
               log: Callable[[str], None] = print) -> Recipe:
    """The recipe with the largest batch that fits, or, where a ``checkpoint`` goes on, the one it began with."""
    began = checkpoints.batch_size(checkpoint) if checkpoint else None
    size = began or largest(recipe, data, make)
    if size is None:
        raise MemoryError(advice(recipe, None))
    if size != recipe.batch_size:
        log(f"A batch of {recipe.batch_size} images does not fit in memory, so it has {size}; the learning rate "
            f"stays {recipe.lr} (--lr changes it).")
    return replace(recipe, batch_size=size)


def advice(recipe: Recipe, size: int | None, tried: bool = True) -> str:
    """What to say where the recipe's batch does not fit; ``size`` is one that does, or, if not ``tried``, a guess."""
    if size is None:
        return (f"Memory ran out with {recipe.batch_size} images in a batch, and not even 1 image fits; choose a "
                "smaller network.")
    found = "which fitted when tried" if tried else "half as many, which has not been tried"
    return (f"Memory ran out with {recipe.batch_size} images in a batch; give --batch-size {size} ({found}), or "
            "--auto-batch.")
