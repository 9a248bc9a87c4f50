"""The trace against published counts and closed forms; `test_arithmetic_torch/keras` hold it against the frameworks."""

import json
import random
from dataclasses import replace

import pytest
from alexbook import networks
from alexbook.arithmetic import output_size, trace
from alexbook.layers import (
    LRN,
    RBF,
    Activation,
    AvgPool,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    Subsample,
)
from alexbook.networks import Network


def network(*layers, shape=(8, 8, 4), **settings):
    return Network("test", "test", "none", shape, layers, **settings)


# --- output_size --------------------------------------------------------------------------------------------------

def windows_counted(size, kernel, stride, before, after, dilation, rounding):
    """By laying windows down one by one on a row of pixels."""
    reach = dilation * (kernel - 1) + 1
    starts, end = [], before + size + after
    start = 0
    while start + reach <= end or (rounding == "ceil" and starts and starts[-1] + reach < end):
        if start + reach > end and start >= before + size:
            break
        starts.append(start)
        start += stride
    return len(starts)


def test_output_size_equals_counting_windows():
    rng = random.Random(0)
    for _ in range(5000):
        size, kernel, stride = rng.randint(1, 30), rng.randint(1, 7), rng.randint(1, 5)
        before, after, dilation = rng.randint(0, 4), rng.randint(0, 4), rng.randint(1, 3)
        rounding = rng.choice(["floor", "ceil"])
        if size + before + after < dilation * (kernel - 1) + 1:
            with pytest.raises(ValueError, match="does not fit"):
                output_size(size, kernel, stride, (before, after), dilation, rounding)
            continue
        expected = windows_counted(size, kernel, stride, before, after, dilation, rounding)
        assert output_size(size, kernel, stride, (before, after), dilation, rounding) == expected


def test_the_first_layer_of_alexnet():
    assert output_size(227, 11, 4) == 55
    assert output_size(224, 11, 4) == 54
    assert output_size(224, 11, 4, rounding="ceil") == 55


# --- published counts (LeCun et al. 1998, section II.B) -----------------------------------------------------------

LENET5 = {  # layer: output shape, trainable parameters, connections
    "C1": ((28, 28, 6), 156, 122_304),
    "S2": ((14, 14, 6), 12, 5_880),
    "C3": ((10, 10, 16), 1_516, 151_600),
    "S4": ((5, 5, 16), 32, 2_000),
    "C5": ((1, 1, 120), 48_120, 48_120),
    "F6": ((84,), 10_164, 10_164),
    "OUTPUT": ((10,), 0, 840),
}


@pytest.mark.parametrize("name", LENET5)
def test_lenet5_layers_as_published(name):
    row = trace(networks.get("lenet5"))[name]
    assert (row.output_shape, row.parameters, row.connections) == LENET5[name]


def test_lenet5_totals_as_published():
    table = trace(networks.get("lenet5"))
    assert table.parameters == 60_000
    assert table.connections == 340_908
    assert table.macs == 326_520
    assert table.parameter_bytes == 4 * 60_840
    fields = {row.name: row.receptive_field for row in table.only(Conv, Subsample)}
    assert fields == {"C1": (5, 5), "S2": (6, 6), "C3": (14, 14), "S4": (16, 16), "C5": (32, 32)}


def test_c3_table_has_60_pairs_and_uses_every_map_ten_times():
    used = [maps for row in networks.C3_TABLE for maps in row]
    assert len(used) == 60
    assert [used.count(map_) for map_ in range(6)] == [10] * 6
    assert len(set(networks.C3_TABLE)) == 16


def test_c5_is_a_convolution_on_a_larger_image():
    larger = replace(networks.get("lenet5"), layers=networks.get("lenet5").layers[:10])
    assert trace(larger, (48, 48, 1))["C5"].output_shape == (5, 5, 120)


@pytest.mark.parametrize(("name", "parameters"), [
    ("lenet5_modern", 61_706), ("lenet5_unpadded", 44_426), ("lenet5_rgb", 62_006), ("lenet_d2l", 61_706),
    ("lenet_caffe", 431_080)])
def test_modern_ports(name, parameters):
    assert trace(networks.get(name)).parameters == parameters


def test_digit_centers_are_ten_different_drawings_of_7_by_12():
    assert len(set(networks.DIGIT_CENTERS)) == 10
    assert {len(center) for center in networks.DIGIT_CENTERS} == {7 * 12}
    assert {value for center in networks.DIGIT_CENTERS for value in center} == {-1, 1}


# --- rules ---------------------------------------------------------------------------------------------------------

def test_groups_divide_weights_and_work_but_not_biases():
    whole = trace(network(Conv(8, 3, name="c")))["c"]
    halves = trace(network(Conv(8, 3, groups=2, name="c")))["c"]
    assert (whole.weights, halves.weights) == (8 * 4 * 9, 8 * 2 * 9)
    assert whole.macs == 2 * halves.macs
    assert whole.biases == halves.biases == 8


def test_same_padding_is_not_rounded_up_a_second_time():
    layer = Conv(1, 3, stride=2, padding="same", name="c")
    assert trace(network(layer, rounding="ceil"))["c"].output_shape == (4, 4, 1)


def test_pool_rounding_differs_from_the_networks_rounding_in_caffe():
    layers = (Conv(1, 3, stride=2, name="c"), MaxPool(2, name="p"))
    assert trace(network(*layers))["p"].output_shape == (1, 1, 1)
    assert trace(network(*layers, pool_rounding="ceil"))["p"].output_shape == (2, 2, 1)
    assert trace(network(*layers, rounding="ceil"))["c"].output_shape == (4, 4, 1)


def test_receptive_field_with_dilation_and_unequal_sides():
    table = trace(network(Conv(1, (3, 1), dilation=2, name="a"), MaxPool(2, 2, name="b"), Conv(1, 2, name="c"),
                          shape=(16, 16, 1)))
    assert [row.receptive_field for row in table] == [(5, 1), (6, 2), (8, 4)]
    assert [row.jump for row in table] == [(1, 1), (2, 2), (2, 2)]


@pytest.mark.parametrize(("layers", "words"), [
    ((Conv(4, 9, name="conv2"),), ["conv2", "kernel of 9", "8 pixels", "1 more"]),
    ((Conv(4, 5, dilation=3),), ["conv1", "kernel of 13 (kernel 5, dilation 3)", "8 pixels"]),
    ((MaxPool(9),), ["maxpool1", "kernel of 9"]),
    ((MaxPool(2, padding=2, name="pool1"),), ["pool1", "padding of 2", "kernel of 2", "smaller"]),
    ((Conv(6, 3, groups=3),), ["4 input channels", "3 groups", "1, 2, 4"]),
    ((LRN(groups=3),), ["4 input channels", "3 groups"]),
    ((Conv(1, 3, connections=((0, 4),), name="C3"),), ["C3", "maps 0 to 4", "maps 0 to 3"]),
    ((Dense(10, name="fc6"),), ["fc6", "(8, 8, 4)", "Flatten"]),
    ((Flatten(), Conv(1, 3)), ["conv1", "(256,)", "(height, width, channels)"]),
    ((Flatten(), RBF(((1, -1),))), ["rbf1", "2 values", "256"]),
    ((Flatten(), AvgPool(2)), ["avgpool1", "(256,)"]),
])
def test_what_does_not_fit_is_named(layers, words):
    with pytest.raises(ValueError) as caught:
        trace(network(*layers))
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message and message.endswith(".")


@pytest.mark.parametrize("shape", [(28, 28), (0, 8, 1), (8, 8, 1.5)])
def test_bad_input_shapes(shape):
    with pytest.raises(ValueError, match="input shape"):
        trace(network(Flatten()), shape)


def test_bad_rounding_and_unknown_names():
    with pytest.raises(ValueError, match="'round', but must be 'floor' or 'ceil'"):
        network(rounding="round")
    with pytest.raises(ValueError, match=r"no network named 'lenet6'; there are lenet5, "):
        networks.get("lenet6")
    with pytest.raises(KeyError, match="no layer 'conv9'; it has C1"):
        trace(networks.get("lenet5"))["conv9"]


# --- how a trace shows itself --------------------------------------------------------------------------------------

def test_a_trace_prints_shows_and_exports_the_same_figures():
    table = trace(networks.get("lenet5"))
    text, html = str(table), table._repr_html_()
    for figure in ("C3", "10x10x16", "1,516", "150,000", "60,000"):
        assert figure in text and figure in html
    rows = json.loads(json.dumps(table.to_dicts()))
    assert sum(row["parameters"] for row in rows) == 60_000
    assert rows[0]["output_shape"] == [28, 28, 6] and rows[0]["kind"] == "conv"


def test_names_are_escaped_in_html():
    assert "<b>" not in trace(network(Flatten(name="<b>")))._repr_html_()


def test_unnamed_layers_are_numbered_by_kind():
    table = trace(network(Conv(1, 3), Activation("relu"), Conv(1, 3, name="last"), Activation("relu")))
    assert [row.name for row in table] == ["conv1", "relu1", "last", "relu2"]
