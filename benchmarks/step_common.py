"""What the processes of training_step.py share: the networks, how their arithmetic is counted, how a job is timed."""

import functools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.layers import LRN, SpatialNorm
from alexbook.networks import Network

SIZES = (1024, 2048, 3072)  # of the square matrices whose product gives the peak
SMALL = 32  # side of the images that the d2l way enlarges


def without_norms(network: Network) -> Network:
    """The network without response normalization."""
    return replace(network, layers=tuple(
        layer for layer in network.layers if not isinstance(layer, (LRN, SpatialNorm))))


def configurations() -> dict[str, Network]:
    """Name -> the network that is trained."""
    two = networks.get("alexnet_2012")
    return {"two towers": two, "two towers, bare": without_norms(two), "one tower": networks.get("alexnet_article")}


def flops(network: Network) -> int:
    """Floating-point operations of one training step for one image: convolutions and dense layers, nothing else.

    Each multiplication of the way forward comes back twice, for the gradient of the weights and for that of the input;
    only the first layer needs no gradient of its input. A multiplication and its addition count as two operations.
    """
    macs = [row.macs for row in trace(network).rows if row.macs]
    return 2 * (3 * sum(macs) - macs[0])


def batch_of(network: Network, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images, float32 ``(count, height, width, channels)``, and classes, int64 ``(count,)``."""
    generator = np.random.default_rng(0)
    return (generator.normal(0, 1, (count, *network.input_shape)).astype("float32"),
            generator.integers(0, trace(network).rows[-1].output_shape[-1], count))


def lazily(make: Callable[[], Callable[[], object]]) -> Callable[[], object]:
    """A job that is made when it is first asked for: one that cannot be made costs no other."""
    made = functools.cache(make)
    return lambda: made()()


def timed(job: Callable[[], object]) -> dict:
    """What a job returns, if that is a dict; else its seconds, by the wall clock and by the processor's.

    Where it fails: why, as ``failed``.
    """
    started, worked = time.perf_counter(), time.process_time()
    try:
        result = job()
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]}
    seconds = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - worked}
    return result if isinstance(result, dict) else seconds


def products(multiply: Callable[[int], Callable[[], object]], seconds: float = 0.4) -> dict[str, float]:
    """Floating-point operations per second of matrix products, each size kept up for some time: side -> rate.

    Kept up, because the best of a few short ones is reached in moments that no training step is short enough for.
    """
    rates = {}
    for side in SIZES:
        job = multiply(side)
        job()
        count, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < seconds:
            job()
            count += 1
        rates[str(side)] = 2 * side ** 3 * count / passed
    return rates


def serve(jobs: dict[str, Callable[[], object]], versions: dict[str, str]) -> None:
    """Answer each job's name on standard input with a line of JSON; first, the names and versions."""
    print(json.dumps({"jobs": list(jobs), "versions": versions}), flush=True)
    for line in sys.stdin:
        print(json.dumps(timed(jobs[line.strip()])), flush=True)
