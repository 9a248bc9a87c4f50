"""The PyTorch side of training_step.py: steps of the book's trainer, and the same networks as tutorials train them."""

import os
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from alexbook import networks
from alexbook.models import torch as torch_models
from alexbook.models.torch_layers import LocalResponseNorm, SpatialResponseNorm
from alexbook.networks import Network
from alexbook.training import _malloc
from alexbook.training.recipe import Recipe
from alexbook.training.torch_trainer import TorchTrainer
from PIL import Image
from step_common import SMALL, batch_of, configurations, lazily, products, serve
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

Job = Callable[[], object]


def ours(network: Network, count: int, compiled: bool = False) -> Job:
    """A step of the trainer that ``python -m alexbook train`` uses, with the book's usual recipe."""
    trainer = TorchTrainer(Recipe(network.name, "imagenette", "torch", compile=compiled), network)
    images, labels = batch_of(network, count)

    def step() -> None:
        trainer.step(images, labels, 1e-4)
        trainer.optimizer.zero_grad()  # which is the next step's work, done now: many networks wait for their turn
    return step


class PlainNorm(nn.Module):
    """PyTorch's own local response normalization, one for each group of maps."""

    def __init__(self, norm: LocalResponseNorm) -> None:
        super().__init__()
        self.norm, self.groups = nn.LocalResponseNorm(norm.size, norm.alpha, norm.beta, norm.k), norm.groups

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.norm(part) for part in x.chunk(self.groups, dim=1)], dim=1)


class PlainSpatialNorm(nn.Module):
    """The 2012 network's normalization over neighboring pixels, as its formula reads."""

    def __init__(self, norm: SpatialResponseNorm) -> None:
        super().__init__()
        self.of = norm

    def forward(self, x: Tensor) -> Tensor:
        mean = F.avg_pool2d(x ** 2, self.of.size, 1, self.of.size // 2)
        return x / (self.of.k + self.of.alpha * mean) ** self.of.beta


def plain_model(network: Network) -> nn.Sequential:
    """The network of PyTorch's own layers alone, in its default layout."""
    model = torch_models.build(network, 0)
    for name, module in model.named_children():
        if isinstance(module, LocalResponseNorm):
            setattr(model, name, PlainNorm(module))
        elif isinstance(module, SpatialResponseNorm):
            setattr(model, name, PlainSpatialNorm(module))
    return model


def plain_step(model: nn.Module) -> Callable[[Tensor, Tensor], None]:
    """A step as tutorials write it: eager, float32, SGD with momentum and weight decay."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss()

    def step(images: Tensor, labels: Tensor) -> None:
        criterion(model(images), labels).backward()
        optimizer.step()
        optimizer.zero_grad()  # at the end, as in ours
    return step


def tutorial(network: Network, count: int) -> Job:
    """A plain step on a batch in memory."""
    images, labels = map(torch.from_numpy, batch_of(network, count))
    images = images.permute(0, 3, 1, 2).contiguous()
    step = plain_step(plain_model(network))
    return lambda: step(images, labels)


class Enlarged(Dataset):
    """Small images, each enlarged to ``side`` pixels when it is asked for, as d2l does with Fashion-MNIST."""

    def __init__(self, side: int, count: int) -> None:
        self.side = side
        self.images = np.random.default_rng(0).integers(0, 256, (count, SMALL, SMALL, 3), np.uint8)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[place]).resize((self.side, self.side), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255, place % 10


def enlarging(network: Network, count: int) -> Job:
    """A plain step on a batch that a data loader of one process makes first."""
    step, loader = plain_step(plain_model(network)), DataLoader(Enlarged(network.input_shape[0], count), count, True)

    def load_and_step() -> None:
        for images, labels in loader:
            step(images, labels)
    return load_and_step


def by_layer(network: Network, count: int) -> Job:
    """Seconds forward and backward of each layer by itself, in the trainer's layout: name -> the two."""
    model = torch_models.build(network, 0).to(memory_format=torch.channels_last)
    images, _ = batch_of(network, count)

    def measure() -> dict:
        seconds, x = {}, torch.from_numpy(images).permute(0, 3, 1, 2)
        for name, layer in model.named_children():
            start = time.perf_counter()
            y = layer(x)
            forward = time.perf_counter() - start
            backward = 0.0
            if y.requires_grad:
                gradient = torch.randn_like(y)
                start = time.perf_counter()
                y.backward(gradient)
                backward = time.perf_counter() - start
            model.zero_grad()
            seconds[name] = {"forward": forward, "backward": backward}
            x = y.detach().requires_grad_(y.requires_grad)  # not before the first weights, as in training
        return seconds
    return measure


def multiply(side: int) -> Job:
    """A product of two square matrices."""
    a, result = torch.randn(side, side), torch.empty(side, side)
    return lambda: torch.mm(a, a, out=result)


def main(count: int, keep: bool) -> None:
    """All jobs but the layers one by one; or, where memory is kept as in training, the book's steps and these."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    found, d2l = configurations(), networks.get("alexnet_d2l")
    if keep and not _malloc.keep():
        raise SystemExit("This C library cannot be told to keep memory; only Linux's glibc can.")
    makers = {f"ours: {name}": partial(ours, network, count) for name, network in found.items()}
    if keep:
        makers |= {f"ours, compiled: {name}": partial(ours, network, count, True) for name, network in found.items()}
        makers |= {"layers": partial(by_layer, found["two towers"], count)}
    else:
        makers |= {f"tutorial: {name}": partial(tutorial, network, count) for name, network in found.items()}
        makers |= {"ours: d2l": partial(ours, d2l, count), "tutorial, enlarging: d2l": partial(enlarging, d2l, count)}
    jobs: dict[str, Job] = {name: lazily(make) for name, make in makers.items()}
    if not keep:
        jobs |= {"peak": lambda: products(multiply)}
    serve(jobs, {"torch": torch.__version__})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] == ["keep"])
