"""Layers refuse settings that mean nothing, in one sentence that names the value."""

import dataclasses

import pytest
from alexbook.layers import LRN, RBF, Activation, AvgPool, Conv, Dense, Dropout, MaxPool, Normal


@pytest.mark.parametrize(("make", "words"), [
    (lambda: Conv(0, 3), ["conv", "filters is 0", "at least 1"]),
    (lambda: Conv(8, 0, name="conv2"), ["conv2", "kernel is 0"]),
    (lambda: Conv(8, 3, stride=-1), ["stride is -1"]),
    (lambda: Conv(8, 3, stride=(1, 0)), ["stride is (1, 0)"]),
    (lambda: Conv(8, 3, dilation=0), ["dilation is 0"]),
    (lambda: Conv(8, 2.5), ["kernel is 2.5"]),
    (lambda: Conv(8, True), ["kernel is True"]),
    (lambda: Conv(8, 3, padding=-1), ["padding is -1"]),
    (lambda: Conv(8, 3, padding="valid"), ["padding is 'valid'", "'same'"]),
    (lambda: Conv(8, 3, padding=(1, 2, 3)), ["padding is (1, 2, 3)"]),
    (lambda: Conv(8, 3, padding=((1, 2), 3)), ["padding is ((1, 2), 3)"]),
    (lambda: Conv(8, 3, groups=3), ["groups is 3", "divisor of the 8 filters"]),
    (lambda: Conv(2, 3, connections=((0,),)), ["connections", "2 filters"]),
    (lambda: Conv(2, 3, connections=((0,), ())), ["connections", "non-empty"]),
    (lambda: Conv(2, 3, connections=((0,), (1, 1))), ["connections", "twice"]),
    (lambda: Conv(2, 3, groups=2, connections=((0,), (1,))), ["groups is 2", "connection table"]),
    (lambda: MaxPool(3, 0), ["maxpool", "stride is 0"]),
    (lambda: AvgPool((2, -2)), ["kernel is (2, -2)"]),
    (lambda: LRN(size=0), ["size is 0"]),
    (lambda: LRN(k=0), ["k is 0"]),
    (lambda: Dense(0, name="fc6"), ["fc6", "units is 0"]),
    (lambda: Dropout(1), ["rate is 1", "less than 1"]),
    (lambda: Activation("gelu"), ["function is 'gelu'", "scaled_tanh"]),
    (lambda: Normal(0), ["deviation is 0", "greater than 0"]),
    (lambda: Normal(-0.01, 1.0), ["deviation is -0.01"]),
    (lambda: RBF(((1, -1), (1,))), ["centers"]),
])
def test_bad_settings_are_named(make, words):
    with pytest.raises(ValueError) as caught:
        make()
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message and message.endswith(".")


def test_layers_are_values():
    assert Conv(96, 11, stride=4) == Conv(96, 11, 4)
    assert hash(Conv(96, 11)) == hash(Conv(96, 11))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Conv(96, 11).filters = 64


def test_a_pool_strides_by_its_kernel_unless_told():
    assert MaxPool(3).stride == 3
    assert MaxPool(3, 2).stride == 2
