"""The checks of chapter 15, "ReLU against tanh and sigmoid"."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from alexbook import datasets, networks, runs
from alexbook.checking import Wrong, array, callable_, check, close, number, result, shown, word
from alexbook.layers import Activation
from alexbook.networks import Network, ablations

SLOPE = 0.1  # of the leaky ReLU, on the left
ASKED = ("relu", "tanh", "sigmoid", "high")  # the order in which exercise 2 asks for the curves
SHOWN = ("sigmoid", "high", "tanh", "relu")  # the order in which it shows them, as A to D
DEPTH, WIDTH = 10, 256  # of the stack in exercise 5


@check
def sigmoids(share: object) -> None:
    """Exercise 1: the largest share of a gradient that the slopes of seven sigmoids leave."""
    found = number(share, "the share")
    hidden = sum(layer == replace(layer, function="relu") for layer in networks.get("alexnet_2012").layers
                 if isinstance(layer, Activation))
    at_zero = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    steepest = torch.autograd.grad(torch.sigmoid(at_zero).sum(), at_zero)[0].item()
    true = steepest ** hidden
    if abs(found - true) <= 0.04 * true:
        return
    if not 0 <= found <= 1:
        raise Wrong("a share lies between 0 and 1.")
    wrong = (
        (steepest ** (hidden + 1), "that is one factor too many: the last layer has no sigmoid behind it."),
        (steepest ** (hidden - 1), "that is one factor too few: the gradient passes the first sigmoid as well."),
        (0.5 ** hidden, "1/2 is the sigmoid's value at 0, not its slope there."),
        (steepest / hidden, "the slopes of layers in a row multiply; they are not shared out."),
        (steepest, "that is what one sigmoid leaves; there are more in a row."),
        (100 * true, "that is in percent; a share of 1 is asked for."),
        (1, "that would be so if the sigmoid had a slope of 1 somewhere, as tanh has."),
    )
    for value, why in wrong:
        if abs(found - value) <= 0.04 * value:
            raise Wrong(why)
    raise Wrong(f"{found:g} is too {'large' if found > true else 'small'}. How steep is a sigmoid at its steepest, and "
                "how often does the gradient meet one?")


@cache
def _searched() -> dict[str, np.ndarray]:
    """The training errors in percent, epoch by epoch, of the four runs of exercise 2."""
    found = {}
    for name in ("relu", "tanh", "sigmoid"):
        tried = {run.recipe["lr"]: 100 * run.series("train_error")[:5]
                 for run in runs.load(f"search-cifar10-four_layers-{name}-torch-rate*")}
        best = min(tried, key=lambda rate: tried[rate][-1])
        found[name] = tried[best]
        if name == "relu":
            found["high"] = tried[3 * best]
    return found


def four_curves() -> dict[str, list[float]]:
    """The curves of exercise 2 under their letters: training error in percent after epochs 1 to 5."""
    return {letter: _searched()[name].tolist() for letter, name in zip("ABCD", SHOWN, strict=True)}


@check
def which_is_which(letters: object) -> None:
    """Exercise 2: four curves of training error, and the runs that they belong to."""
    found = word(letters, name="the answer").upper()
    if len(found) != 4 or set(found) != set("ABCD"):
        raise Wrong(f"the answer is the four letters A to D, each once, in the order of the runs; {shown(found)} is "
                    "not.")
    said = {name: SHOWN["ABCD".index(letter)] for name, letter in zip(ASKED, found, strict=True)}
    if all(name == true for name, true in said.items()):
        return
    if said["sigmoid"] == "high" and said["high"] == "sigmoid":
        raise Wrong("the sigmoid and the high rate are exchanged: one of the two has small gradients at the start and "
                    "then comes down steadily, the other starts well and gains little.")
    if said["relu"] == "tanh" and said["tanh"] == "relu":
        raise Wrong("ReLU and tanh at their best are exchanged. Which of the two was ahead at the end of the search?")
    if said["sigmoid"] != "sigmoid":
        raise Wrong(f"{found[2]} is not the sigmoid: its slopes are small, so it learns least in the first epoch.")
    if said["high"] != "high":
        raise Wrong(f"{found[3]} is not the run with too high a rate: such a run ends worse than all others, "
                    "wherever it began.")
    raise Wrong("two of the runs are exchanged.")


@check
def one_layer(weights: object, bias: object, model: Any) -> None:
    """Exercise 3: the one dense layer that two without an activation between them amount to."""
    if not all(isinstance(getattr(model, name, None), nn.Linear) for name in ("fc3", "fc4")):
        raise Wrong("the last argument is the network buggy, with its layers fc3 and fc4.")
    w3, b3, w4, b4 = (array(values) for layer in (model.fc3, model.fc4) for values in (layer.weight, layer.bias))
    found = array(weights, name="W")
    if found.shape == (w3.shape[1], w4.shape[0]):
        raise Wrong(f"W has the shape {found.shape}: PyTorch keeps a row for each output, so turn it over.")
    found, shift = array(weights, (w4.shape[0], w3.shape[1]), "W"), array(bias, (w4.shape[0],), "b")

    def same(one: np.ndarray, other: np.ndarray) -> bool:
        return close(one, other, rtol=1e-3, atol=1e-4)

    if not same(found, w4 @ w3):
        raise Wrong("W does not do what the weights of fc3 and then those of fc4 do. Which of them comes first, next "
                    "to x?")
    if same(shift, w4 @ b3 + b4):
        return
    if same(shift, b4):
        raise Wrong("W is right. b is fc4's bias alone, but fc3 has one, too, and it goes through fc4.")
    if same(shift, w4 @ b3):
        raise Wrong("W is right. In b, fc4's own bias is missing.")
    raise Wrong("W is right, b is not: what comes out where x is 0?")


@check
def leaky_relu(function: object, slope: object) -> None:
    """Exercise 4: a leaky ReLU and its slope, on random places and at 0."""
    for call, name in ((function, "leaky"), (slope, "leaky_slope")):
        callable_(call, name)
    draw = torch.Generator().manual_seed(11)
    fixed = torch.tensor([-4.0, -1.0, 0.0, 1.0, 4.0], dtype=torch.float64)
    for a in (fixed, *(3 * torch.randn(size, generator=draw, dtype=torch.float64) for size in ((40,), (5, 3, 2)))):
        of = f"a tensor of the shape {tuple(a.shape)}"
        for what, call, true in (("leaky", function, F.leaky_relu(a, SLOPE)),
                                 ("leaky_slope", slope, torch.where(a > 0, 1.0, SLOPE))):
            found = array(result(call, a, of=of), tuple(a.shape), f"what {what} gives")
            off = ~np.isclose(found, true.numpy(), rtol=1e-5, atol=1e-7)
            if off.any():
                _say_where(what, array(a)[off][0].item(), found[off][0].item())


def _say_where(what: str, at: float, found: float) -> None:
    """Raises Wrong for a value of the reader's function, found at a place."""
    said = f"at a = {at:.3g} {what} gives {found:.3g}"
    if what == "leaky":
        if at > 0:
            raise Wrong(f"{said}: where a is above 0, it stays as it is.")
        if found == 0:
            raise Wrong(f"{said}: that is the plain ReLU; this one leaks.")
        if found > 0:
            raise Wrong(f"{said}: on the left the function is below 0.")
        raise Wrong(f"{said}: on the left it falls with another slope" + (
            " (PyTorch's own is not ours)." if abs(found - 0.01 * at) < 1e-6 else "."))
    if at == 0:
        raise Wrong(f"{said}: there it has the slope of the left side.")
    if at > 0:
        raise Wrong(f"{said}: on the right the function is a straight line through a and a.")
    if found == 0:
        raise Wrong(f"{said}: that is the slope of the plain ReLU, whose units can die.")
    if abs(found - SLOPE * at) < 1e-6:
        raise Wrong(f"{said}: that is the function's value, not its slope.")
    if abs(found + SLOPE) < 1e-6:
        raise Wrong(f"{said}: the function rises on the left, too.")
    raise Wrong(f"{said}: how much does the function change there when a changes by 1?")


@cache
def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    """500 of the digits as the chapter's stack sees them, and their classes."""
    train = datasets.load("digits", "train")
    pixels = torch.from_numpy(train.images).float().flatten(1)[:500]
    return (pixels - pixels.mean()) / pixels.std(), torch.from_numpy(train.labels)[:500]


def _left(gain: float, seed: int) -> tuple[float, float]:
    """The size of the gradient at the first and the last of ten sigmoid layers, as the chapter's ``gradients``."""
    draw = torch.Generator().manual_seed(seed)

    def weights(rows: int, columns: int) -> torch.Tensor:
        return gain / rows ** 0.5 * torch.randn(rows, columns, generator=draw)

    x, classes = _digits()
    sums = []
    for _ in range(DEPTH):
        sums.append((x @ weights(x.shape[1], WIDTH)).requires_grad_())
        sums[-1].retain_grad()
        x = torch.sigmoid(sums[-1])
    F.cross_entropy(x @ weights(WIDTH, 10) / gain, classes).backward()
    first, *_, last = (float(values.grad.square().mean().sqrt()) for values in sums if values.grad is not None)
    return first, last


@check
def sigmoid_gain(gain: object) -> str:
    """Exercise 5: the gain that keeps the gradient of ten sigmoid layers alike from end to end."""
    found = number(gain, "the gain")
    if not 0 < found < 1000:
        raise Wrong("a gain is a number above 0, and not an enormous one.")
    first, last = np.mean([_left(float(found), seed) for seed in range(3)], axis=0)
    share = first / last if last > 0 else 0
    if not share >= 0.5:
        why = " Without saturation 4 would do; why does it not?" if abs(found - 4) < 0.1 else ""
        raise Wrong(f"with a gain of {found:g} the first layer has {share:.2g} times the gradient of the tenth: too "
                    f"little.{why}")
    if share > 2:
        raise Wrong(f"with a gain of {found:g} the first layer has {share:.2g} times the gradient of the tenth: too "
                    "much.")
    return f"The first layer has {share:.2g} times the gradient of the tenth. What do its units do?"


@check
def one_more_activation(function: object) -> str:
    """Exercise 6: a change of all hidden activations to scaled tanh, on several networks."""
    callable_(function, "scaled_tanh")
    four = networks.get("four_layers")
    starts = [four, *(ablations.vary(four, [name]) for name in ("tanh", "sigmoid")), networks.get("alexnet_small"),
              networks.get("alexnet_2012"), networks.get("lenet5_rgb"), _named(four)]
    for network in starts:
        found = result(function, network.layers, of=network.name)
        if isinstance(found, Network):
            raise Wrong("your function gives a network; a change takes layers and gives layers.")
        if not isinstance(found, tuple):
            raise Wrong(f"your function gives {shown(type(found).__name__)}; a tuple is asked for.")
        _compare(network, found)
    return f"{len(starts)} networks are changed as they should be."


def _named(network: Network) -> Network:
    """The network with a name for each of its layers."""
    layers = tuple(replace(layer, name=f"layer{place}") for place, layer in enumerate(network.layers, 1))
    return replace(network, name=f"{network.name} with names", layers=layers)


def _compare(network: Network, found: tuple) -> None:
    """Raises Wrong for the first layer of a changed network that is not what it should be."""
    if len(found) != len(network.layers):
        raise Wrong(f"of {network.name}'s {len(network.layers)} layers your function makes {len(found)}.")
    for before, after in zip(network.layers, found, strict=True):
        what = f"in {network.name} the layer {before.name or before.kind}"
        if not isinstance(before, Activation):
            if type(after) is not type(before) or after != before:
                raise Wrong(f"{what} is no activation and should stay as it is.")
        elif before.function == "softmax":
            if type(after) is not Activation or after != before:
                raise Wrong(f"{what} should stay: the outputs are still probabilities.")
        elif type(after) is not Activation:
            raise Wrong(f"{what} becomes {shown(after)}, which is no Activation.")
        elif after.function == before.function:
            raise Wrong(f"{what} is still {before.function}.")
        elif after.function != "scaled_tanh":
            raise Wrong(f"{what} becomes {shown(after.function)}.")
        elif after.name != before.name:
            raise Wrong(f"{what} has lost its name.")
