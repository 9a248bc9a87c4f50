"""The checks of chapter 9, "Two frameworks, one network"."""

import itertools
from collections.abc import Callable
from contextlib import contextmanager
from random import Random
from typing import Any

import numpy as np

from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, array, check, result, shown, whole, word
from alexbook.layers import Dense

SIDE, MAPS = 6, 256  # AlexNet's last feature maps
ENOUGH = 1e-4


@check
def flat_indices(keras_index: object, torch_index: object) -> str:
    """Exercise 1: the index of a value of 6 x 6 x 256 feature maps after flattening, in either framework."""
    random = Random(9)
    cases = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (5, 5, 255)]
    cases += [(random.randrange(SIDE), random.randrange(SIDE), random.randrange(MAPS)) for _ in range(60)]
    shapes = {"keras_index": ((SIDE, SIDE, MAPS), (0, 1, 2)), "torch_index": ((MAPS, SIDE, SIDE), (2, 0, 1))}

    def true(name: str, case: tuple[int, ...]) -> int:
        shape, axes = shapes[name]
        return int(np.ravel_multi_index([case[axis] for axis in axes], shape))

    for (name, other), function in zip((("keras_index", "torch_index"), ("torch_index", "keras_index")),
                                       (keras_index, torch_index), strict=True):
        found = {case: whole(result(function, *case, of=f"{case}"), f"{name}{case}") for case in cases}
        if all(found[case] == true(other, case) for case in cases):
            raise Wrong(f"{name} is the order of the other framework.")
        if all(found[case] == true(name, (case[1], case[0], case[2])) for case in cases):
            raise Wrong(f"{name} takes rows and columns for each other: rows lie one after the other.")
        if all(found[case] == true(name, case) + 1 for case in cases):
            raise Wrong(f"{name} counts from 1; the first index is 0.")
        for case in cases:
            if found[case] != true(name, case):
                raise Wrong(f"for row {case[0]}, column {case[1]}, channel {case[2]} {name} gives "
                            f"{shown(found[case], 20)}: how many values lie before it?")
    return "For feature maps of one pixel the two would be the same."


@check
def orderless(name: object) -> str:
    """Exercise 2: the LeNet for which the flatten order does not matter."""
    name = word(name, name="the name")
    known = [network for network in networks.NETWORKS if network.startswith("lenet")]
    if name not in known:
        raise Wrong(f"the book has no LeNet named \"{shown(name, 30)}\"; it has {', '.join(known)}.")
    table = trace(networks.get(name))
    flat = next(row for row in table if row.layer.kind == "flatten")
    height, width, maps = flat.input_shape
    if height * width > 1 and maps > 1:
        raise Wrong(f"{name} flattens feature maps of {height} x {width} pixels.")
    return f"{name} flattens {maps} feature maps of one pixel."


@contextmanager
def _float32():
    """Keras's default types, whatever the chapter has set."""
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def _apart(one: object, other: object) -> float:
    """The largest difference of two arrays, as a share of the largest value."""
    one, other = array(one), array(other)
    return float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-12))


@check
def own_pair(mine: object, yours: object) -> str:
    """Exercise 3: one small network, written in both frameworks, with the same weights."""
    import keras
    import torch
    from keras import ops

    from alexbook.models import convert_weights

    if not isinstance(mine, keras.Model):
        raise Wrong("the first is a Keras model, a keras.Sequential.")
    if not isinstance(yours, torch.nn.Module) or isinstance(yours, keras.Model):
        raise Wrong("the second is a PyTorch model, an nn.Module.")
    shape = getattr(mine, "input_shape", None)
    if shape is None or tuple(shape)[1:] != (32, 32, 3):
        raise Wrong(f"the Keras model's input has the shape {shape}, not (None, 32, 32, 3).")
    convs = [layer for layer in mine.layers if isinstance(layer, keras.layers.Conv2D)]
    if not any(tuple(conv.strides) == (2, 2) and conv.padding == "same" for conv in convs):
        raise Wrong("the Keras model has no convolution with a stride of 2 and padding \"same\".")
    if not any(isinstance(layer, keras.layers.MaxPooling2D) for layer in mine.layers):
        raise Wrong("the Keras model has no max pooling.")
    if sum(isinstance(layer, keras.layers.Dense) for layer in mine.layers) != 2:
        raise Wrong("the Keras model should have two fully connected layers (Dense).")
    try:
        matches = convert_weights.matches(mine, yours)
    except ValueError as error:
        raise Wrong(f"the layers do not match: {shown(str(error), 250)}") from None
    for match in matches:
        if not np.array_equal(match.to_torch(ops.convert_to_numpy(match.variable)),
                              match.parameter.detach().cpu().numpy()):
            raise Wrong(f"{match.name} is not the same in both: were the weights converted?")
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(2, 32, 32, 3)).astype("float32")
        with torch.inference_mode():
            there = yours.eval()(torch.tensor(x.transpose(0, 3, 1, 2)))
        here = ops.convert_to_numpy(mine(x, training=False))
        if not np.ptp(here, axis=0).any():
            raise Wrong("two images give the same outputs: weights that are all 0 show nothing.")
        if here.shape != tuple(there.shape):
            raise Wrong(f"the outputs have the shapes {here.shape} and {tuple(there.shape)}.")
        if not _apart(here, there) < ENOUGH:
            raise Wrong("all weights are the same, and the outputs differ: on which sides does Keras put the zeros, "
                        "and is every ReLU in both?")
    return "The same outputs for random images."


def _paper(rates: list[float]) -> np.ndarray:
    """The paper's rule (section 5) on w ** 2, from w = 1."""
    w, v, path = 1.0, 0.0, [1.0]
    for rate in rates:
        v = 0.9 * v - 0.0005 * rate * w - rate * 2 * w
        w += v
        path.append(w)
    return np.array(path)


def _pytorch(rates: list[float], keep: float = 0.9, decay: float = 0.0005,
             scale: Callable[[float, float], float] = lambda old, new: 1.0) -> np.ndarray:
    """PyTorch's rule on the same, with a factor for the buffer where the rate changes from old to new."""
    w, b, path, old = 1.0, 0.0, [1.0], rates[0]
    for rate in rates:
        b = keep * b * (scale(old, rate) if rate != old else 1.0) + 2 * w + decay * w
        w, old = w - rate * b, rate
        path.append(w)
    return np.array(path)


@check
def papers_momentum(function: object) -> str:
    """Exercise 4: PyTorch's SGD, made to follow the paper where the rate changes, on random schedules."""
    random = Random(12)
    schedules = [[0.01] * 12, [0.01] * 10 + [0.001] * 40, [0.001, 0.002, 0.004, 0.008] + [0.01] * 6]
    for _ in range(8):
        pieces = [[random.choice((0.02, 0.01, 0.003, 0.0005))] * random.randint(1, 6) for _ in range(3)]
        schedules.append(list(itertools.chain(*pieces)))
    for rates in schedules:
        of = ("a constant rate" if len(set(rates)) == 1 else "one drop of the rate" if len(set(rates)) == 2 and
              rates[0] > rates[-1] else "a rate that changes several times")
        found = array(result(function, rates, of=of), name="the path")
        true = _paper(rates)
        if found.shape != true.shape:
            raise Wrong(f"for {len(rates)} rates the path has the shape {found.shape}: it starts with w = 1, and has "
                        "one more weight for each step.")
        if np.abs(found - true).max() < 1e-10:
            continue
        slips = ((_pytorch(rates), "it still follows PyTorch's rule."),
                 (_pytorch(rates, scale=lambda old, new: new / old), "the buffer is scaled the wrong way round: rate "
                  "times buffer should stay what it was."),
                 (_pytorch(rates, scale=lambda old, new: 0.0), "the buffer is thrown away when the rate changes."),
                 (_pytorch(rates, keep=0.0), "there is no momentum in it."),
                 (_pytorch(rates, decay=0.0), "the weight decay is missing."))
        for values, why in slips:
            if np.abs(found - values).max() < 1e-10:
                raise Wrong(f"for {of} {why}")
        step = int(np.argmax(~(np.abs(found - true) < 1e-10)))
        raise Wrong(f"for {of} it leaves the paper's path at step {step}"
                    + (", the first with a new rate." if step > 1 and rates[step - 1] != rates[step - 2] else "."))
    return "It follows the paper through drops and a warm-up."


@check
def first_apart(function: Any) -> str:
    """Exercise 5: a function that names the first layer in which two models differ."""
    import keras
    import torch

    from alexbook.models import convert_weights
    from alexbook.models import keras as keras_models
    from alexbook.models import torch as torch_models

    network = networks.get("lenet5_modern")
    with _float32():
        ours, theirs = keras_models.build(network, seed=9), torch_models.build(network, seed=8).eval()
        assert isinstance(ours, keras.Model)
        x = np.random.default_rng(9).normal(size=(2, 28, 28, 1)).astype("float32")
        learned = [row.name for row in trace(network) if row.parameters]
        for name in ("fc1", *learned):
            convert_weights.keras_to_torch(ours, theirs)
            layer: Any = theirs.get_submodule(name)
            with torch.no_grad():
                layer.weight.copy_(layer.weight.flip(0))
            found = result(lambda: function(ours, theirs, x.copy()), of=f"a wrong {name}")
            if not isinstance(found, str) or str.__str__(found) != name:
                kind = next((row.layer for row in trace(network) if row.name == name), None)
                note = " (a fully connected layer)" if isinstance(kind, Dense) else " (a convolution)"
                raise Wrong(f"where the weights of {name}{note} are in the wrong order, your function says "
                            f"{shown(found, 30)}.")
        convert_weights.keras_to_torch(ours, theirs)
        try:
            found = function(ours, theirs, x.copy())
        except Exception as error:
            raise Wrong(f"for two equal models your function ends in {type(error).__name__}.") from None
        if found is not None:
            raise Wrong(f"for two equal models your function says {shown(found, 30)}, where None is right.")
    return f"It finds a wrong weight in each of the {len(learned)} layers, and none where there is none."
