"""One thing changed in a network: what the book's experiments compare. Networks in, networks out."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from alexbook.layers import LRN, Activation, BatchNorm, Conv, Dense, Dropout, He, Layer, MaxPool, Normal, SpatialNorm
from alexbook.networks._network import Network

Layers = tuple[Layer, ...]
NORMS = (LRN, SpatialNorm)
EQUAL = 0.756  # of the maps: one tower with the parameters of alexnet_small's two


def _activation(function: str, layers: Layers) -> Layers:
    """All hidden activations replaced; a softmax at the end stays."""
    return tuple(Activation(function, name=layer.name)
                 if isinstance(layer, Activation) and layer.function != "softmax" else layer for layer in layers)


def _without(kinds: tuple[type, ...], layers: Layers) -> Layers:
    return tuple(layer for layer in layers if not isinstance(layer, kinds))


def _batch_norm(layers: Layers) -> Layers:
    """Response normalization out, batch normalization in, after each convolution, which then needs no bias."""
    changed = []
    for layer in _without(NORMS, layers):
        if isinstance(layer, Conv):
            changed += [replace(layer, bias=False), BatchNorm(name=f"{layer.name}_norm" if layer.name else "")]
        else:
            changed.append(layer)
    return tuple(changed)


def _batch_norm_dense(layers: Layers) -> Layers:
    """Batch normalization after each fully connected layer but the last, which then needs no bias."""
    last = max(place for place, layer in enumerate(layers) if isinstance(layer, Dense))
    changed = []
    for place, layer in enumerate(layers):
        if isinstance(layer, Dense) and place != last:
            changed += [replace(layer, bias=False), BatchNorm(name=f"{layer.name}_norm" if layer.name else "")]
        else:
            changed.append(layer)
    return tuple(changed)


def _apart(layers: Layers) -> Layers:
    """Max-pooling whose windows do not overlap: kernels as large as their strides (AlexNet paper, section 3.4).

    Maps may come out a pixel larger, and the first dense layer with them.
    """
    return tuple(replace(layer, kernel=layer.stride) if isinstance(layer, MaxPool) else layer for layer in layers)


def _apart_equal(layers: Layers) -> Layers:
    """The same with maps of the same sizes as before: conv2 has one row of padding less (as configuration 147 did)."""
    return tuple(replace(layer, padding=1) if isinstance(layer, Conv) and layer.name == "conv2" else layer
                 for layer in _apart(layers))


def _remove(name: str, layers: Layers) -> Layers:
    """A convolution taken out, with the activation behind it."""
    place = next((place for place, layer in enumerate(layers) if isinstance(layer, Conv) and layer.name == name), None)
    if place is None:
        convolutions = ", ".join(layer.name for layer in layers if isinstance(layer, Conv))
        raise ValueError(f"There is no convolution {name!r} to remove; there are {convolutions}.")
    behind = place + 1
    return layers[:place] + layers[behind + isinstance(layers[behind], Activation):]


def _width(share: float, layers: Layers) -> Layers:
    """The same share of every layer's filters and units, but for the outputs."""
    last = max(place for place, layer in enumerate(layers) if isinstance(layer, Dense))

    def scaled(place: int, layer: Layer) -> Layer:
        if isinstance(layer, Conv):
            return replace(layer, filters=max(layer.groups, round(layer.filters * share)))
        if isinstance(layer, Dense) and place != last:
            return replace(layer, units=max(1, round(layer.units * share)))
        return layer

    return tuple(scaled(place, layer) for place, layer in enumerate(layers))


def _towers(layers: Layers) -> Layers:
    """Two towers as in 2012: conv2, conv4 and conv5 see, and each response normalization stays in, its own half."""
    return tuple(replace(layer, groups=2) if isinstance(layer, LRN) or (isinstance(layer, Conv)
                 and layer.name in ("conv2", "conv4", "conv5")) else layer for layer in layers)


def _maps(share: float, layers: Layers) -> Layers:
    """The same share of the maps of conv1 to conv4; conv5 and what follows stay (AlexNet paper, section 3.2)."""
    return tuple(replace(layer, filters=round(layer.filters * share)) if isinstance(layer, Conv)
                 and layer.name in ("conv1", "conv2", "conv3", "conv4") else layer for layer in layers)


def _small_start(layers: Layers) -> Layers:
    """Weights that start at a deviation of 0.01 and biases at 0, in every layer (AlexNet paper, section 5)."""
    return tuple(replace(layer, start=Normal(0.01, 0.0)) if isinstance(layer, (Conv, Dense)) else layer
                 for layer in layers)


def _he(layers: Layers) -> Layers:
    """The initialization of He et al. 2015 in every layer, biases at 0."""
    return tuple(replace(layer, start=He()) if isinstance(layer, (Conv, Dense)) else layer for layer in layers)


CHANGES: dict[str, Callable[[Layers], Layers]] = {
    **{function: partial(_activation, function) for function in ("relu", "tanh", "sigmoid")},
    "no-dropout": partial(_without, (Dropout,)),
    "no-lrn": partial(_without, NORMS),
    "batch-norm": _batch_norm,
    "batch-norm-dense": _batch_norm_dense,
    "pools-apart": _apart,
    "pools-apart-equal": _apart_equal,
    "two-towers": _towers,
    "half-maps": partial(_maps, 0.5),
    "equal-maps": partial(_maps, EQUAL),
    "small-start": _small_start,
    "he": _he,
    "half-width": partial(_width, 0.5),
    "double-width": partial(_width, 2.0),
    "width-1.11": partial(_width, 1.11),
    **{f"no-conv{number}": partial(_remove, f"conv{number}") for number in (3, 4, 5)},
}


def vary(network: Network, changes: Iterable[str]) -> Network:
    """The network with some changes made.

    Args:
        network: The network as it is.
        changes: Names in ``CHANGES``, made in this order: ``("tanh", "no-lrn")``.

    Raises:
        ValueError: For an unknown change, and for one that changes nothing in this network.

    >>> from alexbook import networks
    >>> vary(networks.get("alexnet_small"), ["tanh", "no-dropout"]).name
    'alexnet_small-tanh-no-dropout'
    """
    for change in changes:
        if change not in CHANGES:
            raise ValueError(f"There is no change named {change!r}; there are {', '.join(CHANGES)}.")
        changed = CHANGES[change](network.layers)
        if changed == network.layers:
            raise ValueError(f"The change {change!r} changes nothing in {network.name}; leave it out.")
        network = replace(network, name=f"{network.name}-{change}", layers=changed,
                          title=f"{network.title}, {change.replace('-', ' ')}")
    return network
