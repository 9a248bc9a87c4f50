"""The checks of chapter 8, "AlexNet in PyTorch"."""

import copy
import math
from dataclasses import replace
from random import Random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from alexbook import networks
from alexbook.arithmetic import Row, trace
from alexbook.checking import Wrong, array, callable_, check, given, result, shown, whole, word
from alexbook.datasets import photographs
from alexbook.layers import Activation, Conv, Dense, Flatten, MaxPool, pair
from alexbook.models import torch as torch_models
from alexbook.networks import Network

MAPS = 48  # of one tower, after conv1


@check
def which_sizes(smallest: object, largest: object) -> None:
    """Exercise 1: the smallest and the largest square image that the network with one tower takes."""
    low, high = whole(smallest, "the smallest side"), whole(largest, "the largest side")
    network = networks.get("alexnet_article")
    body = replace(network, layers=tuple(layer for layer in network.layers if isinstance(layer, (Conv, MaxPool))))

    def last(side: int) -> int:
        try:
            return trace(body, (side, side, 3))["pool5"].output_shape[0]
        except ValueError:
            return 0

    if low > high:
        raise Wrong("the smallest side comes first.")
    for side in (low, high):
        if last(side) != 6:
            raise Wrong(f"with {shown(side, 20)} pixels pool5 gives {shown(last(side), 20)} x {shown(last(side), 20)}, "
                        "and fc6 fails." if last(side) else f"{shown(side, 20)} pixels are too few for a window.")
    if last(low - 1) == 6:
        raise Wrong(f"{low} pixels run, and one pixel less does too.")
    if last(high + 1) == 6:
        raise Wrong(f"{high} pixels run, and one pixel more does too.")


class _Whole(nn.Module):
    """The exercise's network as its docstring describes it."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 16, 5, padding=2), nn.Conv2d(16, 32, 5, padding=2, groups=2)])
        self.fc = nn.Linear(32 * 8 * 8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in self.convs:
            x = F.max_pool2d(conv(x).relu(), 2)
        return self.fc(F.dropout(x.flatten(start_dim=1), 0.5, self.training))


@check
def three_bugs(mended: object) -> str:
    """Exercise 2: a small network with three bugs that raise no error."""
    if not isinstance(mended, type) or not issubclass(mended, nn.Module):
        raise Wrong("this should be a class made from nn.Module, not an instance of it or something else.")
    model, true = mended(), _Whole()
    shapes = [tuple(value.shape) for value in model.parameters()]
    wanted = [tuple(value.shape) for value in true.parameters()]
    missing = [shape for shape in wanted if shape not in shapes]
    if missing:
        what = "a convolution's" if len(missing[0]) == 4 or missing[0] in ((16,), (32,)) else "the last layer's"
        raise Wrong(f"{what} values are not among the model's parameters(): an optimizer would never see them.")
    if sorted(shapes) != sorted(wanted):
        raise Wrong(f"it has {len(shapes)} tensors of parameters, more than the network that is described.")
    values = dict(zip(wanted, true.parameters(), strict=True))
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(values[tuple(value.shape)])
    for seed in range(3):
        x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
        _compare(model, true, x, seed)
    return f"{sum(math.prod(shape) for shape in wanted):,} parameters, all of them trained."


def _compare(model: nn.Module, true: nn.Module, x: torch.Tensor, seed: int) -> None:
    """Raises Wrong where the model does not do what the true one does with the same weights."""
    state = torch.get_rng_state()
    try:
        with torch.no_grad():
            used, again, wanted = model.eval()(x), model(x), true.eval()(x)
            if array(used).shape != (4, 10):
                raise Wrong(f"for four images its output has the shape {tuple(used.shape)}, not (4, 10).")
            if not torch.equal(used, again):
                raise Wrong("after eval() two passes over the same images differ: dropout is still on.")
            if torch.allclose(used.sum(dim=1), torch.ones(4), atol=1e-4):
                raise Wrong("each row of its outputs adds up to 1: these are probabilities, not logits.")
            if torch.allclose(used.exp().sum(dim=1), torch.ones(4), atol=1e-4):
                raise Wrong("its outputs are logarithms of probabilities, and not what the last layer gives.")
            if not torch.allclose(used, wanted, atol=1e-4):
                raise Wrong("with the same weights it computes something else than before, apart from the bugs.")
            torch.manual_seed(seed)
            noisy = model.train()(x)
            if torch.allclose(noisy, wanted, atol=1e-4):
                raise Wrong("after train() nothing is dropped.")
            torch.manual_seed(seed)
            if not torch.allclose(noisy, true.train()(x), atol=1e-4):
                raise Wrong("in training it drops other values than the flattened ones, or another share than half.")
    finally:
        torch.set_rng_state(state)


class _Towers(nn.Module):
    """The layers of the chapter's AlexNet2012 up to pool5, with random weights; ``met`` lists the full convolutions."""

    def __init__(self, met: tuple[str, ...], silent: str = "") -> None:
        super().__init__()
        self.pad = nn.ZeroPad2d((0, 3, 0, 3))
        self.conv1 = nn.Conv2d(3, 2 * MAPS, 11, stride=4)
        for name, seen, filters, kernel in (("conv2", 96, 256, 5), ("conv3", 256, 384, 3), ("conv4", 384, 384, 3),
                                            ("conv5", 384, 256, 3)):
            full = name in met or name == silent
            conv = nn.Conv2d(seen, filters, kernel, padding=kernel // 2, groups=1 if full else 2)
            if name == silent:  # one group, but no weight leads across
                with torch.no_grad():
                    conv.weight[:filters // 2, seen // 2:] = 0
                    conv.weight[filters // 2:, :seen // 2] = 0
            setattr(self, name, conv)
        self.lrn, self.spatial = nn.Identity(), nn.Identity()
        self.pool = nn.MaxPool2d(3, stride=2)


@check
def find_the_bridge(function: object) -> str:
    """Exercise 3: a function that names the layer where two towers first meet, on several pairs of towers."""
    names = ("conv2", "conv3", "conv4", "conv5")
    cases = [(("conv3",), ""), (("conv2", "conv3"), ""), (("conv5",), ""), (("conv4", "conv5"), ""),
             (("conv3",), "conv2"), (("conv5",), "conv3")]
    for met, silent in cases:
        model = _Towers(met, silent).eval()
        found = given(callable_(function)(model)) if met == ("conv3",) and not silent else _name(function, model, met)
        if not isinstance(found, str) or found not in names:
            raise Wrong(f"your function gives {shown(found)}, not the name of a layer from conv2 to conv5.")
        if found != met[0]:
            extra = (f", and {silent} is one group whose weights from tower to tower are all 0" if silent else "")
            raise Wrong(f"where the towers first meet in {met[0]}{extra}, your function says {found}.")
    return "It finds bridges in other places too, by what the layers do."


def _name(function: object, model: nn.Module, met: tuple[str, ...]) -> object:
    """The reader's answer, where none is wrong."""
    found = callable_(function)(model)
    if found is None:
        raise Wrong(f"where the towers first meet in {met[0]}, your function finds no meeting.")
    return found


CAUSES = ("rate too small", "dead units", "weights too small", "second softmax", "other weights", "wrong labels")
_TRUE = ("dead units", "other weights", "weights too small")


def patients() -> tuple[tuple[nn.Module, torch.optim.Optimizer, torch.Tensor, torch.Tensor], ...]:
    """Exercise 4: three networks whose loss is flat, each as (model, optimizer, images, labels)."""
    pixels = np.stack([photographs.load(name) for name in photographs.names()])
    images = F.avg_pool2d(torch.from_numpy(pixels).permute(0, 3, 1, 2).float(), 8)
    images = (images - images.mean()) / images.std()
    labels = torch.arange(len(images))
    models = [_small(seed) for seed in range(3)]
    with torch.no_grad():
        _bias(models[0].get_submodule("conv4")).fill_(-1000)
        for module in models[2].modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.weight.mul_(0.01 / module.weight.std())
    held = [models[0], copy.deepcopy(models[1]), models[2]]
    return tuple((model, torch.optim.SGD(owner.parameters(), lr=0.002, momentum=0.9), images, labels)
                 for model, owner in zip(models, held, strict=True))


def _bias(layer: nn.Module) -> torch.Tensor:
    """The bias of a layer that has one."""
    return layer.get_parameter("bias")


def _small(seed: int) -> nn.Sequential:
    """The small AlexNet with eleven classes, He initialization and no dropout; leaves PyTorch's random state alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = torch_models.build(networks.get("alexnet_small"))
        model.fc8 = nn.Linear(256, 11)
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(_bias(module))
            elif isinstance(module, nn.Dropout):
                module.p = 0.0
    return model


# What a wrong name for a patient would need, and the patient does not have.
_SIGNS = {
    "rate too small": "then the weights would move, if only a little, and most units would be active.",
    "dead units": "then a layer would have no active unit; look at the least active layer of each network.",
    "weights too small": "then its outputs would vary less and less from layer to layer.",
    "second softmax": "then its outputs would add up to 1.",
    "other weights": "then no weight would move in a step; look at the updates.",
    "wrong labels": "then all four measurements would be healthy.",
}


@check
def which_causes(causes: object) -> str:
    """Exercise 4: the causes of three flat losses, by their names, in order."""
    if isinstance(causes, str) or not isinstance(causes, (list, tuple)):
        raise Wrong(f"the answer is a list of three names, and {shown(causes)} is not.")
    if len(causes) != len(_TRUE):
        raise Wrong(f"there are three networks, and you name {len(causes)} causes.")
    for place, (cause, true) in enumerate(zip(causes, _TRUE, strict=True), 1):
        found = word(cause, CAUSES, f"the cause of network {place}")
        if found != true:
            raise Wrong(f"network {place} has another cause than {found!r}: {_SIGNS[found]}")
    return "Found by measurement, and none of the three by its curve."


@check
def other_alexnet(function: object) -> str:
    """Exercise 5: a function that makes torchvision's AlexNet."""
    if isinstance(function, nn.Module):
        raise Wrong("this should be a function that makes a model, not a model.")
    mine = given(callable_(function)())
    if not isinstance(mine, nn.Module):
        raise Wrong(f"your function gives {shown(type(mine).__name__)}, not a model.")
    network = networks.get("alexnet_torchvision")
    rows = trace(network).only(Conv, Dense)
    learned = [layer for layer in mine.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    if len(learned) != len(rows):
        raise Wrong(f"it has {len(learned)} layers with weights, and torchvision's has {len(rows)}.")
    shapes = {row.name: _weight_shape(row) for row in rows}
    for layer, (name, shape) in zip(learned, shapes.items(), strict=True):
        _same_layer(name, tuple(layer.weight.shape), shape)
        if layer.bias is None:
            raise Wrong(f"{name} has no bias.")
    order = [type(layer) for layer in mine.modules() if isinstance(layer, (nn.Dropout, nn.Linear))]
    if order != 2 * [nn.Dropout, nn.Linear] + [nn.Linear]:
        raise Wrong("dropout stands in other places there: look at what comes before and after fc6.")
    for module in mine.modules():
        if isinstance(module, nn.Dropout) and module.p != 0.5:
            raise Wrong(f"a dropout drops {module.p:g} of its inputs, and torchvision's drops half.")
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(5))
    theirs = torch_models.build(network, seed=5).eval()
    with torch.inference_mode():
        for to, value in zip(theirs.parameters(), mine.parameters(), strict=True):
            to.copy_(value)
        found, true = mine.eval()(x), theirs(x)
    if tuple(found.shape) != (1, 1000):
        raise Wrong(f"its output has the shape {tuple(found.shape)}, not (1, 1000).")
    if torch.allclose(found.sum(), torch.tensor(1.0), atol=1e-3):
        raise Wrong("its outputs add up to 1: leave the softmax to the loss.")
    if not torch.allclose(found, true, rtol=1e-4, atol=1e-4):
        raise Wrong("all weights have the right shapes, but the outputs differ: look at strides, padding, pools and "
                    "ReLUs.")
    return f"{sum(value.numel() for value in mine.parameters()):,} parameters."


def _weight_shape(row: Row) -> tuple[int, ...]:
    """The shape of a layer's weights in PyTorch."""
    if isinstance(row.layer, Dense):
        return (row.layer.units, row.input_shape[0])
    conv = row.of(Conv)
    return (conv.filters, row.input_shape[-1] // conv.groups, *pair(conv.kernel))


def _same_layer(name: str, found: tuple[int, ...], true: tuple[int, ...]) -> None:
    if found == true:
        return
    if len(found) != len(true):
        raise Wrong(f"{name} is of another kind.")
    what = next(what for what, one, other in zip(("number of outputs", "number of inputs", "kernel", "kernel"),
                                                 found, true, strict=False) if one != other)
    raise Wrong(f"{name} has weights of the shape {found}: its {what} differs.")


# What may be forgotten in counting work.
_SLIPS = {
    "groups": "a filter of a grouped convolution sees the maps of its own group only.",
    "positions": "a convolution does its work at every position of its output.",
    "dense": "dense layers work too.",
    "batch": "the count is for one image, whatever the size of the batch.",
    "bias": "a bias is an addition, not a multiply-accumulate.",
}


@check
def count_macs(function: object) -> str:
    """Exercise 6: a function that counts the MACs of any model, on random ones."""
    random = Random(8)
    for place in range(12):
        network = _network(random, place)
        model = torch_models.build(network, seed=place)
        images = torch.zeros(1 if place < 2 else random.randint(1, 3), *network.input_shape[::-1])
        found = whole(_counted(function, model, images), "the number of MACs")
        left = sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in model.modules())
        kinds = ", ".join(f"a convolution with {layer.groups} groups" if layer.groups > 1 else "a convolution"
                          for layer in network.layers if isinstance(layer, Conv))
        of = f"a model of {kinds} and dense layers" if place else "a model of one convolution"
        true = _macs(network, len(images))
        if found != true:
            for slip, why in _SLIPS.items():
                if found == _macs(network, len(images), slip) != true:
                    raise Wrong(f"for {of} and {len(images)} images your function gives {shown(found, 20)}: {why}")
            raise Wrong(f"for {of} your function gives {shown(found, 20)}, too {'many' if found > true else 'few'}.")
        if left:
            raise Wrong("the counts are right, but your function leaves its hooks on the model: the next pass would "
                        "call them again.")
    return "Twelve models are counted as they should be, and left as they were."


def _counted(function: object, model: nn.Module, images: torch.Tensor) -> object:
    return result(lambda: callable_(function)(model, images), of="a small model")


def _network(random: Random, place: int) -> Network:
    """A small network; the first has a convolution alone, the second adds a dense layer."""
    side = 12 if place < 2 else random.randint(14, 20)
    layers: list = [Conv(4, 3)]
    if place > 1:
        groups = random.choice((1, 2, 4))
        layers = [Conv(8, random.choice((3, 5)), stride=random.choice((1, 2)), padding=random.randint(0, 2)),
                  Activation("relu"), Conv(4 * groups, 3, padding=1, groups=groups), MaxPool(2)]
    if place:
        layers += [Flatten(), Dense(random.randint(2, 9)), Activation("relu"), Dense(5)]
    return Network("random", "random", "drawn", (side, side, 3), tuple(layers))


def _macs(network: Network, images: int, slip: str = "") -> int:
    """A network's MACs for one image; with a slip, as somebody counts who makes it."""
    total = 0
    for row in trace(network).only(Conv, Dense):
        conv = isinstance(row.layer, Conv)
        macs = row.macs
        if conv and slip == "groups":
            macs *= row.of(Conv).groups
        if conv and slip == "positions":
            macs = row.weights
        if not conv and slip == "dense":
            macs = 0
        if slip == "bias":
            macs += row.activations
        total += macs * (images if slip == "batch" else 1)
    return total
