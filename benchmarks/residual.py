#!/usr/bin/env python3
"""Do shortcuts help a deep network to learn? Networks of equal parameters with and without them, trained alike.

    python benchmarks/residual.py --data FOLDER                                    prints a table
    python benchmarks/residual.py --data FOLDER --to data/benchmarks/residual.json

The networks are those that He and others (2015, section 4.2) tried on CIFAR-10, narrower: a convolution, three stages
of n blocks of two convolutions each, the mean of each feature map and a fully connected layer, 6 n + 2 layers with
weights in all. Each convolution is followed by batch normalization. A shortcut adds a block's input to its output and
has no weights: where a block halves the sides, it takes every second pixel and fills the new channels with zeros. So a
network and its twin have the same parameters and the same MACs.

For each depth, with and without shortcuts, the learning rate is the one of three with the lowest training loss in the
last epoch (seed 0); it is used for the other seeds, where there are any. The test images choose nothing.

Runs that the file of --to holds already are not made again, so that an interrupted measurement goes on where it was.
"""

import argparse
import json
import os
import platform
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from alexbook import datasets
from alexbook.batches import preprocessing
from alexbook.runs import processor
from torch import nn
from torch.nn import functional as F

RATES = (0.03, 0.1, 0.3)
BATCH, MOMENTUM, WEIGHT_DECAY = 64, 0.9, 1e-4


@dataclass(frozen=True)
class Task:
    """Images to learn, and how large the networks for them are.

    Attributes:
        dataset: Its name.
        images: How many training images are used, taken at even steps; 0 for all.
        side: Pixels of an image's side.
        width: Channels of the first stage; the others have two and four times as many.
        stride: Stride of the first convolution.
        mirror: Whether half of the training images are mirrored.
        epochs: How often each training image is seen.
        depths: The depths to compare.
        seeds: Of the first weights and the order of the images; the learning rate is chosen with the first.
    """

    dataset: str
    images: int
    side: int
    width: int
    stride: int
    mirror: bool
    epochs: int
    depths: tuple[int, ...]
    seeds: tuple[int, ...] = (0,)


TASKS = (
    Task("digits", 0, 8, 8, 1, False, 6, (8, 14, 20, 44), (0, 1, 2)),
    Task("tiny_imagenet_20", 2500, 32, 16, 2, True, 6, (8, 20)),
)


class Block(nn.Module):
    """Two convolutions of 3 × 3, and the shortcut around them if there is one."""

    def __init__(self, channels: int, filters: int, stride: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)
        self.stride, self.new, self.shortcut = stride, filters - channels, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        if self.shortcut:
            kept = x[:, :, ::self.stride, ::self.stride]
            y = y + F.pad(kept, (0, 0, 0, 0, 0, self.new))  # zeros for the new channels
        return F.relu(y)


def network(depth: int, shortcut: bool, channels: int, classes: int, width: int = 8, stride: int = 1,
            seed: int = 0) -> nn.Sequential:
    """A network of 6 n + 2 layers with weights, with He initialization.

    Args:
        depth: 8, 14, 20 ...
        shortcut: Whether each block has one.
        channels: Of the images.
        classes: The number of outputs.
        width: Channels of the first stage.
        stride: Of the first convolution.
        seed: Of the first weights; a network and its twin get the same ones.

    Raises:
        ValueError: For a depth that is not 6 n + 2 with n of at least 1.
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"The depth is {depth}, but must be 8, 14, 20 or another 6 n + 2.")
    torch.manual_seed(seed)
    sides = [width] + [stage * width for stage in (1, 2, 4) for _ in range((depth - 2) // 6)]
    blocks = [Block(before, after, 1 if before == after else 2, shortcut) for before, after in pairwise(sides)]
    model = nn.Sequential(nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                          *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes))
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    return model.to(memory_format=torch.channels_last)


def load(task: Task, folder: str | None = None) -> dict:
    """The task's images, normalized by the training images' mean and standard deviation, with what they are."""
    splits = {split: datasets.load(task.dataset, split, folder) for split in ("train", "test")}
    if task.images:
        splits["train"] = splits["train"].take(
            np.arange(task.images) * len(splits["train"]) // task.images)
    found, about = {}, {}
    for split, images in splits.items():
        pixels, labels = (preprocessing.arrays(images, task.side) if task.dataset != "digits"
                          else (images.images[..., None], images.labels))
        found[split] = (pixels.astype("float32"), torch.from_numpy(np.asarray(labels, "int64")))
        about[split] = images.provenance | {"images": len(labels)}
    mean, std = found["train"][0].mean((0, 1, 2)), found["train"][0].std((0, 1, 2))
    tensors = {split: (torch.from_numpy((pixels - mean) / std).permute(0, 3, 1, 2).contiguous(
        memory_format=torch.channels_last), labels) for split, (pixels, labels) in found.items()}
    return tensors | {"classes": len(splits["train"].class_names), "about": about}


def train(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, lr: float, epochs: int, mirror: bool = False,
          seed: int = 0) -> list[float]:
    """Train with SGD and a cosine schedule; the mean training loss of each epoch, measured on its batches."""
    steps = len(images) // BATCH
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    draw, losses = torch.Generator().manual_seed(seed), []
    model.train()
    for _ in range(epochs):
        total = 0.0
        for at in torch.randperm(len(images), generator=draw)[:steps * BATCH].split(BATCH):
            x = images[at]
            if mirror:
                x = torch.where(torch.rand(BATCH, 1, 1, 1, generator=draw) < 0.5, x.flip(3), x)
            loss = F.cross_entropy(model(x), labels[at])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        losses.append(total / steps)
    return losses


@torch.no_grad()
def error(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of wrong predictions, in inference."""
    model.eval()
    found = torch.cat([model(part).argmax(1) for part in images.split(500)])
    return float((found != labels).float().mean())


def run(task: Task, data: dict, depth: int, shortcut: bool, lr: float, seed: int) -> dict:
    """One training: its settings, the training loss of each epoch, the errors at its end, the processor's seconds."""
    model = network(depth, shortcut, data["train"][0].shape[1], data["classes"], task.width, task.stride, seed)
    started = time.process_time()
    losses = train(model, *data["train"], lr, task.epochs, task.mirror, seed)
    seconds = time.process_time() - started
    return {"depth": depth, "shortcut": shortcut, "lr": lr, "seed": seed,
            "parameters": sum(p.numel() for p in model.parameters()),
            "train_loss": [round(loss, 5) for loss in losses],
            "train_error": round(error(model, *data["train"]), 6), "test_error": round(error(model, *data["test"]), 6),
            "seconds": round(seconds, 1)}


def best_rate(rows: list[dict], depth: int, shortcut: bool) -> float:
    """The learning rate with the lowest training loss in the last epoch, among the runs with seed 0."""
    found = [row for row in rows if (row["depth"], row["shortcut"], row["seed"]) == (depth, shortcut, 0)]
    return min(found, key=lambda row: row["train_loss"][-1])["lr"]


def measure(task: Task, rows: list[dict], folder: str | None = None, keep=lambda about: None) -> dict:
    """Make the runs of a task that are missing in ``rows``, which grows; ``keep`` is called after each.

    Returns:
        What the images are.
    """
    data = load(task, folder)

    def make(depth: int, shortcut: bool, lr: float, seed: int) -> None:
        settings = {"depth": depth, "shortcut": shortcut, "lr": lr, "seed": seed}
        if any(settings.items() <= row.items() for row in rows):
            return
        rows.append(run(task, data, **settings))
        print(task.dataset, rows[-1], flush=True)
        keep(data["about"])

    pairs = [(depth, shortcut) for depth in task.depths for shortcut in (False, True)]
    for lr in RATES:
        for pair in pairs:
            make(*pair, lr, task.seeds[0])
    for seed in task.seeds[1:]:
        for pair in pairs:
            make(*pair, best_rate(rows, *pair), seed)
    return data["about"]


def about() -> dict:
    """What the result depends on."""
    return {"command": "python benchmarks/residual.py", "hardware": processor(), "threads": torch.get_num_threads(),
            "versions": {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__},
            "recipe": {"optimizer": "sgd", "momentum": MOMENTUM, "weight_decay": WEIGHT_DECAY, "batch_size": BATCH,
                       "schedule": "cosine", "rates": RATES},
            "date": datetime.now(UTC).isoformat(timespec="seconds")}


def written(result: dict) -> str:
    """The result as JSON, with a run on each line."""
    runs: list[str] = []

    def apart(rows: list[dict]) -> list[str]:
        runs.extend(json.dumps(row) for row in rows)
        return [f"run {number}" for number in range(len(runs) - len(rows), len(runs))]

    tasks = {name: found | {"rows": apart(found["rows"])} for name, found in result["tasks"].items()}
    text = json.dumps(result | {"tasks": tasks}, indent=1, ensure_ascii=False)
    return re.sub(r'"run (\d+)"', lambda found: runs[int(found[1])], text) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FOLDER", help="a folder that holds the datasets")
    parser.add_argument("--to", type=Path, metavar="FILE", help="also write the result as JSON")
    parser.add_argument("--only", metavar="DATASET", help="the task with this dataset alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(options.to.read_text(encoding="utf-8"))["tasks"] if options.to and options.to.exists() else {}
    found = {task.dataset: known.get(task.dataset, {}).get("rows", []) for task in TASKS}

    def keep(task: Task, images: dict) -> None:
        if options.to:
            known[task.dataset] = {"task": vars(task), "images": images, "rows": found[task.dataset]}
            options.to.write_text(written(about() | {"tasks": known}), encoding="utf-8")

    for task in TASKS:
        if options.only in (None, task.dataset):
            measure(task, found[task.dataset], options.data, lambda images, task=task: keep(task, images))
    for name, rows in found.items():
        for depth, shortcut in sorted({(row["depth"], row["shortcut"]) for row in rows}):
            best = [row for row in rows if (row["depth"], row["shortcut"], row["lr"])
                    == (depth, shortcut, best_rate(rows, depth, shortcut))]
            loss = np.mean([row["train_loss"][-1] for row in best])
            print(f"{name:17} depth {depth:2} {'with' if shortcut else 'without':7} rate {best[0]['lr']:<5g}"
                  f" training loss {loss:.3f}, test error {100 * np.mean([row['test_error'] for row in best]):.1f} %")


if __name__ == "__main__":
    main()
