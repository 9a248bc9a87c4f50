"""Whatever stands in a layer's field or in a call: a layer, a number, or the book's own sentence, and at once."""

import time
from dataclasses import fields

import numpy as np
import pytest
from alexbook import networks
from alexbook.arithmetic import output_shape, output_size, trace
from alexbook.layers import (
    LRN,
    RBF,
    Activation,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Normal,
    SpatialNorm,
    Subsample,
)
from alexbook.networks import Network

GOOD = {
    Conv: {"filters": 4, "kernel": 3}, MaxPool: {"kernel": 2}, AvgPool: {"kernel": 2}, Subsample: {"kernel": 2},
    LRN: {}, SpatialNorm: {}, BatchNorm: {}, Flatten: {}, Dense: {"units": 3}, Dropout: {},
    Activation: {"function": "relu"}, RBF: {"centers": ((1.0, 2.0), (3.0, 4.0))}, Normal: {"deviation": 0.01},
}
NONSENSE = [None, True, "2", "", b"2", 2.5, -1, 0, float("nan"), float("inf"), -float("inf"), 3j, [], (), [2, 2], (2,),
            (2, 2, 2), (True, 2), (None, 2), ("a", "b"), ((1, 2), 3), ((1, 2), (3, 4), (5, 6)), (((1,),),), {}, {1: 2},
            {1, 2}, object(), int, print, np.zeros(3), np.float64("nan"), 10**400, -10**400, 1e308]
FIELDS = [(kind, field.name) for kind in GOOD for field in fields(kind)]


def network(*layers, shape=(8, 8, 4)) -> Network:
    return Network("n", "n", "n", shape, layers)


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=[f"{kind.__name__}.{field}" for kind, field in FIELDS])
def test_every_field_takes_what_it_should_or_says_so(kind: type, field: str) -> None:
    """A value that is refused is refused in one sentence; one that is taken goes through the arithmetic as well."""
    started, refused = time.perf_counter(), 0
    for value in NONSENSE:
        try:
            layer = kind(**GOOD[kind] | {field: value})
            if kind is not Normal:
                before = () if kind not in (Dense, RBF) else (Flatten(),)
                trace(network(*before, layer))
        except ValueError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused >= len(NONSENSE) // 2 and time.perf_counter() - started < 1


@pytest.mark.parametrize("field", ["filters", "kernel", "stride", "dilation", "groups", "units", "size"])
def test_true_is_no_size(field: str) -> None:
    kind = Dense if field == "units" else LRN if field == "size" else Conv
    with pytest.raises(ValueError, match=f"{field} is True, but must be"):
        kind(**GOOD[kind] | {field: True})


@pytest.mark.parametrize("place", range(6))
def test_output_size_takes_numbers_or_says_so(place: int) -> None:
    names = ("size", "kernel", "stride", "padding", "dilation", "rounding")
    for value in NONSENSE:
        arguments = dict(zip(names, (8, 3, 1, 0, 1, "floor"), strict=True)) | {names[place]: value}
        try:
            assert output_size(**arguments) >= 1
        except ValueError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(("arguments", "said"), [
    ((8, 3, 0), "stride is 0, but must be a whole number of at least 1"), ((8, 3, -1), "stride is -1, but must be"),
    ((8, 0), "kernel is 0, but must be"), ((8, 2.5), "kernel is 2.5, but must be"), ((True, 1), "size is True, but"),
    ((8, 3, 1, -1), "padding is -1, but must be a whole number of at least 0"), ((8, 3, 1, (1, 2, 3)), "padding is"),
    ((8, 3, 1, 0, 0), "dilation is 0, but must be"), ((8, 3, 1, 0, 1, "round"), "rounding is 'round', but must be"),
])
def test_output_size_names_what_is_wrong(arguments: tuple, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        output_size(*arguments)


def test_numbers_of_numpy_are_numbers() -> None:
    assert output_size(np.int64(227), np.int32(11), np.int64(4)) == 55


@pytest.mark.parametrize("shape", [5, "abc", (8, 8), (8, 8, True), (8, 8, 2.0), (0, 8, 1), (8, 8, None), [], object()])
def test_a_shape_that_is_none_is_named(shape: object) -> None:
    with pytest.raises(ValueError, match="input shape is .* but must be .height, width, channels."):
        trace(network(Flatten()), shape)
    with pytest.raises(ValueError, match="its input has the shape"):
        output_shape(Conv(4, 3), shape)


@pytest.mark.parametrize("layers", [None, 5, "conv", (Conv,), (Conv(4, 3), "relu"), {Conv(4, 3)}])
def test_layers_that_are_none_are_named(layers: object) -> None:
    with pytest.raises(ValueError, match="must be a tuple of layers"):
        Network("n", "n", "n", (8, 8, 4), layers)
    with pytest.raises(ValueError, match="is no layer"):
        output_shape("relu", (8, 8, 4))


def test_absurd_sizes_are_computed_or_refused_at_once() -> None:
    started = time.perf_counter()
    side = 10**400
    row, = trace(network(Conv(2, 3, 2, "same"), shape=(side, side, 1)))
    assert row.output_shape == (side // 2, side // 2, 2)
    with pytest.raises(ValueError, match="groups must be a divisor of 100000000"):
        trace(network(Conv(7, 1, groups=7), shape=(1, 1, 10**8)))
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("name", [None, [], {}, 5, "alexnet", object()])
def test_networks_that_are_none_are_named(name: object) -> None:
    with pytest.raises(ValueError, match="is no network"):
        trace(name)
    with pytest.raises(ValueError, match="no network"):
        networks.get(name)
