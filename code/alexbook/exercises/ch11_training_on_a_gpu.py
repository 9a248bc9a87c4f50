"""The checks of chapter 11, "Training on a GPU"."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from math import prod
from random import Random
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.checking import (
    Unanswered,
    Wrong,
    callable_,
    check,
    close,
    given,
    number,
    result,
    shown,
    whole,
    word,
)

IMAGES, EPOCHS, DAY = 1_200_000, 90, 86_400
PATIENCE = 3.0  # seconds that a reader's generator may keep the check waiting


@check
def one_day(rate: object) -> None:
    """Exercise 1: the images per second that finish the paper's training in a day."""
    found, true = number(rate, "the rate"), IMAGES * EPOCHS / DAY
    if abs(found - true) < 1:
        return
    wrong = (
        (true / EPOCHS, "that is for a single pass over the images."),
        (true / 5, "that is the rate of five days; one is asked for."),
        (true / 6, "that is the rate of six days; one is asked for."),
        (true * 60, "that is images per minute."),
        (true * 3600, "that is images per hour."),
        (true * DAY, "that is how many images are shown in all."),
        (1 / true, "that is seconds per image."),
        (true / 128, "that is batches per second."),
        (2 * true, "a day has 24 hours."),
    )
    for value, why in wrong:
        if abs(found - value) <= 0.01 * value:
            raise Wrong(why)
    if not found > 0:
        raise Wrong("a rate is above 0.")
    raise Wrong(f"at {found:,.0f} images per second it takes {IMAGES * EPOCHS / found / 3600:,.1f} hours.")


def _intensity(batch: int) -> float:
    """FLOP for each byte that fc6 moves forward, in float32."""
    row = trace(networks.get("alexnet_2012"))["fc6"]
    return 2 * row.macs * batch / (4 * (batch * (prod(row.input_shape) + row.activations) + row.parameters))


@check
def fc6_batch(batch: object) -> None:
    """Exercise 2: the batch from which on fc6 is not bound by memory, at a balance of 20."""
    found, balance = whole(batch, "the batch"), 20
    if not 1 <= found <= 100_000:
        raise Wrong(f"{shown(found, 20)} is no size of a batch.")
    if _intensity(found) >= balance > _intensity(found - 1):
        return
    if _intensity(found) < balance:
        near = _intensity(found + 1) >= balance
        raise Wrong(f"with {found} images fc6 does {_intensity(found):.2f} FLOP per byte, and the machine {balance}."
                    + (" Its weights are not all that it moves." if near else ""))
    raise Wrong(f"with {found} images fc6 does {_intensity(found):.1f} FLOP per byte: enough, and smaller batches do "
                "enough, too.")


@check
def right_scale(exponent: object) -> None:
    """Exercise 3: the least power of two that makes a gradient of 3e-9 a normal number of float16."""
    found, gradient = whole(exponent, "the exponent"), 3e-9
    normal = torch.finfo(torch.float16).smallest_normal
    true = next(power for power in itertools.count() if gradient * 2.0 ** power >= normal)
    if found == true:
        return
    if found == 2 ** true:
        raise Wrong("that is the factor; its exponent is asked for.")
    if found == -true:
        raise Wrong("the loss is multiplied, so the exponent is above 0.")
    if found > 100 or found < 0:
        raise Wrong(f"an exponent of {shown(found, 20)} leaves the range of all numbers that float16 has.")
    if found < true:
        gone = torch.tensor(gradient * 2.0 ** found).half().item() == 0
        raise Wrong(f"times 2 to the power of {found} the gradient " + (
            "is still 0 in float16." if gone else "is there, but below the normal numbers: it has lost digits."))
    raise Wrong(f"times 2 to the power of {found} the gradient is a normal number; so it is with a smaller power.")


@check
def fill(function: object) -> str:
    """Exercise 4: a function that gives the largest batch, on random memories."""
    random = Random(15)
    cases = [(3 * 10 ** 9, 60_965_224, 13_000_000), (10 ** 8, 60_965_224, 13_000_000),
             (12 * 1000 + 50 * 4, 1000, 100)]
    cases += [(random.randint(1, 32) * 10 ** 9, random.randint(1, 200) * 10 ** 6, 2 * random.randint(10 ** 5, 10 ** 7))
              for _ in range(8)]
    for memory, parameters, kept in cases:
        of = f"{memory:,} bytes, {parameters:,} parameters and {kept:,} bytes kept"
        found = whole(result(function, memory, parameters, kept, of=of), f"for {of} the batch")
        true = _largest(memory, 12 * parameters, kept / 2)
        if found == true:
            continue
        said = f"for {of} your function gives {shown(found, 20)}: "
        wrong = {
            _largest(memory, 12 * parameters, kept): "what is kept takes half as many bytes in bfloat16.",
            _largest(memory, 4 * parameters, kept / 2): "gradients and momentum take as much as the weights, each.",
            _largest(memory, 8 * parameters, kept / 2): "each parameter has three: weight, gradient and momentum.",
            _largest(memory, 6 * parameters, kept / 2): "weights, gradients and momentum stay float32.",
            _largest(memory, 8 * parameters, kept): "each parameter has three: weight, gradient and momentum.",
            _largest(memory, 0, kept / 2): "something is there before the first image.",
            _largest(memory, 3 * parameters, kept / 2): "a number of float32 has 4 bytes.",
            _largest(memory, 12 * parameters, kept / 4): "bfloat16 halves what is kept, once.",
            true + 1: "one image too many; the last one must fit wholly.",
        }
        if found < 0:
            raise Wrong(said + "where not one image fits, the batch is 0.")
        raise Wrong(said + wrong.get(found, "too many." if found > true else "too few."))
    return f"{len(cases)} cards are filled."


def _largest(memory: int, fixed: int, each: float) -> int:
    return max(0, int((memory - fixed) // each))


@check
def more_than_two(share: object, depends: object) -> None:
    """Exercise 5: the fully connected layers' share of what is exchanged, and whether it depends on n."""
    found, counted = number(share, "the share"), trace(networks.get("alexnet_2012"))
    dense = ("fc6", "fc7", "fc8")
    true = sum(counted[name].parameters for name in dense) / counted.parameters
    says = word(depends, ("yes", "no"), "the second answer")
    if abs(found - true) >= 0.002:
        wrong = (
            (1 - true, "that is the share of the convolutions."),
            (sum(counted[name].macs for name in dense) / counted.macs, "that is their share of the work; what is "
                                                                       "exchanged is a number for each parameter."),
            ((counted["fc6"].parameters + counted["fc7"].parameters) / counted.parameters,
             "fc8 is fully connected, too."),
            (counted["fc6"].parameters / counted.parameters, "that is fc6 alone."),
            (100 * true, "that is in percent; a share lies between 0 and 1."),
        )
        for value, why in wrong:
            if abs(found - value) <= 0.002 * max(value, 1):
                raise Wrong(why)
        if not 0 <= found <= 1:
            raise Wrong("a share lies between 0 and 1.")
        raise Wrong(f"{found:g} is too {'large' if found > true else 'small'}. Which layers have the parameters?")
    if says != "no":
        raise Wrong("the share is right. Write it down for 2 and for 8 GPUs: what of it changes?")


class _Gated:
    """A source of batches that says which were fetched, and waits at one of them until its gate is open."""

    def __init__(self, batches: list, closed: int | None = None) -> None:
        self.batches, self.closed = batches, closed
        self.fetched: list[int] = []
        self.gate = threading.Event()

    def __iter__(self) -> Iterator:
        for place, batch in enumerate(self.batches):
            if place == self.closed:
                self.gate.wait(2 * PATIENCE)
            self.fetched.append(place)
            if isinstance(batch, Exception):
                raise batch
            yield batch


def _in_time(work: Callable, why: str) -> Any:
    """What ``work()`` returns or raises; Wrong with this reason if it takes too long."""
    found: list = []

    def run() -> None:
        try:
            found.append((work(), None))
        except BaseException as error:
            found.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not found:
        raise Wrong(why)
    value, error = found[0]
    if error is not None:
        raise error
    return value


@check
def prefetch(function: object) -> str:
    """Exercise 6: a generator that fetches the next batch in a thread while the caller works."""
    generator = callable_(function, "prefetch")
    gated = _Gated(list(range(8)), closed=1)
    try:
        _try_order(generator)
        _try_overlap(generator, gated)
        _try_error(generator)
    finally:
        gated.gate.set()
    return "The same batches, fetched while the caller works."


def _opened(function: Callable, source: object) -> Iterator:
    found = given(_in_time(lambda: function(source), "your function does not come to an end."))
    if isinstance(found, (list, tuple, str, dict)):
        raise Wrong("your function gives all batches at once; a generator hands them over one by one.")
    try:
        return iter(found)
    except TypeError:
        raise Wrong(f"your function gives {shown(found)}, which is no row of batches.") from None


def _try_order(function: Callable) -> None:
    """The same batches in the same order, whatever they are, and an end."""
    rows: tuple[list, ...] = ([], ["one"], list(range(12)), [0, "", None, False, 3])
    for batches in rows:
        found = _in_time(lambda batches=batches: list(itertools.islice(_opened(function, iter(batches)), 50)),
                         "your generator does not come to an end.")
        if found == batches and all(type(one) is type(other) for one, other in zip(found, batches, strict=True)):
            continue
        said = f"of {len(batches)} batches your generator gives {len(found)}"
        if batches and batches[-1] == 3 and len(found) < len(batches):
            raise Wrong(f"{said}: one that is None or 0 is taken for the end.")
        if len(found) < len(batches):
            raise Wrong(f"{said}: the last are missing.")
        if len(found) > len(batches):
            raise Wrong(f"{said}: is the mark of the end handed over, too?")
        raise Wrong("the batches come in another order, or are other ones.")


def _try_overlap(function: Callable, gated: _Gated) -> None:
    """The next batch, and no more, is fetched while the caller does something else, so in another thread."""
    batches = _opened(function, gated)
    late = "your generator waits for the next batch before it hands over this one."
    if _in_time(lambda: next(batches), late) != 0:
        raise Wrong("the first batch that comes is not the first.")
    gated.gate.set()
    for place in range(1, 4):
        until = time.monotonic() + PATIENCE / 2
        while place not in gated.fetched and time.monotonic() < until:
            time.sleep(0.005)
        if place not in gated.fetched:
            raise Wrong("while the caller works, the next batch is not fetched.")
        time.sleep(0.05)
        if max(gated.fetched) > place + 1:
            raise Wrong("more is fetched than the next batch: with large batches that fills the memory.")
        if _in_time(lambda: next(batches), late) != place:
            raise Wrong("the batches come in another order.")
    _in_time(lambda: list(itertools.islice(batches, 50)), "your generator does not come to an end.")


def _try_error(function: Callable) -> None:
    """An error of the source reaches the caller, behind the batches before it."""
    lost = OSError("a file that cannot be read")
    got: list = []
    batches = _opened(function, _Gated([0, 1, lost, 3]))

    def rest() -> None:
        got.extend(itertools.islice(batches, 50))

    try:
        _in_time(rest, "where the source raises an error your generator does not come to an end.")
    except OSError as error:
        if error is not lost:
            raise Wrong("the error in the thread reaches the caller as another one.") from None
        if got != [0, 1]:
            raise Wrong("the batches before the one that fails are lost with it.") from None
        return
    except (Unanswered, Wrong):
        raise
    except Exception as error:
        raise Wrong(f"the error in the thread reaches the caller as {type(error).__name__}.") from None
    raise Wrong("the error in the thread is lost.")


@check
def in_parts(function: object) -> str:
    """Exercise 7: one training step on a batch that does not fit, in parts, beside the step with the whole batch."""
    step = callable_(function, "step_in_parts")
    for images, parts in ((12, 3), (12, 1), (10, 4), (7, 3)):
        _beside_the_whole(step, images, parts)
    return "Weights and momentum are the same as after one step with the whole batch."


def _small(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A model in double precision, and its optimizer."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    torch.set_rng_state(state)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def _beside_the_whole(function: Callable, images: int, parts: int) -> None:
    """Raises Wrong where two steps in parts do not end where two steps with whole batches do."""
    draw = torch.Generator().manual_seed(images)
    of = f"{images} images in {parts} parts"
    model, optimizer = _small(parts)
    other, theirs = _small(parts)
    seen: list[int] = []
    hook = model.register_forward_hook(lambda layer, inputs, output: seen.append(len(inputs[0])))
    steps: list[int] = []
    noted = optimizer.register_step_post_hook(lambda *_: steps.append(1))
    for turn in range(2):
        x = torch.randn(images, 6, generator=draw, dtype=torch.float64)
        y = torch.randint(0, 3, (images,), generator=draw)
        before = [value.detach().clone() for value in model.parameters()]
        seen.clear()
        steps.clear()
        try:
            function(model, optimizer, x.clone(), y.clone(), parts)
        except (Exception, SystemExit) as error:
            raise Wrong(f"for {of} your function ends in {type(error).__name__}: {shown(str(error), 100)}") from None
        if not seen and all(torch.equal(one, two) for one, two in zip(before, model.parameters(), strict=True)):
            raise Unanswered
        if max(seen, default=0) > -(-images // parts):
            raise Wrong(f"for {of} the model is shown {max(seen)} at once; that is more than a part.")
        if sum(seen) != images:
            raise Wrong(f"for {of} the model is shown {sum(seen)} images in all. Do the parts come out even?")
        if len(steps) != 1:
            raise Wrong(f"for {of} the optimizer makes {len(steps)} steps; one step for the whole batch is asked for.")
        theirs.zero_grad()
        F.cross_entropy(other(x), y).backward()
        gradients = [value.grad.clone() for value in other.parameters() if value.grad is not None]
        theirs.step()
        if not all(close(one, two, rtol=1e-7) for one, two in zip(model.parameters(), other.parameters(),
                                                                 strict=True)):
            _say_what_is_not_added(of, turn, images, parts, [value.grad for value in model.parameters()], gradients,
                                   _part_gradients(_small(parts)[0], before, x, y, seen))
    hook.remove()
    noted.remove()


def _part_gradients(model: nn.Module, weights: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor,
                    sizes: list[int]) -> list[torch.Tensor]:
    """The first weight's gradient of the mean loss of each part, at these weights."""
    with torch.no_grad():
        for value, old in zip(model.parameters(), weights, strict=True):
            value.copy_(old)
    found: list[torch.Tensor] = []
    for inputs, labels in zip(x.split(sizes), y.split(sizes), strict=True):
        found += torch.autograd.grad(F.cross_entropy(model(inputs), labels), [next(model.parameters())])
    return found


def _say_what_is_not_added(of: str, turn: int, images: int, parts: int, mine: list, true: list, each: list) -> None:
    """Raises Wrong for gradients that are not those of the whole batch."""
    if mine[0] is None:
        raise Wrong(f"for {of} the weights come out wrong, and the gradients are gone: call zero_grad before the parts "
                    "and not behind them, so that they can be looked at.")
    found = mine[0]
    wrong = (
        (sum(each), "the gradients of the parts add up, and each part's loss is a mean already: what must be done to "
                    "their sum?"),
        (each[-1], "only the last part's gradient is left: is zero_grad called between the parts?"),
        (images * true[0], "the losses of all images are added; the whole batch's loss is their mean."),
        (sum(each) / parts, "the parts are not equally large, so the mean of their means is not the mean of the whole "
                            "batch."),
        (true[0] / parts, "the mean is taken twice, in the parts and over them."),
    )
    for value, why in wrong:
        if value is not None and close(found, value, rtol=1e-6, atol=1e-12):
            raise Wrong(f"for {of} {why}")
    if turn:
        raise Wrong(f"for {of} the second step comes out wrong, the first one right: are old gradients left over?")
    raise Wrong(f"for {of} the weights come out wrong. Compare the gradients with those of the whole batch.")
