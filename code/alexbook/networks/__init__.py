"""The book's networks, as data: each one names its source, and its counts are tested against that source."""

from alexbook.networks._network import Network, Rounding
from alexbook.networks.alexnets import ALEXNETS
from alexbook.networks.lenets import C3_TABLE, DIGIT_CENTERS, FOUR_LAYERS, LENETS

__all__ = ["C3_TABLE", "DIGIT_CENTERS", "NETWORKS", "Network", "Rounding", "get"]

NETWORKS: dict[str, Network] = {network.name: network for network in (*LENETS, FOUR_LAYERS, *ALEXNETS)}


def get(name: str) -> Network:
    """The network of that name.

    Args:
        name: One of ``NETWORKS``, such as ``"lenet5"`` or ``"alexnet_2012"``.

    Raises:
        ValueError: For an unknown name; the sentence lists the known ones.

    >>> get("lenet5")
    <Network lenet5: LeNet-5 as published; 14 layers>
    """
    if not isinstance(name, str) or name not in NETWORKS:
        raise ValueError(f"There is no network named {name!r}; there are {', '.join(NETWORKS)}.")
    return NETWORKS[name]
