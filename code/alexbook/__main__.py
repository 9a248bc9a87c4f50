"""The book's commands: ``python -m alexbook train NETWORK DATASET`` and ``python -m alexbook trace NETWORK``."""

import argparse
import os
import sys
from dataclasses import fields
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
    train.add_argument("--pixels", help="standard (mean 0, deviation 1) or 1998 (-0.1 to 1.175)")
    train.add_argument("--grey", action="store_true", help="turn color images to gray")
    train.add_argument("--holdout", type=int, help="test on so many training images, held out, instead "
                                                   "of the test images")
    train.add_argument("--seed", type=int, help="of initial weights and of the images' order")
    train.add_argument("--out", type=Path, default=None, help="the file for the run (default: "
                       "runs/DATASET-NETWORK-FRAMEWORK-seedN.json)")
    train.add_argument("--data", type=Path, default=None, help="a folder that holds the dataset")
    train.add_argument("--save-every", type=float, default=60, metavar="SECONDS",
                       help="keep a checkpoint so often within an epoch (default: 60)")
    train.add_argument("--restart", action="store_true", default=False,
                       help="start anew, even if there is a checkpoint to go on from")
    train.add_argument("--threads", type=int, default=None, help="processor threads to use")
    train.add_argument("--quiet", action="store_true", default=False, help="no progress bar")


def train(options: argparse.Namespace) -> int:
    """Train, or go on training, and write the record; returns the exit status."""
    if options.threads is not None:
        for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ[variable] = str(options.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    from alexbook import checkpoints, recording, training
    from alexbook.datasets import DatasetUnavailable
    from alexbook.recipes import Recipe, usual
    given = {field.name: getattr(options, field.name) for field in fields(Recipe) if hasattr(options, field.name)}
    recipe = usual(**given)
    out = options.out or Path("runs") / f"{recording.name(recipe)}.json"
    checkpoint = out.with_suffix(".checkpoint.npz")
    if options.restart:
        checkpoints.remove(checkpoint)
    try:
        network, data = training.load(recipe, options.data)
    except DatasetUnavailable as error:
        print(error, file=sys.stderr)
        return 2
    learner = training.learner(recipe, network)
    try:
        progress = training.train(recipe, learner, data, checkpoint, show=not options.quiet,
                                  every=options.save_every)
    except KeyboardInterrupt:
        print(f"\nStopped. The same command goes on from where this run ended ({checkpoint}).",
              file=sys.stderr)
        return 130
    run = recording.record(recipe, network, data, learner, progress, out.stem)
    run.save(out)
    checkpoints.remove(checkpoint)
    print(f"{run!r}\nwritten to {out}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run one command; mistakes in its words, and data that cannot be had, end in one sentence."""
    chosen = parser()
    options = chosen.parse_args(arguments)
    if options.command is None:
        chosen.print_help()
        return 0
    try:
        if options.command == "train":
            return train(options)
        from alexbook.arithmetic import trace
        print(trace(networks.get(options.network)))
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"alexbook: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
