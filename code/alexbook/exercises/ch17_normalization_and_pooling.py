"""The checks of chapter 17, "Normalization and pooling"."""

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.checking import Wrong, array, check, close, number, result, shown, whole
from alexbook.layers import Conv

RAN = 1e-4 / 5  # alpha as the program of 2012 computed with it
EPSILON = 1e-5


def _lrn(a: np.ndarray, alpha: float) -> np.ndarray:
    """The paper's formula for maps (maps, height, width), where PyTorch divides alpha by 5."""
    layer = nn.LocalResponseNorm(5, alpha=5 * alpha, beta=0.75, k=2.0)
    return layer(torch.from_numpy(a)[None])[0].numpy()


@check
def at_the_edge(answer: object) -> None:
    """Exercise 1: LRN's response of the first map where all respond with 200."""
    found, each = number(answer), 200.0
    true = _lrn(np.full((7, 1, 1), each), 1e-4)[0, 0, 0]
    if abs(found - true) <= 0.005:
        return

    def divided(terms: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> float:
        return each / (k + alpha * terms * each ** 2) ** beta

    wrong = (
        (divided(5), "that is a map in the middle; at the edge some neighbors do not exist."),
        (divided(4), "that is a map with four terms in its sum. Which maps does the first one have beside it?"),
        (divided(2), "the map itself is in the sum, too."),
        (divided(1), "that is the map alone; it has neighbors on one side."),
        (divided(3, RAN), "that is the formula that ran; here alpha is not divided by 5."),
        (divided(3, beta=1), "the sum is raised to the power of 0.75 before it divides."),
        (divided(3, k=0), "k is missing in the sum."),
        (divided(3, k=1), "the paper's k is not 1."),
        (each / divided(3), "that is what the response is divided by."),
        (each / (2 + 1e-4 * 3 * each) ** 0.75, "the responses in the sum are squared."),
        (each / (2 + 1e-4 * (3 * each) ** 2) ** 0.75, "the responses are squared one by one, then added."),
    )
    for value, why in wrong:
        if abs(found - value) <= 0.005:
            raise Wrong(why)
    raise Wrong(f"{found:g} is too {'large' if found > true else 'small'}. Which maps are in the sum of the first one?")


@check
def lrn_today(alpha: object) -> None:
    """Exercise 2: the alpha that makes LRN of small responses what it was in 2012, but for a constant."""
    found = float(number(alpha, "alpha"))
    if not 0 < found < 2:
        raise Wrong("alpha is a number between 0 and 2.")
    a = np.random.default_rng(5).uniform(0, 600, (12, 5, 5))
    ratio = _lrn(a, RAN) / _lrn(a / 60, found)
    if np.ptp(ratio) < 1e-6 * ratio.max():
        return
    wrong = (
        (RAN, "the same alpha does much less here: its squares are smaller than they were."),
        (RAN * 60, "the sum is of squares, and they shrink by more than the responses."),
        (RAN / 3600, "in the other direction: the squares are smaller, so alpha has to be larger."),
        (RAN / 60, "in the other direction: the squares are smaller, so alpha has to be larger."),
        (RAN * 3600 * 5, "that is the setting for a library that divides it by 5; the formula's own is asked for."),
    )
    for value, why in wrong:
        if close(found, value, rtol=1e-3, atol=0):
            raise Wrong(why)
    raise Wrong(f"with {found:g} the two differ by a factor that goes from {ratio.min():.3g} to {ratio.max():.3g} "
                "from place to place; it should be the same everywhere.")


@check
def shift_both(three: object, two: object) -> None:
    """Exercise 3: the shares of pooled values that stay when noise moves by a pixel down and to the right."""
    found = {3: number(three, "the share for 3 x 3"), 2: number(two, "the share for 2 x 2")}

    def stays(kernel: int, down: int = 1) -> float:
        window = {(y, x) for y in range(kernel) for x in range(kernel)}
        moved = {(y + down, x + 1) for y, x in window}
        return len(window & moved) / len(window | moved)

    if all(abs(found[kernel] - stays(kernel)) <= 0.005 for kernel in found):
        return
    if abs(found[3] - stays(2)) <= 0.005 and abs(found[2] - stays(3)) <= 0.005:
        raise Wrong("the two shares are exchanged: which window keeps more of its pixels?")
    for kernel, share in found.items():
        said = f"{kernel} x {kernel}:"
        if abs(share - stays(kernel)) <= 0.005:
            continue
        if not 0 <= share <= 1:
            raise Wrong(f"{said} a share lies between 0 and 1.")
        wrong = (
            (stays(kernel, down=0), "that is for a shift to the right only."),
            ((kernel - 1) ** 2 / kernel ** 2, "that is the part of one window's pixels that the other sees, too; the "
                                              "largest may also lie among the pixels that only the other one sees."),
            (stays(kernel, down=0) ** 2, "the two shifts are not independent: count pixels once for both."),
            ((kernel - 1) ** 2 / (2 * kernel ** 2), "pixels that both windows see are counted twice below the line."),
            (1 - stays(kernel), "that is the share that changes."),
        )
        for value, why in wrong:
            if abs(share - value) <= 0.005:
                raise Wrong(f"{said} {why}")
        raise Wrong(f"{said} {share:.3g} is too {'large' if share > stays(kernel) else 'small'}. Which pixels do both "
                    "windows see, and which does at least one of them see?")


def _normalized(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, factor: np.ndarray,
                shift: np.ndarray) -> np.ndarray:
    """Batch normalization in inference, as PyTorch does it."""
    values, *figures = map(torch.from_numpy, (x, mean, variance, factor, shift))
    return F.batch_norm(values, figures[0], figures[1], figures[2], figures[3], eps=EPSILON).numpy()


@check
def fold(function: object) -> str:
    """Exercise 4: a function that merges batch normalization into the convolution before it, on random ones."""
    draw = np.random.default_rng(6)
    for filters, maps, height, width in ((4, 3, 3, 3), (3, 3, 1, 1), (5, 2, 5, 3), (1, 4, 3, 3)):
        weight = draw.normal(size=(filters, maps, height, width))
        mean, shift = draw.normal(size=(2, filters))
        variance, factor = draw.uniform(0.5, 2, (2, filters))
        factor = factor * np.where(draw.random(filters) < 0.3, -1, 1)
        of = f"{filters} filters of {maps} x {height} x {width}"
        found = result(function, weight, mean, variance, factor, shift, of=of)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise Wrong("your function gives two arrays, the new weight and the bias.")
        new = array(found[0], weight.shape, f"for {of} the new weight")
        bias = array(found[1], (filters,), f"for {of} the bias")
        x = draw.normal(size=(2, maps, 7, 7))
        true = _normalized(_conv(x, weight), mean, variance, factor, shift)
        if not close(_conv(x, new) + bias[:, None, None], true, rtol=1e-7, atol=1e-9):
            _say_what_is_not_folded(of, new, bias, weight, mean, variance, factor, shift)
    return "After a convolution, in inference, batch normalization costs nothing."


def _conv(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return F.conv2d(torch.from_numpy(x), torch.from_numpy(weight)).numpy()


def _say_what_is_not_folded(of: str, new: np.ndarray, bias: np.ndarray, weight: np.ndarray, mean: np.ndarray,
                            variance: np.ndarray, factor: np.ndarray, shift: np.ndarray) -> None:
    """Raises Wrong for a weight, or a bias behind the right weight, that does not do what it should."""
    def scaled(by: np.ndarray) -> bool:
        return close(new, weight * by[:, None, None, None], rtol=1e-7)

    scale = factor / np.sqrt(variance + EPSILON)
    if not scaled(scale):
        for other, why in (
            (np.ones_like(scale), "is still the old one"),
            (factor, "is not divided by the standard deviation"),
            (1 / np.sqrt(variance + EPSILON), "lacks the factor"),
            (factor / (variance + EPSILON), "is divided by the variance, and not by its root"),
            (factor / variance, "is divided by the variance, and not by its root"),
            (factor / np.sqrt(variance), "is nearly right: epsilon is missing"),
            (factor / (np.sqrt(variance) + EPSILON), "is nearly right: epsilon belongs under the root"),
            (factor * np.sqrt(variance + EPSILON), "is multiplied by the standard deviation, and not divided"),
        ):
            if scaled(other):
                raise Wrong(f"for {of} the new weight {why}.")
        raise Wrong(f"for {of} the new weight is not right. What is each map multiplied by, and which axis of weight "
                    "counts the maps that come out?")
    for other, why in (
        (shift, "lacks what the mean contributes"),
        (-scale * mean, "lacks the shift"),
        (shift - mean, "takes the mean off as it is, but the map has been scaled by then"),
        (shift + scale * mean, "adds the mean; it is taken off"),
        (scale * (shift - mean), "scales the shift, which comes after the scaling"),
    ):
        if close(bias, other, rtol=1e-7):
            raise Wrong(f"for {of} the weight is right; the bias {why}.")
    raise Wrong(f"for {of} the weight is right, the bias is not: what comes out where the convolution gives 0?")


@check
def four_towers(parameters: object) -> None:
    """Exercise 5: AlexNet's parameters with four groups in the layers that have two."""
    found, ran = whole(parameters, "the number of parameters"), networks.get("alexnet_2012")
    grouped = tuple(layer.name for layer in ran.layers if isinstance(layer, Conv) and layer.groups > 1)

    def counted(groups: int, names: tuple[str, ...] = grouped) -> int:
        layers = tuple(replace(layer, groups=groups) if isinstance(layer, Conv) and layer.name in names else layer
                       for layer in ran.layers)
        return trace(replace(ran, layers=layers)).parameters

    true = counted(4)
    if found == true:
        return
    wrong = {
        counted(2): "that is the network as it is, with two.",
        counted(1): "that is one tower; more groups make fewer weights.",
        counted(2) - true: "that is what the step from two to four saves; how many are left?",
        2 * counted(2) - counted(1): "the second halving does not save as much as the first: there is less to halve.",
        counted(2) + counted(2) - true: "more groups make fewer weights, not more.",
        counted(8): "that is eight groups.",
        counted(4, (*grouped, "conv3")): "conv3 sees all maps and stays as it is.",
    }
    wrong |= {counted(4, tuple(other for other in grouped if other != name)): f"{name} is not changed yet."
              for name in grouped}
    biases = sum(layer.filters for layer in ran.layers if isinstance(layer, Conv) and layer.name in grouped)
    wrong[true - biases // 2] = "a filter has one bias, whatever the groups."
    raise Wrong(wrong.get(found, f"{shown(found, 20)} is too {'many' if found > true else 'few'}. What share of its "
                                 "weights does a convolution with twice as many groups keep?"))


@check
def how_many_images(count: object) -> None:
    """Exercise 6: the test images that it takes to see one point of difference."""
    found, p, gap = number(count, "the number of images"), 0.405, 0.01
    variance = p * (1 - p)
    true = 2 * variance * (2 / gap) ** 2
    if abs(found - true) <= 0.05 * true:
        return
    wrong = (
        (true / 2, "that makes the difference twice the standard error of *one* error; a difference has two."),
        (true / 4, "so many make the difference as large as its standard error once; twice is asked for."),
        (true / 8, "that is once the standard error of *one* error; twice that of a difference is asked for."),
        (2 * true, "both networks can be tested on so many; each needs no more than half of yours."),
        (true * 1e-4, "a point is 0.01 where p is a share of 1."),
        (true / variance, "p (1 - p) is missing."),
        (true / (1 - p), "that is p instead of p (1 - p)."),
        (np.sqrt(true), "that is the root of it."),
    )
    for value, why in wrong:
        if abs(found - value) <= 0.02 * value:
            raise Wrong(why)
    if not 0 < found < 1e9:
        raise Wrong("that is no number of test images.")
    raise Wrong(f"with {shown(found, 20)} images a difference has a standard error of "
                f"{100 * np.sqrt(2 * variance / found):.2g} points, and the difference is one point: "
                + ("so many are not needed." if found > true else "so many are too few."))


@check
def own_batch_norm(kind: object) -> str:
    """Exercise 7: batch normalization as a module, in training and in inference, beside PyTorch's own."""
    if not isinstance(kind, type) or not issubclass(kind, nn.Module):
        raise Wrong("the answer is a class made from nn.Module, and not an instance of it or something else.")
    if issubclass(kind, nn.modules.batchnorm._NormBase):
        raise Wrong("that is PyTorch's own with another name.")
    for maps, batches in ((4, 3), (2, 5)):
        _beside_pytorchs(kind, maps, batches)
    return "In training, in inference, and in between."


def _batches(maps: int, count: int) -> Iterator[torch.Tensor]:
    draw = torch.Generator().manual_seed(maps)
    for _ in range(count):
        yield 3 * torch.randn(6, maps, 5, 3, generator=draw, dtype=torch.float64) + 2


def _beside_pytorchs(kind: type, maps: int, batches: int) -> None:
    """Raises Wrong where the reader's layer does something else than ``nn.BatchNorm2d``."""
    mine, theirs = result(lambda: kind(maps), of=f"{maps} maps"), nn.BatchNorm2d(maps)
    shapes = sorted(tuple(value.shape) for value in mine.parameters())
    if sum(value.numel() for value in mine.parameters()) != 2 * maps:
        raise Wrong(f"for {maps} maps your layer has parameters of the shapes {shapes}: one factor and one shift for "
                    "each map are learned, and they must be nn.Parameter.")
    if sum(value.numel() for value in mine.buffers() if value.is_floating_point()) != 2 * maps:
        raise Wrong("the two running averages of each map are not among the layer's buffers, so they would not be "
                    "saved with it: see register_buffer.")
    for layer in (mine, theirs):
        layer.double().train()
    for number_, x in enumerate(_batches(maps, batches), 1):
        found, true = _passed(mine, x), array(theirs(x))
        if not close(found, true, rtol=1e-6, atol=1e-8):
            _say_what_is_not_normalized(number_, x, found)
    _back(mine, theirs, next(_batches(maps, 1)))
    for layer in (mine, theirs):
        layer.eval()
    for x in _batches(maps + 10, 1):
        x = x[:, :1].expand(-1, maps, -1, -1).contiguous()
        kept = {name: value.clone() for name, value in mine.named_buffers()}
        found, true = _passed(mine, x), array(theirs(x))
        if any(not torch.equal(value, kept[name]) for name, value in mine.named_buffers()):
            raise Wrong("in inference the running averages go on changing.")
        if not close(found, true, rtol=1e-6, atol=1e-8):
            _say_what_is_not_kept(mine, batches, x, found, theirs)
    with torch.no_grad():
        for value in mine.parameters():
            value.mul_(0).add_(3)
        theirs.weight.fill_(3)
        theirs.bias.fill_(3)
    if not close(_passed(mine, x), array(theirs(x)), rtol=1e-6, atol=1e-8):
        raise Wrong("with a factor and a shift of 3 your layer gives something else than 3 times the normalized maps "
                    "and 3 more: are both used?")


def _passed(layer: nn.Module, x: torch.Tensor) -> np.ndarray:
    return array(result(layer, x, of=f"maps of the shape {tuple(x.shape)}"), tuple(x.shape), "what your layer gives")


def _back(mine: nn.Module, theirs: nn.BatchNorm2d, x: torch.Tensor) -> None:
    """Raises Wrong where the gradient by the maps is another one; copies, as this batch is not one of the training."""
    found = []
    for layer in (copy.deepcopy(mine), copy.deepcopy(theirs)):
        leaf = x.clone().requires_grad_()
        (layer(leaf) ** 3).sum().backward()
        if leaf.grad is None:
            raise Wrong("in training no gradient comes back through your layer.")
        found.append(array(leaf.grad))
    if not close(found[0], found[1], rtol=1e-5, atol=1e-6):
        raise Wrong("in training the values are right, but the gradient is not: a pixel moves the mean and the "
                    "variance of its batch as well.")


def _say_what_is_not_normalized(batch: int, x: torch.Tensor, found: np.ndarray) -> None:
    """Raises Wrong for a batch that does not come out of training as it should."""
    def each(axes: tuple[int, ...], correction: int = 0) -> np.ndarray:
        mean, variance = x.mean(axes, keepdim=True), x.var(axes, correction=correction, keepdim=True)
        return array((x - mean) / torch.sqrt(variance + EPSILON))

    if batch > 1:
        raise Wrong(f"in training batch number {batch} comes out wrong, the first one right: does your layer use the "
                    "running averages before it should?")
    mean, deviation = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), correction=0, keepdim=True)
    for other, why in (
        (array(x), "as it came: at the start factors are 1, shifts 0, and maps normalized"),
        (each((0, 2, 3), 1), "divided by the variance over n - 1; that one is for the running average"),
        (each((2, 3)), "normalized image by image, and not over the batch"),
        (each((0,)), "normalized place by place, and not over all places"),
        (each((1,)), "normalized over the maps, and not map by map"),
        (each((1, 2, 3)), "normalized over the maps, and not map by map"),
        (each((0, 1, 2, 3)), "normalized over all maps together, and not map by map"),
        (array(x - mean), "centered, but not divided by its standard deviation"),
        (array((x - mean) / (deviation ** 2 + EPSILON)), "divided by the variance, and not by its root"),
        (array(x / torch.sqrt(deviation ** 2 + EPSILON)), "divided, but not centered"),
    ):
        if close(found, other, rtol=1e-6, atol=1e-8):
            raise Wrong(f"in training a batch comes out {why}.")
    if abs(found.mean()) < 1e-6 and abs(found.std() - 1) < 1e-3:
        raise Wrong("in training a batch comes out nearly right: is epsilon 1e-5, and under the root?")
    raise Wrong(f"in training a batch comes out with mean {found.mean():.3g} and standard deviation {found.std():.3g}, "
                "which is not what the formula gives at first.")


def _say_what_is_not_kept(mine: nn.Module, batches: int, x: torch.Tensor, found: np.ndarray,
                          theirs: nn.BatchNorm2d) -> None:
    """Raises Wrong for a batch that does not come out in inference as it should."""
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    if close(found, array(F.batch_norm(x, mean, variance, eps=EPSILON)), rtol=1e-6, atol=1e-8):
        raise Wrong("in inference your layer still takes mean and variance of the batch.")
    if close(found, array(x / np.sqrt(1 + EPSILON)), rtol=1e-6, atol=1e-8) or close(found, array(x), rtol=1e-6):
        raise Wrong("after training the running averages are still 0 and 1.")
    maps = theirs.num_features
    kept = [array(value) for value in mine.buffers() if value.is_floating_point() and value.numel() == maps]
    if not any(close(value.reshape(-1), theirs.running_mean, rtol=1e-6) for value in kept):
        for momentum, why in ((0.9, "goes nine tenths of the way with each batch, and should go one tenth"),
                              (1.0, "is the last batch's alone"), (None, "is the mean of all batches alike")):
            other = nn.BatchNorm2d(maps, momentum=momentum).double()
            for batch in _batches(maps, batches):
                other(batch)
            if any(close(value.reshape(-1), other.running_mean, rtol=1e-6) for value in kept):
                raise Wrong(f"the running mean {why}.")
        raise Wrong("the running mean is not what PyTorch's is after the same batches.")
    running = torch.ones(maps, dtype=torch.float64)
    for batch in _batches(maps, batches):
        running = 0.9 * running + 0.1 * batch.var((0, 2, 3), correction=0)
    if any(close(value.reshape(-1), running, rtol=1e-6) for value in kept):
        raise Wrong("the running mean is right; the running variance divides by n, where n - 1 is asked for.")
    if not any(close(value.reshape(-1), theirs.running_var, rtol=1e-6) for value in kept):
        raise Wrong("the running mean is right, the running variance is not. Where does it start?")
    raise Wrong("both running averages are right, but in inference they are not applied as the batch's were.")
