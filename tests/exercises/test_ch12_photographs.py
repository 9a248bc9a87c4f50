"""The checks of chapter 12 know right answers, and say what is wrong with the usual wrong ones."""

import math

import numpy as np
import pytest
from alexbook.datasets import image_files, photographs
from exercise_cases import Case, assert_case, faults
from PIL import Image

torch = pytest.importorskip("torch")
from alexbook.exercises import ch12_photographs as exercises  # noqa: E402


def means(confusion):
    right = confusion.diagonal()
    return right.sum() / confusion.sum(), (right / confusion.sum(axis=1)).mean()


def by_answers(confusion):
    right = confusion.diagonal()
    return right.sum() / confusion.sum(), (right / confusion.sum(axis=0)).mean()


def top_error(probabilities, labels, k):
    best = np.argsort(-probabilities, axis=1)[:, :k]
    return 1 - (best == labels[:, None]).any(axis=1).mean()


def prepare(photo, side, size, mean, std):
    height, width = photo.shape[:2]
    scale = side / min(height, width)
    scaled = np.asarray(Image.fromarray(photo).resize((round(width * scale), round(height * scale)),
                                                      Image.Resampling.BICUBIC))
    top, left = ((have - size) // 2 for have in scaled.shape[:2])
    return (scaled[top:top + size, left:left + size] - mean) / std


def prepared(change=lambda pixels, mean, std: (pixels - mean) / std, side=lambda side, size: side):
    """A solution of exercise 3 with another last step, or another size."""
    def write(photo, wanted, size, mean, std):
        square = image_files.fit(photo, side(wanted, size))
        top = (square.shape[0] - size) // 2
        return change(square[top:top + size, top:top + size].astype(float), mean, std)
    return write


def squeezed(photo, side, size, mean, std):
    return (np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.BICUBIC)) - mean) / std


def unscaled(photo, side, size, mean, std):
    top, left = ((have - size) // 2 for have in photo.shape[:2])
    return (photo[top:top + size, left:left + size] - mean) / std


def corner(photo, side, size, mean, std):
    return (image_files.fit(photo, side)[:size, :size] - mean) / std


def twins(train, test, flips=(lambda image: image, lambda image: image[:, ::-1])):
    known = {flip(image).tobytes() for image in train for flip in flips}
    return [number for number, image in enumerate(test) if image.tobytes() in known]


def sessions(training, session, start, save):
    time, count = session - start, 1
    while training > time:
        training, count = training - time // save * save, count + 1
    return count


class Colors:
    """The solution of exercise 6: the photograph whose training region has the most similar colors, and no network."""

    def __init__(self, shares=(5, 25, 50, 75, 95)):
        self.shares = shares
        shown = [exercises.crops(name, "train", 200) for name in photographs.names()]
        self.known = np.concatenate([self.features(images) for images in shown])

    def features(self, images):
        return np.concatenate(np.percentile(images, self.shares, axis=(1, 2)), axis=1)

    def __call__(self, images):
        apart = self.features(images)[:, None] - self.known
        return np.square(apart).sum(axis=2).argmin(axis=1) // 200


def truth(images):
    """The answers themselves: each crop is looked for in the test regions."""
    places = {}
    for number, name in enumerate(photographs.names()):
        for crop in exercises.crops(name, "test", exercises.CROPS, seed=99):
            places[crop.tobytes()] = number
    return [places[image.tobytes()] for image in images]


CASES = (
    Case(exercises.two_means, ((means,), (lambda c: list(means(c)),)), (
        ("other order", (lambda c: means(c)[::-1],)),
        ("returns errors", (lambda c: (1 - means(c)[0], 1 - means(c)[1]),)),
        ("returns percent", (lambda c: (100 * means(c)[0], 100 * means(c)[1]),)),
        ("How many images are there", (lambda c: (means(c)[1], means(c)[1]),)),
        ("divides by the number of times", (by_answers,)),
        ("of *its own* images", (lambda c: (means(c)[0], means(c)[0]),)),
        ("has the shape", (lambda c: means(c)[0],)),
        ("returns nan", (lambda c: (math.nan, 1.0),)),
    )),
    Case(exercises.top_k, ((top_error,), (lambda p, y, k: np.float32(top_error(p, y, k)),)), (
        ("share of right answers", (lambda p, y, k: 1 - top_error(p, y, k),)),
        ("that is percent", (lambda p, y, k: 100 * top_error(p, y, k),)),
        ("number of images", (lambda p, y, k: len(y) * top_error(p, y, k),)),
        ("only the first class", (lambda p, y, k: top_error(p, y, 1),)),
        ("only the last", (lambda p, y, k: 1 - (np.argsort(-p, axis=1)[:, k - 1] == y).mean(),)),
        ("*smallest*", (lambda p, y, k: top_error(-p, y, k),)),
        ("too large", (lambda p, y, k: 1.5,)),
    )),
    Case(exercises.prepare, ((prepare,), (prepared(),)), (
        ("still 0 to 255", (prepared(lambda x, m, s: x),)),
        ("0 to 1", (prepared(lambda x, m, s: x / 255),)),
        ("nothing is divided", (prepared(lambda x, m, s: x - m),)),
        ("red and blue", (prepared(lambda x, m, s: (x[..., ::-1] - m) / s),)),
        ("the variance", (prepared(lambda x, m, s: (x - m) / s**2),)),
        ("scaled to size and not to side", (prepared(side=lambda side, size: size),)),
        ("nothing was scaled", (unscaled,)),
        ("squeezed", (squeezed,)),
        ("is mirrored", (lambda *a: prepare(*a)[:, ::-1],)),
        ("upper left corner", (corner,)),
        ("on average", (lambda *a: prepare(*a) + 1,)),
        ("has the shape", (lambda *a: prepare(*a).transpose(2, 0, 1),)),
        ("not finite", (lambda *a: prepare(*a) * np.inf,)),
    )),
    Case(exercises.twins, ((twins,), (lambda *a: set(twins(*a)),), (lambda *a: np.array(twins(*a)),)), (
        ("not the mirrored one", (lambda a, b: twins(a, b, (lambda i: i,)),)),
        ("not the equal one", (lambda a, b: twins(a, b, (lambda i: i[:, ::-1],)),)),
        ("upside down", (lambda a, b: twins(a, b, (lambda i: i, lambda i: i[:, ::-1], lambda i: i[::-1])),)),
        ("returns nothing", (lambda a, b: [],)),
        ("also names images", (lambda a, b: sorted({*twins(a, b), next(
            n for n in range(len(b)) if n not in twins(a, b) and (b[n] != a[1][::-1]).any())}),)),
        ("*test* images", (lambda a, b: [50],)),
    )),
    Case(exercises.sessions, ((sessions,),), (
        ("each session needs to begin", (lambda t, s, b, c: math.ceil(t / s),)),
        ("lost since the last checkpoint", (lambda t, s, b, c: math.ceil(t / (s - b)),)),
        ("not at a checkpoint", (lambda t, s, b, c: math.ceil(t / ((s - b) // c * c)),)),
        ("needs a session, too", (lambda *a: sessions(*a) - 1,)),
        ("session by session", (lambda *a: 17,)),
        ("a whole number", (lambda *a: 1.5,)),
    )),
    Case(exercises.unseen_regions, ((truth,), (Colors(),)), (
        ("of the crops are wrong", (lambda images: [0] * len(images),)),
        ("of the crops are wrong", (lambda images: np.random.default_rng(0).integers(0, 11, len(images)),)),
        ("of the crops are wrong, of '", (Colors((50,)),)),
        ("0 to 10, and 99 to 99 are not", (lambda images: [99] * len(images),)),
        ("has 440 numbers", (lambda images: [0],)),
    )),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check(case: Case) -> None:
    assert_case(case)


@pytest.mark.parametrize("name", photographs.names())
def test_the_two_regions_share_no_pixel(name: str) -> None:
    first, rest = (exercises.regions(name, split) for split in ("train", "test"))
    whole = photographs.load(name, None)
    axis = next(axis for axis in (0, 1) if first.shape[axis] + rest.shape[axis] == whole.shape[axis])
    np.testing.assert_array_equal(np.concatenate([first, rest], axis=axis), whole)
    assert min(*first.shape[:2], *rest.shape[:2]) > 64


def test_exercises_and_checks_go_together() -> None:
    assert list(faults("12-photographs", exercises, CASES)) == []
