"""The checks of chapter 11 know right answers, and say what is wrong with the usual wrong ones."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from exercise_cases import Case, assert_case, faults

torch = pytest.importorskip("torch")
from alexbook.exercises import ch11_training_on_a_gpu as exercises  # noqa: E402
from torch.nn import functional as F  # noqa: E402


def fill(memory, parameters, kept):
    """As the solution has it."""
    return max(0, int((memory - 12 * parameters) // (kept / 2)))


def prefetch(batches):
    """As the solution has it."""
    end = object()
    batches = iter(batches)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, end)
        while (batch := coming.result()) is not end:
            coming = thread.submit(next, batches, end)
            yield batch


def prefetch_by_a_queue(batches, room=1, end=None):
    """Another way; with more room it fetches more, and with an end that may be a batch it stops early."""
    end, waiting = end or object(), queue.Queue(room)

    def work():
        try:
            for batch in batches:
                waiting.put((batch, None))
            waiting.put((end, None))
        except Exception as error:
            waiting.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    while True:
        batch, error = waiting.get()
        if error:
            raise error
        if batch is end:
            return
        yield batch


def none_is_the_end(batches):
    batches = iter(batches)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch


def taking_turns(batches):
    with ThreadPoolExecutor(1) as thread:
        batches, end = iter(batches), object()
        while (batch := thread.submit(next, batches, end).result()) is not end:
            yield batch


def looking_ahead_without_a_thread(batches):
    batches, end = iter(batches), object()
    coming = next(batches, end)
    while coming is not end:
        batch, coming = coming, next(batches, end)
        yield batch


def without_the_last(batches):
    found = None
    for place, batch in enumerate(prefetch(batches)):
        if place:
            yield found
        found = batch


def with_the_end(batches):
    yield from prefetch(batches)
    yield "end"


def exchanged(batches):
    found = list(prefetch(batches))
    yield from reversed(found)


def without_errors(batches):
    try:
        yield from prefetch(batches)
    except OSError:
        return


def other_errors(batches):
    try:
        yield from prefetch(batches)
    except OSError:
        raise RuntimeError("it failed") from None


def too_early(batches):
    """The error of the next batch takes the batch before it along."""
    held = []
    for batch in prefetch(batches):
        held.append(batch)
        if len(held) > 1:
            yield held.pop(0)
    yield from held


def hanging(batches):
    yield from prefetch(batches)
    threading.Event().wait(30)


def step_in_parts(model, optimizer, images, labels, parts):
    """As the solution has it."""
    optimizer.zero_grad()
    for x, y in zip(images.chunk(parts), labels.chunk(parts), strict=True):
        loss = F.cross_entropy(model(x), y)
        (loss * len(x) / len(images)).backward()
    optimizer.step()


def evenly(model, optimizer, images, labels, parts):
    """Another way to cut, another way to weigh."""
    optimizer.zero_grad()
    for x, y in zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True):
        (F.cross_entropy(model(x), y, reduction="sum") / len(images)).backward()
    optimizer.step()
    optimizer.zero_grad()


def in_parts(weigh=lambda loss, x, images, parts: loss * len(x) / len(images), clear=True, between=False,
             step_each=False, whole=False, drop=False):
    """The solution with one mistake."""
    def step(model, optimizer, images, labels, parts):
        if clear:
            optimizer.zero_grad()
        pieces = list(zip(*((images,), (labels,)) if whole else (images.chunk(parts), labels.chunk(parts)),
                          strict=True))
        if drop:
            pieces = [(x, y) for x, y in pieces if len(x) == len(pieces[0][0])]
        for x, y in pieces:
            if between:
                optimizer.zero_grad()
            weigh(F.cross_entropy(model(x), y), x, images, parts).backward()
            if step_each:
                optimizer.step()
        if not step_each:
            optimizer.step()

    return step


CASES = (
    Case(exercises.one_day, ((1250,), (np.float64(1250),)), (
        ("a single pass", (13.9,)),
        ("five days", (250,)),
        ("six days", (208,)),
        ("per minute", (75_000,)),
        ("per hour", (4_500_000,)),
        ("shown in all", (108_000_000,)),
        ("seconds per image", (0.0008,)),
        ("batches per second", (9.77,)),
        ("24 hours", (2500,)),
        ("it takes 30.0 hours", (1000,)),
        ("above 0", (-1250,)),
    )),
    Case(exercises.fc6_batch, ((41,), (41.0,)), (
        ("not all that it moves", (40,)),
        ("and the machine 20", (20,)),
        ("smaller batches do enough", (42,)),
        ("smaller batches do enough", (64,)),
        ("no size of a batch", (0,)),
        ("whole number", (40.5,)),
    )),
    Case(exercises.right_scale, ((15,), (np.int64(15),)), (
        ("its exponent", (2 ** 15,)),
        ("above 0", (-15,)),
        ("it has lost digits", (14,)),
        ("it has lost digits", (5,)),
        ("is still 0", (2,)),
        ("a smaller power", (16,)),
        ("leaves the range", (1000,)),
    )),
    Case(exercises.fill, ((fill,), (lambda m, p, k: max(0, (m - 12 * p) * 2 // k),)), (
        ("half as many bytes", (lambda m, p, k: max(0, (m - 12 * p) // k),)),
        ("as much as the weights, each", (lambda m, p, k: max(0, (m - 4 * p) * 2 // k),)),
        ("each parameter has three", (lambda m, p, k: max(0, (m - 8 * p) * 2 // k),)),
        ("stay float32", (lambda m, p, k: max(0, (m - 6 * p) * 2 // k),)),
        ("before the first image", (lambda m, p, k: max(0, m * 2 // k),)),
        ("has 4 bytes", (lambda m, p, k: max(0, (m - 3 * p) * 2 // k),)),
        ("halves what is kept, once", (lambda m, p, k: max(0, (m - 12 * p) * 4 // k),)),
        ("one image too many", (lambda m, p, k: fill(m, p, k) + 1,)),
        ("the batch is 0", (lambda m, p, k: (m - 12 * p) * 2 // k,)),
        ("whole number", (lambda m, p, k: max(0, (m - 12 * p) * 2 / k),)),
        ("for 3,000,000,000 bytes, 60,965,224 parameters", (lambda m, p, k: 1,)),
        ("ends in TypeError", (lambda m, p: 0,)),
    )),
    Case(exercises.more_than_two, ((0.962, "no"), (0.9619, "No")), (
        ("of the convolutions", (0.038, "no")),
        ("of the work", (0.081, "no")),
        ("fc8 is fully connected", (0.8945, "no")),
        ("fc6 alone", (0.619, "no")),
        ("in percent", (96.2, "no")),
        ("0.9 is too small", (0.9, "no")),
        ("what of it changes", (0.962, "yes")),
        ("one of yes, no", (0.962, "perhaps")),
    )),
    Case(exercises.prefetch, ((prefetch,), (prefetch_by_a_queue,)), (
        ("the next batch is not fetched", (taking_turns,)),
        ("the next batch is not fetched", (iter,)),
        ("waits for the next batch", (looking_ahead_without_a_thread,)),
        ("all batches at once", (list,)),
        ("is taken for the end", (none_is_the_end,)),
        ("the last are missing", (without_the_last,)),
        ("the mark of the end", (with_the_end,)),
        ("another order", (exchanged,)),
        ("more is fetched", (lambda batches: prefetch_by_a_queue(batches, room=5),)),
        ("the error in the thread is lost", (without_errors,)),
        ("the caller as RuntimeError", (other_errors,)),
        ("waits for the next batch", (too_early,)),
        ("does not come to an end", (hanging,)),
        ("ends in TypeError", (len,)),
        ("no row of batches", (lambda batches: 3,)),
    )),
    Case(exercises.in_parts, ((step_in_parts,), (evenly,), (in_parts(),)), (
        ("each part's loss is a mean already", (in_parts(lambda loss, x, images, parts: loss),)),
        ("for 10 images in 4 parts the parts are not equally large",
         (in_parts(lambda loss, x, images, parts: loss / parts),)),
        ("the losses of all images are added", (in_parts(lambda loss, x, images, parts: loss * len(x)),)),
        ("the mean is taken twice", (in_parts(lambda loss, x, images, parts: loss * len(x) / len(images) / parts),)),
        ("only the last part's gradient", (in_parts(lambda loss, x, images, parts: loss, between=True),)),
        ("the optimizer makes 3 steps", (in_parts(step_each=True),)),
        ("12 at once", (in_parts(whole=True),)),
        ("shown 9 images in all", (in_parts(drop=True),)),
        ("old gradients left over", (in_parts(clear=False),)),
        ("ends in TypeError", (lambda model, optimizer: None,)),
        ("makes 0 steps", (lambda model, optimizer, x, y, n: [model(part) for part in x.chunk(n)],)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


def test_a_check_of_threads_ends_soon_and_closes_what_it_opened() -> None:
    before, start = threading.active_count(), time.monotonic()
    assert exercises.prefetch.verdict(prefetch).right
    assert time.monotonic() - start < 5
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_step_that_does_nothing_yet_is_not_answered() -> None:
    assert not exercises.in_parts.verdict(lambda model, optimizer, images, labels, parts: None).answered


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("11-training-on-a-gpu", exercises, CASES)) == []
