"""From a finished training run to the record of it."""

import hashlib
import json
import os
import platform
from dataclasses import asdict, fields
from datetime import UTC, datetime

import numpy as np

from alexbook import __version__, training
from alexbook.arithmetic import trace
from alexbook.checkpoints import Progress
from alexbook.networks import Network
from alexbook.preparing import Data
from alexbook.recipes import Recipe, usual
from alexbook.runs import Run, processor
from alexbook.training import Learner

MANY = 400  # more mistakes than this are not listed one by one


def command(recipe: Recipe, processes: int = 1, devices: int = 1) -> str:
    """The shortest command line that means this recipe, in so many processes, each with so many devices."""
    shortest = usual(recipe.network, recipe.dataset, recipe.framework)
    start = f"torchrun --nproc-per-node {processes}" if processes > 1 else "python"
    words = [f"{start} -m alexbook train", recipe.network, recipe.dataset]
    for field in fields(recipe)[2:]:
        value, option = getattr(recipe, field.name), "--" + field.name.replace("_", "-")
        if field.name in ("framework", "seed") or value != getattr(shortest, field.name):
            told = " ".join(map(str, value)) if isinstance(value, tuple) else value
            words.append(option if value is True else f"{option} {told}")
    return " ".join([*words, f"--devices {devices}"] if devices > 1 else words)


def name(recipe: Recipe) -> str:
    """The usual name of a recipe's run: ``mnist-lenet5-torch-seed0``, with the changes, and ``grey`` where it is."""
    parts = (recipe.dataset, recipe.network, *recipe.changes, *["grey"] * recipe.grey, recipe.framework,
             f"seed{recipe.seed}")
    return "-".join(parts)


def record(recipe: Recipe, network: Network, data: Data, learner: Learner, progress: Progress,
           called: str) -> Run:
    """Measure the trained network on the test images and write down all that the result depends on."""
    answers, labels = training.predictions(learner, data, recipe), data.test.labels
    classes = len(data.about["classes"])
    confusion = np.zeros((classes, classes), int)
    np.add.at(confusion, (labels, answers), 1)
    wrong = np.flatnonzero(answers != labels)
    mistakes = np.stack([wrong, labels[wrong], answers[wrong]], axis=1).tolist()
    traced, about = trace(network), learner.about()
    several = {name: about[name] for name in ("processes", "devices") if name in about}
    return Run(
        name=called,
        command=command(recipe, **several),
        recipe=json.loads(json.dumps(asdict(recipe))) | _loss(network),
        network={"name": network.name, "input_shape": list(network.input_shape),
                 "parameters": traced.parameters, "macs": traced.macs},
        dataset=data.about | {"mean": _plain(data.mean), "deviation": _plain(data.deviation)},
        curve=progress.curve,
        test_error=round(float(len(wrong) / len(labels)), 6),
        confusion=confusion.tolist(),
        mistakes=mistakes if len(mistakes) <= MANY else None,
        weights_sha256=checksum(learner.weights()),
        hardware={"processor": processor(), "cores": os.cpu_count(), "device": about["device"],
                  "threads": about["threads"], "system": platform.system()} | several,
        versions={"python": platform.python_version(), "alexbook": __version__,
                  "numpy": np.__version__} | about["versions"],
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(progress.seconds, 1),
    )


def checksum(weights: dict[str, np.ndarray]) -> str:
    """The sha256 of all trained values, in the network's order."""
    digest = hashlib.sha256()
    for values in weights.values():
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _loss(network: Network) -> dict:
    j = training.rubbish(network)
    return {"loss": "cross-entropy"} if j is None else {"loss": "LeCun et al. 1998, eq. 9", "j": j}


def _plain(values: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in values]
