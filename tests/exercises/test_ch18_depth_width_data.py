"""The checks of chapter 18 know right answers, and say what is wrong with the usual wrong ones."""

from dataclasses import replace

import numpy as np
import pytest
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.exercises import ch18_depth_width_data as exercises
from alexbook.layers import Activation, Conv, Dense
from alexbook.networks.ablations import vary
from exercise_cases import Case, assert_case, faults

SMALL = networks.get("alexnet_small")
PLACE = [layer.name for layer in SMALL.layers].index("conv4")


MORE = (Conv(96, 3, padding=1, name="conv4b"), Activation("relu"))


def six(share=1.0, more=MORE):
    """As the solution has it, at a share of its width."""
    layers = (*SMALL.layers[:PLACE + 2], *more, *SMALL.layers[PLACE + 2:])
    return exercises._widened(replace(SMALL, layers=layers), share)


def matched():
    """The width with which the work is nearest the original's."""
    goal = trace(SMALL).macs
    return min((six(share) for share in np.arange(0.8, 1, 0.005)), key=lambda found: abs(trace(found).macs - goal))


MINE = matched()


def forced(*layers):
    """A network that its own class would refuse."""
    network = replace(MINE)
    object.__setattr__(network, "layers", layers)
    return network


def changed(**settings):
    return replace(MINE, **settings)


CASES = (
    Case(exercises.two_layers_fewer, ((131,), (np.int64(131),)), (
        ("the whole network", (195,)),
        ("one layer less", (163,)),
        ("three layers less", (99,)),
        ("more than one pixel", (191,)),
        ("more than one pixel", (189,)),
        ("what is lost", (64,)),
        ("sees less", (259,)),
        ("too many", (150,)),
        ("too few", (100,)),
    )),
    Case(exercises.conv5_price, ((60_301_288,), (60_301_288.0,)), (
        ("the network as it is", (60_965_224,)),
        ("fc6 gets them all", (79_396_968,)),
        ("conv4 has changed, too", (60_522_600,)),
        ("conv5 is still there", (trace(replace(networks.get("alexnet_2012"), layers=tuple(
            replace(layer, filters=256) if layer.name == "conv4" else layer
            for layer in networks.get("alexnet_2012").layers))).parameters,)),
        ("two groups", (60_301_288 + 256 * 9 * 192,)),
        ("conv4 is not taken out", (60_301_288 - 442_624,)),
        ("biases", (60_301_288 - 256,)),
        ("how many are saved", (663_936,)),
        ("too many", (61_000_000,)),
        ("too few", (59_000_000,)),
    )),
    Case(exercises.half_work, ((0.68,), (np.float64(0.68),)), (
        ("paid twice", (0.5,)),
        ("follow the square", (0.707,)),
        ("faster than the width", (0.25,)),
        ("with 0.8 of its width", (0.8,)),
        ("between 0 and 1", (68,)),
        ("between 0 and 1", (0,)),
    )),
    Case(exercises.more_images, ((19_226,), (19_200,), (1000 * 2 ** (np.log(0.5) / np.log(0.85)),)), (
        ("how many doublings", (4.265,)),
        ("the same *points*", (1000 * 2 ** (20 / 6),)),
        ("does not add 1,000", (5265,)),
        ("and not to 2,000", (38_452,)),
        ("how many are added", (18_226,)),
        ("more than it takes", (32_000,)),
        ("fewer than it takes", (16_000,)),
        ("40 % to 34 %", (2000,)),
        ("one doubling too few", (9613,)),
        ("with 4,000 images the error is 28.9 %", (4000,)),
        ("higher than 40 %", (500,)),
    )),
    Case(exercises.six_convolutions, ((MINE,),), (
        ("it has 5 convolutions", (SMALL,)),
        ("more than the original's 23,676,416", (six(),)),
        ("fewer than the original's", (six(0.7),)),
        ("between conv4b and conv5 there is no activation", (six(0.9, (Conv(96, 3, padding=1, name="conv4b"),)),)),
        ("its input is (28, 28, 3)", (changed(input_shape=(28, 28, 3)),)),
        ("there are ten classes", (changed(layers=(*MINE.layers[:-2], Dense(12), MINE.layers[-1])),)),
        ("2 fully connected layers", (changed(layers=(*(layer for layer in MINE.layers if layer.name != "fc7"),)),)),
        ("does not fit together", (changed(layers=tuple(
            layer for layer in MINE.layers if layer.kind != "flatten")),)),
        ("no layer", (forced(*MINE.layers, "softmax"),)),
        ("the answer is a Network", (MINE.layers,)),
        ("it has 7 convolutions", (six(0.9, 2 * (Conv(96, 3, padding=1), Activation("relu"))),)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_twice_the_width_is_the_packages_own() -> None:
    ran = networks.get("alexnet_2012")
    assert exercises._widened(ran, 2).layers == vary(ran, ["double-width"]).layers


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("18-depth-width-data", exercises, CASES)) == []
