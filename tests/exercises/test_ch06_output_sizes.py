"""The checks of chapter 6 know right answers, and say what is wrong with the usual wrong ones."""

from dataclasses import replace

import pytest
from alexbook import networks
from alexbook.exercises import ch06_output_sizes as exercises
from alexbook.layers import LRN, Activation, AvgPool, Conv, Dense, Dropout, Flatten, MaxPool
from exercise_cases import Case, assert_case, faults

OLD = networks.get("alexnet_2012")
POOLS = {name: MaxPool(2) for name in ("pool1", "pool2", "pool5")}
CONV2, CONV5 = Conv(256, 5, padding=1, groups=2), Conv(256, 3, groups=2)
SMALL = {"fc6": Dense(256), "fc7": Dense(512)}


def change(network, **new):
    """The chapter's."""
    layers = tuple(replace(new.get(layer.name, layer), name=layer.name) for layer in network.layers)
    return replace(network, layers=layers)


def replaced(network, kind, **settings):
    """The network with other settings in all layers of a kind."""
    return replace(network, layers=tuple(replace(layer, **settings) if isinstance(layer, kind) else layer
                                         for layer in network.layers))


def without(name, network):
    return replace(network, layers=tuple(layer for layer in network.layers if layer.name != name))


def averaged():
    """As the second solution has it."""
    kept = [layer for layer in OLD.layers if layer.name not in ("fc6", "fc7")]
    place = next(number for number, layer in enumerate(kept) if isinstance(layer, Flatten))
    return replace(OLD, layers=(*kept[:place], AvgPool(6), *kept[place:]))


CASES = (
    Case(exercises.which_crops, (({224, 226},), ([226, 224],), ((224, 226, 224),)), (
        ("225 is odd", ({224, 225, 226, 227},)),
        ("of 228 pixels conv1 makes 56", ({224, 226, 228},)),
        ("there are more", ({224},)),
        ("at least one", (set(),)),
        ("a row of whole numbers", (224,)),
    )),
    Case(exercises.smallest_image, ((63,), (63.0,)), (
        ("a smaller image runs too. Part of", (67,)),
        ("a smaller image runs too.", (224,)),
        ("too few left at pool5", (62,)),
        ("too few left at conv1", (5,)),
        ("at least one pixel", (-3,)),
    )),
    Case(exercises.forgotten_flattening, ((25_678_184,),), (
        ("with its flattening", (62_378_344,)),
        ("fc6 alone", (1_052_672,)),
        ("how many are lost", (36_700_160,)),
        ("keeps its biases", (25_674_088,)),
        ("share their weights", (62_521_704,)),
        ("too many", (25_678_185,)),
        ("too few", (17,)),
    )),
    Case(exercises.two_by_two, ((change(OLD, **POOLS, conv2=CONV2, conv5=CONV5),),), (
        ("a network is wanted", ([CONV2],)),
        ("pool1 is not MaxPool(2)", (OLD,)),
        ("pool5 is not MaxPool(2)", (change(OLD, **(POOLS | {"pool5": MaxPool(2, 1)})),)),
        ("conv3 has 14 x 14 outputs", (change(OLD, **POOLS, conv5=CONV5),)),
        ("pool5 has 7 x 7 outputs", (change(OLD, **POOLS, conv2=CONV2),)),
        ("conv2 has groups 1", (change(OLD, **POOLS, conv2=Conv(256, 5, padding=1), conv5=CONV5),)),
        ("conv4 has 11 x 11", (change(OLD, **POOLS, conv2=CONV2, conv4=Conv(384, 3, groups=2)),)),
        ("does not fit together: conv1", (change(OLD, **POOLS, conv1=Conv(96, 300)),)),
        ("no layer named conv5", (without("conv5", change(OLD, **POOLS)),)),
        *(("only poolings and paddings change",
           (replaced(change(OLD, **POOLS, conv2=CONV2, conv5=CONV5), kind, **settings),))
          for kind, settings in ((Activation, {"function": "sigmoid"}), (LRN, {"k": 1.0}), (Dropout, {"rate": 0.9}))),
        ("another input or rounding",
         (replace(change(OLD, **POOLS, conv2=CONV2, conv5=CONV5), input_shape=(226, 226, 3)),)),
    )),
    Case(exercises.larger_batch, ((302, 907),), (
        ("on two cards that is one too many", (303, 907)),
        ("on one card one more fits", (302, 906)),
        ("2**30 bytes", (278, 907)),
        ("a gradient and a momentum", (330, 907)),
        ("needs the whole image", (604, 907)), ("more memory than there is", (5000, 907)),
        ("more images fit", (302, 128)),
    )),
    Case(exercises.leaner, ((change(OLD, **SMALL),), (averaged(),)), (
        ("more than a tenth of 60,965,224", (OLD,)),
        ("more than a tenth", (change(OLD, fc6=Dense(512), fc7=Dense(512)),)),
        ("conv4 should keep its 384 filters", (change(OLD, **SMALL, conv4=Conv(96, 3, padding=1)),)),
        ("each of the 1,000 classes", (change(OLD, **SMALL, fc8=Dense(10)),)),
        ("its input has the shape", (replace(change(OLD, **SMALL), input_shape=(112, 112, 3)),)),
        ("MACs, more than", (change(OLD, **SMALL, conv1=Conv(96, 11, stride=4), conv2=Conv(256, 5, padding=2)),)),
        ("a network is wanted", (6_000_000,)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_right_answers_pass_and_wrong_ones_get_their_sentence(case):
    assert_case(case)


def test_every_exercise_of_the_chapter_has_its_check():
    assert not list(faults("06-output-sizes", exercises, CASES))
