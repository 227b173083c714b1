"""Against SciPy's own intervals, and by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from sparseattack.report.statistics.intervals import holm, mcnemar, median, wilson


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys_at_whole_numbers(pair: tuple[int, int]) -> None:
    hits, count = pair
    interval = binomtest(hits, count).proportion_ci(0.95, "wilson")
    assert wilson(hits / count, count) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_wilson_interpolates_between_whole_numbers_and_is_0_to_1_without_images() -> None:
    assert wilson(2 / 10, 10)[0] < wilson(2.5 / 10, 10)[0] < wilson(3 / 10, 10)[0]
    assert wilson(0.0, 0) == (0.0, 1.0)


def test_a_median_that_falls_on_a_failure_is_above_any_budget() -> None:
    assert median([5, 9, 1000], [True, True, False]) == 9
    assert median([5, 1000, 1000], [True, False, False]) == math.inf
    assert median([], []) == math.inf


def test_mcnemar_by_hand() -> None:
    assert mcnemar(5, 0) == pytest.approx(2 * 0.5**5)
    assert mcnemar(3, 3) == mcnemar(0, 0) == 1.0


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0] and holm([]) == []
