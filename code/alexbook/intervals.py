"""How sure a measured difference is: standard errors, intervals, paired comparisons, and how many runs they need.

The unit is the run: conditions are compared on the same test images with the same seeds, so that their difference is a
difference of pairs, and its interval is Student's. :func:`mcnemar` compares two single runs on the images that one of
them got right and the other wrong.

>>> values = difference([0.40, 0.42, 0.41], [0.43, 0.44, 0.46])
>>> print(values)
-3.3 points, 95 % interval -7.1 to 0.5, 3 pairs
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean, as a share of 1, with its interval, from ``low`` to ``high``; ``p`` is that of the mean being 0."""

    mean: float
    low: float
    high: float
    count: int
    level: float
    p: float
    of: str = "runs"

    @property
    def decided(self) -> bool:
        """Whether 0 lies outside of the interval."""
        return not self.low <= 0 <= self.high

    def __str__(self) -> str:
        return (f"{100 * self.mean:.1f} points, {100 * self.level:.0f} % interval {100 * self.low:.1f} to "
                f"{100 * self.high:.1f}, {self.count} {self.of}")


def mean(values: Sequence[float], level: float = 0.95, of: str = "runs") -> Interval:
    """The mean of values with Student's interval.

    Args:
        values: one for each run; at least two.
        level: the share of such intervals that hold the true mean.
        of: what the values are of, for the text.

    Returns:
        The interval; its ``p`` is that of a t-test against 0.

    Raises:
        ValueError: for fewer than two values, or one that is not finite.

    >>> round(mean([1.0, 2.0, 3.0]).high, 2)
    4.48
    """
    from scipy import stats

    found = np.asarray(values, float)
    if found.ndim != 1 or len(found) < 2 or not np.isfinite(found).all():
        raise ValueError(f"The values are {list(values)}, but an interval needs at least two finite numbers.")
    if not 0 < level < 1:
        raise ValueError(f"The level is {level}, but must be a share between 0 and 1.")
    error = found.std(ddof=1) / math.sqrt(len(found))
    middle, half = float(found.mean()), float(error * stats.t.ppf((1 + level) / 2, len(found) - 1))
    p = 2 * float(stats.t.sf(abs(middle) / error, len(found) - 1)) if error else float(middle == 0)
    return Interval(middle, middle - half, middle + half, len(found), level, p, of)


def difference(ours: Sequence[float], theirs: Sequence[float], level: float = 0.95) -> Interval:
    """The mean of ``ours - theirs``, pair by pair, such as the runs of two conditions with the same seed.

    Raises:
        ValueError: where there are not as many of both, or fewer than two pairs.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"There are {len(ours)} values and {len(theirs)} to compare them with, which make no pairs.")
    return mean(np.asarray(ours, float) - np.asarray(theirs, float), level, "pairs")


def seeds_needed(deviation: float, difference: float, power: float = 0.8, level: float = 0.05) -> int:
    """How many pairs of runs a t-test needs to find a difference with that power.

    Args:
        deviation: standard deviation of the paired differences between seeds, in the unit of ``difference``. For two
            conditions whose runs have deviation s each and are not correlated, it is s times the square root of 2.
        difference: the true difference that is to be found.
        power: the share of such experiments that find it.
        level: the share that finds a difference where there is none.

    Returns:
        The number of seeds, by the noncentral t distribution.

    Raises:
        ValueError: for a deviation or a difference that is not above 0.

    >>> seeds_needed(deviation=1.0, difference=1.0)
    10
    """
    from scipy import stats

    if not (deviation > 0 and difference > 0 and 0 < power < 1 and 0 < level < 1):
        raise ValueError(f"Deviation {deviation} and difference {difference} must be above 0, power {power} and level "
                         f"{level} between 0 and 1.")
    for count in range(2, 100_000):
        limit, shift = stats.t.ppf(1 - level / 2, count - 1), math.sqrt(count) * difference / deviation
        if stats.nct.sf(limit, count - 1, shift) + stats.nct.cdf(-limit, count - 1, shift) >= power:
            return count
    raise ValueError(f"A difference of {difference} cannot be found with a deviation of {deviation}.")


def mcnemar(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The p of two classifiers that are equally often right, from the images that only one of them got right.

    Args:
        ours: whether each image was answered rightly, bool ``(images,)``.
        theirs: the same of the other, on the same images.

    Returns:
        The exact two-sided p (McNemar 1947, with the binomial distribution).

    >>> mcnemar(np.array([True] * 8 + [False] * 2), np.array([False] * 8 + [True, False]))
    0.0390625
    """
    from scipy import stats

    if ours.shape != theirs.shape or ours.ndim != 1:
        raise ValueError(f"The answers are {ours.shape} and {theirs.shape}, but must be on the same images.")
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    if not only_ours + only_theirs:
        return 1.0
    return float(stats.binomtest(only_ours, only_ours + only_theirs).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected for how many there are (Holm 1979): the chance of one false find among all is kept.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    corrected, highest = [0.0] * len(order), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * float(p_values[place])))
        corrected[place] = round(highest, 15)
    return corrected
