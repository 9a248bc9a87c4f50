#!/usr/bin/env python3
"""How many images a second does AlexNet learn from, and how near is that to what the processor can do?

    python benchmarks/training_step.py                          prints tables
    python benchmarks/training_step.py --to data/benchmarks/training_step.json

Measured in one run: the peak, which is the fastest product of two matrices that either framework keeps up; a training
step of the book, in PyTorch and in Keras; the same networks as tutorials train them ("tutorial": PyTorch's default
layout and its own layers; Keras's Conv2D(groups=2) and TensorFlow's own normalization); and PyTorch's with every small
image enlarged in the data loader, as d2l does. "Memory kept" is the book's step in a process that hands no memory back
to the operating system between steps (training._malloc), "compiled" what torch.compile makes of it. Networks: the
two-tower one as it ran in 2012, its input 224x224 with sizes rounded up, which is what 227x227 is with sizes rounded
down; "bare" without response normalization; "one tower" is the article's, 227x227. All take turns, each in a process of
its framework, so that a busy moment of the machine hits all of them; what counts is the median. A machine that others
use too is not equally fast at all times, so the peak is measured anew before and after each step, and a step's share is
that of the faster of the two. On the processor alone.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from alexbook import networks
from alexbook._files import replace_file
from alexbook.runs import processor
from step_common import configurations, flops

HERE = Path(__file__).parent
CHILDREN = {"torch": ("step_torch.py",), "torch, memory kept": ("step_torch.py", "keep"),
            "keras": ("step_keras.py",), "keras, memory kept": ("step_keras.py", "keep"), "data": ("step_data.py",)}


class Ended(Exception):
    """A process is gone; the message says which."""


class Child:
    """A process that does one job at a time, when told to."""

    def __init__(self, threads: int, batch: int, script: str, *arguments: str) -> None:
        names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        environment = os.environ | dict.fromkeys(names, str(threads)) | {
            "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen([sys.executable, HERE / script, str(batch), *arguments], env=environment,
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.about = self._answer()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise Ended(f"the process {self.process.args[1].name} ended before it answered; its message is above")
        return json.loads(line)

    def do(self, job: str) -> dict:
        """A job's answer; where it fails, or its process ends, why, as ``failed``."""
        try:
            self.process.stdin.write(job + "\n")
            self.process.stdin.flush()
            return self._answer()
        except (Ended, BrokenPipeError) as why:
            return {"failed": str(why)}

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def started(threads: int, batch: int) -> dict[str, Child]:
    """The processes, without those that do not start here."""
    children = {}
    for name, spec in CHILDREN.items():
        say(f"starting {name}")
        try:
            children[name] = Child(threads, batch, *spec)
        except Ended as why:
            say(f"{name} is left out: {why}.")
    return children


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(children: dict[str, Child], repeats: int) -> Iterator[dict[str, list[dict]]]:
    """Process and job -> what each turn so far gave, as often as there is more of it.

    A first turn, in which frameworks compile, is not kept. A job that fails is left out from there on.
    """
    jobs = [(name, job) for name, child in children.items() for job in child.about["jobs"]]
    found: dict[str, list[dict]] = {}
    for turn in range(repeats + 1):
        after = _peak(children)
        for place, (name, job) in enumerate(tuple(jobs), 1):
            answer, key = children[name].do(job), f"{name}: {job}"
            if "failed" in answer:
                say(f"{key} is left out: {answer['failed']}")
                jobs.remove((name, job))
                found.pop(key, None)
                continue
            if "seconds" in answer:
                before, after = after, _peak(children)
                answer["peak"] = max(before, after)
            took = f", {answer['seconds']:.2f} s" if "seconds" in answer else ""
            say(f"turn {turn} of {repeats}, job {place}: {key}{took}")
            if turn:
                found.setdefault(key, []).append(answer)
                yield found


def _peak(children: dict[str, Child]) -> float:
    answer = children["torch"].do("peak")
    if "failed" in answer:
        raise SystemExit(f"The peak could not be measured: {answer['failed']}")
    return max(answer.values())


def summary(turns: list[dict], batch: int, operations: int | None) -> dict:
    """One job's turns as medians: seconds, images and operations per second, share of the peak around each turn."""
    seconds = [turn["seconds"] for turn in turns]
    row = {"seconds": median(seconds), "fastest": min(seconds), "slowest": max(seconds),
           "processor_seconds": median(turn["processor_seconds"] for turn in turns),
           "images_per_second": batch / median(seconds)}
    if operations:
        rate = operations * batch / row["seconds"]
        shares = [operations * batch / turn["seconds"] / turn["peak"] for turn in turns]
        row |= {"flops_per_second": rate, "share_of_peak": median(shares)}
    return row


def result(found: dict[str, list[dict]], batch: int) -> dict:
    """Everything measured, as it is written."""
    counted = {name: flops(network) for name, network in configurations().items()}
    counted["d2l"] = flops(networks.get("alexnet_d2l"))
    products = {name.removesuffix(": peak"): {side: median(turn[side] for turn in turns) for side in turns[0]}
                for name, turns in found.items() if name.endswith(": peak")}
    turns_of_layers = found.get("torch, memory kept: layers", [])
    layers = {name: {way: median(turn[name][way] for turn in turns_of_layers) for way in ("forward", "backward")}
              for name in (turns_of_layers[0] if turns_of_layers else ())}
    peak = max((max(rates.values()) for rates in products.values()),
               default=max((turn["peak"] for turns in found.values() for turn in turns if "peak" in turn), default=0))
    steps = {name: summary(turns, batch, counted.get(name.split(": ")[-1])) for name, turns in found.items()
             if not name.endswith((": peak", ": layers"))}
    return {"flops_per_image": counted, "peak_flops_per_second": peak, "matrix_products": products,
            "steps": steps, "torch_seconds_by_layer": layers}


def show(result: dict) -> None:
    print(f"peak {result['peak_flops_per_second'] / 1e9:.0f} GFLOP/s\n")
    for name, row in result["steps"].items():
        share = f"{row['flops_per_second'] / 1e9:6.0f} GFLOP/s {row['share_of_peak']:6.1%}" \
            if "share_of_peak" in row else ""
        print(f"{name:46} {row['images_per_second']:8.1f} images/s {share}")
    print()
    for name, row in result["torch_seconds_by_layer"].items():
        print(f"{name:10} forward {1e3 * row['forward']:7.1f} ms   backward {1e3 * row['backward']:7.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--to", type=Path, metavar="FILE", help="also write the result as JSON")
    options = parser.parse_args()
    children = started(options.threads, options.batch)
    if "torch" not in children:
        raise SystemExit("Without its PyTorch process, which measures the peak, there is nothing to measure.")
    about = {"command": "python benchmarks/training_step.py", "hardware": processor(), "threads": options.threads,
             "batch": options.batch, "versions": {name: version for child in children.values()
                                                  for name, version in child.about["versions"].items()},
             "date": datetime.now(UTC).isoformat(timespec="seconds")}
    measured: dict = {}
    try:
        for found in measure(children, options.repeats):
            measured = about | {"repeats": max(map(len, found.values()))} | result(found, options.batch)
            if options.to:
                replace_file(options.to, (json.dumps(measured, indent=1) + "\n").encode())
    except KeyboardInterrupt:
        say("Stopped; what is measured so far:")
    finally:
        for child in children.values():
            child.close()
    if measured:
        show(measured)


if __name__ == "__main__":
    main()
