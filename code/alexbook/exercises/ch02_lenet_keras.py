"""The checks of chapter 2, "LeNet in Keras"."""

import itertools
from collections.abc import Callable, Iterable

import keras
import numpy as np

from alexbook import datasets, networks, runs
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, array, check, close, number, result, shown, whole, word
from alexbook.layers import AvgPool, Conv, Dense, Windowed
from alexbook.networks import Network
from alexbook.runs import Run

STRIDED = ("conv1", "pool1", "conv2", "pool2")
MOST_RUNS = 1000
SHIFT, MOST_WRONG = 3, 15  # pixels, percent


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
    _say_what_is_computed(built)


def _say_what_is_computed(built: keras.Model) -> None:
    """Raises Wrong where the weights are in place, and the model does something else with them than LeNet."""
    weights = [keras.ops.convert_to_numpy(value) for value in built.weights]
    images = np.random.default_rng(28).normal(size=(5, 28, 28, 1)).astype("float32")

    def differs(squash: str = "tanh", end: Callable = lambda x: x) -> bool:
        lenet = keras.Sequential([
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(6, 5, activation=squash), keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(16, 5, activation=squash), keras.layers.AveragePooling2D(2), keras.layers.Flatten(),
            keras.layers.Dense(120, squash), keras.layers.Dense(84, squash), keras.layers.Dense(10)])
        lenet.set_weights(weights)
        return not close(found, end(lenet(images)), rtol=1e-3, atol=1e-4)

    found = keras.ops.convert_to_numpy(built(images, training=False))
    if not differs():
        return
    for squash, end, why in (
        ("tanh", keras.ops.softmax, "it ends in a softmax, where ten logits are asked for."),
        ("linear", lambda x: x, "it has no activation: two layers without one between them are one linear map."),
        ("relu", lambda x: x, "it has ReLU in the place of tanh."),
        ("sigmoid", lambda x: x, "it has sigmoids in the place of tanh."),
        ("tanh", keras.ops.tanh, "there is a tanh behind the last layer, where logits are asked for."),
        ("tanh", keras.ops.relu, "there is a ReLU behind the last layer, where logits are asked for."),
    ):
        if not differs(squash, end):
            raise Wrong(f"the prediction is right, and so are the model's shapes; but {why}")
    raise Wrong("the prediction is right, and so are the model's shapes; but it computes something else than LeNet: "
                "look at its activations, strides and dilations, and at what else stands in it.")


@check
def steps(steps: object, last_batch: object) -> None:
    """Exercise 2: the steps of the recorded runs on MNIST, and the images in an epoch's last batch."""
    run = runs.load("mnist-lenet5_modern-keras-seed0")[0]
    images, batch = run.dataset["train"]["images"], run.recipe["batch_size"]
    epochs, full = run.recipe["epochs"], images // batch
    found = whole(steps, "the number of steps")
    if found == full * epochs:
        raise Wrong("the images that are left over make a step, too, a smaller one.")
    if found in (full, full + 1):
        raise Wrong("that is one epoch.")
    if found == images * epochs:
        raise Wrong("that counts images; a step takes a whole batch of them.")
    if found == -(-images * epochs // batch):
        raise Wrong("each epoch begins with a new batch; no batch takes images of two epochs.")
    if found != (full + 1) * epochs:
        raise Wrong(f"it is {'less' if found > (full + 1) * epochs else 'more'} than {found:,} steps.")
    left = whole(last_batch, "the last batch's number of images")
    if left == batch:
        raise Wrong("the number of steps is right; but the last batch is not full.")
    if left != images - full * batch:
        raise Wrong(f"the number of steps is right; but the last batch has not {left:,} images: how many do the full "
                    "batches leave?")


def betrayed() -> Network:
    """The network of exercise 3."""
    modern = networks.get("lenet5_modern")
    return _with_stride(modern, "pool2", 1)


def _with_stride(network: Network, name: str, stride: int) -> Network:
    return network.with_settings(name, stride=stride)


@check
def summary(layer: object, stride: object) -> str:
    """Exercise 3: the layer, and its stride, that explain a summary's parameters."""
    name, found = word(layer, STRIDED, "the layer"), whole(stride, "the stride")
    if not 1 <= found <= 28:
        raise Wrong(f"a stride of {found} cannot be.")
    modern = networks.get("lenet5_modern")
    if found == trace(modern)[name].of(Windowed).stride:
        raise Wrong(f"{name} has that stride in the network of this page, whose fc1 has another count.")
    true = trace(betrayed())["fc1"].parameters
    try:
        given = trace(_with_stride(modern, name, found))["fc1"].parameters
    except ValueError:
        raise Wrong(f"with a stride of {found} in {name}, a later kernel no longer fits.") from None
    if given != true:
        raise Wrong(f"with a stride of {found} in {name}, fc1 would have {given:,} parameters, not {true:,}.")
    return "The summary shows no stride, but fc1 counts the values that reach it."


def _cross_entropy(logits: np.ndarray, label: int) -> float:
    highest = logits.max()
    return float(highest + np.log(np.exp(logits - highest).sum()) - logits[label])


def _differences(logits: np.ndarray, label: int, tiny: float = 1e-5) -> np.ndarray:
    """The gradient of the cross-entropy, measured by small changes of the logits."""
    found = np.empty(len(logits))
    for index in range(len(logits)):
        change = np.zeros(len(logits))
        change[index] = tiny
        found[index] = (_cross_entropy(logits + change, label) - _cross_entropy(logits - change, label)) / (2 * tiny)
    return found


@check
def logit_gradient(function: object) -> None:
    """Exercise 4: the gradient of one image's cross-entropy with respect to its logits."""
    rng = np.random.default_rng(4)
    cases = [(rng.normal(0, 2, classes), int(rng.integers(classes))) for classes in (10, 10, 3, 10)]
    cases.append((np.array([0.0, 1000.0, 3.0]), 1))
    for logits, label in cases:
        said = f"{len(logits)} logits up to {logits.max():.1f} and the label {label}"
        found = array(result(function, logits.copy(), label, of=said), (len(logits),), "the gradient")
        true = _differences(logits, label)
        if close(found, true, rtol=1e-4, atol=1e-6):
            continue
        if not np.isfinite(found).all():
            raise Wrong(f"for {said} your gradient is not finite: subtract the largest logit before the exponential.")
        if close(found, -true, rtol=1e-4, atol=1e-6):
            raise Wrong("that is the direction in which the loss falls; the gradient is the one in which it grows.")
        unlabeled = true + (np.arange(len(logits)) == label)
        if close(found, unlabeled, rtol=1e-4, atol=1e-6):
            raise Wrong("those are the probabilities; the term of the true class is missing.")
        if close(found, true / len(logits), rtol=1e-4, atol=1e-6):
            raise Wrong("the loss of one image is no mean over the classes.")
        worst = int(np.abs(found - true).argmax())
        raise Wrong(f"for {said} your derivative for logit {worst} is {found[worst]:.4g}; differences of the loss give "
                    "another number.")


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


def _shifted_digits(pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """The test digits moved right, left, down and up by so many pixels, and their labels."""
    test = datasets.load("digits", "test")
    still = datasets.frame(np.asarray(test.images))[..., None].astype("float32") / 255
    moved = [np.roll(still, by, axis=(1, 2)) for by in ((0, pixels), (0, -pixels), (pixels, 0), (-pixels, 0))]
    return np.concatenate(moved), np.tile(test.labels, 4)


@check
def tolerant(model: object) -> str:
    """Exercise 6: a network that reads the test digits moved by three pixels."""
    trained = _model(model, "tolerant")
    for name, shape, wanted in (("input", trained.input_shape, (None, 28, 28, 1)),
                                ("output", trained.output_shape, (None, 10))):
        if shape != wanted:
            raise Wrong(f"the {name} of tolerant is {shape}, where {wanted} is asked for.")
    moved, labels = _shifted_digits(SHIFT)
    logits = trained.predict(moved, batch_size=500, verbose=0)
    if not np.isfinite(logits).all():
        raise Wrong("the outputs of tolerant are not all finite: did its training diverge?")
    wrong = 100 * float((logits.argmax(axis=1) != labels).mean())
    if wrong > MOST_WRONG:
        raise Wrong(f"{wrong:.1f} % of the answers are wrong" + (
            ", as by guessing: has it been trained?" if wrong > 85 else
            ". Have the training images been moved as far as the test images, and in all directions?"))
    return f"{wrong:.1f} % of the answers are wrong."


@check
def better_recipe(found: object) -> str:
    """Exercise 7: recorded runs of today's LeNet on all of MNIST, with a mean error below that of the book's."""
    if isinstance(found, (str, bytes)) or not isinstance(found, Iterable):
        raise Wrong(f"your answer is a list of runs, and {shown(found)} is not.")
    mine = list(itertools.islice(found, MOST_RUNS + 1))
    if len(mine) > MOST_RUNS:
        raise Wrong(f"your answer has more than {MOST_RUNS} runs; one for each seed is enough.")
    if not all(isinstance(run, Run) for run in mine):
        raise Wrong("each of the list is a run: runs.Run.read(path) reads one from its file.")
    if len(mine) < 3 or len({run.seed for run in mine}) < len(mine):
        raise Wrong(f"{len(mine)} run{'s' * (len(mine) != 1)} with the seeds {sorted(run.seed for run in mine)}: three "
                    "different seeds are the least.")
    for run in mine:
        wanted = {"network": "lenet5_modern", "dataset": "mnist", "framework": "keras"}
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
    recorded = 100 * runs.summary(runs.load("mnist-lenet5_modern-keras-*"))["mean"]
    if of["mean"] >= recorded:
        raise Wrong(f"{said}: the mean is not below the recorded {recorded:.2f} %. Choose with --holdout, then try "
                    "again.")
    return f"{len(mine)} seeds: {said}. Say also how many recipes you tried."
