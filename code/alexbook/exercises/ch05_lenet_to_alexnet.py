"""The checks of chapter 5, "From LeNet to AlexNet"."""

from functools import cache
from math import prod

import numpy as np

from alexbook import datasets, networks
from alexbook.arithmetic import trace
from alexbook.batches import preprocessing
from alexbook.checking import Wrong, alike, array, check, close, number, shown, whole
from alexbook.layers import Conv, Dense, pair
from alexbook.networks import Network

APART = 20  # gray values by which the two colors of a pair must differ
NEAR = 0.05  # the share by which a budget may be missed


@check
def infrared(gained: object) -> None:
    """Exercise 1: the parameters that a fourth input channel costs."""
    three = networks.get("alexnet_article")
    found = whole(gained, "the number gained")
    one, other = trace(three), trace(preprocessing.adapt(three, 4, 1000))
    true = other.parameters - one.parameters
    if found == true:
        return
    conv1 = one["conv1"].of(Conv)
    kernels, values = conv1.filters, prod(pair(conv1.kernel))
    wrong = {
        other.parameters: "that is all of its parameters with four channels; the gain is asked for.",
        other["conv1"].parameters: "that is all of conv1 with four channels; the gain is asked for.",
        true + kernels: "the biases do not become more: each kernel has one, whatever the number of channels.",
        values: "that is one kernel's share; how many kernels are there?",
        kernels: "a new channel brings each kernel a whole slice, not one weight.",
        4 * true: "the kernels have seen three of the four channels before.",
        3 * true: "that is what three channels cost; one is new.",
        256 * 256: "the weights do not depend on the size of the image.",
    }
    raise Wrong(wrong.get(found, f"{found:,} is too {'many' if found > true else 'few'}. Which weights look at the "
                                 "input's channels?"))


@check
def points_and_percent(points: object, percent: object) -> None:
    """Exercise 2: a difference of two error rates in points and in percent."""
    seven, one = 15.3, 18.2
    found, share = number(points, "the number of points"), number(percent, "the number of percent")
    fewer = one - seven
    if not abs(found - fewer) <= 0.051:
        if abs(found + fewer) <= 0.051:
            raise Wrong("the sign: the ensemble is better by so many points, and not by less than none.")
        if abs(found - 100 * fewer / one) <= 0.06:
            raise Wrong("that is the answer in percent, in the place of the points.")
        raise Wrong(f"{found:g} points: points are a difference of two percentages.")
    if not abs(share - 100 * fewer / one) <= 0.051:
        if abs(share - 100 * fewer / seven) <= 0.06:
            raise Wrong("the points are right; the percent are counted from the ensemble's errors, and the comparison "
                        "starts from the one network.")
        if abs(share - fewer) <= 0.051:
            raise Wrong("the points are right, but they are not the percent.")
        if abs(share - 100 * seven / one) <= 0.06:
            raise Wrong("the points are right; that is the part of the errors that is left.")
        if abs(share - fewer / one) <= 0.001:
            raise Wrong("the points are right; the other number is a share of 1, and percent are asked for.")
        raise Wrong("the points are right; percent compare the difference with where you started.")


def _with_filters(filters: int) -> Network:
    return networks.get("lenet5_rgb").with_settings("conv1", filters=filters)


@check
def as_big(filters: object) -> None:
    """Exercise 3: the filters that give LeNet as much work as the small AlexNet."""
    found = whole(filters, "the number of filters")
    if not 1 <= found <= 10_000:
        raise Wrong(f"{found:,} filters are not a layer to be reckoned with; 1 to 10,000 are.")
    small = trace(networks.get("alexnet_small"))
    goal, work = small.macs, trace(_with_filters(found))
    if work.macs >= goal > trace(_with_filters(max(found - 1, 1))).macs:
        return
    if trace(_with_filters(found + 1)).macs >= goal > work.macs:
        raise Wrong(f"with {found} filters it does {work.macs:,} MACs: near, and still fewer than AlexNet's {goal:,}.")
    conv1 = trace(networks.get("lenet5_rgb"))["conv1"]
    if found == round(6 * goal / trace(networks.get("lenet5_rgb")).macs):
        raise Wrong("not all of LeNet's work grows with the filters of conv1: the dense layers stay as they are.")
    if abs(found - goal / (conv1.macs / conv1.of(Conv).filters)) < 1.5:
        raise Wrong("conv1 is not alone: conv2 looks at all the maps that conv1 makes.")
    if work.parameters >= small.parameters > trace(_with_filters(max(found - 1, 1))).parameters:
        raise Wrong("those are as many parameters; as many multiply-accumulates are asked for.")
    raise Wrong(f"with {found} filters it does {work.macs:,} MACs, and AlexNet {goal:,}: "
                + ("that is enough, and so are fewer filters." if work.macs >= goal else "that is not enough."))


@check
def shapes_right(share: object) -> None:
    """Exercise 4: the share of right shapes behind a gray network's error."""
    found, true = number(share, "the share"), 2 * (1 - 0.6)
    if close(found, true, atol=0.005):
        return
    if close(found, 100 * true, atol=0.5):
        raise Wrong("that is in percent; a share lies between 0 and 1.")
    if not 0 <= found <= 1:
        raise Wrong("a share lies between 0 and 1.")
    error = (1 - found) + found / 2
    why = {0.4: " That is the share of right answers; an answer can be wrong and have the right shape.",
           0.6: " That is the share of wrong answers itself.",
           0.2: " That is the share of wrong shapes."}
    raise Wrong(f"with {found:g} of the shapes right and the color guessed, {100 * error:.0f} % of the answers would "
                f"be wrong.{why.get(round(found, 4), '')}")


@cache
def _pairs() -> tuple[np.ndarray, np.ndarray]:
    """The orange and the blue image of each pair of the test set that has one gray version."""
    test = datasets.load("shapes", "test")
    images = np.asarray(test.images)
    gray = preprocessing.to_gray(images).reshape(len(test), -1)
    _, version = np.unique(gray, axis=0, return_inverse=True)
    twins = np.lexsort((test.labels, version.ravel())).reshape(-1, 2)
    one, other = images[twins.T]
    return one.astype(float), other.astype(float)


@check
def gray_for_whom(weights: object) -> str:
    """Exercise 5: weights of red, green and blue that tell orange from blue."""
    found = array(weights, (3,), "the row of weights")
    if not np.isfinite(found).all():
        raise Wrong("one of the weights is not a finite number.")
    if found.min() < 0:
        raise Wrong(f"{found.min():g} is below 0, and no weight may be.")
    if abs(found.sum() - 1) > 1e-6:
        raise Wrong(f"the weights add up to {found.sum():g}, not to 1.")
    one, other = _pairs()
    change = np.abs((one - other) @ found).max(axis=(1, 2))
    share, typical = (change >= APART).mean(), np.median(change)
    if not share > 0.5:
        raise Wrong(f"with these weights the two of a typical pair differ by {typical:.0f} gray values. Compare the "
                    "three channels of one pair.")
    return f"The two of a typical pair differ by {typical:.0f} gray values."


@check
def fair_budget(network: object) -> str:
    """Exercise 6: AlexNet's plan at LeNet's cost."""
    if not isinstance(network, Network):
        raise Wrong(f"the answer is a Network, and {shown(network)} is not.")
    small, lenet = networks.get("alexnet_small"), trace(networks.get("lenet5_rgb"))
    if network.input_shape != small.input_shape:
        raise Wrong(f"its input is {network.input_shape}; to compare the two networks, both must see the same images.")
    kinds, plan = ([type(layer).__name__ for layer in which.layers] for which in (network, small))
    for kind in (Conv, Dense):
        count, wanted = kinds.count(kind.__name__), plan.count(kind.__name__)
        if count != wanted:
            raise Wrong(f"it has {count} {kind.__name__} layers, and AlexNet's plan has {wanted}.")
    if kinds != plan:
        pairs = enumerate(zip(kinds, plan, strict=False), 1)
        place = next((number_ for number_, (one, other) in pairs if one != other), min(len(kinds), len(plan)) + 1)
        raise Wrong("its layers are not those of AlexNet's plan in order: keep ReLU, normalization, overlapping pools "
                    f"and dropout where they are, and look at layer number {place}.")
    for mine, theirs in zip(network.layers, small.layers, strict=True):
        if isinstance(mine, Conv) and isinstance(theirs, Conv) and mine.kernel != theirs.kernel:
            raise Wrong(f"{mine.name} has a kernel of {mine.kernel}; keep the kernels, and change how many there are.")
        if not alike(mine, theirs, but=("filters", "units")):
            raise Wrong(f"{mine.name or mine.kind} has other settings than in alexnet_small; change only the numbers "
                        "of filters and units.")
    rows = trace(network)
    if rows.rows[-1].output_shape != (10,):
        raise Wrong(f"it has {rows.rows[-1].output_shape[0]} outputs, and there are ten classes.")
    off = rows.macs / lenet.macs - 1
    if abs(off) > NEAR:
        most = max(rows, key=lambda row: row.macs)
        raise Wrong(f"it does {rows.macs:,} MACs, {100 * abs(off):.0f} % {'more' if off > 0 else 'fewer'} than LeNet's "
                    f"{lenet.macs:,}; most of them in {most.name}.")
    return (f"{rows.macs:,} MACs against LeNet's {lenet.macs:,}, with {rows.parameters:,} parameters against "
            f"{lenet.parameters:,}. Train both.")


@check
def hog_length(pedestrian: object, small_image: object) -> None:
    """Exercise 7: the length of a HOG vector with blocks of 2 x 2 cells and nine bins."""
    for answer, what, across, down in ((pedestrian, "the number for the pedestrians", 64 // 8, 128 // 8),
                                       (small_image, "the number for the small image", 32 // 4, 32 // 4)):
        found, cells, blocks = whole(answer, what), across * down, (across - 1) * (down - 1)
        true = 2 * 2 * 9 * blocks
        if found == true:
            continue
        wrong = {
            9 * cells: "counts each cell once. Blocks overlap: the next one begins one cell further on.",
            36 * cells: "has as many blocks as cells. A block is two cells wide; how many positions has it?",
            9 * blocks: "has nine numbers for each block. How many cells has a block?",
            blocks: "is how many blocks there are; each holds several numbers.",
            cells: "is how many cells there are.",
        }
        raise Wrong(f"{what} " + wrong.get(found, f"is too {'large' if found > true else 'small'}. Count the cells, "
                                                  "then the positions of a block."))
