"""Small networks that between them have every layer and every odd case that a builder must get right."""

import pytest
from alexbook import networks
from alexbook.layers import (
    LRN,
    RBF,
    Activation,
    AvgPool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    SpatialNorm,
    Subsample,
)
from alexbook.networks import Network

TABLE = ((0,), (1, 3), (0, 1, 2, 3), (2, 3))


def network(*layers, shape=(11, 9, 4), **settings):
    return Network("tiny", "tiny", "made up", shape, layers, **settings)


TINY = {
    "asymmetric": network(Conv(3, 3, padding=((1, 0), (2, 1))), MaxPool(3, 2, padding=((0, 1), (2, 0)))),
    "same": network(Conv(4, (5, 2), 2, "same"), Conv(2, 4, padding="same"), MaxPool(3, 2, "same")),
    "ceil": network(Conv(4, 4, 3), MaxPool(3, 2), rounding="ceil"),
    "dilated": network(Conv(4, 3, dilation=(2, 1), padding=2)),
    "groups": network(Conv(6, 3, groups=2, padding=1), LRN(5, alpha=0.5, groups=2), Conv(4, 1, groups=2)),
    "table": network(Conv(4, 3, connections=TABLE), Conv(4, 3, 2, 1, connections=TABLE, bias=False)),
    "average": network(AvgPool(2), AvgPool(3, 2, padding=(1, 1)), shape=(11, 11, 4)),
    "average_odd": network(AvgPool(3, 2, "same"), AvgPool((2, 3), 2, padding=((1, 0), (0, 2))), rounding="ceil"),
    "subsample": network(Subsample(2), Activation("scaled_tanh"), Subsample(3, 1, padding=1)),
    "lrn": network(LRN(5, alpha=0.7, k=1.0), LRN(4, alpha=1.0, beta=0.5), LRN(3, alpha=0.3), shape=(4, 3, 7)),
    "spatial_norm": network(SpatialNorm(5, alpha=0.5), SpatialNorm(3, beta=0.5, k=2.0)),
    "activations": network(*(Activation(f) for f in ("relu", "tanh", "sigmoid", "scaled_tanh")), Flatten(),
                           Dense(5), Activation("softmax"), Dense(3, bias=False)),
    "rbf": network(Flatten(), Dropout(0.3), Dense(2), RBF(((1, -1), (1, 1), (-1, 0.5)))),
}
ALL = TINY | {name: networks.get(name) for name in networks.NETWORKS if networks.get(name).input_shape[0] <= 32}
every = pytest.mark.parametrize("network", ALL.values(), ids=ALL)
