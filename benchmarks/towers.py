#!/usr/bin/env python3
"""How long does one training step of AlexNet take in Keras, with one tower, with two, and with groups=2?

    python benchmarks/towers.py                          prints a table
    python benchmarks/towers.py --to data/benchmarks/towers-keras.json

Five networks take turns, so that a busy moment of the machine hits all of them; what counts is the median. "Bare" is
without response normalization, "full" with it, as it ran in 2012. One thread, unless TensorFlow's variables
TF_NUM_INTRAOP_THREADS and TF_NUM_INTEROP_THREADS say otherwise; on a GPU if Keras finds one.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from alexbook import networks  # noqa: E402
from alexbook.arithmetic import trace  # noqa: E402
from alexbook.layers import LRN, Conv, SpatialNorm  # noqa: E402
from alexbook.models import keras as keras_models  # noqa: E402
from alexbook.models import keras_layers  # noqa: E402
from alexbook.networks import Network  # noqa: E402
from alexbook.runs import processor  # noqa: E402


def without_norms(network: Network) -> Network:
    """The network without response normalization."""
    return replace(network, layers=tuple(
        layer for layer in network.layers if not isinstance(layer, (LRN, SpatialNorm))))


def with_one_tower(network: Network) -> Network:
    """The same layers with every filter seeing all maps."""
    return replace(network, layers=tuple(
        replace(layer, groups=1) if isinstance(layer, (Conv, LRN)) else layer for layer in network.layers))


def with_keras_groups(model: keras.Model) -> keras.Model:
    """The model with Keras's own ``Conv2D(groups=...)`` in place of the package's grouped convolution."""
    def own(layer: keras.layers.Layer) -> keras.layers.Layer:
        if not isinstance(layer, keras_layers.GroupedConv2D):
            return layer.__class__.from_config(layer.get_config())
        return keras.layers.Conv2D(layer.filters, layer.kernel_size, layer.strides, groups=layer.groups,
                                   name=layer.name)
    return keras.models.clone_model(model, clone_function=own)


def variants() -> dict[str, tuple[Network, Callable[[keras.Model], keras.Model]]]:
    """Name -> the network to count and what to do with the built model."""
    two = networks.get("alexnet_2012")
    one, bare = with_one_tower(two), without_norms(two)

    def as_built(model: keras.Model) -> keras.Model:
        return model

    return {"one tower, bare": (without_norms(one), as_built), "two towers, bare": (bare, as_built),
            "groups=2, bare": (bare, with_keras_groups),
            "one tower, full": (one, as_built), "two towers, full": (two, as_built)}


def step(network: Network, change: Callable[[keras.Model], keras.Model], batch: int) -> Callable[[], None]:
    """A function that takes one training step, already compiled by a first one."""
    model = change(keras_models.build(network, seed=0))
    model.compile(keras.optimizers.SGD(1e-4), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    generator = np.random.default_rng(0)
    images = generator.normal(0, 50, (batch, *network.input_shape)).astype("float32")
    labels = generator.integers(0, 1000, batch)
    model.train_on_batch(images, labels)
    return lambda: model.train_on_batch(images, labels)


def measure(batch: int, repeats: int, only: str = "") -> dict:
    """Seconds for each image, by the wall clock and by the processor's, for every variant whose name has ``only``."""
    chosen = {name: variant for name, variant in variants().items() if only in name}
    steps = {name: step(*variant, batch) for name, variant in chosen.items()}
    wall, busy = {name: [] for name in steps}, {name: [] for name in steps}
    for _ in range(repeats):
        for name, take in steps.items():
            started, worked = time.perf_counter(), time.process_time()
            take()
            wall[name].append((time.perf_counter() - started) / batch)
            busy[name].append((time.process_time() - worked) / batch)
    macs = {name: trace(network).macs for name, (network, _) in chosen.items()}
    return {name: {"macs": macs[name], "seconds": median(wall[name]), "processor_seconds": median(busy[name]),
                   "fastest": min(wall[name]), "slowest": max(wall[name])} for name in steps}


def about(batch: int, repeats: int) -> dict:
    """What the result depends on."""
    import tensorflow

    devices = tensorflow.config.list_physical_devices("GPU")
    hardware = tensorflow.config.experimental.get_device_details(devices[0])["device_name"] if devices else processor()
    return {"hardware": hardware, "threads": int(os.environ["TF_NUM_INTRAOP_THREADS"]), "batch": batch,
            "repeats": repeats, "versions": {"keras": keras.__version__, "tensorflow": tensorflow.__version__},
            "date": datetime.now(UTC).isoformat(timespec="seconds")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="measure only the variants whose name has this in it")
    parser.add_argument("--to", type=Path, metavar="FILE", help="also write the result as JSON")
    options = parser.parse_args()
    found = measure(options.batch, options.repeats, options.only)
    for name, figures in found.items():
        print(f"{name:18} {1e3 * figures['seconds']:8.1f} ms per image"
              f" {1e12 * figures['seconds'] / figures['macs']:8.1f} ps per MAC"
              f"   processor {1e3 * figures['processor_seconds']:8.1f} ms")
    if options.to:
        options.to.parent.mkdir(parents=True, exist_ok=True)
        result = {"command": "python benchmarks/towers.py"} | about(options.batch, options.repeats)
        options.to.write_text(json.dumps(result | {"steps": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
