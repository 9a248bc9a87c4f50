"""The checks of chapter 4, "LeNet in PyTorch"."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from alexbook import datasets, networks
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, array, check, given, number, result, shown, whole, word

WEIGHTED = ("conv1", "conv2", "fc1", "fc2", "fc3")
BATCH = 32
HELD_OUT = 297
J = (0.1, 1.0, 10.0, 100.0)


@cache
def _digits(part: str) -> tuple[Tensor, Tensor]:
    """The chapter's images (N, 1, 28, 28), standardized with the training images' figures, and labels."""
    framed = {name: datasets.frame(datasets.load("digits", name).images, box=20, field=28) for name in ("train", part)}
    mean, deviation = framed["train"].mean(), framed["train"].std()
    images = (torch.from_numpy(framed[part])[:, None].float() - mean) / deviation
    return images, torch.from_numpy(datasets.load("digits", part).labels)


def _trained(module: nn.Module) -> int:
    return sum(values.numel() for values in module.parameters() if values.requires_grad)


def _module(value: object, name: str) -> nn.Module:
    if not isinstance(value, nn.Module):
        raise Wrong(f"{name} is a PyTorch module, and {shown(value)} is not.")
    return value


def _outputs(model: nn.Module, images: Tensor, said: str) -> Tensor:
    """What the model gives for images, on the CPU; its mode and the images stay as they were."""
    where = next((values.device for values in model.parameters()), torch.device("cpu"))
    mode = model.training
    with torch.inference_mode():
        found = result(lambda batch: model.eval()(batch), images.to(where), of=said)
    model.train(mode)
    if not isinstance(found, Tensor):
        raise Wrong(f"for {said} the network gives {shown(found)}, which is not a tensor.")
    return found.detach().cpu()


def _lenet(weights: Mapping[str, Tensor], x: Tensor, squash: Callable, pool: Callable) -> Tensor:
    """The logits of the chapter's LeNet with these weights, or of a relative with another squashing or pooling."""
    def weight(name: str) -> tuple[Tensor, Tensor]:
        return weights[f"{name}.weight"].detach().cpu(), weights[f"{name}.bias"].detach().cpu()

    x = pool(squash(F.conv2d(x, *weight("conv1"), padding=2)), 2)
    x = pool(squash(F.conv2d(x, *weight("conv2"))), 2).flatten(start_dim=1)
    x = squash(F.linear(squash(F.linear(x, *weight("fc1"))), *weight("fc2")))
    return F.linear(x, *weight("fc3"))


def _relative(kind: object, name: str) -> nn.Module:
    """An instance of the reader's class, with the five weighted layers of LeNet."""
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise Wrong(f"{name} is a class that inherits from LeNet, and {shown(kind)} is not.")
    model = result(kind, of=f"{name}()")
    missing = [layer for layer in WEIGHTED if not hasattr(model, layer)]
    if missing:
        raise Wrong(f"{name} has no {missing[0]}. Does it inherit from LeNet, and does __init__ call LeNet's?")
    return model


@check
def twice(kind: object, losses: object) -> None:
    """Exercise 1: a LeNet that ends in a softmax, and the losses of five epochs with a second one."""
    model = _relative(kind, "Twice")
    images = torch.randn(7, 1, 28, 28, generator=torch.Generator().manual_seed(7))
    found = _outputs(model, images, "7 images")
    if found.shape != (7, 10):
        raise Wrong(f"for 7 images Twice gives the shape {tuple(found.shape)}.")
    with torch.inference_mode():
        logits = _lenet(model.state_dict(), images, torch.tanh, F.avg_pool2d)
    for other, sentence in (
        (logits, "Twice gives logits: the softmax is missing."),
        (logits.softmax(0), "the softmax is taken over the batch, so an image's answer depends on its neighbors; which "
                            "axis holds the classes?"),
        (logits.log_softmax(1), "those are logarithms of probabilities, with which the loss is right; the mistake to "
                                "make here is a plain softmax."),
        (logits.softmax(1).softmax(1), "forward takes the softmax twice already, and the loss takes a third one."),
    ):
        if torch.allclose(found, other, atol=1e-5):
            raise Wrong(sentence)
    if not torch.allclose(found, logits.softmax(1), atol=1e-5):
        raise Wrong("what Twice gives is not the softmax of LeNet's output.")
    curve = array(losses, name="the row of losses")
    if curve.shape != (5,):
        raise Wrong(f"the losses of five epochs are five numbers; yours have the shape {curve.shape}.")
    lowest, highest = math.log((math.e + 9) / math.e), math.log(math.e + 9)
    if not (curve > lowest - 1e-4).all():
        raise Wrong(f"the class is right, but a loss of {curve.min():.3f} is lower than two softmaxes allow. Was LeNet "
                    "trained instead?")
    if not (curve < highest + 1e-4).all():
        raise Wrong(f"the class is right, but a loss of {curve.max():.3f} is higher than two softmaxes allow: is that "
                    "the sum over a pass, or another loss?")


@check
def loader(answer: object) -> str:
    """Exercise 2: a DataLoader that stands in for the permutation of the training digits."""
    if not isinstance(answer, DataLoader):
        raise Wrong(f"the loader is a DataLoader, and {shown(answer)} is not.")
    images, labels = _digits("train")
    passes = [list(itertools.islice(answer, len(labels) + 1)) for _ in range(2)]
    for batch in passes[0]:
        if not (isinstance(batch, (list, tuple)) and len(batch) == 2):
            raise Wrong("a batch is not a pair of images and labels. Did the TensorDataset get both tensors?")
    sizes = [len(batch[1]) for batch in passes[0]]
    if len(passes[0]) == len(labels) and max(sizes) == 1:
        raise Wrong("each batch has one image: how many at a time?")
    if sum(sizes) == len(_digits("test")[1]):
        raise Wrong(f"a pass has {sum(sizes)} images. Those are the test digits.")
    if len(set(sizes[:-1])) > 1 or sizes[0] != BATCH:
        raise Wrong(f"the first batch has {sizes[0]} images, where {BATCH} are wanted.")
    if sum(sizes) == len(labels) // BATCH * BATCH:
        raise Wrong(f"a pass has {sum(sizes):,} of the {len(labels):,} images: the last, smaller batch is dropped.")
    if sum(sizes) != len(labels):
        raise Wrong(f"a pass has {sum(sizes):,} images, and there are {len(labels):,} to train.")
    x, y = (torch.cat([batch[n] for batch in passes[0]]) for n in (0, 1))
    if x.shape != images.shape:
        raise Wrong(f"the images of a pass have the shape {tuple(x.shape)}, where {tuple(images.shape)} is wanted.")
    if not torch.equal(y.sort().values, labels.sort().values):
        raise Wrong("the labels of a pass are not those of the training digits, each once: some come twice, or they "
                    "come from elsewhere.")
    for digit in range(10):
        if not torch.allclose(x[y == digit].sum(0), images[labels == digit].sum(0), rtol=1e-3, atol=1e-2):
            raise Wrong(f"the images that come with the label {digit} are not the standardized training digits.")
    if torch.equal(y, torch.cat([batch[1] for batch in passes[1]])):
        raise Wrong("two passes bring the images in the same order; for training they are shuffled anew each time.")
    return f"{len(sizes)} batches, the last with {sizes[-1]} images."


@check
def dense_c3(predicted: object, model: object) -> None:
    """Exercise 3: LeNet-5 of 1998 with a C3 that sees all maps, predicted and built."""
    lenet5 = networks.get("lenet5")
    full = replace(lenet5, layers=tuple(replace(layer, connections=None) if layer.name == "C3" else layer
                                        for layer in lenet5.layers))
    rows, sparse = trace(full), trace(lenet5)
    found = whole(predicted, "the prediction")
    if found == sparse.parameters:
        raise Wrong("that is the network with its table; more connections need more weights.")
    if found in (rows["C3"].parameters, rows["C3"].weights):
        raise Wrong("that is C3 alone; the whole network is asked for.")
    if found == sparse.parameters + rows["C3"].parameters:
        raise Wrong("the weights that the table had are in there twice.")
    if found == sparse.parameters + 36:
        raise Wrong("a connection of two maps has more than one weight.")
    if found != rows.parameters:
        raise Wrong(f"{found:,} is too {'many' if found > rows.parameters else 'few'}. How many pairs of maps are new, "
                    "and what does each cost?")
    built = _module(model, "the model")
    c3 = getattr(built, "C3", None)
    if not isinstance(c3, nn.Module):
        raise Wrong("the prediction is right; the model has no layer named C3.")
    with torch.no_grad():
        maps = torch.zeros(1, 6, 14, 14, device=next(c3.parameters(), torch.zeros(1)).device)
        base = result(c3, maps, of="six empty maps C3:")
        if tuple(base.shape) != (1, 16, 10, 10):
            raise Wrong(f"the prediction is right; C3 makes {tuple(base.shape[1:])} of six maps of 14 by 14.")
        for seen in range(6):
            maps.zero_()[:, seen] = 1
            blind = ((c3(maps) - base).abs().amax(dim=(0, 2, 3)) == 0).nonzero()
            if len(blind):
                raise Wrong(f"the prediction is right; in C3, filter {blind[0].item()} does not see map {seen}.")
    if _trained(built) != rows.parameters:
        raise Wrong(f"the prediction is right; the model has {_trained(built):,} trained values.")
    shape = tuple(_outputs(built, torch.zeros(1, 1, 32, 32), "an image of 32 by 32").shape)
    if shape != (1, 10):
        raise Wrong(f"the prediction is right; for one image the model gives the shape {shape}.")


@check
def relu(kind: object, errors: object) -> None:
    """Exercise 4: LeNet with ReLU and max pooling, and its test errors over three seeds."""
    model = _relative(kind, "ReluLeNet")
    if _trained(model) != trace(networks.get("lenet5_modern")).parameters:
        raise Wrong(f"ReluLeNet has {_trained(model):,} trained values; neither ReLU nor pooling has any.")
    images = _digits("train")[0][:5]
    found = _outputs(model, images, "5 digits")
    weights = model.state_dict()
    with torch.inference_mode():
        logits = _lenet(weights, images, F.relu, F.max_pool2d)
        for other, sentence in (
            (_lenet(weights, images, torch.tanh, F.avg_pool2d), "it still computes what LeNet does."),
            (_lenet(weights, images, torch.tanh, F.max_pool2d), "the pools are right, but tanh is still in it."),
            (_lenet(weights, images, F.relu, F.avg_pool2d), "ReLU is right, but the pools still average."),
            (logits.relu(), "a ReLU after fc3 takes away every negative logit."),
            (logits.softmax(1), "it ends in a softmax, and the loss takes logits."),
        ):
            if found.shape == other.shape and torch.allclose(found, other, atol=1e-5):
                raise Wrong(sentence)
    if found.shape != logits.shape or not torch.allclose(found, logits, atol=1e-5):
        raise Wrong("conv1, conv2, fc1 and fc2 are each followed by a ReLU, and both pools take the maximum; somewhere "
                    "ReluLeNet does something else.")
    shares = array(errors, name="the row of errors")
    if shares.shape != (3,):
        raise Wrong(f"three seeds give three errors; yours have the shape {shares.shape}.")
    if not ((shares >= 0) & (shares <= 1)).all():
        raise Wrong("the class is right; an error is a share, between 0 and 1.")
    if not _multiples(shares, len(_digits("test")[1])):
        raise Wrong("the class is right; an error on 500 digits is a whole number of digits divided by 500.")
    if not (shares < 0.08).all():
        raise Wrong(f"the class is right, but {100 * shares.max():.1f} % is wrong with one of the seeds. Is the rate "
                    "too high, or is Glorot's start missing?")
    if len(set(shares.tolist())) == 1 and shares[0] == 0:
        raise Wrong("the class is right; no network here reads every test digit. Are those training errors?")


def _multiples(shares: object, count: int) -> bool:
    """Whether shares can be counts of so many images."""
    counts = array(shares) * count
    return bool((abs(counts - counts.round()) < 1e-3).all())


_STARTS = ("default", "glorot", "large", "missed")
_LETTERS = dict(zip("ABCD", ("missed", "large", "default", "glorot"), strict=True))


def _start(kind: str, seed: int) -> nn.Module:
    """A LeNet whose layers, in the order of their work, have the chapter's names; tanh is a layer of its own here."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(OrderedDict(
            conv1=nn.Conv2d(1, 6, 5, padding=2), tanh1=nn.Tanh(), pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(6, 16, 5), tanh2=nn.Tanh(), pool2=nn.AvgPool2d(2), flatten=nn.Flatten(),
            fc1=nn.Linear(400, 120), tanh3=nn.Tanh(), fc2=nn.Linear(120, 84), tanh4=nn.Tanh(), fc3=nn.Linear(84, 10)))
        for name in WEIGHTED:
            layer = model.get_submodule(name)
            if kind == "default" or kind == "missed" and name == "fc1":
                continue
            nn.init.xavier_uniform_(layer.weight, gain=8 if kind == "large" else 1)
            nn.init.zeros_(layer.bias)
    return model


def _spreads(model: nn.Module) -> dict[str, float]:
    """The deviation of each weighted layer's output on 256 training digits."""
    found, x = {}, _digits("train")[0][:256]
    with torch.inference_mode():
        for name, layer in model.named_children():
            x = layer(x)
            if name in WEIGHTED:
                found[name] = x.std().item()
    return found


def strangers() -> dict[str, nn.Module]:
    """The four untrained networks of exercise 5, ``"A"`` to ``"D"``."""
    return {letter: _start(kind, seed) for seed, (letter, kind) in enumerate(_LETTERS.items(), 100)}


@check
def starts(answer: object) -> None:
    """Exercise 5: which of four networks was started how, told from the spread of its layers' outputs."""
    if not isinstance(answer, Mapping) or set(answer) != set(_LETTERS):
        raise Wrong('the answer is a dict with the keys "A", "B", "C" and "D".')
    said = {letter: given(answer[letter]) for letter in _LETTERS}
    said = {letter: word(value, _STARTS, f"the start of {letter}") for letter, value in said.items()}
    if len(set(said.values())) < len(said):
        raise Wrong("each of the four starts is there once.")
    for letter, kind in said.items():
        if kind != _LETTERS[letter]:
            here, there = _spreads(strangers()[letter]), _spreads(_start(kind, 7))
            layer = max(WEIGHTED, key=lambda name: abs(math.log(here[name] / there[name])))
            raise Wrong(f'with the start "{kind}" {layer} spreads by about {there[layer]:.2f}; in {letter} it is '
                        f"{here[layer]:.2f}.")


@check
def constant_j(errors: object, chosen: object) -> str:
    """Exercise 6: held-out errors of three seeds for each of four constants, and the one chosen by them."""
    if not isinstance(errors, Mapping):
        raise Wrong(f"the errors are a dict, and {shown(errors)} is not.")
    table = {number(j, "j"): array(row, name=f"the row of j = {shown(j)}") for j, row in errors.items()}
    if sorted(table) != list(J):
        raise Wrong(f"the errors are those of j = {', '.join(f'{j:g}' for j in sorted(table))}; 0.1, 1, 10 and 100 "
                    "are asked for.")
    for j, row in table.items():
        if row.shape != (3,):
            raise Wrong(f"j = {j:g} has errors of the shape {row.shape}, where three seeds give three.")
        if not ((row >= 0) & (row <= 1)).all():
            raise Wrong(f"j = {j:g}: an error is a share, between 0 and 1.")
        if not _multiples(row, HELD_OUT):
            whose = {500: "the 500 test digits, which are for the end", 1000: "the 1,000 digits that are trained on",
                     1297: "all 1,297 training digits"}
            fitting = [text for count, text in whose.items() if _multiples(row, count)]
            raise Wrong(f"j = {j:g}: those are no errors on {HELD_OUT} digits"
                        + (f"; they look like errors on {fitting[0]}." if fitting else "."))
    if len({tuple(row) for row in table.values()}) == 1:
        raise Wrong("all four constants have the same three errors. Did the constant reach the loss?")
    mine = number(chosen, "the constant chosen")
    if mine not in table:
        raise Wrong(f"{mine:g} is none of the four.")
    best = min(table, key=lambda j: table[j].mean())
    if table[mine].min() > table[best].max():
        raise Wrong(f"with j = {mine:g} even the best seed is worse than the worst seed of another constant.")
    if table[mine].mean() > table[best].mean() and mine != 10:
        raise Wrong(f"another constant has a lower mean than {mine:g}; where ranges overlap, one may keep 10.")
    apart = [f"{j:g}" for j in table if table[j].min() > table[mine].max()]
    return (f"Clearly worse: {', '.join(apart)}." if apart else "No range lies apart.") + " Now for the test digits."
