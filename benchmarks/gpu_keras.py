"""The part of benchmarks/gpu.py that needs Keras: the training step on one of its backends (KERAS_BACKEND)."""

import gc
from functools import partial
from importlib.util import find_spec

from alexbook import networks
from alexbook.arithmetic import trace
from gpu_common import Row, Rows, Setting, Skipped, peak_rates, rate, timed

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def step(backend: str, setting: Setting, rows: dict[str, Row]) -> Rows:
    """Images per second by precision, with and without ``jit_compile``: XLA, or on torch ``torch.compile``."""
    missing = [package for package in ("keras", backend) if not find_spec(package)]
    if missing:
        yield "keras", partial(_skip, missing[0])
        return
    largest = setting.rows("step").get(f"{setting.networks[0]} largest batch", {}).get("batch", setting.batch)
    compilers = (False,) if backend == "torch" and setting.quick else (False, True)  # on a CPU it compiles for minutes
    for batch in sorted({setting.batch, largest}):
        for precision in PRECISIONS:
            for compiled in compilers:
                for name in setting.networks:
                    called = f"{name} {batch} {precision} {'compiled' if compiled else 'not compiled'}"
                    yield called, partial(measure_step, backend, name, batch, precision, compiled, setting)


def _skip(package: str) -> Row:
    raise Skipped(f"the package {package} is not installed")


def measure_step(backend: str, name: str, batch: int, precision: str, compiled: bool, setting: Setting) -> Row:
    """Time of ``train_on_batch`` on images that lie on the device already; each call waits for its loss.

    Without ``jit_compile`` TensorFlow still makes a graph of the step; JAX and torch go operation by operation.
    float32 is what the backend makes of it: on recent GPUs JAX and TensorFlow use TF32.
    """
    import keras
    import numpy as np
    from alexbook.models import keras as keras_models

    if keras.backend.backend() != backend:
        raise Skipped(f"Keras runs on {keras.backend.backend()}; set KERAS_BACKEND={backend}")
    keras.backend.clear_session()
    gc.collect()
    network = networks.get(name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[precision])
    try:
        model = keras_models.build(network, seed=0)
    finally:
        keras.config.set_dtype_policy(before)
    model.compile(keras.optimizers.SGD(1e-4, momentum=0.9),
                  keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=compiled)
    generator = np.random.default_rng(0)
    images = keras.ops.convert_to_tensor(generator.normal(size=(batch, *network.input_shape)).astype("float32"))
    classes = trace(network).rows[-1].output_shape[0]
    labels = keras.ops.convert_to_tensor(generator.integers(classes, size=batch).astype("int32"))
    times = timed(lambda: model.train_on_batch(images, labels), lambda: None, 0.02 if setting.quick else 0.3)
    loss = float(model.train_on_batch(images, labels))
    peaks = peak_rates(setting.rows("peak"))
    return {"framework": "keras", "backend": backend, "compiled": compiled, "finite": bool(np.isfinite(loss)),
            "device": str(images.device)} | rate(network, batch, precision, peaks, times)
