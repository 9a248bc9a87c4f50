"""What test_parallel.py starts with two logical processors: the same training on one and on two devices."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from alexbook import cli as commands
from alexbook import training
from alexbook.training import run
from parallel_cases import CASES, DROPPING, RECIPE, data


def main(folder):
    _, make = run.init_distributed("keras", 2)
    for name in ("augmented", "odd"):
        recipe, network = CASES[name]
        recipe = replace(recipe, framework="keras")
        for among, who in (("one", training.make_trainer), ("two", make)):
            trainer = who(recipe, network)
            progress = training.train(recipe, trainer, data(), show=False)
            np.savez(folder / f"{name}-{among}.npz", **trainer.weights())
            (folder / f"{name}-{among}.json").write_text(json.dumps(progress.curve))

    # Dropout: a state that is taken up again ends where the first run ended.
    recipe = replace(RECIPE, framework="keras")
    images, labels = np.random.default_rng(1).random((6, 32, 32, 3), np.float32), np.arange(6)
    ends = []
    trainer = make(recipe, DROPPING)
    state = trainer.state()
    for _ in range(2):
        trainer.restore(state)
        trainer.begin_epoch()
        trainer.step(images, labels, 0.1)
        trainer.step(images, labels, 0.1)
        ends.append(trainer.weights())
    repeated = all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0])
    status = commands.main(["train", "lenet5_modern", "digits", "--framework", "keras", "--devices", "2", "--quiet",
                            "--epochs", "1", "--batch-size", "200", "--out", str(folder / "run.json")])
    (folder / "said.json").write_text(json.dumps({"repeated": repeated, "status": status}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
