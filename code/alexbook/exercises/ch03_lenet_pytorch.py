"""The checks of chapter 3, "LeNet in PyTorch"."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from alexbook import datasets, networks
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, array, check, close, given, result, shown, word

WEIGHTED = ("conv1", "conv2", "fc1", "fc2", "fc3")
BATCH = 32


@cache
def _digits(part: str) -> tuple[Tensor, Tensor]:
    """The chapter's images (N, 1, 28, 28), standardized by the training images' mean and std, and labels."""
    framed = {name: datasets.frame(np.asarray(datasets.load("digits", name).images), box=20, field=28)
              for name in ("train", part)}
    mean, std = framed["train"].mean(), framed["train"].std()
    images = (torch.from_numpy(framed[part])[:, None].float() - mean) / std
    return images, torch.from_numpy(datasets.load("digits", part).labels)


def _gradient(values: Tensor) -> np.ndarray:
    """What backward has left in a tensor."""
    if values.grad is None:
        raise ValueError("No gradient has been computed.")
    return values.grad.numpy()


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
def average_backward(function: object) -> None:
    """Exercise 1: the gradient of the inputs of average pooling, given that of its outputs."""
    for seed, (rows, columns) in enumerate(((2, 2), (3, 4), (1, 1))):
        given_gradient = np.random.default_rng(seed).normal(size=(rows, columns))
        inputs = torch.zeros(1, 1, 2 * rows, 2 * columns, dtype=torch.float64, requires_grad=True)
        F.avg_pool2d(inputs, 2).backward(torch.from_numpy(given_gradient)[None, None])
        right = _gradient(inputs)[0, 0]
        found = array(result(function, given_gradient.copy(), of=f"for a gradient of {rows} × {columns}"),
                      name="the gradient of the inputs")
        if found.shape != right.shape:
            raise Wrong(f"for a gradient of {rows} × {columns} the inputs' gradient has the shape {found.shape}; the "
                        "inputs have twice as many rows and columns.")
        if close(found, 4 * right):
            raise Wrong("each of the four values gets the whole gradient: how much of the mean is one of them?")
        if close(found, np.tile(given_gradient, (2, 2)) / 4) and rows * columns > 1:
            raise Wrong("the numbers are right and the cells are not: those of a window lie side by side.")
        if (found == 0).sum() == 3 * rows * columns:
            raise Wrong("only one value of each window gets a gradient, as in max pooling.")
        if not close(found, right):
            raise Wrong(f"for a gradient of {rows} × {columns} the inputs' gradient is not that of autograd.")


@check
def loader(answer: object) -> str:
    """Exercise 2: a DataLoader that takes the place of the permutation of the training digits."""
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
        raise Wrong(f"an epoch has {sum(sizes)} images. Those are the test digits.")
    if len(set(sizes[:-1])) > 1 or sizes[0] != BATCH:
        raise Wrong(f"the first batch has {sizes[0]} images, where {BATCH} are wanted.")
    if sum(sizes) == len(labels) // BATCH * BATCH:
        raise Wrong(f"an epoch has {sum(sizes):,} of the {len(labels):,} images: the last, smaller batch is dropped.")
    if sum(sizes) != len(labels):
        raise Wrong(f"an epoch has {sum(sizes):,} images, and there are {len(labels):,} to train.")
    x, y = (torch.cat([batch[n] for batch in passes[0]]) for n in (0, 1))
    if x.shape != images.shape:
        raise Wrong(f"the images of an epoch have the shape {tuple(x.shape)}, where {tuple(images.shape)} is wanted.")
    if not torch.equal(y.sort().values, labels.sort().values):
        raise Wrong("the labels of an epoch are not those of the training digits, each once: some come twice, or they "
                    "come from elsewhere.")
    direction = torch.randn(images[0].numel(), generator=torch.Generator().manual_seed(4)) / 28
    for digit in range(10):
        one, other = x[y == digit].float(), images[labels == digit]
        along = [(values.flatten(1) @ direction).sort().values for values in (one, other)]
        if not (torch.allclose(one.sum(0), other.sum(0), rtol=1e-3, atol=1e-2)
                and torch.allclose(along[0], along[1], rtol=1e-3, atol=1e-2)):
            raise Wrong(f"the images that come with the label {digit} are not the standardized training digits.")
    if torch.equal(y, torch.cat([batch[1] for batch in passes[1]])):
        raise Wrong("two epochs bring the images in the same order; for training they are shuffled anew each time.")
    together = [sorted(sorted(batch[1].tolist()) for batch in each) for each in passes]
    if together[0] == together[1]:
        raise Wrong("two epochs bring the same batches, in another order: it is the images that are shuffled, so that "
                    "each batch is drawn anew.")
    return f"{len(sizes)} batches, the last with {sizes[-1]} images."


@check
def kernel_gradients(function: object) -> None:
    """Exercise 3: the gradient of the weights of a convolution with several channels and kernels."""
    for seed, (channels, side, kernels, size) in enumerate(((2, 6, 3, 3), (1, 5, 1, 2), (3, 7, 3, 3))):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(channels, side, side + 1))
        gradient = rng.normal(size=(kernels, side - size + 1, side - size + 2))
        weights = torch.zeros(kernels, channels, size, size, dtype=torch.float64, requires_grad=True)
        F.conv2d(torch.from_numpy(x)[None], weights).backward(torch.from_numpy(gradient)[None])
        right = _gradient(weights)
        said = f"for {channels} channels and {kernels} kernels"
        found = array(result(function, x.copy(), gradient.copy(), of=said), name="the gradient of the weights")
        swapped = right.swapaxes(0, 1)
        if found.shape == swapped.shape and close(found, swapped) and not close(found, right):
            raise Wrong("channels and kernels have changed places: the kernels come first.")
        if found.shape != right.shape:
            raise Wrong(f"{said} of {size} × {size} the gradient has the shape {found.shape}, and the weights have "
                        f"{right.shape}.")
        if close(found, right[:, :, ::-1, ::-1]):
            raise Wrong("each slice is turned by 180 degrees; that is needed for the gradient of the input.")
        if close(found, np.broadcast_to(right.sum(1, keepdims=True), right.shape)) and channels > 1:
            raise Wrong("every channel's slice gets the sum over all channels.")
        if close(found * gradient[0].size, right):
            raise Wrong("the gradient is a sum over all positions, and yours is the mean.")
        if not close(found, right):
            raise Wrong(f"{said} the gradient of the weights is not that of autograd.")


_MISSING = ("nothing", "zero_grad", "backward", "step")
_STEPS = {"A": "step", "B": "zero_grad", "C": "nothing", "D": "backward"}
_SYMPTOMS = {
    "step": "without step the weights stay as they are and every gradient is there",
    "backward": "without backward no parameter of a new network has a gradient",
    "zero_grad": "without zero_grad the gradients of two calls are added",
    "nothing": "a whole step computes gradients, changes the weights, and forgets the gradients of the step before",
}


def _training_step(missing: str) -> Callable[[nn.Module, torch.optim.Optimizer, Tensor, Tensor], float]:
    def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
        loss = F.cross_entropy(model(x), y)
        if missing != "zero_grad":
            optimizer.zero_grad()
        if missing != "backward":
            loss.backward()
        if missing != "step":
            optimizer.step()
        return loss.item()

    return step


def training_steps() -> dict[str, Callable[[nn.Module, torch.optim.Optimizer, Tensor, Tensor], float]]:
    """The four training steps of exercise 4, ``"A"`` to ``"D"``; three of them lack a line."""
    return {letter: _training_step(missing) for letter, missing in _STEPS.items()}


def _letters(answer: object, choices: Sequence[str], what: str) -> dict[str, str]:
    """What a reader says of the four things "A" to "D", of which each of the choices is true of one."""
    if not isinstance(answer, Mapping) or set(answer) != set("ABCD"):
        raise Wrong('the answer is a dict with the keys "A", "B", "C" and "D".')
    said = {letter: given(answer[letter]) for letter in "ABCD"}
    said = {letter: word(value, choices, what.format(letter)) for letter, value in said.items()}
    if len(set(said.values())) < len(said):
        raise Wrong("each of the four is there once.")
    return said


@check
def missing(answer: object) -> None:
    """Exercise 4: which line is missing in each of four training steps."""
    for letter, lack in _letters(answer, _MISSING, "what {} lacks").items():
        if lack != _STEPS[letter]:
            raise Wrong(f"{_SYMPTOMS[lack]}; {letter} does something else.")


@check
def relu(kind: object, errors: object) -> None:
    """Exercise 6: LeNet with ReLU and max pooling, and its test errors over three seeds."""
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
        raise Wrong(f"the class is right, but {100 * shares.max():.1f} % is wrong with one of the seeds. Is the "
                    "learning rate too high, or is Glorot's initialization missing?")
    if len(set(shares.tolist())) == 1 and shares[0] == 0:
        raise Wrong("the class is right; no network here reads every test digit. Are those training errors?")


def _multiples(shares: object, count: int) -> bool:
    """Whether shares can be counts of so many images."""
    counts = array(shares) * count
    return bool((abs(counts - counts.round()) < 1e-3).all())


_KINDS = ("default", "glorot", "large", "missed")
_LETTERS = dict(zip("ABCD", ("missed", "large", "default", "glorot"), strict=True))


def _initialized(kind: str, seed: int) -> nn.Module:
    """A LeNet whose layers, in the order of their work, have the chapter's names; tanh is a layer of its own here."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(OrderedDict(
            conv1=nn.Conv2d(1, 6, 5, padding=2), tanh1=nn.Tanh(), pool1=nn.AvgPool2d(2),
            conv2=nn.Conv2d(6, 16, 5), tanh2=nn.Tanh(), pool2=nn.AvgPool2d(2), flatten=nn.Flatten(),
            fc1=nn.Linear(400, 120), tanh3=nn.Tanh(), fc2=nn.Linear(120, 84), tanh4=nn.Tanh(), fc3=nn.Linear(84, 10)))
        for name in WEIGHTED:
            layer: Any = model.get_submodule(name)
            if kind == "default" or (kind == "missed" and name == "fc1"):
                continue
            nn.init.xavier_uniform_(layer.weight, gain=8 if kind == "large" else 1)
            nn.init.zeros_(layer.bias)
    return model


def _spreads(model: nn.Module) -> dict[str, float]:
    """The standard deviation of each weighted layer's output on 256 training digits."""
    found, x = {}, _digits("train")[0][:256]
    with torch.inference_mode():
        for name, layer in model.named_children():
            x = layer(x)
            if name in WEIGHTED:
                found[name] = x.std().item()
    return found


def strangers() -> dict[str, nn.Module]:
    """The four untrained networks of exercise 5, ``"A"`` to ``"D"``."""
    return {letter: _initialized(kind, seed) for seed, (letter, kind) in enumerate(_LETTERS.items(), 100)}


@check
def initializations(answer: object) -> None:
    """Exercise 5: how each of four networks was initialized, by the standard deviations of its layers' outputs."""
    for letter, kind in _letters(answer, _KINDS, "the initialization of {}").items():
        if kind != _LETTERS[letter]:
            here, there = _spreads(strangers()[letter]), _spreads(_initialized(kind, 7))
            layer = max(WEIGHTED, key=lambda name: abs(math.log(here[name] / there[name])))
            raise Wrong(f'with the initialization "{kind}" the output of {layer} has a standard deviation of about '
                        f"{there[layer]:.2f}; in {letter} it is {here[layer]:.2f}.")
