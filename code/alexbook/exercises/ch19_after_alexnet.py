"""The checks of chapter 19, "After AlexNet"."""

import numpy as np

from alexbook import datasets
from alexbook.checking import Wrong, array, check, close, number, result, whole

BLOCKS, SLOPE = 10, 0.1
PLANTED, FOUND, NAMED = 18, 15, 60  # wrong labels, how many must be found, how many may be named


@check
def gradient(without: object, with_shortcuts: object) -> None:
    """Exercise 1: the factor of ten blocks on the gradient, without and with shortcuts."""
    found = {"without": number(without, "the factor without shortcuts"),
             "with": number(with_shortcuts, "the factor with shortcuts")}
    right = {"without": SLOPE ** BLOCKS, "with": (1 + SLOPE) ** BLOCKS}
    if all(close(found[key], right[key], rtol=0.03, atol=0) for key in found):
        return
    if close(found["without"], right["with"], rtol=0.03) and close(found["with"], right["without"], rtol=0.03, atol=0):
        raise Wrong("the two are exchanged.")
    wrong = {
        "without": ((BLOCKS * SLOPE, "the slopes of a chain are multiplied, not added."),
                    (SLOPE, "that is one block; there are ten.")),
        "with": ((1 + BLOCKS * SLOPE, "that counts the way by all shortcuts and those through one F; ways through "
                                      "several F are missing."),
                 (1 + SLOPE, "that is one block; there are ten."),
                 (1.0, "that is the way by all shortcuts alone; the ways through F add to it."),
                 (1 + SLOPE ** BLOCKS, "each block has its own shortcut, not all ten together.")),
    }
    for key, said in (("without", "without shortcuts"), ("with", "with them")):
        if close(found[key], right[key], rtol=0.03, atol=0):
            continue
        for value, why in wrong[key]:
            if close(found[key], value, rtol=0.005):
                raise Wrong(f"{said}: {why}")
        raise Wrong(f"{said}, {found[key]:g} is too {'large' if found[key] > right[key] else 'small'}: what does one "
                    "block do to the gradient, and what do ten?")


@check
def bottleneck(bottleneck_weights: object, plain_weights: object) -> str:
    """Exercise 2: the weights of a bottleneck block, and of two 3 × 3 convolutions of as many channels."""
    narrow, wide = 64, 256
    found = whole(bottleneck_weights, "the number of the bottleneck's weights")
    true = 2 * wide * narrow + 9 * narrow ** 2
    for value, why in (
        (true + 2 * narrow + wide, "leave the biases out."),
        (true + 2 * (2 * narrow + wide), "leave batch normalization out."),
        (wide * narrow + 9 * narrow ** 2, "one of the two 1 × 1 convolutions is missing."),
        (9 * narrow ** 2, "the 1 × 1 convolutions have weights, too."),
        (2 * wide * narrow + 9 * wide ** 2, "the 3 × 3 convolution works on the narrow channels."),
        (9 * (2 * wide * narrow + narrow ** 2), "only the middle convolution has kernels of 3 × 3."),
        (2 * wide * narrow + 3 * narrow ** 2, "a kernel of 3 × 3 has nine weights for each pair of channels."),
    ):
        if found == value:
            raise Wrong(f"the bottleneck: {why}")
    if found != true:
        raise Wrong(f"the bottleneck: {found:,} is too {'many' if found > true else 'few'}. Count the three "
                    "convolutions one by one.")
    found, plain = whole(plain_weights, "the number of the two convolutions' weights"), 2 * 9 * wide ** 2
    for value, why in ((plain // 2, "there are two of them."), (plain + 2 * wide, "leave the biases out."),
                       (2 * 9 * narrow ** 2, "they keep 256 channels."),
                       (2 * wide ** 2, "a kernel of 3 × 3 has nine weights for each pair of channels.")):
        if found == value:
            raise Wrong(f"two of 3 × 3: {why}")
    if found != plain:
        raise Wrong(f"two of 3 × 3: {found:,} is too {'many' if found > plain else 'few'}.")
    return f"{plain / true:.0f} times fewer."


@check
def divided(macs: object, times_fewer: object) -> None:
    """Exercise 3: conv3 as a depthwise convolution and one of 1 × 1."""
    positions, channels, filters, kernel = 169, 256, 384, 9
    depth, point = positions * kernel * channels, positions * channels * filters
    full, found = positions * kernel * channels * filters, whole(macs, "the number of MACs")
    for value, why in (
        (full, "that is the whole convolution."),
        (depth, "the 1 × 1 convolution is missing."),
        (point, "the depthwise convolution is missing."),
        ((depth + point) // positions, "that is for one position; there are 13 × 13."),
        (positions * kernel * filters + point, "the depthwise convolution comes first: it has a kernel for each of the "
                                               "channels that come in."),
        (2 * (depth + point), "that counts multiplications and additions; a MAC is both."),
    ):
        if found == value:
            raise Wrong(why)
    if found != depth + point:
        raise Wrong(f"{found:,} MACs are too {'many' if found > depth + point else 'few'}. How many does each of the "
                    "two need at one position?")
    ratio = number(times_fewer, "the ratio")
    if close(ratio, (depth + point) / full, rtol=0.01):
        raise Wrong("the ratio is asked the other way round: how many times fewer?")
    if abs(ratio - full / (depth + point)) > 0.06:
        raise Wrong(f"the MACs are right, but they are not {ratio:g} times fewer than the whole convolution's.")


@check
def budget(kwh: object, seeds: object) -> None:
    """Exercise 4: the energy of 30 trainings, and how many fit into 100 kWh."""
    conditions, each, watts, hours = 6, 5, 70, 51
    one = watts * hours / 1000
    found, true = number(kwh, "the energy"), conditions * each * one
    for value, why in (
        (1000 * true, "that is in watt hours; a kWh is 1,000 of them."),
        (one, "that is one training; there are six conditions with five seeds each."),
        (each * one, "that is one condition; there are six."),
        (conditions * one, "that is one seed; there are five."),
        (watts * hours * 3600 * conditions * each / 1e6, "that is in megajoules; a kWh is 3.6 of them."),
    ):
        if close(found, value, rtol=0.005):
            raise Wrong(why)
    if not close(found, true, rtol=0.005):
        raise Wrong(f"{found:g} kWh are too {'many' if found > true else 'few'}. Watts times hours, for how many "
                    "trainings?")
    count, most = whole(seeds, "the number of seeds"), int(100 // (conditions * one))
    if count == int(100 // one):
        raise Wrong("so many trainings fit; all six conditions need one for each seed.")
    if count != most:
        raise Wrong(f"with {count} seeds for each condition the card takes {count * conditions * one:.1f} kWh"
                    + (", which is more than 100." if count > most else "; one more seed still fits."))


def _planted(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The book's digits with wrong labels in known places: images, labels, which are wrong."""
    both = [datasets.load("digits", split) for split in ("train", "test")]
    images = np.concatenate([part.images for part in both])
    labels = np.concatenate([part.labels for part in both]).astype(int)
    draw = np.random.default_rng(seed)
    wrong = np.sort(draw.choice(len(labels), PLANTED, replace=False))
    labels[wrong] = (labels[wrong] + draw.integers(1, 10, PLANTED)) % 10
    return images, labels, wrong


@check
def audit(suspicious: object) -> str:
    """Exercise 5: a function that finds planted wrong labels."""
    images, labels, wrong = _planted(19)
    found = array(result(suspicious, images.copy(), labels.copy(), of="1,797 digits"), None, "what your function gives")
    if found.ndim != 1:
        raise Wrong(f"your function gives an array of shape {found.shape}, but a row of indices is asked for.")
    if found.shape == labels.shape and set(np.unique(found)) <= {0, 1}:
        raise Wrong("your function gives yes or no for each image; the indices are asked for, as np.flatnonzero gives "
                    "them.")
    if len(found) and (np.any(found != np.round(found)) or found.min() < 0 or found.max() >= len(labels)):
        raise Wrong(f"indices are whole numbers from 0 to {len(labels) - 1}.")
    named = set(found.astype(int).tolist())
    if len(named) > NAMED:
        raise Wrong(f"your function names {len(named)} labels; {NAMED} are allowed. A person has to look at each of "
                    "them.")
    hit = len(named & set(wrong.tolist()))
    if hit < FOUND:
        raise Wrong(f"your function names {len(named)} labels, among them {hit} of the {PLANTED} wrong ones; "
                    f"{FOUND} must be found.")
    return f"{hit} of {PLANTED} found, with {len(named) - hit} others."
