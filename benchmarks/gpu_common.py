"""What the parts of benchmarks/gpu.py share: what they were told, how time is taken, what a step costs."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from alexbook.arithmetic import trace
from alexbook.layers import LRN, Conv, Flatten, SpatialNorm
from alexbook.networks import Network

Row = dict
Rows = Iterator[tuple[str, Callable[[], Row]]]


class Skipped(Exception):
    """A row that cannot be measured on this machine; the message says why."""


@dataclass(frozen=True)
class Setting:
    """What the command line says: where results go, small sizes or full ones, photographs, processes, time's end."""

    to: Path
    quick: bool = False
    folder: Path | None = None
    data: Path | None = None
    jobs: int = 1
    deadline: float = math.inf

    def rows(self, part: str) -> dict[str, Row]:
        """What a part has recorded so far."""
        path = self.to / f"{part}.json"
        return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else {}

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks whose training step is timed."""
        return ("alexnet_small",) if self.quick else ("alexnet_2012", "alexnet_article", "alexnet_torchvision")

    @property
    def batch(self) -> int:
        """The paper's batch (section 5), or a small one."""
        return 8 if self.quick else 128


def timed(work: Callable[[], object], wait: Callable[[], object], block: float, repeats: int = 5) -> Row:
    """Seconds for one call of ``work``: the median of blocks, each at least ``block`` seconds long.

    A device works on while Python goes ahead, so the clock is read only after ``wait``. The first call, which may
    compile or choose among kernels, is told apart; two more warm up.
    """
    started = time.perf_counter()
    work(), wait()
    first = time.perf_counter() - started
    work(), wait()
    started = time.perf_counter()
    work(), wait()
    calls = max(1, math.ceil(block / max(time.perf_counter() - started, 1e-7)))
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(calls):
            work()
        wait()
        found.append((time.perf_counter() - started) / calls)
    return {"seconds": median(found), "fastest": min(found), "slowest": max(found), "first_call": first, "calls": calls}


def step_flop(network: Network) -> int:
    """Floating-point operations to train on one image: forward, and twice that back.

    Two for each multiply-accumulate; the gradient of the images themselves, which conv1 alone could give, is not
    computed.
    """
    traced = trace(network)
    return 2 * (3 * traced.macs - next(iter(traced.only(Conv))).macs)


def training_bytes(network: Network, batch: int) -> int:
    """The estimate of a training step's float32 memory, as in "Every layer's output size".

    The input, every layer's output with its gradient, a denominator for each output of a normalization, and each
    parameter with gradient and momentum.
    """
    traced = trace(network)
    values = sum(row.activations for row in traced if not isinstance(row.layer, Flatten))
    norms = sum(row.activations for row in traced.only(LRN, SpatialNorm))
    return 4 * (batch * (math.prod(network.input_shape) + 2 * values + norms) + 3 * traced.parameters)


def peak_rates(rows: dict[str, Row]) -> dict[str, float]:
    """Precision -> the most TFLOP/s of its matrix products, from the rows of the part ``peak``."""
    rates: dict[str, float] = {}
    for row in rows.values():
        if "tflops" in row:
            rates[row["precision"]] = max(row["tflops"], rates.get(row["precision"], 0.0))
    return rates


def rate(network: Network, batch: int, precision: str, peaks: dict[str, float], times: Row) -> Row:
    """Images per second, TFLOP/s and share of the precision's own peak of a step that took these times."""
    tflops = step_flop(network) * batch / times["seconds"] / 1e12
    share = tflops / peaks[precision] if precision in peaks else None
    return {"network": network.name, "batch": batch, "precision": precision,
            "images_per_second": batch / times["seconds"], "tflops": tflops, "share_of_peak": share} | times


def largest_power(fits: Callable[[int], bool], most: int) -> int:
    """The largest power of two, at most ``most``, that fits; 0 where not even 1 does."""
    batch = 1 << (most.bit_length() - 1)
    while batch and not fits(batch):
        batch //= 2
    return batch


def cost(images_per_second: float) -> Row:
    """The paper's training, 90 passes over 1.2 million images in five to six days (sections 2 and 5), at this rate."""
    seconds = 90 * 1_200_000 / images_per_second
    return {"images_per_second": images_per_second, "hours": seconds / 3600,
            "times_faster": [days * 86_400 / seconds for days in (5, 6)]}


def against_step(made: dict[str, Row], steps: list[Row]) -> Row:
    """How many times as many images as the fastest step takes each pipeline makes, for images of the same size."""
    times = {}
    for name, row in made.items():
        taken = [step["images_per_second"] for step in steps
                 if (step["network"] == "alexnet_small") == name.startswith("32 of")]
        if "device" in row and taken:
            times[name] = row["images_per_second"] / max(taken)
    if not times:
        raise Skipped("the parts step and pipeline have not been measured yet")
    return {"times_the_fastest_step": times}


def summarize(steps: list[Row], batch: int) -> Row:
    """From rows of one network's steps: baseline, best, their ratio, and the cost of the paper's training."""
    def told(row: Row) -> Row:
        chosen = ("framework", "backend", "precision", "layout", "compiled", "batch", "images_per_second",
                  "share_of_peak")
        return {key: row[key] for key in chosen if key in row}

    baselines = [row for row in steps
                 if row.get("tutorial") and row["precision"] == "float32" and row["batch"] == batch]
    ours = [row for row in steps if not row.get("tutorial")]
    if not baselines or not ours:
        raise Skipped("the part step has not been measured yet")
    best = max(ours, key=lambda row: row["images_per_second"])
    same = max((row for row in ours if row["batch"] == batch), key=lambda row: row["images_per_second"])
    first = baselines[0]["images_per_second"]
    return {"baseline": told(baselines[0]), "best": told(best), "best_at_same_batch": told(same),
            "speedup": best["images_per_second"] / first, "speedup_at_same_batch": same["images_per_second"] / first,
            "paper_at_baseline": cost(first), "paper_at_best": cost(best["images_per_second"])}
