"""The checks of chapter 7, "AlexNet in Keras"."""


import numpy as np

from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, array, check, number, result, shown, whole, wholes, word
from alexbook.layers import Conv, Dense

CLASSES = 1000


@check
def forget_to_flatten(shape: object, parameters: object) -> str:
    """Exercise 1: the output's shape and the parameters of the two towers without the flattening."""
    if isinstance(shape, (tuple, list)) and len(shape) == 4 and shape[0] is None:
        shape = shape[1:]  # Keras's own way to say: any number of images
    table = trace(networks.get("alexnet_2012"))
    side, _, maps = table["pool5"].output_shape
    found = wholes(shape, name="the shape")
    if found == (CLASSES,):
        raise Wrong("that is the shape with the flattening; a Dense layer leaves all axes but the last.")
    if found == (side, side, maps):
        raise Wrong("that is the shape that fc6 gets; what comes out of fc8?")
    if len(found) != 3:
        raise Wrong(f"the shape has {len(found)} numbers; a Dense layer leaves all axes but the last as they are.")
    if found != (side, side, CLASSES):
        raise Wrong(f"the shape {found} is not right: which axes does fc8 leave as they are, and what is its last one?")
    fc6 = table["fc6"]
    small = fc6.of(Dense).units * (maps + 1)
    true = table.parameters - fc6.parameters + small
    article = trace(networks.get("alexnet_article"))
    count = whole(parameters, "the number of parameters")
    wrong = {
        table.parameters: "that is the network with its flattening.",
        article.parameters - article["fc6"].parameters + small: "that is the single tower's; here are two.",
        true - fc6.of(Dense).units: "fc6 keeps its biases.",
        true - small // 2: "each half of fc6 sees both towers.",
        true - fc6.of(Dense).units * maps // 2: "each half of fc6 sees both towers.",
        small: "that is fc6 alone.",
        fc6.parameters - small: "that is how many are lost.",
        true + 35 * small: "the same layer runs at each of the 36 places: its weights are counted once.",
    }
    if count != true:
        raise Wrong(wrong.get(count, f"{shown(count, 20)} parameters are too {'many' if count > true else 'few'}. How "
                                     "many inputs has a unit of fc6 now?"))
    return "Nothing complains until the shape meets the labels."


@check
def other_wrong_pair(said: object, should: object) -> str:
    """Exercise 2: what the loss says of logits that it takes for probabilities, and what it should say."""
    import keras

    bad = np.zeros((1, CLASSES), "float32")
    bad[0, 4] = 20
    loss = keras.losses.SparseCategoricalCrossentropy
    truth = [float(loss(from_logits=logits)(np.array([3]), bad)) for logits in (False, True)]
    found = [number(said, "what the loss says"), number(should, "what it should say")]
    for value, true, what in zip(found, truth, ("what the loss says", "what it should say"), strict=True):
        if abs(value - true) < 0.1:
            continue
        if abs(found[0] - truth[1]) < 0.1 and abs(found[1] - truth[0]) < 0.1:
            raise Wrong("the two have changed places: the first is what comes out with from_logits=False.")
        if abs(value) < 0.1:
            raise Wrong(f"{what}: the loss is near 0 only for a network that is sure and right.")
        if abs(value - np.log(CLASSES)) < 0.1:
            raise Wrong(f"{what}: log 1000 is for a network that finds all classes equally likely; this one is sure.")
        if value < 0:
            raise Wrong(f"{what}: a cross-entropy is never below 0.")
        if abs(value - truth[0]) < 0.1 or abs(value - truth[1]) < 0.1:
            raise Wrong("the two are not the same: only one of them takes the outputs for what they are.")
        hint = ("log of the smallest number that Keras lets through" if true == truth[0] else
                "minus the logarithm of the softmax at class 3")
        raise Wrong(f"{what}: {value:.4g} is too {'large' if value > true else 'small'}; think of the {hint}.")
    return "Where Keras replaces the 0, the gradient is 0 too."


@check
def which_loss(reported: object, evaluated: object) -> str:
    """Exercise 3: the loss that fit reports with dropout on, beside the one of evaluate."""
    curves = {"reported": array(reported, name="reported"), "evaluated": array(evaluated, name="evaluated")}
    for name, curve in curves.items():
        if curve.ndim != 1 or len(curve) < 20:
            raise Wrong(f"{name} has the shape {curve.shape}; a loss for each of at least 20 steps is wanted.")
        if not np.isfinite(curve).all() or (curve < 0).any():
            raise Wrong(f"{name} has values that are no losses.")
    fit, test = curves.values()
    if len(fit) != len(test):
        raise Wrong(f"{len(fit)} losses are reported and {len(test)} evaluated: call evaluate once after each step.")
    if np.allclose(fit, test, rtol=1e-6):
        raise Wrong("the two curves are the same numbers: one is from fit, the other from evaluate.")
    if abs(fit[0] - np.log(CLASSES)) > 2:
        raise Wrong(f"the first reported loss is {fit[0]:.3g}, and an untrained network has one near log 1000.")
    if np.allclose(fit[1:], test[:-1], rtol=0.02, atol=1e-4):
        raise Wrong("evaluate says what fit says one step later, so nothing was dropped: is dropout on?")
    low, high = test[-10:].mean(), fit[-10:].mean()
    if high < low:
        raise Wrong("in your curves the reported loss is the lower one at the end: have the two changed places?")
    if test[-10:].mean() > 0.8 * test[0]:
        raise Wrong("the evaluated loss has hardly fallen: were these the five photographs, with logits and "
                    "from_logits=True?")
    return f"Over the last ten steps {low:.2g} against {high:.2g}: the same weights, with and without dropout."


@check
def cut_apart(parameters: object, macs: object) -> str:
    """Exercise 4: what is saved where conv3 sees its own tower only."""
    table = trace(networks.get("alexnet_2012"))
    cut = trace(table.network.with_settings("conv3", groups=2))
    conv3, places = table["conv3"], 13 * 13
    less, work = table.parameters - cut.parameters, table.macs - cut.macs
    found = whole(parameters, "the parameters saved"), whole(macs, "the MACs saved")
    if found == (work, less):
        raise Wrong("the parameters come first, then the MACs.")
    wrong = {
        conv3.weights: "that is all of conv3's weights; a filter still sees half of the maps.",
        conv3.parameters: "that is all of conv3; a filter still sees half of the maps.",
        conv3.parameters // 2: "the biases stay: there are as many filters as before.",
        cut.parameters: "that is how many are left; how many are saved?",
        less // 2: "that is one tower's; there are two.",
    }
    if found[0] != less:
        raise Wrong("the parameters: " + wrong.get(found[0], f"{shown(found[0], 20)} is too "
                                                   f"{'many' if found[0] > less else 'few'}. Which maps does a filter "
                                                   "see no more?"))
    wrong = {
        less: "a weight of conv3 is used at each of its positions.",
        less * 27 * 27: "conv3 has fewer positions than conv2.",
        (less + conv3.biases) * places: "biases are not multiplied.",
        cut.macs: "that is how many are left; how many are saved?",
        conv3.macs: "that is all of conv3's work.",
    }
    if found[1] != work:
        raise Wrong("the MACs: " + wrong.get(found[1], f"{shown(found[1], 20)} is too "
                                             f"{'many' if found[1] > work else 'few'}. How often is each weight used?"))
    return "Without conv3's links the towers first meet at fc6."


@check
def telling_summary(layer: object, kernel: object, padding: object) -> str:
    """Exercise 5: the layer, kernel and padding that a summary reveals."""
    table = trace(networks.get("alexnet_article"))
    names = [row.name for row in table.only(Conv)]
    name = word(layer, names, "the layer")
    size = whole(kernel, "the kernel")
    kind = word(padding, ("same", "valid"), "the padding")
    if name == "conv1":
        raise Wrong("conv1 has the shape and the parameters that it should have.")
    if name != "conv2":
        raise Wrong(f"{name} gets maps that are already too small, and keeps their size: look before it.")
    if size != 3:
        raise Wrong("the parameters of conv2 tell its kernel: take off the biases, and divide by the filters and by "
                    f"the maps it sees; {shown(size, 20)} x {shown(size, 20)} is not what is left.")
    if kind != "valid":
        raise Wrong("with that padding conv2 would have 27 x 27 positions.")
    return "One line of a summary has both: its shape tells the padding, its parameters the kernel."


@check
def grouped_lrn(layer: object) -> str:
    """Exercise 6: a response normalization whose groups of channels do not see each other."""
    import keras
    from keras import ops

    if not (isinstance(layer, type) and issubclass(layer, keras.layers.Layer)):
        raise Wrong("a class is wanted that is derived from keras.layers.Layer, not one of its objects.")
    settings = {"size": 3, "alpha": 0.3, "beta": 0.5, "k": 1.5, "groups": 2}
    x = np.random.default_rng(7).normal(0, 2, (2, 3, 4, 8)).astype("float32")

    def formula(groups: int) -> np.ndarray:
        return x / (1.5 + 0.3 / 3 * (x ** 2 @ _near(8, groups))) ** 0.5

    made = result(lambda: layer(**settings), of="GroupedLRN(size=3, alpha=0.3, beta=0.5, k=1.5, groups=2)")
    found = array(result(lambda: ops.convert_to_numpy(made(x)), of="the layer"), x.shape, "the layer's output")
    if not np.allclose(found, formula(2), rtol=1e-4, atol=1e-5):
        if np.allclose(found, formula(1), rtol=1e-4, atol=1e-5):
            raise Wrong("channels 3 and 4 are still neighbors, though with two groups of eight channels they lie in "
                        "different groups.")
        if np.allclose(found, x / (1.5 + 0.3 * (x ** 2 @ _near(8, 2))) ** 0.5, rtol=1e-4, atol=1e-5):
            raise Wrong("alpha was not divided by the size.")
        raise Wrong("with size=3 and groups=2 the output is not what the formula gives inside each group.")
    config = result(made.get_config, of="get_config")
    if lost := [name for name, value in settings.items() if name not in config or config[name] != value]:
        raise Wrong(f"get_config does not give back {', '.join(lost)} as it was set.")
    again = result(lambda: made.__class__.from_config(config), of="from_config(get_config())")
    if not np.allclose(ops.convert_to_numpy(again(x)), found):
        raise Wrong("the layer that is made anew from its configuration gives other values.")
    large = (150 * x).astype("float16")
    half = result(lambda: layer(**settings, dtype="mixed_float16")(large), of="the layer in mixed_float16")
    if keras.backend.standardize_dtype(half.dtype) != "float16":
        raise Wrong(f"in mixed_float16 the layer returns {half.dtype}: what comes out has the type of what came in.")
    expected = ops.convert_to_numpy(layer(**settings)(large.astype("float32")))
    values = ops.convert_to_numpy(half).astype("float32")
    if not np.allclose(values, expected, rtol=5e-3, atol=1e-3):
        raise Wrong("in mixed_float16 large values come out wrong: in which type are their squares computed?")
    return "The channels of one tower no longer see those of the other."


def _near(channels: int, groups: int) -> np.ndarray:
    """Which channels are neighbors of which, at a size of 3, within their groups."""
    channel = np.arange(channels)
    same = channel[:, None] * groups // channels == channel * groups // channels
    return ((np.abs(channel[:, None] - channel) <= 1) & same).astype("float32")


@check
def own_batch(labels: object, logits: object) -> str:
    """Exercise 7: thirty-two images, memorized."""
    true = array(labels, name="the labels")
    if true.ndim != 1 or len(true) < 32:
        raise Wrong(f"the labels have the shape {true.shape}; one for each of at least 32 images is wanted.")
    found = array(logits, (len(true), CLASSES), "the logits")
    if not np.isfinite(found).all():
        raise Wrong("some logits are not finite: was the rate too large, or were the images not scaled?")
    if ((true < 0) | (true >= CLASSES) | (true != np.round(true))).any():
        raise Wrong("some labels are no classes from 0 to 999.")
    if len(set(true)) < 2:
        raise Wrong("all images have the same label: that is learned without looking at them.")
    if np.allclose(found.sum(axis=1), 1, atol=1e-3):
        raise Wrong("each row adds up to 1: these are probabilities, and the network of this page returns logits.")
    rows = np.arange(len(true))
    known = found.argmax(axis=1) == true
    if not known.all():
        raise Wrong(f"{int((~known).sum())} of the {len(true)} images are not known yet"
                    + (": have labels and images kept their order?" if known.mean() < 0.2 else "."))
    top = found.max(axis=1, keepdims=True)
    loss = (np.log(np.exp(found - top).sum(axis=1)) + top[:, 0] - found[rows, true.astype(int)]).mean()
    if not loss < 0.05:
        raise Wrong(f"all images are known, but with a loss of {loss:.2f}; go on until it is below 0.05.")
    return f"{len(true)} images memorized, with a loss of {loss:.3f}."
