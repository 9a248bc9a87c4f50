"""One training run from beginning to end: data, learner, training or going on with it, and the record of it."""

import sys
from pathlib import Path

from alexbook import checkpoints, fitting, memory, recording, training
from alexbook import team as teams
from alexbook.datasets import DatasetUnavailable
from alexbook.recipes import Recipe


def run(recipe: Recipe, out: Path, folder: Path | None = None, devices: int | None = None, auto_batch: bool = False,
        restart: bool = False, every: float = 60, show: bool = True) -> int:
    """Train by the recipe and write the record to ``out``; returns the exit status of the command.

    ``folder`` holds the dataset, ``devices`` share each batch (Keras), ``every`` so many seconds a checkpoint is
    written beside ``out``, from which the same call goes on unless it is to ``restart``. With ``auto_batch`` a batch
    that does not fit in memory becomes one that does; without it, ``MemoryError`` says which one would.
    """
    checkpoint = out.with_suffix(".checkpoint.npz")
    team = teams.gather(recipe.framework, devices)
    if restart and team.first:
        checkpoints.remove(checkpoint)
    try:
        network, data = training.load(recipe, folder)
    except DatasetUnavailable as error:
        print(error, file=sys.stderr)
        return 2

    def make(recipe: Recipe) -> training.Learner:
        return training.learner(recipe, network, team)

    apart = recipe.framework == "torch" and team.count > 1  # one process cannot try alone what all must do together
    if auto_batch:
        if apart:
            raise ValueError(f"--auto-batch tries in one process, but torchrun started {team.count}; leave it out.")
        recipe = fitting.auto_batch(recipe, data, make, checkpoint)
    learner, ran_out = None, False
    try:
        learner = make(recipe)
        # Memory is kept only once a step has fitted: it would be in the way of a smaller batch that is tried instead.
        progress = training.train(recipe, learner, data, checkpoint, show=show, every=every, begun=memory.keep)
    except KeyboardInterrupt:
        if team.first:
            print(f"\nStopped. The same command goes on from where this run ended ({checkpoint}).",
                  file=sys.stderr)
        return 130
    except Exception as error:
        if not fitting.out_of_memory(error):
            raise
        ran_out = True
    if ran_out:  # outside of the except, which would keep the learner's memory
        learner = None
        fitting.clear()
        fit = max(1, recipe.batch_size // 2) if apart else fitting.largest(recipe, data, make, below=recipe.batch_size)
        raise MemoryError(fitting.advice(recipe, fit, tried=not apart))
    if not team.first:
        return 0
    run = recording.record(recipe, network, data, learner, progress, out.stem)
    run.save(out)
    checkpoints.remove(checkpoint)
    print(f"{run!r}\nwritten to {out}")
    return 0
