"""The checks of chapter 3, "LeNet in Keras"."""

from collections.abc import Iterable
from dataclasses import replace

import keras
import numpy as np

from alexbook import networks, runs
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, array, check, close, number, shown, whole, word
from alexbook.layers import AvgPool, Conv, Dense
from alexbook.network import Network
from alexbook.runs import Run

STRIDED = ("conv1", "pool1", "conv2", "pool2")
UP_TO_C5 = ("C1", "S2", "C3", "S4", "C5")


def _model(value: object, name: str) -> keras.Model:
    if not isinstance(value, keras.Model):
        raise Wrong(f"{name} is a Keras model, and {shown(value)} is not.")
    return value


@check
def forget_padding(parameters: object, model: object) -> None:
    """Exercise 1: today's LeNet without padding, its count predicted and built."""
    rows, padded = trace(networks.get("lenet5_unpadded")), trace(networks.get("lenet5_modern"))
    found = whole(parameters, "the number of parameters")
    if found == padded.parameters:
        raise Wrong("that is the count with padding; a later layer notices that there is none.")
    if found != rows.parameters:
        off = found - rows.parameters
        if off in (-120, -84, -10, -6, -16, -236):
            raise Wrong(f"{found:,} parameters: are some biases missing?")
        raise Wrong(f"{found:,} parameters are too {'many' if off > 0 else 'few'}. Follow the side of the map from "
                    "layer to layer: how many values reach fc1?")
    built = _model(model, "the model")
    if built.input_shape != (None, 28, 28, 1):
        raise Wrong(f"the prediction is right; the model's input is {built.input_shape[1:]}, where the digits are (28, "
                    "28, 1).")
    kinds = (keras.layers.Conv2D, keras.layers.AveragePooling2D, keras.layers.Dense)
    layers = [layer for layer in built.layers if isinstance(layer, kinds)]
    if len(layers) != 7:
        raise Wrong(f"the prediction is right; the model has {len(layers)} convolutions, average pools and dense "
                    "layers, where LeNet has seven.")
    for layer, row in zip(layers, rows.only(Conv, AvgPool, Dense), strict=True):
        shape = tuple(layer.output.shape[1:])
        if shape != row.output_shape:
            look = "padding" if row.name.startswith("conv") else "size"
            raise Wrong(f"the prediction is right; in the model {row.name} gives {shape}: look at its {look}.")
        if layer.count_params() != row.parameters:
            raise Wrong(f"the prediction is right; in the model {row.name} has {layer.count_params():,} parameters.")
    if built.count_params() != rows.parameters:
        raise Wrong(f"the prediction is right; the model has {built.count_params():,} parameters.")
    if built.output_shape != (None, 10):
        raise Wrong(f"the prediction is right; the model's output is {built.output_shape}, and not ten logits.")


@check
def larger_image(wide: object, old: object) -> str:
    """Exercise 2: the trained layers C1 to C5 on 48 by 48 pixels; ``old`` is the trained network."""
    found, trained = _model(wide, "wide"), _model(old, "old")
    if found.input_shape != (None, 48, 48, 1):
        raise Wrong(f"the input of wide is {found.input_shape[1:]}; the image has 48 by 48 pixels and one channel.")
    if len(found.output_shape) != 4:
        raise Wrong(f"wide gives {found.output_shape}, and maps are wanted: stop after C5, before it is flattened.")
    rows = trace(networks.get("lenet5"), (32, 32, 1))
    if found.output_shape[3] != rows["C5"].output_shape[2]:
        raise Wrong(f"wide ends with {found.output_shape[3]} maps. Which layer should be its last?")
    places = networks.get("lenet5")
    up_to_c5 = replace(places, layers=places.layers[:[row.name for row in rows].index("C5") + 1])
    side = trace(up_to_c5, (48, 48, 1))["C5"].output_shape[0]
    if found.output_shape[1:3] != (side, side):
        raise Wrong(f"C5's maps are {found.output_shape[1]} by {found.output_shape[2]} in wide. Do all the layers keep "
                    "their padding and stride?")
    narrow = keras.Model(trained.inputs[0], trained.get_layer("C5").output)
    image = np.random.default_rng(48).uniform(-0.1, 1.175, (1, 48, 48, 1)).astype("float32")
    jump = rows["C5"].jump[0]
    seen = np.concatenate([image[:, jump * i:jump * i + 32, jump * j:jump * j + 32] for i in range(side)
                           for j in range(side)])
    one_by_one = keras.ops.convert_to_numpy(narrow(seen)).reshape(side, side, -1)
    at_once = keras.ops.convert_to_numpy(found(image))[0]
    if not close(at_once, one_by_one, rtol=1e-3, atol=1e-4):
        raise Wrong("the shape is right, but wide does not compute what the trained layers do at each place. Are these "
                    "new layers, with new weights, or is one left out?")
    return f"Each of the {side * side} places gives what the old network gives on its own 32 by 32 pixels."


def betrayed() -> Network:
    """The network of exercise 3."""
    modern = networks.get("lenet5_modern")
    return _with_stride(modern, "pool2", 1)


def _with_stride(network: Network, name: str, stride: int) -> Network:
    return replace(network, layers=tuple(replace(layer, stride=stride) if layer.name == name else layer
                                         for layer in network.layers))


@check
def summary(layer: object, stride: object) -> str:
    """Exercise 3: the layer, and its stride, that explain a summary's parameters."""
    name, found = word(layer, STRIDED, "the layer"), whole(stride, "the stride")
    if not 1 <= found <= 28:
        raise Wrong(f"a stride of {found} cannot be.")
    modern = networks.get("lenet5_modern")
    if found == next(layer.stride for layer in modern.layers if layer.name == name):
        raise Wrong(f"{name} has that stride in the network of this page, whose fc1 has another count.")
    true = trace(betrayed())["fc1"].parameters
    try:
        given = trace(_with_stride(modern, name, found))["fc1"].parameters
    except ValueError:
        raise Wrong(f"with a stride of {found} in {name}, a later kernel no longer fits.") from None
    if given != true:
        raise Wrong(f"with a stride of {found} in {name}, fc1 would have {given:,} parameters, not {true:,}.")
    return "The summary shows no stride, but fc1 counts the values that reach it."


def _full_kernel(c3: object) -> tuple[np.ndarray, int]:
    """The kernel (5, 5, 6, 16) of a layer that keeps a 5 x 5 kernel for each connection of its table, and its zeros."""
    try:
        table = tuple(tuple(maps) for maps in c3.table)
        kernel = keras.ops.convert_to_numpy(c3.kernel)
    except Exception:
        raise Wrong('the last argument is the trained layer, old.get_layer("C3").') from None
    full = np.zeros((5, 5, 6, len(table)))
    places = [(map_, filter_) for filter_, maps in enumerate(table) for map_ in maps]
    for number_, (map_, filter_) in enumerate(places):
        full[:, :, map_, filter_] = kernel[:, :, number_]
    return full, 25 * (6 * len(table) - len(places))


@check
def masked(full: object, zeros: object, c3: object) -> None:
    """Exercise 4: C3's weights as one full kernel, and how many of its values are always zero."""
    true, empty = _full_kernel(c3)
    if np.shape(full) == (5, 5, 16, 6):
        raise Wrong("the kernel's last two axes are swapped: Keras wants the input maps before the filters.")
    if np.shape(full) == (16, 6, 5, 5):
        raise Wrong("that is PyTorch's order of axes.")
    found = array(full, true.shape, "the full kernel")
    if not np.isfinite(found).all():
        raise Wrong("the full kernel holds values that are not finite.")
    if not (found == 0).any():
        raise Wrong("no value of the full kernel is zero, and there are pairs of maps without a connection.")
    if not close(found, true, rtol=1e-5, atol=1e-7):
        mapped = (found != 0).any(axis=(0, 1)) == (true != 0).any(axis=(0, 1))
        if not mapped.all():
            wrong = np.argwhere(~mapped)[0]
            connected = true[:, :, wrong[0], wrong[1]].any()
            raise Wrong(f"input map {wrong[0]} and filter {wrong[1]} are {'' if connected else 'not '}connected in the "
                        "table; in your kernel it is the other way round.")
        raise Wrong("the zeros are in the right places, but not the other values: in which order does the layer keep "
                    "its kernels?")
    counted = whole(zeros, "the number of zeros")
    if counted * 25 == empty:
        raise Wrong("the kernel is right. That counts the missing pairs; each has a whole 5 by 5 kernel of zeros.")
    if counted == found.size - empty:
        raise Wrong("the kernel is right. That counts the values that are trained, not those that are zero.")
    if counted != empty:
        raise Wrong(f"the kernel is right, but {counted:,} of its values are not always zero; count them.")


def _lowest(classes: int) -> float:
    """The loss that Keras gives for a perfect row of probabilities if it takes them for logits."""
    perfect = np.zeros((1, classes), "float32")
    perfect[0, 0] = 1
    loss = keras.losses.sparse_categorical_crossentropy(np.array([0]), perfect, from_logits=True)
    return float(keras.ops.convert_to_numpy(loss)[0])


@check
def softmax_twice(lowest: object, lowest_1000: object) -> None:
    """Exercise 5: the smallest loss after two softmaxes, for 10 and for 1,000 classes."""
    for name, classes, answer in (("for 10 classes", 10, lowest), ("for 1,000 classes", 1000, lowest_1000)):
        found, true = number(answer, f"the loss {name}"), _lowest(classes)
        if abs(found - true) <= 0.006:
            continue
        if abs(found) < 1e-3:
            raise Wrong(f"{name}: 0 is what one softmax can reach; the second one sees no more than a 1 beside zeros.")
        if abs(found - np.exp(-true)) < 0.01:
            raise Wrong(f"{name}: that is the largest probability; the loss is minus its logarithm.")
        if abs(found - np.log(classes)) < 0.01:
            raise Wrong(f"{name}: that is the loss of a network that knows nothing.")
        if abs(found - true / np.log(2)) < 0.01 or abs(found - true / np.log(10)) < 0.01:
            raise Wrong(f"{name}: the loss takes the natural logarithm.")
        if abs(found - np.log(np.e + classes) + 1) < 0.003:
            raise Wrong(f"{name}: how many of the exponentials are of a zero?")
        raise Wrong(f"{name} it is {'less' if found > true else 'more'} than {found:g}.")


@check
def better_recipe(found: object) -> str:
    """Exercise 6: recorded runs of LeNet-5 of 1998 on all of MNIST, with a mean error below 1 %."""
    if isinstance(found, (str, bytes)) or not isinstance(found, Iterable):
        raise Wrong(f"your answer is a list of runs, and {shown(found)} is not.")
    mine = list(found)
    if not all(isinstance(run, Run) for run in mine):
        raise Wrong("each of the list is a run: runs.Run.read(path) reads one from its file.")
    if len(mine) < 3 or len({run.seed for run in mine}) < len(mine):
        raise Wrong(f"{len(mine)} run{'s' * (len(mine) != 1)} with the seeds {sorted(run.seed for run in mine)}: three "
                    "different seeds are the least.")
    for run in mine:
        wanted = {"network": "lenet5", "dataset": "mnist", "framework": "keras"}
        for key, value in wanted.items():
            if run.recipe[key] != value:
                raise Wrong(f"{run.name} has the {key} {run.recipe[key]}, not {value}.")
        if run.recipe["holdout"]:
            raise Wrong(f"{run.name} is a run with --holdout: it helps you choose, and the result is made without.")
        errors = 1 - np.trace(run.confusion) / np.sum(run.confusion)
        if np.sum(run.confusion) != 10_000 or not abs(errors - run.test_error) < 1e-6:
            raise Wrong(f"{run.name}: its test error and its confusion matrix do not belong together.")
    recipes = [{key: value for key, value in run.recipe.items() if key != "seed"} for run in mine]
    different = sorted({key for recipe in recipes for key in recipe if recipe[key] != recipes[0].get(key)})
    if different:
        raise Wrong(f"the runs differ in more than their seeds: {', '.join(different)}.")
    of = {name: 100 * value for name, value in runs.summary(mine).items()}
    said = f"mean {of['mean']:.2f} %, from {of['least']:.2f} to {of['greatest']:.2f} %"
    if of["mean"] >= 1:
        raise Wrong(f"{said}: the mean is not below 1 %. Choose with --holdout, then try again.")
    return f"{len(mine)} seeds: {said}. Say also how many recipes you tried."
