"""The book's commands: ``python -m alexbook train NETWORK DATASET``, ``experiment NAME`` and ``trace NETWORK``."""

import argparse
import os
import sys
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path

from alexbook import __version__, networks
from alexbook.variants import CHANGES


def parser() -> argparse.ArgumentParser:
    """The command line; an option that is not given stays out of the result."""
    made = argparse.ArgumentParser(prog="python -m alexbook", description="The commands of the book "
                                   "AlexNet, Layer by Layer.")
    made.add_argument("--version", action="version", version=__version__)
    commands = made.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    tracing = commands.add_parser("trace", help="print a network's shapes, parameters and MACs")
    tracing.add_argument("network", help=f"one of {', '.join(networks.NETWORKS)}")
    many = commands.add_parser("experiment", help="make all runs of one of the book's experiments")
    many.add_argument("name", help="search, relu, relu-keras or ablation")
    many.add_argument("--only", default="*", metavar="PATTERN", help="only runs whose names match, such as '*-seed0'")
    many.add_argument("--list", action="store_true", help="say which runs there are, and make none")
    many.add_argument("--out", type=Path, default=Path("runs"), help="the folder for the runs (default: runs); what is "
                      "there already is not made again")
    _add_how(many)
    _add_train(commands.add_parser("train", help="train a network and record the run",
                                   argument_default=argparse.SUPPRESS))
    return made


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("network", help="a network's name, as for trace")
    train.add_argument("dataset", help="a dataset's name, such as digits or mnist")
    train.add_argument("--framework", default="torch", help="torch or keras (default: torch)")
    train.add_argument("--epochs", type=int, help="passes over the training images")
    train.add_argument("--batch-size", type=int, help="images in one step")
    train.add_argument("--optimizer", help="sgd (with momentum) or adam")
    train.add_argument("--rate", "--lr", type=float, help="the first learning rate")
    train.add_argument("--momentum", type=float, help="momentum of sgd")
    train.add_argument("--decay", type=float, help="weight decay, on weights only")
    train.add_argument("--velocity", help="momentum when the rate changes: own (the framework's), paper or torch")
    train.add_argument("--bias-rate", type=float, help="the biases' learning rate, as a multiple of the rate")
    train.add_argument("--schedule", help="cosine (down to 0), constant, drops or plateau")
    train.add_argument("--drops", type=int, nargs="+", help="with --schedule drops: divide the rate by 10 after these "
                                                            "epochs")
    train.add_argument("--patience", type=int, help="with --schedule plateau: epochs without a lower error before the "
                                                    "rate is divided by 10")
    train.add_argument("--changes", nargs="+", metavar="CHANGE", help=f"change the network: {', '.join(CHANGES)}")
    train.add_argument("--images", type=int, help="train on so many of the training images")
    train.add_argument("--crop", type=int, help="random crops: move the image by up to so many pixels")
    train.add_argument("--flip", action="store_true", help="show half of the images mirrored")
    train.add_argument("--color", type=float, help="color noise along principal axes, as a share of their deviation "
                                                   "(the paper: 0.1)")
    train.add_argument("--views", type=int, help="views of each test image, averaged: 1 or 10")
    train.add_argument("--precision", help="float32, bfloat16 or float16 (with loss scaling)")
    train.add_argument("--compile", action="store_true", help="compile the network: torch.compile, or XLA in Keras")
    train.add_argument("--layout", help="channels_last or (PyTorch) channels_first, in memory")
    train.add_argument("--until", type=float, metavar="SHARE", help="end early, once the training error is no higher")
    train.add_argument("--pixels", help="standard (mean 0, deviation 1), 1998 (-0.1 to 1.175) or 2012 (0 to 255 minus "
                                         "the mean)")
    train.add_argument("--grey", action="store_true", help="turn color images to gray")
    train.add_argument("--holdout", type=int, help="test on so many training images, held out, instead "
                                                   "of the test images")
    train.add_argument("--seed", type=int, help="of initial weights and of the images' order")
    train.add_argument("--out", type=Path, default=None, help="the file for the run (default: "
                       "runs/DATASET-NETWORK-FRAMEWORK-seedN.json)")
    _add_how(train)


def _add_how(train: argparse.ArgumentParser) -> None:
    train.add_argument("--data", type=Path, default=None, help="a folder that holds the dataset")
    train.add_argument("--save-every", type=float, default=60, metavar="SECONDS",
                       help="keep a checkpoint so often within an epoch (default: 60)")
    train.add_argument("--restart", action="store_true", default=False,
                       help="start anew, even if there is a checkpoint to go on from")
    train.add_argument("--devices", type=int, default=None, help="devices to share each batch among (Keras on "
                       "TensorFlow; default: all GPUs); PyTorch: torchrun --nproc-per-node N -m alexbook train ...")
    train.add_argument("--auto-batch", action="store_true", default=False,
                       help="if a batch does not fit in memory, train with the largest one that does")
    train.add_argument("--threads", type=int, default=None, help="processor threads to use")
    train.add_argument("--quiet", action="store_true", default=False, help="no progress bar")


def train(options: argparse.Namespace) -> int:
    """Train, or go on training, and write the record; returns the exit status."""
    from alexbook import recording, running
    from alexbook.recipes import Recipe, usual
    given = {field.name: getattr(options, field.name) for field in fields(Recipe) if hasattr(options, field.name)}
    recipe = usual(**given)
    return running.run(recipe, options.out or Path("runs") / f"{recording.name(recipe)}.json", **_how(options))


def experiment(options: argparse.Namespace) -> int:
    """Make the runs of an experiment that are not there yet, one after another; returns the exit status."""
    from alexbook import experiments, running
    recipes = dict(experiments.get(options.name).recipes())
    chosen = [name for name in recipes if fnmatchcase(name, options.only)]
    if not chosen:
        raise ValueError(f"No run of {options.name} is named {options.only!r}; there are {', '.join(recipes)}.")
    for name in chosen:
        out = options.out / f"{name}.json"
        if options.list or out.exists():
            print(f"{name}: {'recorded' if out.exists() else 'to do'}")
        elif status := running.run(recipes[name], out, **_how(options)):
            return status
    return 0


def _how(options: argparse.Namespace) -> dict:
    """What decides how a run is made, and not what it computes."""
    return {"folder": options.data, "devices": options.devices, "auto_batch": options.auto_batch,
            "restart": options.restart, "every": options.save_every, "show": not options.quiet}


def _prepare(threads: int | None) -> None:
    """What must be set before a framework is loaded."""
    if threads is not None:
        for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[variable] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; mistakes in its words, and data that cannot be had, end in one sentence."""
    chosen = parser()
    options = chosen.parse_args(arguments)
    if options.command is None:
        chosen.print_help()
        return 0
    try:
        if options.command in ("train", "experiment"):
            _prepare(options.threads)
            return train(options) if options.command == "train" else experiment(options)
        from alexbook.arithmetic import trace
        print(trace(networks.get(options.network)))
    except (ValueError, OSError, FloatingPointError, MemoryError) as error:
        print(f"alexbook: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
