"""The parts of benchmarks/gpu.py that hold the device against the book: memory layer by layer, and equal numbers."""

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from functools import partial
from math import isfinite

import torch
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.models import torch as torch_models
from alexbook.models import torch_layers
from gpu_common import Row, Rows, Setting, training_bytes
from gpu_torch import AUTOCAST, Step, Way, device, precisions, release, set_precision
from torch import Tensor, nn

# --- memory -----------------------------------------------------------------------------------------------------------


def memory(setting: Setting, rows: dict[str, Row]) -> Rows:
    """What a training step holds, layer by layer and at its peak, against the estimate
    of "Every layer's output size"."""
    for name in setting.networks:
        for precision in ("float32", "bfloat16"):
            yield f"{name} {precision}", partial(measure_memory, name, setting.batch, precision)


def allocated() -> int | None:
    """Bytes that tensors have on the GPU; None without one, where nobody counts them."""
    return torch.cuda.memory_allocated() if torch.cuda.is_available() else None


def measure_memory(name: str, batch: int, precision: str) -> Row:
    """The second step of a network, for the first makes the momentum."""
    release()
    network = networks.get(name)
    before = allocated()
    take = Step(network, batch, Way(precision))
    take()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    held = allocated()
    with watched(take.model) as layers:
        take()
    outputs = {row.name: batch * row.activation_bytes for row in trace(network)}
    for row in layers:
        row["output_bytes"] = outputs.get(row["layer"])  # None where a module only pads
    peak = torch.cuda.max_memory_allocated() - before if torch.cuda.is_available() else None
    return {"network": name, "batch": batch, "precision": precision, "predicted_bytes": training_bytes(network, batch),
            "peak_bytes": peak, "between_steps_bytes": None if held is None else held - before,
            "kept_bytes": sum(row["kept_bytes"] for row in layers), "layers": layers}


@contextmanager
def watched(model: nn.Sequential):
    """Collects, for each module that is called, what it keeps for the backward pass, and what its call allocated.

    What two layers keep is counted at the first; weights, which are there anyway, are not, but their copies in half
    precision are. On a GPU ``allocated_bytes`` is what the device has more when the next layer begins: the output and
    what is kept, less what has been let go.
    """
    layers: list[dict] = []
    seen = {values.untyped_storage().data_ptr() for values in model.parameters()}

    def keep(values: Tensor) -> Tensor:
        storage = values.untyped_storage()
        if layers and storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            layers[-1]["kept_bytes"] += storage.nbytes()
        return values

    def begin(name: str, *_: object) -> None:
        if layers:
            layers[-1]["allocated_bytes"] = _difference(allocated(), layers[-1]["allocated_bytes"])
        layers.append({"layer": name, "kept_bytes": 0, "allocated_bytes": allocated()})

    def end(*_: object) -> None:
        layers[-1]["allocated_bytes"] = _difference(allocated(), layers[-1]["allocated_bytes"])

    hooks = [module.register_forward_pre_hook(partial(begin, name)) for name, module in model.named_children()]
    hooks.append(model.register_forward_hook(end))
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda values: values):
            yield layers
    finally:
        for hook in hooks:
            hook.remove()


def _difference(after: int | None, before: int | None) -> int | None:
    return None if after is None else after - before


# --- equality ---------------------------------------------------------------------------------------------------------

def equality(setting: Setting, rows: dict[str, Row]) -> Rows:
    """Is what the device computes what the processor computes? Relative differences, and the limit for each."""
    name = setting.networks[0]
    for precision, limit in {"float64": 1e-9, "float32": 1e-3}.items():
        yield f"{name} {precision}", partial(compare_device, name, precision, limit)
    for precision in precisions()[1:]:
        yield f"{name} {precision}", partial(compare_device, name, precision, None)
    for groups in (1, 2):
        yield f"response normalization, {groups} groups", partial(compare_norm, groups)
    for have, want in ((32, 32), (256, 224)):
        yield f"augmentation, {want} of {have} pixels", partial(compare_augmentation, have, want)
    yield "two towers", partial(compare_towers, setting.quick)


def relative(found: Iterable[Tensor], wanted: Iterable[Tensor]) -> float:
    """The largest ``|found - wanted| / |wanted|`` of several tensors, in float64; nothing equal to NaN."""
    def one(a: Tensor, b: Tensor) -> float:
        a, b = (values.detach().cpu().double() for values in (a, b))
        return ((a - b).norm() / b.norm().clamp(min=1e-300)).nan_to_num(float("inf")).item()
    return max(one(a, b) for a, b in zip(found, wanted, strict=True))


def _verdict(difference: float, limit: float | None, **more: object) -> Row:
    if not isfinite(difference):
        raise ArithmeticError("the device gives something that is no number")
    return {"difference": difference, "limit": limit, "equal": None if limit is None else difference <= limit} | more


def _run(model: nn.Module, images: Tensor, weights: Tensor, kind: torch.dtype | None = None) -> list[Tensor]:
    """The output and all gradients of a weighted sum of it."""
    with torch.autocast(images.device.type, kind, enabled=kind is not None):
        output = model(images)
    (output.to(weights) * weights).sum().backward()
    return [output, *(values.grad for values in model.parameters())]


def compare_device(name: str, precision: str, limit: float | None) -> Row:
    """A network's output and gradients on the device against the processor's in float64."""
    release()
    set_precision(precision)
    network = networks.get(name)
    generator = torch.Generator().manual_seed(0)
    height, width, channels = network.input_shape
    images = torch.randn(2, channels, height, width, generator=generator, dtype=torch.float64) * 60
    model = torch_models.build(network, seed=0).eval()
    weights = torch.randn(2, trace(network).rows[-1].output_shape[0], generator=generator, dtype=torch.float64)
    wanted = _run(model.double(), images, weights)
    wanted = [values.detach().clone() for values in wanted]
    model.zero_grad()
    kind = torch.float64 if precision == "float64" else torch.float32
    model.to(device(), kind, memory_format=torch.channels_last)
    found = _run(model, images.to(device(), kind), weights.to(device(), kind), AUTOCAST.get(precision))
    return _verdict(relative(found, wanted), limit, output=relative(found[:1], wanted[:1]), device=str(device()))


def compare_norm(groups: int) -> Row:
    """The package's response normalization against the framework's, which knows no groups, forward and back."""
    set_precision("float32")
    generator = torch.Generator().manual_seed(groups)
    values = torch.randn(2, 96, 27, 27, generator=generator).to(device()) * 60
    gradient = torch.randn(2, 96, 27, 27, generator=generator).to(device())
    settings = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0}
    ours, theirs = torch_layers.LocalResponseNorm(**settings, groups=groups), nn.LocalResponseNorm(**settings)

    def apart(x: Tensor) -> Tensor:
        return torch.cat([theirs(half) for half in x.chunk(groups, dim=1)], dim=1)

    def both(layer: Callable[[Tensor], Tensor]) -> list[Tensor]:
        x = values.clone().requires_grad_()
        y = layer(x)
        y.backward(gradient)
        return [y, x.grad]

    return _verdict(relative(both(ours), both(apart)), 1e-5)


def compare_towers(quick: bool) -> Row:
    """The two towers of 2012 on two devices against the same network on the processor, in float64, forward and back."""
    from alexbook.models import two_towers
    from alexbook.networks import ablations

    release()
    network = ablations.vary(networks.get("alexnet_small"), ["two-towers"]) if quick else networks.get("alexnet_2012")
    several = torch.cuda.device_count() > 1
    devices = ["cuda:0", "cuda:1"] if several else [str(device()), "cpu"]
    generator = torch.Generator().manual_seed(0)
    height, width, channels = network.input_shape
    images = torch.randn(2, channels, height, width, generator=generator, dtype=torch.float64) * 60
    model = torch_models.build(network, seed=0).double().eval()
    weights = torch.randn(2, trace(network).rows[-1].output_shape[0], generator=generator, dtype=torch.float64)
    wanted = _run(model, images, weights)
    towers = two_towers.TwoTowers(network, model, devices).eval()
    output = towers(images)
    (output * weights.to(output.device)).sum().backward()
    gradients = towers.joined(lambda value: value.grad)
    found = [output, *(gradients[name] for name, _ in model.named_parameters())]
    return _verdict(relative(found, wanted), 1e-9, network=network.name, devices=devices,
                    values_crossed=towers.crossed // len(images),
                    values_predicted=sum(two_towers.crossings(network).values()))



def compare_augmentation(have: int, want: int) -> Row:
    """Crops, mirror images and color noise made on the device against the plain version in NumPy, image by image."""
    from alexbook.batches import augmentation, torch_loader
    from gpu_training import AUGMENTED, synthetic

    data = synthetic(have, want, 64)
    normalization = data.normalization
    loader = torch_loader.TorchLoader(normalization, data.size, device())
    differences = []
    for batch in data.plan(16, [0, 0], AUGMENTED[have]):
        images, labels = loader.make_batch(batch)
        plain = augmentation.one_by_one(batch.images[batch.indices], data.size, batch.augmentation, batch.parameters,
                                        normalization.fill)
        wanted = torch.from_numpy((plain - normalization.mean) / normalization.std)
        differences.append(relative([images, labels], [wanted, torch.from_numpy(batch.labels)]))
    return _verdict(max(differences), 1e-6)
