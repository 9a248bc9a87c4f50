"""What `torchrun` starts in test_parallel.py: trains in all processes and leaves what came of it in a folder."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
from alexbook import team as teams
from alexbook import training
from parallel_cases import CASES, STOPPED, data


def main(folder):
    team = teams.gather("torch")

    def train(name, recipe, network, interrupt=None):
        learner = training.learner(recipe, network, team)
        plain, steps = learner.step, []

        def step(*given):
            plain(*given)
            steps.append(1)
            if interrupt and len(steps) == interrupt:
                os.kill(os.getpid(), signal.SIGINT)

        learner.step = step
        try:
            progress = training.train(recipe, learner, data(), folder / f"{name}.checkpoint.npz", show=False)
        except KeyboardInterrupt:
            print(f"stopped {team.rank} after {len(steps)} steps", flush=True)
            return
        np.savez(folder / f"{name}-{team.rank}.npz", **learner.weights())
        if team.first:
            (folder / f"{name}.json").write_text(json.dumps(progress.curve + [learner.about()]))

    for name, (recipe, network) in CASES.items():
        train(name, recipe, network)
    train("resumed", *STOPPED, interrupt=5 if team.rank == 1 else None)  # Ctrl-C comes to one process only
    train("resumed", *STOPPED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
