"""The checks of chapter 9 know right answers, and say what is wrong with the usual wrong ones."""

import numpy as np
import pytest
from exercise_cases import Case, assert_case, faults

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
from alexbook.arithmetic import trace  # noqa: E402
from alexbook.exercises import ch09_two_frameworks as exercises  # noqa: E402
from alexbook.models import convert_weights  # noqa: E402
from alexbook.networks import get  # noqa: E402
from keras import layers, ops  # noqa: E402
from torch import nn  # noqa: E402


def keras_index(row, column, channel):
    return (row * 6 + column) * 256 + channel


def torch_index(row, column, channel):
    return (channel * 6 + row) * 6 + column


def pair(strides=2, pool=True, pads=(0, 1, 0, 1), padding=0, converted=True, units=20):
    """As the solution has it."""
    middle = layers.MaxPooling2D(2) if pool else layers.AveragePooling2D(2)
    mine = keras.Sequential([
        keras.Input((32, 32, 3)),
        layers.Conv2D(8, 3, strides=strides, padding="same", activation="relu"), middle, layers.Flatten(),
        layers.Dense(units, activation="relu"), layers.Dense(10)])
    yours = nn.Sequential(
        nn.ZeroPad2d(pads), nn.Conv2d(3, 8, 3, stride=strides, padding=padding), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 8 * 8, 20), nn.ReLU(), nn.Linear(20, 10))
    if converted:
        convert_weights.keras_to_torch(mine, yours)
    return mine, yours


def empty(mine, yours):
    """The same with zeros for all weights."""
    mine.set_weights([0 * value for value in mine.get_weights()])
    convert_weights.keras_to_torch(mine, yours)
    return mine, yours


def corrected(rates, scale=lambda old, new: old / new, decay=0.0005):
    """As the solution has it."""
    w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=rates[0], momentum=0.9, weight_decay=decay)
    path = [w.item()]
    for rate in rates:
        group = sgd.param_groups[0]
        if rate != group["lr"]:
            sgd.state[w]["momentum_buffer"] *= scale(group["lr"], rate)
            group["lr"] = rate
        sgd.zero_grad()
        (w ** 2).backward()
        sgd.step()
        path.append(w.item())
    return np.array(path)


def difference(one, other):
    one, other = np.asarray(one), np.asarray(other)
    return abs(one - other).max() / abs(other).max()


def first_apart(ours, theirs, x):
    """As the solution has it."""
    y = torch.tensor(x.transpose(0, 3, 1, 2))
    with torch.inference_mode():
        for name, module in theirs.named_children():
            y = module(y)
            if isinstance(module, nn.Flatten):
                continue
            there = keras.Model(ours.input, ours.get_layer(name).output)(x)
            if y.ndim == 4:
                there = ops.transpose(there, (0, 3, 1, 2))
            if difference(there, y) > 1e-4:
                return name
    return None


MINE, YOURS = pair()

CASES = (
    Case(exercises.flat_indices, ((keras_index, torch_index),), (
        ("keras_index is the order of the other framework", (torch_index, keras_index)),
        ("rows and columns for each other", (lambda r, c, m: (c * 6 + r) * 256 + m, torch_index)),
        ("counts from 1", (keras_index, lambda r, c, m: torch_index(r, c, m) + 1)),
        ("channel 0 torch_index gives 256: how many", (keras_index, lambda r, c, m: (m * 6 + r) * 6 + 256 * c)),
        ("for (0, 0, 0) your function ends in", (lambda r, c, m: 1 // r, torch_index)),
    )),
    Case(exercises.orderless, (("lenet5",), ("LeNet5 ",)), (
        ("flattens feature maps of 5 x 5", ("lenet5_modern",)),
        ("flattens feature maps of 4 x 4", ("lenet_caffe",)),
        ("no LeNet named \"f6\"; it has", ("F6",)),
        ("is text", (5,)),
    )),
    Case(exercises.own_pair, ((MINE, YOURS),), (
        ("on which sides does Keras put the zeros", pair(pads=(0, 0, 0, 0), padding=1)),
        ("were the weights converted", pair(converted=False)),
        ("no convolution with a stride of 2", pair(strides=1, converted=False)),
        ("no max pooling", pair(pool=False)),
        ("the layers do not match", pair(units=21, converted=False)),
        ("weights that are all 0 show nothing", empty(*pair(pads=(0, 0, 0, 0), padding=1))),
        ("the first is a Keras model", (YOURS, MINE)),
    )),
    Case(exercises.papers_momentum, ((corrected,),), (
        ("for one drop of the rate it still follows PyTorch's", (lambda rates: corrected(rates, lambda a, b: 1),)),
        ("the wrong way round", (lambda rates: corrected(rates, lambda a, b: b / a),)),
        ("thrown away", (lambda rates: corrected(rates, lambda a, b: 0),)),
        ("weight decay is missing", (lambda rates: corrected(rates, decay=0),)),
        ("at step 11, the first with a new rate", (lambda rates: corrected(rates, lambda a, b: 2),)),
        ("one more weight for each step", (lambda rates: corrected(rates)[1:],)),
        ("your function ends in", (lambda rates: rates["lr"],)),
    )),
    Case(exercises.first_apart, ((first_apart,),), (
        ("the weights of conv1 (a convolution) are in the wrong order, your function says fc1",
         (lambda ours, theirs, x: "fc1",)),
        ("your function says fc3", (lambda ours, theirs, x: "fc3",)),
        ("where None is right", (lambda ours, theirs, x: first_apart(ours, theirs, x) or "fc3",)),
        ("ends in", (lambda ours, theirs, x: ours.nothing,)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_right_answers_pass_and_wrong_ones_get_their_sentence(case):
    assert_case(case)


def test_only_the_network_of_1998_flattens_single_pixels():
    table = trace(get("lenet5"))
    assert next(row.input_shape for row in table if row.layer.kind == "flatten") == (1, 1, 120)


def test_every_exercise_of_the_chapter_has_its_check():
    assert not list(faults("09-two-frameworks", exercises, CASES))
