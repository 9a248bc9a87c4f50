"""Intervals, tests and power: against SciPy's own tests, closed forms and simulation."""

import numpy as np
import pytest
from alexbook import intervals
from scipy import stats


@pytest.mark.parametrize("seed", range(5))
def test_means_and_differences_are_students(seed):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.normal(0.4, 0.02, (2, int(rng.integers(2, 12))))
    found, known = intervals.difference(ours, theirs), stats.ttest_rel(ours, theirs)
    assert np.isclose(found.p, known.pvalue)
    assert np.allclose((found.low, found.high), known.confidence_interval(0.95))
    assert found.decided == (known.pvalue < 0.05)
    assert intervals.mean(ours).count == len(ours)


def test_an_interval_holds_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(7)
    held = [found.low <= 3 <= found.high for found in (intervals.mean(rng.normal(3, 1, 4), 0.8) for _ in range(2000))]
    assert abs(np.mean(held) - 0.8) < 0.03


@pytest.mark.parametrize(("deviation", "distance", "power"), [(1.0, 1.0, 0.8), (1.7 * 2**0.5, 2.0, 0.8), (1, 2, 0.9)])
def test_so_many_seeds_give_that_power(deviation, distance, power):
    count = intervals.seeds_needed(deviation, distance, power)
    rng = np.random.default_rng(3)

    def found(many: int) -> float:
        draws = rng.normal(distance, deviation, (20_000, many))
        return float(np.mean(stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05))

    assert found(count) > power - 0.01
    assert found(count - 1) < power + 0.01


def test_mcnemar_counts_only_where_they_differ():
    ours, theirs = np.array([1] * 9 + [0] * 2 + [1] * 50, bool), np.array([0] * 9 + [1] * 2 + [1] * 50, bool)
    assert np.isclose(intervals.mcnemar(ours, theirs), stats.binomtest(9, 11).pvalue)
    assert intervals.mcnemar(ours, ours) == 1
    assert intervals.mcnemar(ours, theirs) == intervals.mcnemar(theirs, ours)


@pytest.mark.parametrize("seed", range(3))
def test_holms_correction_rejects_in_order(seed):
    given = np.random.default_rng(seed).uniform(0, 0.1, 7)
    corrected = np.array(intervals.holm(given))
    assert (corrected >= given).all() and (np.diff(corrected[np.argsort(given)]) >= 0).all()
    rejected, ordered = 0, np.sort(given)
    while rejected < 7 and ordered[rejected] * (7 - rejected) <= 0.05:
        rejected += 1
    assert (corrected <= 0.05).sum() == rejected


@pytest.mark.parametrize(("call", "said"), [
    (lambda: intervals.mean([0.4]), "at least two"), (lambda: intervals.mean([0.4, float("nan")]), "finite"),
    (lambda: intervals.mean([1, 2], 1.5), "level is 1.5"),
    (lambda: intervals.difference([1, 2, 3], [1, 2]), "3 values and 2"),
    (lambda: intervals.seeds_needed(0, 1), "must be above 0"),
    (lambda: intervals.mcnemar(np.ones(3, bool), np.ones(4, bool)), "same images")])
def test_nonsense_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_the_text_says_points():
    assert str(intervals.mean([0.01, 0.03])).startswith("2.0 points, 95 % interval -10.7 to 14.7, 2 runs")
