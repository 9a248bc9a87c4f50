"""The book's commands: ``python -m alexbook train``, ``predict``, ``evaluate``, ``experiment`` and ``trace``.

What needs NumPy is imported by the functions that use it, for NumPy takes as many threads as it is told of when it is
loaded (:func:`_set_threads`).
"""

import argparse
import os
import sys
from dataclasses import Field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from alexbook import __version__, _renamed, networks

THREADS = 1024  # more than any processor has; the frameworks end the process where they cannot start as many


def parser() -> argparse.ArgumentParser:
    """The command line; an option of a recipe that is not given stays out of the result."""
    from alexbook.training.experiments import EXPERIMENTS
    made = argparse.ArgumentParser(prog="python -m alexbook", description="The commands of the book "
                                   "AlexNet, Layer by Layer.")
    made.add_argument("--version", action="version", version=__version__)
    commands = made.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    tracing = commands.add_parser("trace", help="print a network's shapes, parameters and MACs")
    tracing.add_argument("network", help=f"one of {', '.join(networks.NETWORKS)}")
    many = commands.add_parser("experiment", help="make all runs of one of the book's experiments")
    many.add_argument("name", help=f"one of {', '.join(EXPERIMENTS)}")
    many.add_argument("--only", default="*", metavar="PATTERN", help="only runs whose names match, such as '*-seed0'")
    many.add_argument("--list", action="store_true", help="say which runs there are, and make none")
    many.add_argument("--out", type=Path, default=Path("runs"), help="the folder for the runs (default: runs); what is "
                      "there already is not made again")
    _add_how(many)
    one = commands.add_parser("train", help="train a network and record the run", argument_default=argparse.SUPPRESS)
    _add_recipe(one)
    one.add_argument("--weights", type=Path, default=None, metavar="FILE", help="also write the trained weights to "
                     "this file, FILE.safetensors, for `predict` and alexbook.weights (they are not kept "
                     "otherwise)")
    one.add_argument("--out", type=Path, default=None, help="the file for the run (default: "
                     "runs/DATASET-NETWORK-FRAMEWORK-seedN.json; DATASET is folder-NAME for a folder of your own)")
    _add_how(one)
    telling = commands.add_parser("predict", help="name the classes of photographs, with a trained network")
    telling.add_argument("weights", help="a trained network that comes with the book, or a file that `train --weights` "
                         "wrote")
    telling.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="files of images")
    telling.add_argument("--top", type=int, default=5, help="how many classes to name (default: 5)")
    telling.add_argument("--framework", default="torch", metavar="{torch,keras}", help="(default: torch)")
    measuring = commands.add_parser("evaluate", help="measure a trained network on a dataset's test images")
    measuring.add_argument("weights", help="as for predict")
    measuring.add_argument("dataset", help="a dataset's name, such as mnist")
    measuring.add_argument("--views", type=int, default=1, help="views of each image: 1, or 10 (paper, section 4.1)")
    measuring.add_argument("--per-class", type=int, default=None, help="of caltech101 and flowers: as in training")
    measuring.add_argument("--split", type=int, default=0, help="of caltech101 and flowers: as in training")
    measuring.add_argument("--framework", default="torch", metavar="{torch,keras}", help="(default: torch)")
    measuring.add_argument("--data", type=Path, default=None, help="a folder that holds the dataset")
    _add_threads(measuring)
    return made


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    """An argument or an option for each field of a recipe, and hidden ones for the names that fields had before."""
    from dataclasses import fields

    from alexbook.training.recipe import FRAMEWORKS, KINDS, Recipe
    before = {new: old for old, new in _renamed.FIELDS.items()}
    for each in fields(Recipe):
        if each.name in ("network", "dataset"):
            parser.add_argument(each.name, help=each.metadata["help"])
            continue
        settings = _settings(each, KINDS[each.name])
        text = each.metadata["help"]
        if each.name == "framework":
            settings["default"], text = FRAMEWORKS[0], f"{text} (default: {FRAMEWORKS[0]})"
        parser.add_argument(_renamed.option(each.name), dest=each.name, help=text, **settings)
        if each.name in before:
            parser.add_argument(_renamed.option(before[each.name]), dest=each.name, help=argparse.SUPPRESS, **settings)


def _settings(field: Field, kind: Any) -> dict[str, Any]:
    """How an option for a field is read. What it may be is the recipe's to check, in one sentence."""
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    metavar = field.metadata["metavar"]
    if choices := field.metadata["choices"]:
        metavar = f"{{{','.join(map(str, choices))}}}"
    settings: dict[str, Any] = {"metavar": metavar} if metavar else {}
    if kind in (tuple[str, ...], tuple[int, ...]):
        return settings | {"nargs": "+", "type": kind.__args__[0]}
    return settings | {"type": partial(_renamed.value, field.name) if kind is str else kind}


def _add_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=None, help="a folder that holds the dataset")
    parser.add_argument("--save-every", type=float, default=60, metavar="SECONDS",
                        help="keep a checkpoint so often within an epoch (default: 60)")
    parser.add_argument("--restart", action="store_true", default=False,
                        help="start anew, even if there is a checkpoint to go on from")
    parser.add_argument("--devices", type=int, default=None, help="devices to share each batch among (Keras on "
                        "TensorFlow; default: all GPUs); PyTorch: torchrun --nproc-per-node N -m alexbook train ...")
    parser.add_argument("--auto-batch", action="store_true", default=False,
                        help="if a batch does not fit in memory, train with the largest one that does")
    _add_threads(parser)
    parser.add_argument("--quiet", action="store_true", default=False, help="no progress bar")


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, default=None, help="processor threads to use")


def train(options: argparse.Namespace) -> int:
    """Train, or go on training, and write the record; returns the exit status."""
    from alexbook.training import record
    from alexbook.training.recipe import KINDS, usual
    from alexbook.training.run import run
    recipe = usual(**{name: value for name, value in vars(options).items() if name in KINDS})
    if recipe.dataset == "folder" and options.data is None:
        raise ValueError("The dataset 'folder' is a folder of your own images; say which with --data FOLDER.")
    out = options.out or Path("runs") / f"{record.name(recipe, options.data)}.json"
    return run(recipe, out, **_how(options), weights=options.weights)


def experiment(options: argparse.Namespace) -> int:
    """Make the runs of an experiment that are not there yet, one after another; returns the exit status."""
    from alexbook.training import experiments
    from alexbook.training.run import run
    recipes = dict(experiments.get(options.name).recipes())
    chosen = [name for name in recipes if fnmatchcase(name, options.only)]
    if not chosen:
        raise ValueError(f"No run of {options.name} is named {options.only!r}; there are {', '.join(recipes)}.")
    for name in chosen:
        out = options.out / f"{name}.json"
        if options.list or out.exists():
            print(f"{name}: {'recorded' if out.exists() else 'to do'}")
        elif status := run(recipes[name], out, **_how(options)):
            return status
    return 0


def trace(options: argparse.Namespace) -> int:
    """Print a network's table; returns the exit status."""
    from alexbook import arithmetic
    print(arithmetic.trace(networks.get(options.network)))
    return 0


def predict(options: argparse.Namespace) -> int:
    """Print the most probable classes of each image; returns the exit status."""
    from alexbook import weights
    from alexbook.datasets import image_files
    images = [image_files.read(path) for path in options.images]
    top = min(options.top, len(weights.card(options.weights).classes))
    for path, found in zip(options.images, weights.predict(options.weights, images, options.framework, top),
                           strict=True):
        print(path)
        for name, share in found:
            print(f"  {share:6.1%}  {name}")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Print a trained network's errors on a dataset's test images; returns the exit status."""
    from alexbook.datasets import DatasetUnavailable
    from alexbook.weights.evaluation import evaluate as measure
    try:
        found = measure(options.weights, options.dataset, options.data, views=options.views,
                        framework=options.framework, per_class=options.per_class, seed=options.split)
    except DatasetUnavailable as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(found.labels):,} test images of {len(found.classes)} classes, {options.views} "
          f"view{'s' * (options.views > 1)} of each")
    print(f"top-1 error          {found.error():7.2%}")
    if len(found.classes) > 10:
        print(f"top-5 error          {found.error(5):7.2%}")
    print(f"mean error of classes{found.class_error:7.2%}")
    return 0


def _how(options: argparse.Namespace) -> dict[str, Any]:
    """What decides how a run is made, and not what it computes."""
    return {"folder": options.data, "devices": options.devices, "auto_batch": options.auto_batch,
            "restart": options.restart, "save_every": options.save_every, "show": not options.quiet}


def _set_threads(arguments: list[str] | None) -> None:
    """Set what must be set before NumPy or a framework is loaded, and so before all other options are known."""
    first = argparse.ArgumentParser(prog="python -m alexbook", add_help=False)
    _add_threads(first)
    threads = first.parse_known_args(arguments)[0].threads
    if threads is not None:
        if not 1 <= threads <= THREADS:
            raise ValueError(f"The threads are {threads}, but must be from 1 to {THREADS}.")
        for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[variable] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; mistakes in its words, and data that cannot be had, end in one sentence.

    Args:
        arguments: The words of the command; those of this process if none are given.

    Returns:
        The exit status: 0 where all went well, 2 for a mistake, 130 for a run that was stopped.
    """
    try:
        _set_threads(arguments)
        chosen = parser()
        options = chosen.parse_args(arguments)
        if options.command is None:
            chosen.print_help()
            return 0
        return {"train": train, "experiment": experiment, "trace": trace, "predict": predict,
                "evaluate": evaluate}[options.command](options)
    except (ValueError, OSError, FloatingPointError, MemoryError) as error:
        print(f"alexbook: {error}", file=sys.stderr)
        return 2
