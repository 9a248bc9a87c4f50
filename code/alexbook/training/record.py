"""From a finished training run to the record of it."""

import base64
import hashlib
import json
import os
import platform
import re
import subprocess
import unicodedata
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import alexbook
from alexbook import __version__, _renamed
from alexbook.arithmetic import trace
from alexbook.batches.data import Data
from alexbook.datasets import is_archive
from alexbook.networks import Network
from alexbook.runs import Run, processor
from alexbook.training._loop import predictions
from alexbook.training._trainer import Trainer, rubbish
from alexbook.training.checkpoints import Progress
from alexbook.training.recipe import Recipe, usual

MANY = 400  # more mistakes than this are not listed one by one


def command(recipe: Recipe, processes: int = 1, devices: int = 1) -> str:
    """The shortest command line that means this recipe, in so many processes, each with so many devices."""
    shortest = usual(recipe.network, recipe.dataset, recipe.framework)
    start = f"torchrun --nproc-per-node {processes}" if processes > 1 else "python"
    words: list[str] = [f"{start} -m alexbook train", recipe.network, recipe.dataset]
    for field in fields(recipe)[2:]:
        value, option = getattr(recipe, field.name), _renamed.option(field.name)
        if field.name in ("framework", "seed") or value != getattr(shortest, field.name):
            told = " ".join(map(str, value)) if isinstance(value, tuple) else value
            words.append({True: option, False: f"--no-{option[2:]}"}[value] if isinstance(value, bool)
                         else f"{option} {told}")
    return " ".join([*words, f"--devices {devices}"] if devices > 1 else words)


def name(recipe: Recipe, folder: str | Path | None = None) -> str:
    """The usual name of a recipe's run: ``mnist-lenet5-torch-seed0``, with the changes, and ``gray`` where it is.

    A run on a ``folder`` of one's own has that folder's name in it, as in ``folder-photos-lenet5-torch-seed0``.
    """
    own = [_plain_name(folder)] if recipe.dataset == "folder" and folder is not None else []
    drawn = [*[f"{recipe.per_class}-per-class"] * bool(recipe.per_class), *["rest"] * recipe.rest,
             *[f"split{recipe.split}"] * bool(recipe.split)]
    parts = (recipe.dataset, *own, *drawn, recipe.network, *recipe.changes, *["gray"] * recipe.gray, recipe.framework,
             f"seed{recipe.seed}")
    return "-".join(parts)


def _plain_name(folder: str | Path) -> str:
    """A folder's or an archive's own name, in letters and digits that any file's name can have."""
    path = Path(os.path.abspath(Path(folder).expanduser()))  # noqa: PTH100 (links keep their names)
    called = path.name.partition(".")[0] if is_archive(path) else path.name
    return re.sub(r"\W+", "-", unicodedata.normalize("NFC", called)).strip("-")[:40] or "root"


def record(recipe: Recipe, network: Network, data: Data, trainer: Trainer, progress: Progress,
           called: str) -> Run:
    """Measure the trained network on the test images and write down all that the result depends on."""
    answers, labels = predictions(trainer, data, recipe), data.test.labels
    classes = len(data.about["classes"])
    confusion = np.zeros((classes, classes), int)
    np.add.at(confusion, (labels, answers), 1)
    wrong = np.flatnonzero(answers != labels)
    mistakes = np.stack([wrong, labels[wrong], answers[wrong]], axis=1).tolist()
    traced, about = trace(network), trainer.about()
    several = {name: about[name] for name in ("processes", "devices") if name in about}
    return Run(
        name=called,
        command=command(recipe, **several),
        recipe=json.loads(json.dumps(asdict(recipe))) | _loss(network, recipe),
        network={"name": network.name, "input_shape": list(network.input_shape),
                 "parameters": traced.parameters, "macs": traced.macs},
        dataset=data.about | {"mean": _plain(data.normalization.mean), "std": _plain(data.normalization.std)},
        curve=progress.curve,
        test_error=round(float(len(wrong) / len(labels)), 6),
        confusion=confusion.tolist(),
        mistakes=mistakes if len(mistakes) <= MANY else None,
        answers=base64.b64encode(np.packbits(answers == labels).tobytes()).decode(),
        weights_sha256=checksum(trainer.weights()),
        hardware={"processor": processor(), "cores": os.cpu_count(), "device": about["device"],
                  "threads": about["threads"], "system": platform.system()} | several,
        versions={"python": platform.python_version(), "alexbook": __version__, "revision": revision(),
                  "numpy": np.__version__} | about["versions"],
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(progress.seconds, 1),
    )


def revision() -> str:
    """The revision of the code that runs, ``, modified`` behind it where files differ; empty where git knows none."""
    root = Path(alexbook.__file__).resolve().parents[2]
    try:
        said = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], cwd=root,
                              capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.replace("-dirty", ", modified") if (root / ".git").exists() else ""


def checksum(weights: dict[str, np.ndarray]) -> str:
    """The sha256 of all trained values, in the network's order."""
    digest = hashlib.sha256()
    for values in weights.values():
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _loss(network: Network, recipe: Recipe) -> dict:
    return {"loss": "cross-entropy" if rubbish(network, recipe) is None else "LeCun et al. 1998, eq. 9"}


def _plain(values: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in values]
