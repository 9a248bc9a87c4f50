"""Several processes that train one network together in PyTorch, each with a device and a share of every batch.

    torchrun --nproc-per-node 2 -m alexbook train alexnet_small cifar10

Each process has the whole network (PyTorch's ``DistributedDataParallel``; NCCL between NVIDIA GPUs, else Gloo) and all
of the data, in the same order. It learns from every second, third, ... image of a batch and adds its gradients to the
others', so that all take the step that one process would take with the whole batch, up to rounding. Two layers cannot
keep to that: dropout draws other masks, for each process has its own random numbers; batch normalization sees its own
process's share alone.
"""

import atexit
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import numpy as np
import torch
from torch import distributed, nn

from alexbook import torch_training
from alexbook.augmenting import Batch
from alexbook.network import Network
from alexbook.pipeline import Loader
from alexbook.preparing import Data
from alexbook.recipes import Recipe
from alexbook.team import Alone, Found

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


class Team(Alone):
    """The processes that ``torchrun`` started, which tell them apart and how to meet by environment variables."""

    def __init__(self) -> None:
        place, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if 0 < gpus <= place:
            raise ValueError(f"torchrun started {os.environ['LOCAL_WORLD_SIZE']} processes, but there are {gpus} GPUs; "
                             f"give --nproc-per-node {gpus}.")
        if torch.backends.mps.is_available():
            raise ValueError("torchrun started several processes, but they cannot share Apple's GPU; start one, with "
                             "python -m alexbook.")
        if gpus:
            torch.cuda.set_device(place)
        with _answers():
            distributed.init_process_group("nccl" if gpus else "gloo", timeout=PATIENCE)
            self.host = distributed.new_group(backend="gloo", timeout=PATIENCE)  # talk that must not wait for a GPU
        atexit.register(distributed.destroy_process_group)
        signal.signal(signal.SIGTERM, _ended)
        self.rank, self.count = distributed.get_rank(), distributed.get_world_size()

    def agree(self, *wishes: bool) -> tuple[bool, ...]:
        votes = torch.tensor(wishes, dtype=torch.uint8)
        with _answers():
            distributed.all_reduce(votes, distributed.ReduceOp.MAX, self.host)
        return tuple(votes.bool().tolist())

    def told(self, find: Callable[[], Found]) -> Found:
        found = [find() if self.first else None]
        with _answers():
            distributed.broadcast_object_list(found, group=self.host)
        return found[0]

    def learner(self, recipe: Recipe, network: Network) -> "Learner":
        return Learner(recipe, network, self)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        if not self.first:
            self.agree(False)
        yield
        if self.first:
            self.agree(False)

    def everyones(self, own: dict) -> list[dict]:
        """What each process has, in their order."""
        all_of_them = [None] * self.count
        with _answers():
            distributed.all_gather_object(all_of_them, own, self.host)
        return all_of_them


def _weighted_sum(learner: "Learner", bucket: distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """How gradients are put together: each process's mean over its images, times its share of the batch's images.

    ``DistributedDataParallel`` itself would take the mean over the processes, which is wrong for a last batch that does
    not divide evenly among them.
    """
    gradients = bucket.buffer().mul_(learner.share)
    return distributed.all_reduce(gradients, async_op=True).get_future().then(lambda done: done.value()[0])


def own_part(count: int, team: Alone) -> slice:
    """Which of a batch's images are this process's; the first where there are none for it, so that it can take part."""
    return slice(team.rank, None, team.count) if team.rank < count else slice(0, 1)


class Share:
    """The :class:`alexbook.pipeline.Loader` of one process: its own images of each batch, and the classes of all."""

    def __init__(self, loader: Loader, team: Team) -> None:
        self.loader, self.team, self.numbers = loader, team, loader.numbers

    def ready(self, batch: Batch) -> tuple:
        own = own_part(len(batch), self.team)
        part = replace(batch, places=batch.places[own], labels=batch.labels[own], draws=batch.draws.part(own))
        return self.loader.ready(part)[0], batch.labels


class Learner(torch_training.Learner):
    """One process's part in learning."""

    def __init__(self, recipe: Recipe, network: Network, team: Team) -> None:
        super().__init__(recipe, network)
        self.team, self.share = team, 0.0
        if not team.first:  # the first draws what a process alone would draw
            torch.manual_seed(int(np.random.SeedSequence([recipe.seed, team.rank]).generate_state(1)[0]))
        self.forward = nn.parallel.DistributedDataParallel(self.model, gradient_as_bucket_view=True)
        self.forward.register_comm_hook(self, _weighted_sum)

    def loader(self, data: Data) -> Share:
        return Share(super().loader(data), self.team)

    def step(self, images: np.ndarray | torch.Tensor, labels: np.ndarray, rate: float) -> None:
        """One step of all processes together, with the batch's classes and this process's images of it."""
        own = own_part(len(labels), self.team)
        self.share = len(labels[own]) / len(labels) if self.team.rank < len(labels) else 0.0
        before, self.sums = self.sums, torch.zeros_like(self.sums)
        with _answers():
            super().step(images, labels[own], rate)
            self.sums *= self.share > 0
            distributed.all_reduce(self.sums)
        self.sums += before

    def state(self) -> dict[str, np.ndarray]:
        """As for a process alone, and every other process's random state; all must ask at the same place."""
        state = super().state()
        random = {name: values for name, values in state.items() if name.startswith("random")}
        return state | {f"{name}/{rank}": values for rank, theirs in enumerate(self.team.everyones(random)) if rank
                        for name, values in theirs.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Also from a run in another number of processes; one that is new to it keeps the random state it has."""
        if not self.team.first:
            fresh = {name: values for name, values in super().state().items() if name.startswith("random")}
            state = state | {name: state.get(f"{name}/{self.team.rank}", values) for name, values in fresh.items()}
        super().restore(state)

    def about(self) -> dict:
        return super().about() | {"processes": self.team.count}
