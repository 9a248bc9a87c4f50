#!/usr/bin/env python3
"""What does a network become in other formats: as large, as fast, and does it give the same answers?

    python benchmarks/exports.py --data FOLDER                                    prints what is measured
    python benchmarks/exports.py --data FOLDER --to data/benchmarks/exports.json

``alexnet_photos`` is written in each format and read again; its error is measured on test images of Caltech-101, five
of each class, and its time by the processor's clock, on one thread, the fastest of a few calls. ``alexnet_small`` has
response normalization and untrained weights: it is there for the largest difference from the original, which is as
large as rounding or as a wrong alpha. Each backend of Keras runs in a process of its own.
"""

import argparse
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
from alexbook import datasets, networks, weights  # noqa: E402
from alexbook.runs import processor  # noqa: E402

BATCHES = (1, 32)
CALIBRATION = 64  # training images from which int8 takes the ranges of the feature maps
EACH = 5  # test images of each class
PACKAGES = ("torch", "keras", "tensorflow", "onnx", "onnxscript", "onnxruntime", "safetensors")

Run = Callable[[np.ndarray], np.ndarray]
"""From prepared images, ``(count, height, width, 3)``, to logits."""


def images(folder: str | None, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prepared test images with their classes, and prepared training images for the calibration."""
    card = weights.card(source)
    test = datasets.load("caltech101", "test", folder, per_class=30, seed=0)
    rows = np.concatenate([np.flatnonzero(test.labels == each)[:EACH] for each in range(101)])
    train = datasets.load("caltech101", "train", folder, per_class=1, seed=0)
    return (card.prepare([test[row][0] for row in rows]), test.labels[rows],
            card.prepare([train[row][0] for row in range(CALIBRATION)]))


def milliseconds(run: Run, batch: np.ndarray) -> float:
    """The processor's time for an image, the fastest of a few calls after one that is not counted."""
    run(batch)
    spent = []
    for _ in range(3):
        started = time.process_time()
        run(batch)
        spent.append(time.process_time() - started)
    return round(1000 * min(spent) / len(batch), 3)


def measured(run: Run, tested: np.ndarray, labels: np.ndarray, reference: np.ndarray | None) -> dict:
    """Error, difference from the original's logits, and times."""
    logits = np.concatenate([run(tested[start:start + 32]) for start in range(0, len(tested), 32)])
    found = {"error": round(float((logits.argmax(1) != labels).mean()), 6), "test_images": len(labels),
             "milliseconds": {str(size): milliseconds(run, tested[:size]) for size in BATCHES}}
    if reference is not None:
        found |= {"largest_difference": float(f"{np.abs(logits - reference).max():.2g}"),
                  "other_answers": int((logits.argmax(1) != reference.argmax(1)).sum())}
    return found


def onnx_session(path: Path) -> Run:
    """onnxruntime on one thread; PyTorch's export has channels first, Keras's last."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    wanted = session.get_inputs()[0]
    first = wanted.shape[1] in (1, 3)

    def run(batch: np.ndarray) -> np.ndarray:
        x = np.ascontiguousarray(batch.transpose(0, 3, 1, 2)) if first else batch
        return session.run(None, {wanted.name: x})[0]
    return run


def litert(path: Path) -> Run:
    """LiteRT on one thread, through the interpreter that comes with TensorFlow."""
    import tensorflow
    interpreter = tensorflow.lite.Interpreter(str(path), num_threads=1)
    read, written = (details()[0]["index"] for details in (interpreter.get_input_details,
                                                          interpreter.get_output_details))

    def run(batch: np.ndarray) -> np.ndarray:
        if tuple(interpreter.get_input_details()[0]["shape"]) != batch.shape:
            interpreter.resize_tensor_input(read, batch.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(read, batch)
        interpreter.invoke()
        return interpreter.get_tensor(written).copy()
    interpreter.allocate_tensors()
    return run


def export_torch(model: object, example: np.ndarray, path: Path) -> None:
    """PyTorch's exporter, with a free batch size."""
    import torch
    x = torch.from_numpy(np.ascontiguousarray(example.transpose(0, 3, 1, 2)))
    torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False,
                      external_data=False)


def quantized_onnx(path: Path, calibration: np.ndarray) -> Path:
    """The ONNX file in int8: a scale for each output channel, ranges of the feature maps from the images."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.batches = iter([{"input": image.transpose(2, 0, 1)[None]} for image in calibration])

        def get_next(self) -> dict | None:
            return next(self.batches, None)

    prepared, written = path.with_suffix(".prepared.onnx"), path.with_suffix(".int8.onnx")
    quant_pre_process(path, prepared)
    quantize_static(prepared, written, Reader(), per_channel=True)
    return written


def with_torch(folder: str | None, source: str, room: Path) -> Iterator[dict]:
    """PyTorch, ONNX from it and from Keras on PyTorch, and int8."""
    import keras
    import torch
    torch.set_num_threads(1)
    tested, labels, calibration = images(folder, source)
    model = weights.load(source).to(memory_format=torch.channels_last)

    def run(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(batch).permute(0, 3, 1, 2)).numpy()

    def row(about: str, path: Path, run: Run) -> dict:
        return {"network": "alexnet_photos", "format": about, "bytes": path.stat().st_size} | measured(
            run, tested, labels, None if about == "PyTorch" else reference)

    torch.save(model.state_dict(), room / "model.pt")
    reference = np.concatenate([run(tested[start:start + 32]) for start in range(0, len(tested), 32)])
    yield row("PyTorch", room / "model.pt", run)
    export_torch(weights.load(source), tested[:2], room / "torch.onnx")
    yield row("ONNX from PyTorch", room / "torch.onnx", onnx_session(room / "torch.onnx"))
    int8 = quantized_onnx(room / "torch.onnx", calibration)
    yield row("ONNX, int8", int8, onnx_session(int8))
    twin = weights.load(source, "keras")
    twin.predict(tested[:1], verbose=0)
    twin.export(room / "keras.onnx", format="onnx", verbose=False)
    yield row("ONNX from Keras", room / "keras.onnx", onnx_session(room / "keras.onnx"))
    twin.quantize("int8")
    twin.save(room / "int8.keras")
    yield row("Keras, int8 in the fully connected layers", room / "int8.keras",
              lambda batch: np.asarray(twin.predict(batch, verbose=0)))
    np.save(room / "reference.npy", reference)
    yield from _small(room, "torch")
    assert keras.backend.backend() == "torch"


def with_tensorflow(folder: str | None, source: str, room: Path) -> Iterator[dict]:
    """Keras on TensorFlow, LiteRT from it, and its int8."""
    import tensorflow
    tested, labels, calibration = images(folder, source)
    reference = np.load(room / "reference.npy")
    model = weights.load(source, "keras")

    def row(about: str, path: Path, run: Run) -> dict:
        return {"network": "alexnet_photos", "format": about, "bytes": path.stat().st_size} | measured(
            run, tested, labels, reference)

    model.save(room / "model.keras")
    yield row("Keras", room / "model.keras", lambda batch: np.asarray(model.predict_on_batch(batch)))
    model.export(room / "keras.tflite", format="litert", verbose=False)
    yield row("LiteRT", room / "keras.tflite", litert(room / "keras.tflite"))
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in calibration)
    (room / "int8.tflite").write_bytes(converter.convert())
    yield row("LiteRT, int8", room / "int8.tflite", litert(room / "int8.tflite"))
    yield from _small(room, "tensorflow")


def _small(room: Path, backend: str) -> Iterator[dict]:
    """``alexnet_small``, which has response normalization, in ONNX or LiteRT against its original."""
    network = networks.get("alexnet_small")
    x = np.random.default_rng(0).normal(size=(32, 32, 32, 3)).astype(np.float32)
    from alexbook.models import keras as keras_models
    twin = keras_models.build(network, seed=0)
    expected = np.asarray(twin.predict(x, verbose=0))
    if backend == "torch":
        import torch
        from alexbook.models import torch as torch_models
        model = torch_models.build(network, seed=0).eval()
        export_torch(model, x, room / "small.onnx")
        with torch.inference_mode():
            own = model(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
        yield _difference("ONNX from PyTorch", onnx_session(room / "small.onnx")(x), own)
        twin.export(room / "small_keras.onnx", format="onnx", verbose=False)
        yield _difference("ONNX from Keras", onnx_session(room / "small_keras.onnx")(x), expected)
    else:
        twin.export(room / "small.tflite", format="litert", verbose=False)
        yield _difference("LiteRT", litert(room / "small.tflite")(x), expected)


def _difference(about: str, found: np.ndarray, expected: np.ndarray) -> dict:
    return {"network": "alexnet_small", "format": about,
            "largest_difference": float(f"{np.abs(found - expected).max():.2g}"),
            "largest_logit": float(f"{np.abs(expected).max():.2g}")}


PARTS = {"torch": with_torch, "tensorflow": with_tensorflow}


def about(source: str) -> dict:
    """What the result depends on."""
    return {"command": "python benchmarks/exports.py", "hardware": processor(), "threads": 1,
            "shipped_bytes": weights.read(source).path.stat().st_size,
            "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
            "date": datetime.now(UTC).isoformat(timespec="seconds")}


def measure(options: argparse.Namespace) -> list[dict]:
    """The rows of both backends, each in a process of its own."""
    with tempfile.TemporaryDirectory() as room:
        for part in PARTS:
            subprocess.run([sys.executable, "-W", "ignore", __file__, "--part", part, "--room", room, "--weights",
                            options.weights, *(["--data", options.data] if options.data else [])],
                           check=True, env=os.environ | {"KERAS_BACKEND": part})
        return [row for part in PARTS
                for row in json.loads(Path(room, f"{part}.json").read_text(encoding="utf-8"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FOLDER", help="a folder that holds Caltech-101")
    parser.add_argument("--weights", default="alexnet_photos", help="the weights of alexnet_photos, or a file of them")
    parser.add_argument("--to", type=Path, metavar="FILE", help="also write the result as JSON")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--room", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        rows = []
        for row in PARTS[options.part](options.data, options.weights, options.room):
            print(row, flush=True)
            rows.append(row)
        (options.room / f"{options.part}.json").write_text(json.dumps(rows), encoding="utf-8")
        return
    rows = measure(options)
    if options.to:
        lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
        head = json.dumps(about(options.weights), indent=1)[:-2]
        options.to.parent.mkdir(parents=True, exist_ok=True)
        options.to.write_text(f'{head},\n "rows": [\n{lines}\n ]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
