"""The checks of chapter 1, "Seeing with a sliding window"."""

from collections import Counter
from collections.abc import Callable
from random import Random

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from alexbook import datasets
from alexbook.arithmetic import output_size, trace
from alexbook.checking import Wrong, array, check, close, result, whole, wholes
from alexbook.layers import Conv
from alexbook.networks import Network

LARGEST_DETECTOR = 5  # pixels on a side
STRONGEST, ZEROS_WANTED = 30, 24


@check
def predict(side: object) -> None:
    """Exercise 1: the side of the map after a padded convolution with stride and a max-pool."""
    found = whole(side, "the side")
    conv = output_size(64, 7, 2, 3)
    wrong = {
        conv: "that is the convolution's output; the pool still has to come.",
        output_size(conv, 3, 2, rounding="ceil"): "the pool's last window hangs over the end; here a window that does "
                                                  "not fit is dropped.",
        output_size(output_size(64, 7, 2), 3, 2): "it comes out smaller than it should: was the padding added, at both "
                                                  "ends?",
        output_size(output_size(64, 7, 1, 3), 3, 2): "the convolution has a stride too.",
        output_size(conv, 3): "the pool has a stride too.",
        output_size(conv, 3, 3): "the pool's windows overlap: its stride is not its kernel.",
    }
    true = output_size(conv, 3, 2)
    if found != true:
        raise Wrong(wrong.get(found, f"{found} is too {'large' if found > true else 'small'}. What side does the "
                                     "convolution hand on to the pool?"))


@check
def odd_zero(padding: object) -> str:
    """Exercise 2: zeros before and after 224 pixels, so that windows of 11 with stride 4 fit exactly 55 times."""
    before, after = wholes(padding, 2, "(before, after)")
    if min(before, after) < 0:
        raise Wrong("a padding takes no pixels away: neither number is below 0.")
    if before + after > 224:
        raise Wrong(f"{before} + {after} zeros are more than there are pixels.")
    outputs = output_size(224, 11, 4, (before, after))
    if outputs != 55:
        raise Wrong(f"with {before} + {after} zeros {outputs} windows fit, not 55.")
    left_over = (224 + before + after - 11) % 4
    if left_over:
        raise Wrong(f"55 windows fit, but after the last one {left_over} "
                    f"{'pixel is' if left_over == 1 else 'pixels are'} left over.")
    return "Their number is odd, so no padding that is equal at both ends does it."


# What a reader's formula may be instead of the right one, and what to look at then.
_FORMULAS: tuple[tuple[Callable[..., float], str], ...] = (
    (lambda n, k, s, p: (n + 2 * p - k) // s, "the first window is missing: the strides are counted, and one more "
                                              "window than strides fits."),
    (lambda n, k, s, p: (n + 2 * p - k) / s + 1, "that is not rounded: a window fits or it does not."),
    (lambda n, k, s, p: (n + p - k) // s + 1, "the padding is at both ends."),
    (lambda n, k, s, p: (n - k) // s + 1, "the padding is left out."),
    (lambda n, k, s, p: n + 2 * p - k + 1, "the stride is left out."),
    (lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1, "a last window hangs over the end; it does not count here."),
    (lambda n, k, s, p: (n + 2 * p - k + 1) // s, "the + 1 is not divided by the stride: it is the first window, "
                                                  "which comes before any stride."),
    (lambda n, k, s, p: (n + 2 * p) // s, "the kernel is left out: the last window starts before the end."),
)


@check
def windows(function: object) -> None:
    """Exercise 3: a function for the number of windows, on random inputs."""
    random = Random(11)
    cases = [(8, 3, 1, 0), (224, 11, 4, 0), (5, 5, 3, 0)]
    while len(cases) < 40:
        n, k, s, p = random.randint(1, 60), random.randint(1, 11), random.randint(1, 5), random.randint(0, 5)
        if n + 2 * p >= k:
            cases.append((n, k, s, p))
    answers = []
    for case in cases:
        said = "{} pixels, kernel {}, stride {} and padding {}".format(*case)
        answers.append((case, said, result(function, *case, of=said)))
    for case, said, answer in answers:
        n, k, s, p = case
        if close(answer, output_size(n, k, s, p)):
            continue
        for formula, sentence in _FORMULAS:
            if all(close(given, formula(*each)) for each, _, given in answers):
                raise Wrong(f"for {said} your function gives {float(array(answer, ())):g}: {sentence}")
        raise Wrong(f"for {said} your function gives {float(array(answer, ())):g}. Draw it as figures.windows does.")


@check
def small_or_large(kernel: object, saved: object) -> None:
    """Exercise 4: the one kernel that sees as far as two, and the parameters that the two save."""
    two = trace(Network("two", "two", "", (32, 32, 64), (Conv(64, 3), Conv(64, 3))))
    seen, _ = two.rows[-1].receptive_field or (0, 0)
    found = whole(kernel, "the kernel")
    if found != seen:
        why = {9: "that is the number of weights in one window, or the product of the two kernels.",
               6: "the two windows share a pixel: they are not laid end to end.",
               3: "that is what one of the two sees. The second looks at neighbors, and they see further."}
        raise Wrong(f"kernel {found}: " + why.get(found, "how many pixels does one output of the second layer see?"))
    one = trace(Network("one", "one", "", (32, 32, 64), (Conv(64, seen),)))
    given, true = whole(saved, "the number saved"), one.parameters - two.parameters
    if given == true:
        return
    if given == -true:
        raise Wrong("the sign: which of the two needs fewer?")
    if given == sum(row.weights for row in one) - sum(row.weights for row in two):
        raise Wrong("the kernel is right, but the biases are missing: two layers have more of them than one.")
    if given in (one.parameters, two.parameters):
        raise Wrong("the kernel is right, and that is the size of one of the two; the difference is asked for.")
    if given in (seen**2 - 2 * 9, (seen**2 - 2 * 9) * 64):
        raise Wrong("the kernel is right, but each of the 64 kernels has a slice for each of the 64 input channels.")
    raise Wrong("the kernel is right, the number saved is not: count the parameters of each with trace.")


def _convolve(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """x (H, W, C), weights (K, K, C, F); without padding, stride 1."""
    return np.einsum("ijcuv,uvcf->ijf", sliding_window_view(x, weights.shape[:2], axis=(0, 1)), weights)


def _in_groups(x: np.ndarray, weights: np.ndarray, groups: int) -> np.ndarray:
    """What PyTorch makes of it."""
    import torch

    found = torch.nn.functional.conv2d(torch.tensor(x.transpose(2, 0, 1)[None]),
                                       torch.tensor(weights.transpose(3, 2, 0, 1)), groups=groups)
    return found[0].numpy().transpose(1, 2, 0)


def _other_groupings(x: np.ndarray, weights: np.ndarray, groups: int) -> list[tuple[np.ndarray, str]]:
    """What mistakes give instead, each with what to look at."""
    maps, kernels = np.split(x, groups, axis=2), np.split(weights, groups, axis=3)
    halves = [_convolve(part, kernel) for part, kernel in zip(maps, kernels, strict=True)]
    first = [_convolve(maps[0], kernel) for kernel in kernels]
    back = [_convolve(part, kernel) for part, kernel in zip(maps[::-1], kernels, strict=True)]
    striped = [_convolve(x[..., start::groups], kernel) for start, kernel in enumerate(kernels)]
    return [
        (np.sum(halves, 0), "the groups are added up, where they lie side by side."),
        (np.concatenate(first, 2), "every group sees the first group of channels, where each has its own."),
        (np.concatenate(back, 2), "the groups of channels and of kernels are matched in the wrong order."),
        (np.concatenate(halves[::-1], 2), "the groups are put together in the wrong order."),
        (np.stack(halves, 3).reshape(halves[0].shape[:2] + (-1,)),
         "the groups' feature maps alternate, where one group's maps come before the next one's."),
        (np.concatenate(striped, 2), "a group is channels that lie side by side, not every second or third one."),
    ]


@check
def grouped(function: object) -> None:
    """Exercise 5: a convolution in groups by hand, held against PyTorch's."""
    rng = np.random.default_rng(3)
    for groups, maps, kernels, size in ((2, 4, 6, 3), (1, 3, 2, 3), (2, 6, 8, 1), (3, 6, 9, 2), (4, 8, 8, 5)):
        x = rng.normal(size=(9, 7, maps))
        weights = rng.normal(size=(size, size, maps // groups, kernels))
        said = f"{maps} channels, {kernels} kernels of {size}x{size} and {groups} group{'s' * (groups > 1)}"
        found = array(result(function, x, weights, groups, of=said), name="your function's result")
        true = _in_groups(x, weights, groups)
        if close(found, true):
            continue
        for other, sentence in _other_groupings(x, weights, groups):
            if close(found, other):
                raise Wrong(f"for {said}: {sentence}")
        if found.shape != true.shape:
            raise Wrong(f"for {said} your function returns the shape {found.shape}; {true.shape} is (rows, columns, "
                        "kernels).")
        right = [bool(np.allclose(found[..., n], true[..., n])) for n in range(kernels)]
        raise Wrong(f"for {said}, {sum(right)} of {kernels} feature maps agree with PyTorch's. Which channels does the "
                    f"kernel number {right.index(False)} see?")


@check
def detector(kernel: object) -> str:
    """Exercise 6: a kernel of at most 5 x 5 weights whose strongest answers on the test digits are zeros."""
    weights = array(kernel, name="the kernel")
    if weights.ndim != 2 or not weights.size or max(weights.shape) > LARGEST_DETECTOR:
        raise Wrong(f"the kernel has the shape {weights.shape}, but must be a table of at most {LARGEST_DETECTOR} x "
                    f"{LARGEST_DETECTOR} weights.")
    if not np.isfinite(weights).all():
        raise Wrong("one of the weights is not a finite number.")
    if np.ptp(weights) == 0:
        raise Wrong("all its weights are the same: it measures how much ink there is, and no shape.")
    test = datasets.load("digits", "test")
    answers = sliding_window_view(np.asarray(test.images, float), weights.shape, axis=(1, 2)) * weights
    strongest = np.argsort(-answers.sum(axis=(-1, -2)).max(axis=(1, 2)), kind="stable")[:STRONGEST]
    counts = Counter(test.labels[strongest].tolist())
    zeros = counts.pop(0, 0)
    others = ", ".join(f"{count} times a {digit}" for digit, count in counts.most_common(3))
    if zeros < ZEROS_WANTED:
        raise Wrong(f"{zeros} of its {STRONGEST} strongest answers on the test digits are to zeros; it also fires for "
                    f"{others}. What has a zero that they have not?")
    return f"{zeros} of {STRONGEST} are zeros" + (f"; it is fooled {others}." if others else ".")
