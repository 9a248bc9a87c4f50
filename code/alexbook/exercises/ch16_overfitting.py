"""The checks of chapter 16, "Overfitting"."""

import math
from itertools import product

import numpy as np
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from alexbook import intervals
from alexbook.checking import Wrong, array, callable_, check, close, number, result, shown, whole, word

SIDE, WINDOW = 40, 32  # of a stored image and of what the network sees, in the recorded runs
EPOCHS = 25
STEPS, RATE, DECAY = 79, 0.03, 0.0005  # of the training in exercise 5: steps in an epoch, first learning rate
TRUE = frozenset("ad")  # of the five tasks: those that a mirror does not change
TASKS = {"b": "does the mirror image of every letter mean the same letter?",
         "c": "what does the arrow do in the mirror?",
         "e": "on which side are the buttons in the mirror?"}


def _views(side: int, window: int) -> int:
    """How many windows, mirrored or not, an image has: counted one by one."""
    return sum(max(top, left) + window <= side for top, left, _ in product(range(side), range(side), "01"))


@check
def views(count: object) -> None:
    """Exercise 1: the views of an image of 40 x 40 through windows of 32 x 32, mirrored or not."""
    found, true = whole(count, "the number of views"), _views(SIDE, WINDOW)
    if found == true:
        return
    spare = SIDE - WINDOW
    wrong = {
        2 * spare ** 2: "that is how the paper counts; with so many pixels to spare there is one place more.",
        spare ** 2: "a window that has pixels to spare can also stay where it is; and half of the views are mirrored.",
        true // 2: "each of these windows also comes mirrored.",
        2 * (spare + 1): "a window moves down as well as across.",
        spare + 1: "a window moves down as well as across, and each also comes mirrored.",
        2 * true: "the image is mirrored left and right only.",
        _views(256, 224): "that is for AlexNet's images; those of the recorded runs are smaller.",
    }
    raise Wrong(wrong.get(found, f"{shown(found, 20)} is too {'many' if found > true else 'few'}. In how many places "
                                 "can a window start, down and across?"))


@check
def true_statements(tasks: object) -> None:
    """Exercise 2: the tasks whose classes a mirror does not change."""
    if not isinstance(tasks, (set, frozenset, list, tuple, str)) or not len(tasks):
        raise Wrong(f"the answer is a set of letters, and {shown(tasks)} is not.")
    letters = {word(task, "abcde", "each task") for task in (
        tasks.replace(",", " ").replace(" ", "") if isinstance(tasks, str) else tasks)}
    for letter in sorted(letters - TRUE):
        raise Wrong(f'"{letter}" is not among them: {TASKS[letter]}')
    if letters != TRUE:
        raise Wrong("what you name belongs there, but it is not all.")


@check
def another_share(at_test: object, in_training: object) -> None:
    """Exercise 3: what both forms of dropout multiply by where a fifth is dropped."""
    use, training = number(at_test, "at_test"), number(in_training, "in_training")
    survivors = nn.Dropout(0.2)(torch.ones(100)).max().item()
    if close(use, 1 / survivors, rtol=1e-3) and close(training, survivors, rtol=1e-3):
        return
    if close(use, survivors, rtol=1e-3) and close(training, 1 / survivors, rtol=1e-3):
        raise Wrong("the right numbers, exchanged: which form makes outputs smaller, and which makes them larger?")
    if not close(use, 1 / survivors, rtol=1e-3):
        if close(use, 0.2):
            raise Wrong("at_test: that is the share that is dropped, and the outputs stand for those that are there.")
        if close(use, 0.5):
            raise Wrong("at_test: one half is for a layer that drops half of its outputs.")
        if close(use, 1):
            raise Wrong("at_test: the form of 2012 does something at test time; today's form does not.")
        raise Wrong(f"at_test: {use:g} is too {'large' if use > 1 / survivors else 'small'}. What share of the outputs "
                    "has the next layer seen in training?")
    why = {1.2: " The survivors make up for a fifth of all outputs, and there are fewer of them.",
           5.0: " That would be right if four fifths were dropped.", 2.0: " That is for a layer that drops half."}
    raise Wrong(f"at_test is right; in_training: {training:g} is too {'large' if training > survivors else 'small'}."
                + why.get(round(training, 6), " What brings the mean back to where it was?"))


@check
def views_in_epochs(different: object) -> None:
    """Exercise 4: how many different views an image shows in 25 epochs, on average."""
    found, all_views = number(different, "the number of views"), _views(SIDE, WINDOW)

    def seen(count: int, showings: int = EPOCHS) -> float:
        return count * (1 - (1 - 1 / count) ** showings)

    true = seen(all_views)
    if abs(found - true) <= 0.06:
        return
    if not 1 <= found <= EPOCHS:
        raise Wrong(f"in {EPOCHS} epochs it is at least one and at most {EPOCHS}.")
    wrong = (
        (EPOCHS, "so many only if no view ever comes twice."),
        (seen(2 * (SIDE - WINDOW) ** 2), "that is for the paper's count of the views; exercise 1 has another."),
        (seen(all_views // 2), "that is for the places alone; mirrored views are different ones."),
        (EPOCHS * (1 - EPOCHS / all_views), "a showing repeats one of the showings before it, not one of all."),
        (EPOCHS * (1 - 1 / all_views), "the later showings have more earlier ones that they can repeat."),
        (seen(all_views, EPOCHS - 1), "that is for one epoch fewer."),
    )
    for value, why in wrong:
        if abs(found - value) <= 0.02:
            raise Wrong(why)
    raise Wrong(f"{found:g} is too {'many' if found > true else 'few'}. How likely is a view to be missed "
                f"{EPOCHS} times?")


@check
def decay_here(left: object) -> None:
    """Exercise 5: what weight decay leaves of a weight in the recorded runs."""
    found = number(left, "what is left")
    steps = EPOCHS * STEPS

    def after(steps_: int = steps, momentum: float = 0.9, bend: bool = True) -> float:
        w, v = 1.0, 0.0
        for step in range(steps_):
            rate = RATE * ((1 + math.cos(math.pi * step / steps)) / 2 if bend else 1)
            v = momentum * v - DECAY * rate * w
            w += v
        return w

    true = after()
    if abs(found - true) <= 0.006:
        return
    if not 0 <= found <= 1:
        raise Wrong("a share lies between 0 and 1." + (" Percent?" if abs(found - 100 * true) < 1 else ""))
    wrong = (
        (1 - true, "that is what is gone; what is left?"),
        (after(momentum=0.0), "without momentum so much would be left; with it each step counts about ten times."),
        (after(bend=False), "the rate is 0.03 at the start only."),
        (after(STEPS), "that is after one epoch."),
        (after(bend=False, momentum=0), "the momentum makes each step count about ten times."),
    )
    for value, why in wrong:
        if abs(found - value) <= 0.006:
            raise Wrong(why)
    raise Wrong(f"{found:g} is too {'much' if found > true else 'little'}. What does one step take away, and how many "
                "are there?")


@check
def same_network(rate_today: object) -> None:
    """Exercise 6: the rate with which today's form of dropout stays the network of 2012 over a step."""
    rate = float(number(rate_today, "the rate"))
    if not 0 < rate < 1:
        raise Wrong("a rate of this kind is a number between 0 and 1.")
    draw = torch.Generator().manual_seed(12)
    inputs = torch.randn(1, 64, generator=draw, dtype=torch.float64).relu()
    inputs *= torch.rand(1, 64, generator=draw) < 0.5
    start = 0.05 * torch.randn(64, 10, generator=draw, dtype=torch.float64)

    def moved(weights: torch.Tensor, seen: torch.Tensor, by: float) -> torch.Tensor:
        weights = weights.clone().requires_grad_()
        gradient, = torch.autograd.grad(F.cross_entropy(seen @ weights, torch.tensor([3])), weights)
        return -by * gradient

    needed = start + moved(start, inputs, 0.01)  # the network of 2012 after its step
    step = moved(start / 2, 2 * inputs, rate)
    after = start / 2 + step
    if torch.allclose(after, needed / 2, rtol=1e-6, atol=1e-12):
        return
    reached = float(step.norm() / (needed / 2 - start / 2).norm())
    why = ""
    if close(reached, 4, rtol=1e-3):
        why = " The same rate is not the same step: the inputs are twice as large, and the weights half as large."
    elif close(reached, 2, rtol=1e-3):
        why = " Two things change, the gradient and the distance; you have reckoned with one of them."
    elif close(reached, 8, rtol=1e-3) or close(reached, 16, rtol=1e-3):
        why = " In the other direction: today's gradient is the larger one, and today's way the shorter."
    raise Wrong(f"with a rate of {rate:g} today's weights go {reached:.3g} times as far as they should.{why}")


@check
def interval(function: object) -> str:
    """Exercise 7: the 95 % interval of a mean paired difference, on drawn errors of 2 to 12 seeds."""
    write, rng = callable_(function, "interval"), np.random.default_rng(16)
    for count in (3, 2, 6, 12):
        theirs = rng.uniform(0.3, 0.5, count)
        ours = theirs + rng.normal(0.02, 0.01, count)
        true = intervals.difference(ours.tolist(), theirs.tolist())
        said = f"interval, given {count} pairs,"
        found = array(result(write, ours.tolist(), theirs.tolist(), of=said), (2,), f"what {said} returns")
        if not np.isfinite(found).all():
            raise Wrong(f"{said} returns {found[0]:g} and {found[1]:g}.")
        if close(found, (true.low, true.high), rtol=1e-6):
            continue
        raise Wrong(f"{said} returns {found[0]:.4f} and {found[1]:.4f}. " + _interval_fault(found, ours, theirs, true))
    return "Paired, and with Student's t."


def _interval_fault(found: np.ndarray, ours: np.ndarray, theirs: np.ndarray, true: intervals.Interval) -> str:
    """What is wrong with an interval of ``ours - theirs``."""
    change, half = ours - theirs, (true.high - true.low) / 2
    count, middle, width = len(change), found.mean(), (found[1] - found[0]) / 2
    if width < 0:
        return "The lower end comes first."
    if not close(middle, true.mean, rtol=1e-6):
        return ("Its middle is that of the differences the other way round." if close(middle, -true.mean, rtol=1e-6)
                else "Its middle is not the mean of the differences.")
    t, apart = half / change.std(ddof=1) * math.sqrt(count), ours.var(ddof=1) + theirs.var(ddof=1)
    wrong = (
        (half * math.sqrt(count), "That is as wide as the differences spread; the mean of several varies less."),
        (half * math.sqrt((count - 1) / count), "The standard deviation is to be divided by one less than the number "
                                                "of pairs."),
        (half * 1.96 / t, "The factor 1.96 is for many pairs."),
        (half * float(stats.norm.ppf(0.975)) / t, "The factor of the normal distribution is for many pairs."),
        (half * float(stats.t.ppf(0.95, count - 1)) / t, "This leaves out 5 % on each side, 10 % in all."),
        (half * float(stats.t.ppf(0.975, count)) / t, "The degrees of freedom are one less than the number of pairs."),
        (half / t, "That is one standard error to either side."),
        (t * math.sqrt(apart / count), "The two conditions are taken as independent; subtract pair by pair first."),
    )
    for value, why in wrong:
        if close(width, value, rtol=1e-6):
            return why
    return f"Its middle is right, and it is too {'wide' if width > half else 'narrow'}."


@check
def dropout_2012(kind: object) -> str:
    """Exercise 8: dropout in the form of 2012 as a layer, on random outputs and shares."""
    if not isinstance(kind, type) or not issubclass(kind, nn.Module):
        raise Wrong("the answer is a class made from nn.Module, and not an instance of it or something else.")
    for seed, share in enumerate((0.5, 0.2, 0.8, 0.0)):
        state = torch.get_rng_state()
        try:
            torch.manual_seed(seed)
            _try_dropout(kind, share, torch.rand(400, 50) + 1)
        finally:
            torch.set_rng_state(state)
    return "In training, at test time, and on the way back."


def _try_dropout(kind: type, share: float, h: torch.Tensor) -> None:
    """Raises Wrong where the reader's layer is not dropout of 2012; ``h`` has no zeros."""
    said = f"a layer that drops a share of {share:g}"
    layer = result(lambda: kind(share), of=said)
    if list(layer.parameters()):
        raise Wrong("your layer has parameters; dropout has nothing to learn.")

    def passed(x: torch.Tensor) -> np.ndarray:
        return array(result(layer, x, of=said), tuple(h.shape), "what your layer gives")

    layer.eval()
    used, again, keep = passed(h), passed(h), 1 - share
    if (used == 0).any() or not close(used, again):
        raise Wrong(f"at test time, {said} still drops. Does it look at self.training?")
    if not close(used, keep * h, rtol=1e-5):
        factor = float(np.mean(used / h.numpy()))
        raise Wrong(f"at test time, {said} multiplies by {factor:.3g}." + (
            " In 2012 something had to be done at test time." if close(factor, 1, rtol=1e-4) else
            " That is the share that is dropped." if close(factor, share, rtol=1e-4) else ""))
    layer.train()
    first, second = passed(h), passed(h)
    kept = first != 0
    if not close(first[kept], h.numpy()[kept], rtol=1e-5):
        factor = float(np.mean(first[kept] / h.numpy()[kept]))
        raise Wrong(f"in training the survivors of {said} are multiplied by {factor:.3g}" + (
            ": that is today's form." if close(factor, 1 / keep, rtol=1e-3) else "; in 2012 they were left alone."))
    if share and (kept == kept[0]).all():
        raise Wrong(f"{said} drops the same outputs for all images of a batch.")
    if share and (kept == kept[:, :1]).all():
        raise Wrong(f"{said} drops all outputs of an image or none.")
    if abs(kept.mean() - keep) > 0.03:
        raise Wrong(f"in training {said} leaves {100 * kept.mean():.0f} % of the outputs.")
    if share and np.array_equal(first, second):
        raise Wrong(f"{said} drops the same outputs at each step.")
    leaf = h.clone().requires_grad_()
    output = layer(leaf)
    if not output.requires_grad:
        raise Wrong("no gradient comes back through your layer in training.")
    output.sum().backward()
    if not close(leaf.grad, (output != 0).double(), rtol=1e-5):
        raise Wrong("the gradient that comes back is not 1 where an output was kept and 0 where it was dropped.")
