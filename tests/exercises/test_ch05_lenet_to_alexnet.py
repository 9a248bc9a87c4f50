"""The checks of chapter 5 know right answers, and say what is wrong with the usual wrong ones."""

from dataclasses import replace

import numpy as np
import pytest
from alexbook import networks
from alexbook.exercises import ch05_lenet_to_alexnet as exercises
from alexbook.layers import Activation, Conv, Dense, MaxPool
from exercise_cases import Case, assert_case, faults

PLAN = networks.get("alexnet_small")


def smaller(divisor=8, network=PLAN, classes=10):
    """As the solution has it."""
    def part(layer):
        if isinstance(layer, Conv):
            return replace(layer, filters=layer.filters // divisor)
        if isinstance(layer, Dense):
            return replace(layer, units=classes if layer.name == "fc8" else layer.units // divisor)
        return layer

    return replace(network, layers=tuple(part(layer) for layer in network.layers))


MINE = smaller()


def changed(**by_name):
    return replace(MINE, layers=tuple(by_name.get(layer.name, layer) if layer.name else layer for layer in MINE.layers))


CONV1, FC6 = (next(layer for layer in MINE.layers if layer.name == name) for name in ("conv1", "fc6"))
TANH = replace(MINE, layers=tuple(Activation("tanh") if isinstance(layer, Activation) else layer
                                  for layer in MINE.layers))

CASES = (
    Case(exercises.infrared, ((11_616,), (np.int32(11_616),)), (
        ("the biases do not become more", (11_712,)),
        ("one kernel's share", (121,)),
        ("a whole slice", (96,)),
        ("seen three of the four", (46_464,)),
        ("one is new", (34_848,)),
        ("all of conv1", (46_560,)),
        ("the size of the image", (65_536,)),
        ("11,617 is too many", (11_617,)),
        ("100 is too few", (100,)),
    )),
    Case(exercises.points_and_percent, ((2.9, 15.9), (18.2 - 15.3, 100 * (1 - 15.3 / 18.2))), (
        ("the sign", (-2.9, 15.9)),
        ("in the place of the points", (15.9, 2.9)),
        ("points are a difference", (3.9, 15.9)),
        ("counted from the ensemble's", (2.9, 19.0)),
        ("they are not the percent", (2.9, 2.9)),
        ("the errors that is left", (2.9, 84.1)),
        ("a share of 1", (2.9, 0.159)),
        ("where you started", (2.9, 15.0)),
    )),
    Case(exercises.as_big, ((240,), (240.0,)), (
        ("with 239 filters it does 23,672,120 MACs: near", (239,)),
        ("so are fewer filters", (241,)),
        ("that is not enough", (200,)),
        ("the dense layers stay", (218,)),
        ("conv1 is not alone", (403,)),
        ("as many parameters", (850,)),
        ("1 to 10,000", (0,)),
        ("whole number", (239.04,)),
    )),
    Case(exercises.shapes_right, ((0.8,), (np.float32(0.8),)), (
        ("in percent", (80,)),
        ("That is the share of right answers", (0.4,)),
        ("That is the share of wrong answers", (0.6,)),
        ("That is the share of wrong shapes", (0.2,)),
        ("65 % of the answers would be wrong", (0.7,)),
        ("between 0 and 1", (1.2,)),
    )),
    Case(exercises.gray_for_whom, (((1, 0, 0),), ([0, 0, 1],), (np.array([0.8, 0.1, 0.1]),)), (
        ("differ by 0 gray values", ((0.299, 0.587, 0.114),)),
        ("add up to 2", ((1, 1, 0),)),
        ("is below 0", ((1.5, -0.5, 0),)),
        ("has the shape (2,)", ((0.5, 0.5),)),
        ("not a finite number", ((np.nan, 0, 1),)),
        ("Compare the three channels", ((0.3, 0.6, 0.1),)),
    )),
    Case(exercises.fair_budget, ((MINE,),), (
        ("more than LeNet's 651,720; most of them in conv2", (PLAN,)),
        ("198 % more", (smaller(4),)),
        ("64 % fewer", (smaller(16),)),
        ("3 Conv", (replace(MINE, layers=MINE.layers[:8] + MINE.layers[12:]),)),
        ("has 2 Dense layers", (replace(MINE, layers=MINE.layers[:-2]),)),
        ("look at layer number 19", (replace(MINE, layers=(*MINE.layers[:18], *MINE.layers[19:])),)),
        ("its input is (16, 16, 3)", (replace(MINE, input_shape=(16, 16, 3)),)),
        ("conv1 has a kernel of 3", (changed(conv1=Conv(4, 3, padding=1, name="conv1")),)),
        *(("conv1 has other settings", (changed(conv1=replace(CONV1, **settings)),))
          for settings in ({"stride": 2}, {"padding": 0}, {"dilation": 2}, {"bias": False})),
        ("fc6 has other settings", (changed(fc6=replace(FC6, bias=False)),)),
        ("pool1 has other settings", (changed(pool1=MaxPool(2, name="pool1")),)),
        ("activation has other settings", (TANH,)),
        ("it has 12 outputs", (smaller(classes=12),)),
        ("is a Network", (651_720,)),
        ("the answer is a Network", (MINE.layers,)),
    )),
    Case(exercises.hog_length, ((3_780, 1_764), (np.int64(3_780), 1_764.0)), (
        ("for the pedestrians counts each cell once", (1_152, 1_764)),
        ("as many blocks as cells", (4_608, 1_764)),
        ("How many cells has a block", (945, 1_764)),
        ("how many blocks there are", (105, 1_764)),
        ("how many cells there are", (128, 1_764)),
        ("pedestrians is too large", (3_781, 1_764)),
        ("small image counts each cell once", (3_780, 576)),
        ("small image is too small", (3_780, 1_700)),
        ("whole number", (3_780, 49.5)),
    )),
)


def test_the_length_of_a_hog_vector_is_scikit_images() -> None:
    hog = pytest.importorskip("skimage.feature").hog
    for shape, cell, length in (((128, 64), 8, 3_780), ((32, 32), 4, 1_764)):
        assert len(hog(np.zeros(shape), 9, (cell, cell), (2, 2))) == length


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("05-from-lenet-to-alexnet", exercises, CASES)) == []
