"""The parts of benchmarks/gpu.py that train: the input pipeline, conv1's filters, the experiments at full size."""

import io
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from alexbook import datasets, networks, training
from alexbook._files import replace_file
from alexbook.batches import preprocessing
from alexbook.batches.augmentation import Augmentation
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.datasets import DatasetUnavailable
from alexbook.runs import Run
from alexbook.training import record
from alexbook.training.experiments import ABLATION, Experiment
from alexbook.training.recipe import Recipe, usual
from gpu_common import Row, Rows, Setting, Skipped

CODE = Path(training.__file__).resolve().parents[1]
# What a network like 2012's sees of a photograph: crops of 224 from 256, flips, color noise, ten views (paper, 4.1).
PAPER = {"network": "alexnet_2012", "batch_size": 128, "lr": 0.01, "bias_lr_factor": 2.0, "momentum_form": "paper",
         "crop": 16, "flip": True, "color": 0.1, "views": 10, "precision": "bfloat16"}


def found(name: str, setting: Setting) -> bool:
    """Whether a dataset lies in the folder of --data; nothing is downloaded."""
    if setting.data is None:
        return False
    try:
        return bool(len(datasets.load(name, "train", setting.data)))
    except (DatasetUnavailable, ValueError):
        return False


def photographs(setting: Setting) -> tuple[str, Path | None] | None:
    """The name and place of photographs large enough for AlexNet: --folder's, or Imagenette."""
    if setting.folder:
        return "folder", setting.folder
    return next(((name, setting.data) for name in ("imagenette_320", "imagenette_160") if found(name, setting)), None)


# --- pipeline ---------------------------------------------------------------------------------------------------------

# The paper's augmentation (section 4.1), by the side of the images that it is for.
AUGMENTED = {32: Augmentation(4, True, 0.1), 256: Augmentation(16, True, 0.1)}


def synthetic(have: int, want: int, count: int) -> Data:
    """Random images of ``have`` pixels for a network that sees ``want``."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, have, have, 3), np.uint8)
    part = Split(images, generator.integers(0, 10, count))
    normalization = Normalization(np.float32([127, 128, 129]), np.float32([74, 73, 72]))
    return Data(part, Split(images[:16], part.labels[:16]), normalization, (want, want))


def pipeline(setting: Setting, rows: dict[str, Row]) -> Rows:
    """Images per second of the pipeline alone, by the processor and on the device, and of whole training with it."""
    small, large = (256, 128) if setting.quick else (50_000, 8192)
    for have, want, count in ((32, 32, small), (256, 224, large)):
        for place in ("processor", "device"):
            yield f"{want} of {have} pixels, {place}", partial(measure_pipeline, have, want, count, place, setting)
    yield "decoding", partial(measure_decoding, setting)
    names = ("alexnet_small",) if setting.quick else ("alexnet_small", "alexnet_2012")
    for name in names:
        for batch in (setting.batch,) if setting.quick else (setting.batch, 1024):
            yield f"training {name} {batch}", partial(measure_training, name, batch, small, large, setting)


def measure_pipeline(have: int, want: int, count: int, place: str, setting: Setting) -> Row:
    """Crops, mirror images and color noise, with nobody to learn from them."""
    from alexbook.batches import torch_loader
    from alexbook.training import throughput
    from gpu_torch import device

    data = synthetic(have, want, count)
    chosen = AUGMENTED[have]
    recipe = usual("alexnet_small", "none", batch_size=setting.batch, crop=chosen.crop, flip=True, color=chosen.color)
    loader = torch_loader.TorchLoader(data.normalization, data.size, device()) if place == "device" else None
    return {"images_per_second": throughput.images_per_second(recipe, data, loader,
                                                              0.2 if setting.quick else 2.0),
            "batch": setting.batch, "device": str(device()) if loader else "cpu"}


def measure_decoding(setting: Setting) -> Row:
    """How many image files one process decodes in a second: what this book does once, and ImageNet at every epoch."""
    chosen = photographs(setting) or next(((name, setting.data) for name in ("tiny_imagenet_20", "cifar10")
                                           if found(name, setting)), None)
    if chosen is None:
        raise Skipped("there are no image files here")
    images = datasets.load(chosen[0], "train", chosen[1]).images
    places = np.random.default_rng(0).permutation(len(images))[:64 if setting.quick else 500]
    began = time.perf_counter()
    sizes = [images[place].shape[:2] for place in places.tolist()]
    seconds = time.perf_counter() - began
    return {"dataset": chosen[0], "images_per_second": len(sizes) / seconds,
            "mean_pixels": float(np.prod(sizes, axis=1).mean())}


def measure_training(name: str, batch: int, small: int, large: int, setting: Setting) -> Row:
    """The whole loop of ``python -m alexbook train``: the second epoch, its look at 16 test images included."""
    network = networks.get(name)
    want = network.input_shape[0]
    have, count = (32, small) if want == 32 else (256, large)
    chosen = AUGMENTED[have]
    recipe = usual(name, "none", epochs=2, batch_size=batch, lr=1e-4, precision="bfloat16", crop=chosen.crop,
                   flip=True, color=chosen.color)
    network = preprocessing.adapt(network, 3, 10)
    trainer = training.make_trainer(recipe, network)
    progress = training.train(recipe, trainer, synthetic(have, want, count), show=False, log=lambda text: None)
    return {"network": name, "batch": batch, "precision": recipe.precision,
            "images_per_second": count / progress.curve[-1]["seconds"]}


# --- filters ----------------------------------------------------------------------------------------------------------

def filters(setting: Setting, rows: dict[str, Row]) -> Rows:
    """What conv1 learns, in the largest AlexNet that the images here allow; its weights go into an ``.npz``."""
    chosen = photographs(setting)
    if chosen and not setting.quick:
        recipe, place = usual(**PAPER, dataset=chosen[0], epochs=90), chosen[1]
    else:
        real = not setting.quick and found("cifar10", setting)
        recipe = usual("alexnet_small", "cifar10" if real else "shapes", lr=0.03, precision="bfloat16", crop=4,
                       flip=True, color=0.1, epochs=30 if real else 1, images=0 if real else 256)
        place = setting.data if real else None
    yield f"{recipe.network} on {recipe.dataset}", partial(learn_filters, recipe, place, setting)


def learn_filters(recipe: Recipe, place: Path | None, setting: Setting) -> Row:
    """Train, record the run, and keep conv1's weights, ``(filters, channels, height, width)``, before and after."""
    network, data = training.load(recipe, place)
    trainer = training.make_trainer(recipe, network)
    name = f"filters-{record.name(recipe)}"
    before = conv1(trainer)
    with ended_at(setting.deadline):
        progress = training.train(recipe, trainer, data, show=False, log=lambda text: None)
    run = record.record(recipe, network, data, trainer, progress, name)
    run.save(setting.to / "runs" / f"{name}.json")
    after = conv1(trainer)
    content = io.BytesIO()
    np.savez_compressed(content, before=before, after=after)
    replace_file(setting.to / f"{name}.npz", content.getvalue())
    return told(run) | {"weights": f"{name}.npz", "shape": list(after.shape),
                        "deviation_before": float(before.std()), "deviation_after": float(after.std()),
                        "largest_of_each_filter": np.abs(after).max(axis=(1, 2, 3)).round(5).tolist()}


def conv1(trainer: training.Trainer) -> np.ndarray:
    """A copy of the first layer's weights."""
    return np.array(trainer.weights()["conv1.weight"], np.float32)


def told(run: Run) -> Row:
    """What the table needs to know of a recorded run."""
    return {"run": run.name, "command": run.command, "test_error": run.test_error, "epochs": len(run.curve),
            "seconds": run.seconds}


@contextmanager
def ended_at(deadline: float) -> Iterator[None]:
    """Interrupts what is inside, as Ctrl-C does, when the time is over."""
    seconds = deadline - time.time()
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if time.time() < deadline:
            raise
        raise TimeoutError("the time was over before it was done") from None
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


# --- experiments ------------------------------------------------------------------------------------------------------

def planned(setting: Setting) -> Iterator[tuple[str, Recipe, Path | None]]:
    """The runs: all ablations on the real images that are here, and AlexNet itself where they are photographs."""
    if setting.quick:
        small = {"dataset": "shapes", "epochs": 1, "images": 128}
        yield from ((*run, None) for run in enlarged("try", small, seeds=(0,), only=("all", "no-dropout")).recipes())
        return
    if chosen := photographs(setting):
        whole = Experiment("photographs", "How well does AlexNet do on these photographs?",
                           PAPER | {"dataset": chosen[0], "epochs": 90}, {"all": {}}, pattern="full-{name}-seed{seed}")
        yield from ((*run, chosen[1]) for run in whole.recipes())
    for name in ("cifar10", "tiny_imagenet_20"):
        if found(name, setting):
            count = datasets.splits(name)["train"]
            full = enlarged(name, {"dataset": name, "epochs": 30 if count > 20_000 else 60, "images": 0})
            yield from ((*run, setting.data) for run in full.recipes())


def enlarged(name: str, fields: dict, seeds: tuple[int, ...] = (0, 1, 2), only: tuple[str, ...] = ()) -> Experiment:
    """The book's ablations with other images; half of them means half of these, for twice the epochs."""
    base = {**ABLATION.base, **fields}
    conditions = {condition: dict(changed) for condition, changed in ABLATION.conditions.items()
                  if not only or condition in only}
    if "half-images" in conditions:
        conditions["half-images"] |= {"images": datasets.splits(base["dataset"])["train"] // 2,
                                      "epochs": 2 * base["epochs"]}
    return replace(ABLATION, name=f"ablation-{name}", base=base, conditions=conditions, seeds=seeds,
                   pattern="full-{name}-{condition}-{framework}-seed{seed}")


def experiments_at_full_size(setting: Setting, rows: dict[str, Row]) -> Rows:
    """Recorded runs, several at a time: networks this small leave most of a GPU idle."""
    runs = list(planned(setting))
    if not runs:
        yield "experiments", partial(_skip, "no real images were found; name their folder with --data or --folder")
        return
    stop = threading.Event()
    with ThreadPoolExecutor(setting.jobs) as pool:
        futures = [(name, pool.submit(train_apart, name, recipe, place, setting, stop))
                   for name, recipe, place in runs if name not in rows]
        try:
            yield from ((name, future.result) for name, future in futures)
        except GeneratorExit:  # time is over: those that run keep a checkpoint, the others do not begin
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _skip(reason: str) -> Row:
    raise Skipped(reason)


def train_apart(name: str, recipe: Recipe, place: Path | None, setting: Setting, stop: threading.Event) -> Row:
    """``python -m alexbook train`` in a process of its own; when time is over it keeps a checkpoint to go on from."""
    out = setting.to / "runs" / f"{name}.json"
    threads = max(1, (os.cpu_count() or 1) // setting.jobs)
    command = [sys.executable, *shlex.split(record.command(recipe))[1:], "--out", str(out), "--quiet",
               "--threads", str(threads), *(["--data", str(place)] if place else [])]
    if not out.exists():
        paths = [str(CODE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        answer = _answer(process, setting.deadline, stop)
        if process.returncode:
            raise RuntimeError(answer.strip().rpartition("\n")[2] or f"it ended with {process.returncode}")
    return told(Run.read(out))


def _answer(process: subprocess.Popen, deadline: float, stop: threading.Event) -> str:
    """What a training says, once it has ended or, because the time is over, been interrupted."""
    while True:
        try:
            return process.communicate(timeout=0.5)[0]
        except subprocess.TimeoutExpired:
            if stop.is_set() or time.time() >= deadline:
                break
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=30)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]
