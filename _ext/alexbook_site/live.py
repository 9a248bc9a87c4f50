"""Trained networks for the page: layers and stored weights, as the widgets' scripts compute with them.

Each layer is what ``_static/widgets/forward.js`` needs and no more: windows along both sides as numbers, weights as the
bits that ``data/weights`` holds (half precision, or whole numbers with a scale for each output channel). Batch
normalization is folded into the convolution or fully connected layer before it. Nothing here is typed.
"""

import base64
import json
from collections.abc import Iterator

import numpy as np
from alexbook import arithmetic, datasets, package_data, weights
from alexbook.arithmetic import Row
from alexbook.datasets import image_files, photographs
from alexbook.layers import (
    RBF,
    Activation,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Pool,
    Subsample,
    Windowed,
    pair,
)

PART = 699_996  # letters of weights in one script, a multiple of 4: each part can be decoded alone
POOLS = {MaxPool: "max", AvgPool: "mean", Subsample: "sum"}
Values = dict[str, np.ndarray]


def examples_data() -> dict:
    """Ten digits to show a network: the first of each class among the shipped test digits."""
    split = datasets.load("digits", "test")
    firsts = [int(np.flatnonzero(split.labels == label)[0]) for label in range(10)]
    return {"examples": [text(image) for image in image_files.frame(split.images[firsts])]}


def network_data(name: str) -> dict:
    """A shipped trained network, its layers in order."""
    found = weights.read(name)
    network = found.card.build()
    measured = json.loads((package_data.folder() / "weights" / f"{name}.json").read_text("utf-8"))
    return {"name": name, "title": network.title, "classes": found.card.classes, "input": network.input_shape,
            "mean": found.card.mean, "std": found.card.std, "error": measured["error_stored"],
            "layers": list(layers(arithmetic.trace(network).rows, found.values, measured["bits"]))}


def photographs_data() -> dict:
    """The shipped photographs: title and credit."""
    return {"photographs": [
        {"name": name, "title": photographs.credit(name).title, "credit": str(photographs.credit(name)),
         "source": photographs.credit(name).source} for name in photographs.names()]}


def photograph_files() -> Iterator[tuple[str, str]]:
    """Each photograph's file as it is, under the name that its script gets."""
    for name in photographs.names():
        file = package_data.folder() / "photographs" / f"{name}.jpg"
        yield f"photograph-{name}", base64.b64encode(file.read_bytes()).decode("ascii")


def in_parts(data: dict, most: int = PART) -> Iterator[tuple[str, object]]:
    """A network's data with its weights apart, in texts of at most ``most`` letters, each a script of its own.

    Yields names with what they hold. In the network's own data each layer's weights are the names of its parts.
    """
    apart, number = [], 0
    for layer in data["layers"]:
        if "weight" not in layer or not isinstance(layer["weight"], str):
            apart.append(layer)
            continue
        names = []
        for start in range(0, len(layer["weight"]), most):
            names.append(f"{data['name']}-{number}")
            yield names[-1], layer["weight"][start:start + most]
            number += 1
        apart.append(layer | {"weight": names})
    size = sum(len(layer["weight"]) for layer in data["layers"] if isinstance(layer.get("weight"), str))
    yield data["name"], data | {"layers": apart, "size": size}


def layers(rows: tuple[Row, ...], values: Values, bits: int) -> Iterator[dict]:
    """What each row computes; dropout and the last softmax are left out, batch normalization is in the row before."""
    start, jump = (0, 0), (1, 1)
    for place, row in enumerate(rows):
        if isinstance(row.layer, Windowed):
            sides = arithmetic.paddings(row.layer.padding, row.input_shape[:2], row.layer.reach, pair(row.layer.stride))
            start = tuple(at - ends[0] * step for at, ends, step in zip(start, sides, jump, strict=True))
            jump = row.jump
        behind = rows[place + 1] if place + 1 < len(rows) else None
        norm = behind if behind is not None and isinstance(behind.layer, BatchNorm) else None
        match row.layer:
            case Dropout() | BatchNorm() | Activation(function="softmax"):
                continue
            case Activation(function=function):
                yield {"op": "activation", "function": function}
            case Flatten():
                yield {"op": "flatten"}
            case RBF(centers=centers):
                yield {"op": "distance", "name": row.name, "centers": centers}
            case Conv() | Dense():
                what = {"op": row.layer.kind, "name": row.name}
                yield what | _window(row, start) | _weighted(row, norm, values, bits)
            case Pool():
                own = {key: values[f"{row.name}.{key}"].tolist() for key in ("weight", "bias")} if isinstance(
                    row.layer, Subsample) else {}
                yield _window(row, start) | {"op": POOLS[type(row.layer)], "name": row.name} | own
            case other:
                raise ValueError(f"{row.name}: the page computes no {other.kind} yet.")


def _window(row: Row, start: tuple[int, ...]) -> dict:
    """Sizes; and what one output sees of the input: the ``field``'s size, its ``jump``, where the first ``start``s."""
    layer = row.layer
    if not isinstance(layer, Windowed):
        return {"output": row.output_shape}
    stride = pair(layer.stride)
    (top, _), (left, _) = arithmetic.paddings(layer.padding, row.input_shape[:2], layer.reach, stride)
    found = {"output": row.output_shape, "kernel": pair(layer.kernel), "stride": stride, "before": (top, left),
             "field": row.receptive_field, "jump": row.jump, "start": start}
    if isinstance(layer, Conv):
        found |= {"groups": layer.groups} | ({"table": layer.connections} if layer.connections else {})
    return found


def _weighted(row: Row, norm: Row | None, values: Values, bits: int) -> dict:
    """Stored weights with a factor and a bias for each output channel, which batch normalization is folded into."""
    weight = values[f"{row.name}.weight"]
    maps = row.output_shape[-1]
    bias = values.get(f"{row.name}.bias", np.zeros(maps, np.float32)).astype(float)
    factor = np.ones(maps)
    if norm is not None:
        own = {key: values[f"{norm.name}.{key}"].astype(float)
               for key in ("weight", "bias", "running_mean", "running_var")}
        assert isinstance(norm.layer, BatchNorm)
        factor = own["weight"] / np.sqrt(own["running_var"] + norm.layer.epsilon)
        bias = (bias - own["running_mean"]) * factor + own["bias"]
    if bits == 8:
        scale = np.abs(weight).reshape(len(weight), -1).max(1).astype(float) / 127
        scale[scale == 0] = 1
        stored = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8)
        factor = factor * scale
    else:
        stored = weight.astype(np.float16)
    return {"bits": bits, "weight": text(stored), "factor": text(factor.astype(np.float32)),
            "bias": text(bias.astype(np.float32))}


def text(array: np.ndarray) -> str:
    """An array's bytes, little-endian, in base64."""
    return base64.b64encode(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes()).decode("ascii")
