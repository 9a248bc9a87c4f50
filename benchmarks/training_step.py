#!/usr/bin/env python3
"""How many images a second does AlexNet learn from, and how near is that to what the processor can do?

    python benchmarks/training_step.py                          prints tables
    python benchmarks/training_step.py --to data/benchmarks/training_step.json

Measured in one run: the peak, which is the fastest product of two matrices that either framework keeps up; a training
step of the book, in PyTorch and in Keras; the same networks as tutorials train them ("tutorial": PyTorch's default
layout and its own layers; Keras's Conv2D(groups=2) and TensorFlow's own normalization); and PyTorch's with every small
image enlarged in the data loader, as d2l does. "Memory kept" is the book's step in a process that hands no memory back
to the operating system between steps (alexbook.memory), "compiled" what torch.compile makes of it. Networks: the
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
from alexbook.runs import processor
from step_common import configurations, flops

HERE = Path(__file__).parent
CHILDREN = {"torch": ("step_torch.py",), "torch, memory kept": ("step_torch.py", "keep"),
            "keras": ("step_keras.py",), "keras, memory kept": ("step_keras.py", "keep"), "data": ("step_data.py",)}


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
            raise SystemExit(f"The process {self.process.args[1].name} ended before it answered; its message is above.")
        return json.loads(line)

    def do(self, job: str) -> dict:
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        return self._answer()


def measure(children: dict[str, Child], repeats: int) -> Iterator[dict[str, list[dict]]]:
    """Process and job -> what each turn so far gave; a first turn, in which frameworks compile, is not kept."""
    jobs = [(name, job) for name, child in children.items() for job in child.about["jobs"]]
    found: dict[str, list[dict]] = {f"{name}: {job}": [] for name, job in jobs}
    for turn in range(repeats + 1):
        after = max(children["torch"].do("peak").values())
        for name, job in jobs:
            answer = children[name].do(job)
            if "seconds" in answer:
                before, after = after, max(children["torch"].do("peak").values())
                answer["peak"] = max(before, after)
            if turn:
                found[f"{name}: {job}"].append(answer)
        print(f"turn {turn} of {repeats}", file=sys.stderr, flush=True)
        if turn:
            yield found


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
    peak = max(max(rates.values()) for rates in products.values())
    layers = {name: {way: median(turn[name][way] for turn in turns) for way in ("forward", "backward")}
              for turns in (found["torch, memory kept: layers"],) for name in turns[0]}
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
    children = {name: Child(options.threads, options.batch, *spec) for name, spec in CHILDREN.items()}
    about = {"command": "python benchmarks/training_step.py", "hardware": processor(), "threads": options.threads,
             "batch": options.batch, "versions": {name: version for child in children.values()
                                                  for name, version in child.about["versions"].items()},
             "date": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        for found in measure(children, options.repeats):
            measured = about | {"repeats": len(found["torch: peak"])} | result(found, options.batch)
            if options.to:
                options.to.parent.mkdir(parents=True, exist_ok=True)
                options.to.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        show(measured)
    finally:
        for child in children.values():
            child.process.kill()
            child.process.wait()


if __name__ == "__main__":
    main()
