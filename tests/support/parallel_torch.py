"""What `torchrun` starts in test_parallel.py: trains in all processes and leaves what came of it in a folder."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
from alexbook import training
from alexbook.training import run
from parallel_cases import CASES, STOPPED, data


def main(folder):
    group, make = run.init_distributed("torch")

    def train(name, recipe, network, interrupt=None):
        trainer = make(recipe, network)
        plain, steps = trainer.step, []

        def step(*given):
            plain(*given)
            steps.append(1)
            if interrupt and len(steps) == interrupt:
                os.kill(os.getpid(), signal.SIGINT)

        trainer.step = step
        try:
            progress = training.train(recipe, trainer, data(), folder / f"{name}.checkpoint.npz", show=False,
                                      group=group)
        except KeyboardInterrupt:
            print(f"stopped {group.rank} after {len(steps)} steps", flush=True)
            return
        np.savez(folder / f"{name}-{group.rank}.npz", **trainer.weights())
        if group.is_main_process:
            (folder / f"{name}.json").write_text(json.dumps(progress.curve + [trainer.about()]))

    for name, (recipe, network) in CASES.items():
        train(name, recipe, network)
    train("resumed", *STOPPED, interrupt=5 if group.rank == 1 else None)  # Ctrl-C comes to one process only
    train("resumed", *STOPPED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
