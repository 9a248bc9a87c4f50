"""The checks of chapter 10 know right answers, and say what is wrong with the usual wrong ones."""

import configparser
import math

import numpy as np
import pytest
from alexbook.exercises import ch10_source_code_2012 as exercises
from exercise_cases import Case, assert_case, faults

pytest.importorskip("torch")

CROPS = set(range(196, 227, 2))
NOISE = np.random.default_rng(0).normal(size=(11, 1000))
COMPONENTS = np.array([0.1 * math.sqrt(v) / 1.1 for v in (14142.9375, 1222.47, 292.6125)])


def parameters(text, up=math.ceil, bias=1, grow=True, dense=2, ends=2):
    """As the solution has it."""
    parts = configparser.ConfigParser()
    parts.read_string(text)
    total = side = channels = 0
    for name in parts.sections():
        part = parts[name]
        kind = part["type"]
        if kind == "data":
            side, channels = part.getint("side"), part.getint("channels")
        elif kind == "fc":
            units = part.getint("outputs")
            total += units * (side**dense * channels + bias)
            side, channels = 1, units
        else:
            kernel, stride = part.getint("kernel"), part.getint("stride")
            padding = part.getint("padding", fallback=0)
            if kind == "conv":
                filters = part.getint("filters")
                total += filters * (kernel**2 * (channels if grow else 1) + bias)
                channels = filters
            side = 1 + up((ends * padding + side - kernel) / stride)
    return total


CASES = (
    Case(exercises.crop_sizes, ((CROPS,), (sorted(CROPS),)), (
        ("but there are more", ({224, 226},)),
        ("227 is odd", ({224, 227},)),
        ("a crop of 192 pixels gives 5 x 5", ({192, 224},)),
        ("not between 190 and 256", ({258},)),
        ("there are some", (set(),)),
    )),
    Case(exercises.fourth_ablation, (((1.16, 1.12),), ([1.164, 1.12],)), (
        ("tested on the same images", ((4.36, 2.33),)),
        ("so the difference is positive", ((-1.16, -1.12),)),
        ("a point is a percent", ((0.01164, 0.0112),)),
        ("top-1 comes first", ((1.12, 1.16),)),
        ("top-1 is right, the other", ((1.16, 2.0),)),
        ("trained on", ((1.578, 1.336),)),
        ("subtract the errors", ((41.8, 19.3),)),
    )),
    Case(exercises.noise_components, ((COMPONENTS,), ([10.81, 3.18, 1.56],)), (
        ("division by 1.1 is missing", ((11.89, 3.496, 1.711),)),
        ("these are eigenvalues", ((1285.7, 111.1, 26.60),)),
        ("a standard deviation of a tenth", (10 * COMPONENTS,)),
        ("comes first", (COMPONENTS[::-1],)),
        ("divided, not multiplied", (1.21 * COMPONENTS,)),
        ("component 2", ((10.81, 3.5, 1.56),)),
        ("where (3,) is asked for", ((10.81, 3.18),)),
    )),
    Case(exercises.another_border, ((1922, 1800, 8),), (
        ("both included", (1800, 1800, 8)),
        ("mirrored", (961, 1800, 8)),
        ("on both sides", (512, 1800, 8)),
        ("for 224 pixels", (2178, 1800, 8)),
        ("the paper counts one position less", (1922, 1922, 8)),
        ("the number in a batch: that is for 128", (1922, 1800, 4)),
        ("share their crop", (1922, 1800, 256)),
        ("too many", (1922, 1800, 17)),
    )),
    Case(exercises.he_initialization, ((55 * NOISE, NOISE),), (
        ("was any weight drawn anew", (NOISE, NOISE)),
        ("less from image to image", (NOISE / 10, NOISE)),
        ("were all eight layers", (5 * NOISE, NOISE)),
        ("more than He's rule", (500 * NOISE, NOISE)),
        ("where (11, 1000) is asked for", (NOISE[:4], NOISE)),
        ("not finite", (NOISE * np.inf, NOISE)),
        ("do not differ from image to image", (NOISE, np.ones((11, 1000)))),
    )),
    Case(exercises.same_orders, (({"LRN ReLU pool"},), ("LRN ReLU pool",), (["LRN ReLU pool"],)), (
        ("conv1's own", ({"LRN pool ReLU", "LRN ReLU pool"},)),
        ("of the values that \"ReLU LRN pool\" makes are others", ({"ReLU LRN pool"},)),
        ("\"pool LRN ReLU\" makes are others", ({"LRN ReLU pool", "pool LRN ReLU"},)),
        ("is not an order", ({"LRN relu pool"},)),
        ("at least one", (set(),)),
        ("a set of orders", ({1, 2},)),
    )),
    Case(exercises.read_configuration, ((parameters,),), (
        ("rounding up", (lambda text: parameters(text, math.floor),)),
        ("has a bias", (lambda text: parameters(text, bias=0),)),
        ("spans all channels", (lambda text: parameters(text, grow=False),)),
        ("sees every pixel", (lambda text: parameters(text, dense=0),)),
        ("at both ends", (lambda text: parameters(text, ends=1),)),
        ("gives 100, too many", (lambda text: 100,)),
        ("ends in KeyError", (lambda text: {}["side"],)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_right_answers_pass_and_wrong_ones_get_their_sentence(case):
    assert_case(case)


def test_two_columns_without_groups_are_the_articles_layers_on_224_pixels():
    # alexnet_article has the same widths and no groups: the count of its dense twin.
    assert parameters(exercises.configuration_145()) == 62_378_344


def test_every_exercise_of_the_chapter_has_its_check():
    assert not list(faults("10-source-code-2012", exercises, CASES))
