"""The input side of training_step.py: batches as the book's pipeline makes them, in NumPy alone."""

import sys
from functools import partial

import numpy as np
from alexbook.batches.augmentation import Augmentation
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from step_common import configurations, serve

STORED = 256  # side of the images in memory, as in the paper


def main(count: int) -> None:
    size = configurations()["two towers"].input_shape[:2]
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, STORED, STORED, 3), np.uint8)
    stored = Split(images, np.zeros(count, np.int64))
    data = Data(stored, stored, Normalization(np.full(3, 120, np.float32), np.full(3, 60, np.float32)), size)
    paper = Augmentation(crop=(STORED - size[0]) // 2, flip=True, color=0.1)

    def made(augmentation: Augmentation) -> None:
        list(map(data.loader.make_batch, data.plan(count, [0], augmentation)))

    jobs = {f"pipeline: {name}": partial(made, chosen)
            for name, chosen in (("middle only", Augmentation()), ("crops, flips, color", paper))}
    serve(jobs, {"numpy": np.__version__})


if __name__ == "__main__":
    main(int(sys.argv[1]))
