"""The checks of chapter 12, "AlexNet on photographs"."""

import math
from collections.abc import Callable

import numpy as np

from alexbook.checking import Wrong, array, callable_, check, close, number, result, shown, whole, wholes
from alexbook.datasets import image_files, photographs

MOST_WRONG = 0.22  # of the crops in the project
CROPS = 40  # of each photograph, which the project is tested on


@check
def two_means(function: object) -> str:
    """Exercise 1: the mean of images and the mean of classes, from a confusion matrix."""
    write, rng = callable_(function, "means"), np.random.default_rng(12)
    cases = [np.array([[90, 10], [5, 5]])]
    for classes in (2, 3, 7):
        counts = rng.integers(0, 9, (classes, classes)) + 20 * np.eye(classes, dtype=int)
        counts[-1] *= 7  # a class with many more images than the others
        cases.append(counts)
    for counts in cases:
        said = f"means, given {counts.tolist() if len(counts) < 3 else f'{len(counts)} classes'},"
        found = array(result(write, counts, of=said), (2,), f"what {said} returns")
        if not np.isfinite(found).all():
            raise Wrong(f"{said} returns {found[0]:g} and {found[1]:g}.")
        _compare_means(said, found, counts)
    return "The order of images within a class plays no part in either."


def _compare_means(said: str, found: np.ndarray, counts: np.ndarray) -> None:
    right, of_images, of_answers = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    images, classes = right.sum() / counts.sum(), float((right / of_images).mean())
    if close(found, (images, classes), rtol=1e-5, atol=1e-6):
        return
    if close(found, (classes, images), rtol=1e-5):
        raise Wrong(f"{said} returns the right numbers in the other order.")
    if close(found, (1 - images, 1 - classes), rtol=1e-5):
        raise Wrong(f"{said} returns errors, and shares of right answers are asked for.")
    if close(found, (100 * images, 100 * classes), rtol=1e-5):
        raise Wrong(f"{said} returns percent, and shares of 1 are asked for.")
    if not close(found[0], images, rtol=1e-5):
        raise Wrong(f"{said} returns {found[0]:.3f} as the mean of images. How many images are there, and how many of "
                    "the answers are right?")
    if close(found[1], (right / of_answers).mean(), rtol=1e-5):
        raise Wrong(f"{said} divides by the number of times that a class was answered, and not by its images.")
    raise Wrong(f"{said} returns {found[1]:.3f} as the mean of classes. What share of *its own* images does each class "
                "have right?")


@check
def top_k(function: object) -> str:
    """Exercise 2: the top-k error, on random probabilities."""
    write, rng = callable_(function, "top_error"), np.random.default_rng(5)
    for images, classes, k in ((60, 12, 5), (50, 7, 3), (40, 6, 1), (30, 5, 5), (1, 3, 1)):
        shares = rng.dirichlet(np.ones(classes), images)
        labels = rng.integers(0, classes, images)
        said = f"top_error, given {images} images of {classes} classes and k={k},"
        found = number(result(write, shares, labels, k, of=said), f"what {said} returns")
        best = np.argsort(-shares, axis=1)[:, :k]
        true = 1 - float(np.mean([label in row for label, row in zip(labels.tolist(), best.tolist(), strict=True)]))
        if close(found, true, rtol=1e-6):
            continue
        worst = np.argsort(shares, axis=1)[:, :k]
        wrong = (
            (1 - true, "that is the share of right answers; the error is the rest."),
            (100 * true, "that is percent, and a share of 1 is asked for."),
            (true * images, "that is a number of images, and a share is asked for."),
            (1 - np.mean(best[:, -1] == labels), "only the last of the k classes is looked at."),
            (1 - np.mean(best[:, 0] == labels), "only the first class is looked at."),
            (1 - np.mean([label in row for label, row in zip(labels, worst, strict=True)]),
             "those are the k classes with the *smallest* probabilities."),
        )
        for value, why in wrong:
            if close(found, float(value), rtol=1e-6):
                raise Wrong(f"{said} returns {found:g}: {why}")
        raise Wrong(f"{said} returns {found:g}, which is too {'large' if found > true else 'small'}.")
    return "With k equal to the number of classes it is 0."


@check
def prepare(function: object) -> str:
    """Exercise 3: a photograph as a network must see it, on photographs of several shapes."""
    write = callable_(function, "prepare")
    mean, std = np.array([120.0, 110.0, 90.0]), np.array([60.0, 70.0, 80.0])
    for name, side, size in (("cat", 256, 224), ("pagoda", 146, 128), ("coffee", 100, 64)):
        photo = photographs.load(name, None)
        said = f"prepare, given the {photo.shape[1]} × {photo.shape[0]} pixels of {name!r},"
        found = array(result(write, photo, side, size, mean, std, of=said), (size, size, 3),
                      f"what {said} returns")
        if not np.isfinite(found).all():
            raise Wrong(f"{said} returns values that are not finite.")
        _compare_prepared(said, found, photo, side, size, mean, std)
    return "This is what `card.prepare` does."


def _compare_prepared(said: str, found: np.ndarray, photo: np.ndarray, side: int, size: int, mean: np.ndarray,
                      std: np.ndarray) -> None:
    def middle(image: np.ndarray) -> np.ndarray:
        top, left = ((have - size) // 2 for have in image.shape[:2])
        return image[top:top + size, left:left + size].astype(float)

    def far(pixels: np.ndarray) -> float:
        return float(np.abs(found - pixels).mean())

    right = middle(image_files.fit(photo, side))
    good = 0.05  # standard deviations: another way to scale an image differs by a gray level or two
    if far((right - mean) / std) < good:
        return
    wrong: tuple[tuple[Callable[[], np.ndarray], str], ...] = (
        (lambda: right, "the pixels are still 0 to 255."),
        (lambda: right / 255, "the pixels are 0 to 1; this network was trained on other numbers."),
        (lambda: right - mean, "the mean is gone, but nothing is divided by std."),
        (lambda: (right[..., ::-1] - mean) / std, "red and blue are exchanged."),
        (lambda: (right - mean) / std**2, "it is divided by the variance, and std is its root."),
        (lambda: (middle(image_files.fit(photo, size)) - mean) / std,
         "the shorter side was scaled to size and not to side, so that too much of the photograph is seen."),
        (lambda: (middle(photo) - mean) / std, "the middle was cut out, but nothing was scaled."),
        (lambda: (_squashed(photo, size) - mean) / std,
         "the photograph was squeezed into a square; scale its shorter side, then cut the middle out."),
        (lambda: (right[:, ::-1] - mean) / std, "the photograph is mirrored."),
        (lambda: (image_files.fit(photo, side)[:size, :size] - mean) / std,
         "that is the upper left corner, and the middle is asked for."),
    )
    for make, why in wrong:
        if far(make()) < good:
            raise Wrong(f"{said} returns something else: {why}")
    raise Wrong(f"{said} returns values that differ from the right ones by {far((right - mean) / std):.2g} on average.")


def _squashed(photo: np.ndarray, size: int) -> np.ndarray:
    from PIL import Image
    return np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.BICUBIC), float)


@check
def twins(function: object) -> str:
    """Exercise 4: test images that are training images, as they are or mirrored."""
    write, rng = callable_(function, "twins"), np.random.default_rng(8)
    for train_count, test_count in ((3, 4), (12, 9), (6, 6)):
        train = rng.integers(0, 256, (train_count, 6, 6, 3), dtype=np.uint8)
        test = rng.integers(0, 256, (test_count, 6, 6, 3), dtype=np.uint8)
        same, mirrored, upside = rng.permutation(test_count)[:3]
        test[same], test[mirrored] = train[0], train[-1][:, ::-1]
        test[upside] = train[1][::-1]  # which is another image
        said = f"twins, given {train_count} and {test_count} images,"
        found = wholes(result(write, train, test, of=said), name=f"what {said} returns")
        _compare_twins(said, set(found), {int(same)}, {int(mirrored)}, {int(upside)})
    return "On a real dataset, shrink the images first, and ask for *nearly* equal ones."


def _compare_twins(said: str, found: set[int], same: set[int], mirrored: set[int], upside: set[int]) -> None:
    if found == same | mirrored:
        return
    if found & upside:
        raise Wrong(f"{said} names an image that is a training image upside down; left and right alone are exchanged.")
    if found == same:
        raise Wrong(f"{said} finds the equal image, but not the mirrored one.")
    if found == mirrored:
        raise Wrong(f"{said} finds the mirrored image, but not the equal one.")
    if not found:
        raise Wrong(f"{said} returns nothing, and two of the test images come from the training images.")
    if found >= same | mirrored:
        raise Wrong(f"{said} also names images that are not in the training set.")
    raise Wrong(f"{said} returns {shown(sorted(found))}. It is to return the *test* images' numbers.")


@check
def sessions(function: object) -> str:
    """Exercise 5: how many sessions a training takes that is cut off again and again."""
    write = callable_(function, "sessions")
    for training, session, start, save in ((200, 90, 5, 30), (200, 90, 5, 1), (60, 90, 5, 30), (85, 90, 5, 30),
                                           (86, 90, 5, 30), (600, 60, 10, 20), (120, 60, 0, 60), (37, 20, 3, 5)):
        said = f"for {training} minutes of training, sessions({training}, {session}, {start}, {save}) is"
        found = whole(result(write, training, session, start, save, of=f"({training}, {session}, {start}, {save})"),
                      "the number of sessions")
        true = _sessions(training, session, start, save)
        if found == true:
            continue
        wrong = (
            (math.ceil(training / session), "the time that each session needs to begin is missing."),
            (math.ceil(training / (session - start)), "what is lost since the last checkpoint is missing."),
            (math.ceil(training / ((session - start) // save * save)),
             "the last session ends when the training does, and not at a checkpoint."),
            (true - 1, "the last part of the training needs a session, too."),
        )
        why = next((why for value, why in wrong if value == found), "follow the training session by session.")
        raise Wrong(f"{said} not {found}: {why}")
    return "Without a checkpoint that outlives the session, a training that is longer than one never ends."


def _sessions(training: int, session: int, start: int, save: int) -> int:
    """Followed session by session."""
    done, count = 0, 0
    while True:
        count += 1
        if done + session - start >= training:
            return count
        done += (session - start) // save * save


def regions(name: str, split: str) -> np.ndarray:
    """The part of a shipped photograph that the chapter trains on, or the one that it tests on.

    Args:
        name: One of :func:`alexbook.datasets.photographs.names`.
        split: ``"train"`` for the first three fifths along its longer side, ``"test"`` for the others.

    Returns:
        uint8, ``(height, width, 3)``.
    """
    photo = photographs.load(name, None)
    axis = int(np.argmax(photo.shape[:2]))
    cut = 3 * photo.shape[axis] // 5
    first, rest = np.split(photo, [cut], axis=axis)
    return first if split == "train" else rest


def crops(name: str, split: str, count: int, seed: int = 0, side: int = 64) -> np.ndarray:
    """Square crops at random places of one of a photograph's two :func:`regions`.

    Returns:
        uint8, ``(count, side, side, 3)``.
    """
    region = regions(name, split)
    rng = np.random.default_rng([seed, sum(name.encode())])
    tops, lefts = (rng.integers(0, have - side + 1, count).tolist() for have in region.shape[:2])
    return np.stack([region[top:top + side, left:left + side] for top, left in zip(tops, lefts, strict=True)])


@check
def unseen_regions(recognize: object) -> str:
    """Exercise 6: crops of the photographs' last two fifths, by whatever was trained on the first three."""
    write = callable_(recognize, "recognize")
    names = photographs.names()
    images = np.concatenate([crops(name, "test", CROPS, seed=99) for name in names])
    labels = np.repeat(np.arange(len(names)), CROPS)
    order = np.random.default_rng(99).permutation(len(labels))
    said = f"recognize, given {len(labels)} crops,"
    found = wholes(result(write, images[order], of=said), len(labels), f"what {said} returns")
    if not all(0 <= each < len(names) for each in found):
        raise Wrong(f"what {said} returns are numbers of photographs, 0 to {len(names) - 1}, and {min(found)} to "
                    f"{max(found)} are not.")
    missed = np.bincount(labels[order], np.array(found) != labels[order]) / CROPS
    error = float(missed.mean())
    if error > MOST_WRONG:
        worst = int(missed.argmax())
        raise Wrong(f"{100 * error:.0f} % of the crops are wrong, of {names[worst]!r} {100 * missed[worst]:.0f} %; "
                    f"at most {100 * MOST_WRONG:.0f} % may be.")
    return f"{100 * error:.0f} % of the crops are wrong. How many recipes did you try, and on which crops?"
