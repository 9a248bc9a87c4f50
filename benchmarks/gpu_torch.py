"""The parts of benchmarks/gpu.py that need PyTorch: the machine's peak, a training step, each of its layers."""

import gc
import sys
import warnings
from dataclasses import dataclass
from functools import partial

import torch
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.models import torch as torch_models
from alexbook.models import torch_layers
from alexbook.networks import Network
from gpu_common import Row, Rows, Setting, Skipped, largest_power, peak_rates, rate, timed
from torch import Tensor, nn
from torch.nn import functional as F

# Where TF32 is allowed, in matrix products and in convolutions. "default" is how PyTorch starts.
TF32 = {"float32": (False, False), "default": (False, True), "tf32": (True, True)}
AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}
LAYOUTS = {"channels_first": torch.contiguous_format, "channels_last": torch.channels_last}


def device() -> torch.device:
    """The first NVIDIA GPU, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def wait() -> None:
    """Until the device has done all that it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def set_precision(precision: str) -> None:
    """Allow TF32 or not. Only the older of PyTorch's two sets of switches: its compiler refuses a mix of both."""
    matmul, convolution = TF32.get(precision, (False, False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the newer set exists
        torch.backends.cuda.matmul.allow_tf32 = matmul
        torch.backends.cudnn.allow_tf32 = convolution


def precisions() -> tuple[str, ...]:
    """Those that can differ here: without a GPU there is no TF32."""
    return ("float32", "tf32", "bfloat16", "float16") if torch.cuda.is_available() else ("float32", "bfloat16")


def release() -> None:
    """Give the memory of what is no longer used back to the device, and forget what was compiled."""
    if "torch._dynamo" in sys.modules:  # which takes seconds to import
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


# --- peak -------------------------------------------------------------------------------------------------------------

def peak(setting: Setting, rows: dict[str, Row]) -> Rows:
    """The most that this machine does: matrix products by precision, and moving memory."""
    for precision in precisions():
        for size in (256, 512) if setting.quick else (4096, 8192):
            yield f"{precision} {size}", partial(_product, precision, size, setting)
    for kind in ("copy", "pinned to device", "pageable to device"):
        yield kind, partial(_copy, kind, 2**24 if setting.quick else 2**30, setting)


def _product(precision: str, size: int, setting: Setting) -> Row:
    release()
    set_precision(precision)
    kind = AUTOCAST.get(precision, torch.float32)
    one, two = (torch.randn(size, size, device=device(), dtype=kind) for _ in range(2))
    product = torch.empty_like(one)
    times = timed(lambda: torch.matmul(one, two, out=product), wait, 0.01 if setting.quick else 0.2)
    return {"precision": precision, "size": size, "tflops": 2 * size**3 / times["seconds"] / 1e12} | times


def _copy(kind: str, size: int, setting: Setting) -> Row:
    """Bytes read and written by a copy on the device; bytes that travel to it."""
    release()
    there = torch.empty(size, dtype=torch.uint8, device=device())
    if kind == "copy":
        source, moved = torch.randint(256, (size,), dtype=torch.uint8, device=device()), 2 * size
    elif device().type == "cpu":
        raise Skipped("there is no GPU to send anything to")
    else:
        source, moved = torch.randint(256, (size,), dtype=torch.uint8), size
        source = source.pin_memory() if kind.startswith("pinned") else source
    times = timed(lambda: there.copy_(source, non_blocking=True), wait, 0.01 if setting.quick else 0.2)
    return {"gigabytes_per_second": moved / times["seconds"] / 1e9, "bytes": size} | times


# --- step -------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Way:
    """How a training step is taken; ``tutorial``: eager and with the framework's own response normalization."""

    precision: str = "float32"
    layout: str = "channels_last"
    compiled: bool = False
    tutorial: bool = False

    def __str__(self) -> str:
        return " ".join([self.precision, self.layout, *["compiled"] * self.compiled, *["tutorial"] * self.tutorial])


class Step:
    """Calling it takes one training step, on images that lie on the device already."""

    def __init__(self, network: Network, batch: int, way: Way) -> None:
        set_precision(way.precision)
        torch.backends.cudnn.benchmark = not way.tutorial
        place, layout = device(), LAYOUTS[way.layout]
        self.kind, self.place = AUTOCAST.get(way.precision), place
        self.model = torch_models.build(network, seed=0)
        if way.tutorial:
            as_in_tutorials(self.model)
        self.model.to(place, memory_format=layout)
        # Not for float16: where loss scaling skips the first step, fused SGD goes on with a momentum that nobody set.
        fused = place.type == "cuda" and not way.tutorial and way.precision != "float16"
        self.optimizer = torch.optim.SGD(self.model.parameters(), 1e-4, 0.9, weight_decay=5e-4, fused=fused or None)
        self.scaler = torch.amp.GradScaler(place.type, enabled=way.precision == "float16")
        height, width, channels = network.input_shape
        self.images = torch.randn(batch, channels, height, width, device=place).to(memory_format=layout)
        self.labels = torch.randint(trace(network).rows[-1].output_shape[0], (batch,), device=place)
        self.forward = torch.compile(self.model, dynamic=False) if way.compiled else self.model

    def __call__(self) -> Tensor:
        with torch.autocast(self.place.type, self.kind, enabled=self.kind is not None):
            scores = self.forward(self.images)
        loss = F.cross_entropy(scores.float(), self.labels)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()


def as_in_tutorials(model: nn.Sequential) -> None:
    """The framework's own response normalization, which knows no towers; no activation in place."""
    for name, module in model.named_children():
        if isinstance(module, torch_layers.LocalResponseNorm):
            setattr(model, name, nn.LocalResponseNorm(module.size, module.alpha, module.beta, module.k))
        elif isinstance(module, nn.ReLU):
            setattr(model, name, nn.ReLU())


def step(setting: Setting, rows: dict[str, Row]) -> Rows:
    """Images per second of a training step: first as tutorials write it, then by precision and layout, then compiled.

    At batch 128 and at the largest power of two up to 1024 that fits.
    """
    batches = {}
    for name in setting.networks:
        yield f"{name} largest batch", partial(_largest, name, 16 if setting.quick else 1024)
        batches[name] = sorted({setting.batch, rows[f"{name} largest batch"].get("batch", setting.batch)})
    cuda = device().type == "cuda"
    kinds = ("float32", "default") if cuda else ("float32",)
    tutorial = [Way(kind, "channels_first", tutorial=True) for kind in kinds]
    eager = [Way(kind, layout) for kind in precisions() for layout in reversed(LAYOUTS)]
    compiled = [Way(way.precision, way.layout, compiled=True) for way in reversed(eager) if cuda]
    for way in (*tutorial, *eager, *compiled):
        for name in setting.networks:
            for batch in batches[name]:
                yield f"{name} {batch} {way}", partial(measure_step, networks.get(name), batch, way, setting)


def _largest(name: str, most: int) -> Row:
    def fits(batch: int) -> bool:
        release()
        try:
            Step(networks.get(name), batch, Way())()
            wait()
        except torch.OutOfMemoryError:
            return False
        return True
    return {"batch": largest_power(fits, most)}


def measure_step(network: Network, batch: int, way: Way, setting: Setting) -> Row:
    """Time of a step, the most memory that it had, and into how many pieces the compiler cut the network."""
    release()
    take = Step(network, batch, way)
    if device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times = timed(take, wait, 0.02 if setting.quick else 0.3)
    most = torch.cuda.max_memory_allocated() if device().type == "cuda" else None
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"] if way.compiled else 0
    return {"framework": "torch", "layout": way.layout, "compiled": way.compiled, "tutorial": way.tutorial,
            "graphs": graphs, "peak_bytes": most, "finite": bool(take().isfinite())} | rate(
                network, batch, way.precision, peak_rates(setting.rows("peak")), times)


# --- layers -----------------------------------------------------------------------------------------------------------

def layers(setting: Setting, rows: dict[str, Row]) -> Rows:
    """Where a step's time goes: each layer alone, forward and back, beside its share of the arithmetic."""
    for name in setting.networks:
        for precision in ("float32", "bfloat16"):
            yield f"{name} {precision}", partial(measure_layers, networks.get(name), setting, precision)


def measure_layers(network: Network, setting: Setting, precision: str) -> Row:
    """Seconds of each layer on what the layers before it make; apart from each other they take longer than together."""
    release()
    take = Step(network, setting.batch, Way(precision))
    macs = {row.name: setting.batch * row.macs for row in trace(network)}
    found, values = [], take.images
    for name, layer in take.model.named_children():
        times, output = _layer(layer, values, take.kind, found == [], setting)
        found.append({"layer": name, "seconds": times["seconds"], "macs": macs.get(name, 0)})
        values = output
    return {"network": network.name, "batch": setting.batch, "precision": precision, "layers": found,
            "slowest": max(found, key=lambda row: row["seconds"])["layer"],
            "seconds": sum(row["seconds"] for row in found)}


def _layer(layer: nn.Module, values: Tensor, kind: torch.dtype | None, first: bool, setting: Setting) -> tuple:
    """Times of a layer forward and back (the images themselves need no gradient), and its output."""
    with torch.autocast(values.device.type, kind, enabled=kind is not None):
        output = layer(values.clone()).detach()  # a clone, for some layers work in place
    gradient = torch.randn_like(output)
    parameters = list(layer.parameters())

    def both() -> None:
        x = values.detach().clone().requires_grad_(not first)
        with torch.autocast(values.device.type, kind, enabled=kind is not None):
            y = layer(x * 1 if x.requires_grad else x)
        if y.requires_grad:
            torch.autograd.grad(y, [*[x] * x.requires_grad, *parameters], gradient)

    return timed(both, wait, 0.01 if setting.quick else 0.05), output
