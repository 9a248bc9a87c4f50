"""The paper's model parallelism in PyTorch: the two towers of 2012, each on a device of its own.

>>> network = networks.get("alexnet_2012")
>>> towers = TwoTowers(network, torch_models.build(network), ["cuda:0", "cuda:1"])

Krizhevsky et al. 2012 put half of the maps on each of two GPUs and let the GPUs talk "only in certain layers" (section
3.2): those of section 3.5 and Figure 2 that see all maps below them. (To train copies of one network on several
devices instead, see :mod:`alexbook.training.torch_ddp`.)
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from math import prod

import torch
from torch import Tensor, nn

from alexbook.arithmetic import Row
from alexbook.layers import LRN, RBF, Conv, Dense
from alexbook.models import _common
from alexbook.models.torch_layers import LocalResponseNorm
from alexbook.networks import Network


def crossings(network: Network) -> dict[str, int]:
    """How many values each layer receives from the other device, both directions together, for one image, forward.

    Named are the layers that see the maps of both towers; the image itself is on both devices from the start. The last
    layer lives on the first device alone, as ``fc1000`` does in the released source (``layers/layers-145.cfg``, lines
    294-299), so that only the second tower's half crosses there. In training as many values come back, as gradients.
    """
    _, *middle, last = _learned(network)
    return {row.name: prod(row.input_shape) for row in middle if isinstance(row.layer, (Conv, Dense))
            and _groups(row) == 1} | {last.name: prod(last.input_shape) // 2}


def _groups(row: Row) -> int:
    return getattr(row.layer, "groups", 1)


def _learned(network: Network) -> list[Row]:
    """The layers with parameters; ``ValueError`` says in one sentence what keeps a network from being cut in two."""
    rows = _common.rows(network)
    learned = [row for row in rows if row.parameters or isinstance(row.layer, RBF)]
    for row in (learned[0], learned[-1]):
        if len(learned) < 2 or not isinstance(row.layer, (Conv, Dense)) or _groups(row) > 1:
            raise ValueError(f"{network.name} cannot be cut at {row.name}: two towers need a first and a last layer "
                             "that are convolutions or dense layers, in 1 group.")
    for row in rows[rows.index(learned[0]):rows.index(learned[-1])]:
        if getattr(row.layer, "connections", None):
            raise ValueError(f"{row.name}: its table says which maps it sees, but in two towers groups must say that.")
        if row.output_shape[-1] % 2:
            raise ValueError(f"{row.name}: it has {row.output_shape[-1]} maps or units, but two towers need an even "
                             "number.")
        if _groups(row) % 2 and (_groups(row) > 1 or isinstance(row.layer, LRN)):
            raise ValueError(f"{row.name}: groups is {_groups(row)}, but two towers need an even number, so that no "
                             "group lies in both.")
    return learned


def _half(module: nn.Module, tower: int) -> nn.Module:
    """The part of a layer that makes one tower's half of its maps or units; all of it where the layer has no size."""
    part = copy.deepcopy(module)
    for name, values in [*module.named_parameters(), *module.named_buffers()]:
        if values.ndim:  # batch normalization counts its batches in a single number
            half = values.detach().chunk(2)[tower].clone()
            setattr(part, name, nn.Parameter(half) if isinstance(values, nn.Parameter) else half)
    match part:
        case nn.Conv2d():
            part.out_channels //= 2
            if part.groups > 1:
                part.groups, part.in_channels = part.groups // 2, part.in_channels // 2
        case nn.Linear():
            part.out_features //= 2
        case nn.BatchNorm2d() | nn.BatchNorm1d():
            part.num_features //= 2
        case LocalResponseNorm():
            part.groups //= 2
    return part


class TwoTowers(nn.Module):
    """A model of :func:`alexbook.models.torch.build`, with its weights, cut into two towers on two devices.

    Each tower holds half of the maps and units of every layer but the last, which is the first tower's. A grouped
    convolution sees its own tower; before a layer of :func:`crossings` each tower sends its half to the other. On two
    GPUs both towers compute at the same time: PyTorch queues work on one and goes on to the other.

    ``devices`` may be the same twice (``["cpu", "cpu"]``), to look at how it works. ``crossed`` is the number of values
    that the last call sent from tower to tower, for the whole batch. In training each tower draws its own dropout
    masks, so that only without dropout does it learn what the model on one device learns.
    """

    def __init__(self, network: Network, model: nn.Sequential, devices: Sequence[str | torch.device]) -> None:
        super().__init__()
        self.devices = first, second = tuple(map(torch.device, devices))
        self.crossed = 0
        exchanges, image = crossings(network), _learned(network)[0].name
        modules = dict(model.named_children())
        stages: list[list[OrderedDict]] = [[OrderedDict(), OrderedDict()]]
        cut = False
        for row in _common.rows(network):
            cut = cut or row.name == image  # before it there is the image, whole on both devices
            if row.name in exchanges:
                stages.append([OrderedDict(), OrderedDict()])
            for name in (f"{row.name}_pad", row.name):
                for tower in (0, 1) if name in modules else ():
                    whole = not cut or len(stages) > len(exchanges)
                    stages[-1][tower][name] = copy.deepcopy(modules[name]) if whole else _half(modules[name], tower)
        *cut_stages, (last, _) = stages
        self.stages = nn.ModuleList(nn.ModuleList([nn.Sequential(one).to(first), nn.Sequential(other).to(second)])
                                    for one, other in cut_stages)
        self.last = nn.Sequential(last).to(first)

    def _pairs(self) -> Iterator[tuple[nn.Module, nn.Module]]:
        for stage in self.stages.children():
            one, other = stage.children()
            yield one, other

    def _both(self, towers: list[Tensor], receiver: int) -> Tensor:
        """All maps, on the receiving tower's device."""
        self.crossed += towers[1 - receiver].numel()
        return torch.cat([values.to(self.devices[receiver]) for values in towers], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, height, width)`` to the model's output, on the first device."""
        self.crossed = 0
        towers = [x.to(device) for device in self.devices]
        for number, (one, other) in enumerate(self._pairs()):
            if number:
                towers = [self._both(towers, receiver) for receiver in (0, 1)]
            towers = [one(towers[0]), other(towers[1])]
        return self.last(self._both(towers, 0))

    def joined(self, pick: Callable[[nn.Parameter], Tensor] = torch.Tensor.detach) -> dict[str, Tensor]:
        """Every parameter as the one-device model has it, on the CPU, by its name there; ``pick`` may take its
        gradient instead: ``lambda value: value.grad``.
        """
        whole = {}
        for a, b in self._pairs():
            for (name, one), other in zip(a.named_parameters(), b.parameters(), strict=True):
                whole[name] = torch.cat([pick(one).cpu(), pick(other).cpu()])
        return whole | {name: pick(value).cpu() for name, value in self.last.named_parameters()}
