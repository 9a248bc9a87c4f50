"""Several processes that train one network together in PyTorch, each with a device and a share of every batch.

    torchrun --nproc-per-node 2 -m alexbook train alexnet_small cifar10

Each process has the whole network (PyTorch's ``DistributedDataParallel``; NCCL between NVIDIA GPUs, else Gloo) and all
of the data, in the same order. It learns from every second, third, ... image of a batch, and the gradients are
averaged, each process's by its share of the images, so that all take the step that one process would take with the
whole batch, up to rounding. Two layers cannot keep to that: dropout draws other masks, for each process has its own
random numbers; batch normalization sees its own process's share alone.
"""

import atexit
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import distributed, nn

from alexbook.batches.augmentation import Batch
from alexbook.batches.data import Data
from alexbook.batches.loader import Loader
from alexbook.networks import Network
from alexbook.training.distributed import Found, ProcessGroup
from alexbook.training.recipe import Recipe
from alexbook.training.torch_trainer import TorchTrainer

PATIENCE = timedelta(minutes=10)  # how long a process waits for the others, as at the end of an epoch for its test


@contextmanager
def _answers() -> Iterator[None]:
    """One sentence, as a ``ConnectionError``, where another process has gone."""
    try:
        yield
    except RuntimeError as error:  # Gloo raises plain ones
        words = str(error).lower()
        if not isinstance(error, distributed.DistError) and not any(
                word in words for word in ("gloo", "connection", "timed out")):
            raise
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which torchrun sends now; this process ends by itself
        raise ConnectionError("Another process of this run has ended, or has not answered for "
                              f"{PATIENCE.seconds // 60} minutes; the same command goes on from the last "
                              "checkpoint.") from None


def _ended(number: int, frame: object) -> None:
    """Say so and end at once, wherever this process is: an exception would be lost in a callback or a destructor."""
    os.write(2, b"alexbook: torchrun ends this run, as it does when one of its processes has ended; the same command "
                b"goes on from the last checkpoint.\n")
    os._exit(2)


class DDPGroup(ProcessGroup):
    """The processes that ``torchrun`` started, which tell them apart and how to meet by environment variables."""

    def __init__(self) -> None:
        local_rank, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if 0 < gpus <= local_rank:
            raise ValueError(f"torchrun started {os.environ['LOCAL_WORLD_SIZE']} processes, but there are {gpus} GPUs; "
                             f"give --nproc-per-node {gpus}.")
        if torch.backends.mps.is_available():
            raise ValueError("torchrun started several processes, but they cannot share Apple's GPU; start one, with "
                             "python -m alexbook.")
        if gpus:
            torch.cuda.set_device(local_rank)
        with _answers():
            distributed.init_process_group("nccl" if gpus else "gloo", timeout=PATIENCE)
            self.host = distributed.new_group(backend="gloo", timeout=PATIENCE)  # talk that must not wait for a GPU
        atexit.register(distributed.destroy_process_group)
        signal.signal(signal.SIGTERM, _ended)
        self.rank, self.world_size = distributed.get_rank(), distributed.get_world_size()

    def all_reduce(self, *flags: bool) -> tuple[bool, ...]:
        votes = torch.tensor(flags, dtype=torch.uint8)
        with _answers():
            distributed.all_reduce(votes, distributed.ReduceOp.MAX, self.host)
        return tuple(votes.bool().tolist())

    def broadcast(self, find: Callable[[], Found]) -> Found:
        found: list[Any] = [find() if self.is_main_process else None]
        with _answers():
            distributed.broadcast_object_list(found, group=self.host)
        return found[0]

    @contextmanager
    def main_process_first(self) -> Iterator[None]:
        if not self.is_main_process:
            self.all_reduce(False)
        yield
        if self.is_main_process:
            self.all_reduce(False)

    def all_gather(self, own: Found) -> list[Found]:
        """What each process has, in the order of their ranks."""
        gathered: list[Any] = [None] * self.world_size
        with _answers():
            distributed.all_gather_object(gathered, own, self.host)
        return gathered


def _weighted_sum(trainer: "DDPTrainer", bucket: distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """How gradients are put together: each process's mean over its images, times its share of the batch's images.

    ``DistributedDataParallel`` itself would take the mean over the processes, which is wrong for a last batch that does
    not divide evenly among them.
    """
    gradients = bucket.buffer().mul_(trainer.share)
    return distributed.all_reduce(gradients, async_op=True).get_future().then(lambda done: done.value()[0])


def shard(count: int, group: ProcessGroup) -> slice:
    """Which of a batch's images are this process's; the first where there are none for it, so that it can take part."""
    return slice(group.rank, None, group.world_size) if group.rank < count else slice(0, 1)


class ShardLoader:
    """The :class:`~alexbook.batches.loader.Loader` of one process: its own images of each batch, the classes of all."""

    def __init__(self, loader: Loader, group: ProcessGroup) -> None:
        self.loader, self.group = loader, group

    def make_batch(self, batch: Batch) -> tuple[Any, np.ndarray]:
        """This process's images as the network sees them, and the classes of the whole batch."""
        own = shard(len(batch), self.group)
        part = replace(batch, indices=batch.indices[own], labels=batch.labels[own],
                       parameters=batch.parameters.select(own))
        return self.loader.make_batch(part)[0], batch.labels

    def normalize(self, images: np.ndarray) -> Any:
        """Stored images as the network sees them."""
        return self.loader.normalize(images)


class DDPTrainer(TorchTrainer):
    """One process's part in a training."""

    def __init__(self, recipe: Recipe, network: Network, group: DDPGroup) -> None:
        super().__init__(recipe, network)
        self.group, self.share = group, 0.0
        if not group.is_main_process:  # the main process draws what a process alone would draw
            torch.manual_seed(int(np.random.SeedSequence([recipe.seed, group.rank]).generate_state(1)[0]))
        together = nn.parallel.DistributedDataParallel(self.model, gradient_as_bucket_view=True)
        together.register_comm_hook(self, _weighted_sum)
        self.forward = together

    def loader(self, data: Data) -> ShardLoader:
        return ShardLoader(super().loader(data), self.group)

    def step(self, images: np.ndarray | torch.Tensor, labels: np.ndarray | torch.Tensor, lr: float) -> None:
        """One step of all processes together, with the batch's classes and this process's images of it."""
        own = shard(len(labels), self.group)
        self.share = len(labels[own]) / len(labels) if self.group.rank < len(labels) else 0.0
        before, self.sums = self.sums, torch.zeros_like(self.sums)
        with _answers():
            super().step(images, labels[own], lr)
            self.sums *= self.share > 0
            distributed.all_reduce(self.sums)
        self.sums += before

    def state(self) -> dict[str, np.ndarray]:
        """As for a process alone, and every other process's random state; all must ask at the same place."""
        state = super().state()
        random = {name: values for name, values in state.items() if name.startswith("random")}
        return state | {f"{name}/{rank}": values for rank, theirs in enumerate(self.group.all_gather(random)) if rank
                        for name, values in theirs.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Also from a run in another number of processes; one that is new to it keeps the random state it has."""
        if not self.group.is_main_process:
            fresh = {name: values for name, values in super().state().items() if name.startswith("random")}
            state = state | {name: state.get(f"{name}/{self.group.rank}", values) for name, values in fresh.items()}
        super().restore(state)

    def about(self) -> dict[str, Any]:
        return super().about() | {"processes": self.group.world_size}
