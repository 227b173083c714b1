"""Curves of success and their resamples against SciPy, statsmodels and brute force."""

import warnings
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from records import record
from scipy.stats import CensoredData, bootstrap, ecdf

from sparseattack.report.statistics.curves import kaplan_meier, success_curve, unfinished_curve, weights
from sparseattack.report.statistics.intervals import wilson
from sparseattack.report.statistics.resampling import (
    POINTS,
    draws,
    grid,
    interval,
    paired_curves,
    queries_to_reach,
)
from sparseattack.study.columns import Columns

BUDGET = 50
Costs = list[list[int]]  # by image, by run; 0 is a failure


def runs_of(costs: Costs, budget: int = BUDGET) -> Columns:
    return Columns.of(
        [
            record(image, cost, seed=seed, budget=budget, queries=cost or budget)
            for image, each in enumerate(costs)
            for seed, cost in enumerate(each)
        ]
    )


def rate_by_hand(costs: Costs, queries: int) -> float:
    return float(np.mean([np.mean([0 < cost <= queries for cost in each]) for each in costs]))


some_costs = st.lists(st.lists(st.integers(0, BUDGET), min_size=1, max_size=3), min_size=1, max_size=12)


@given(some_costs)
def test_a_curve_is_the_mean_over_images_at_every_number_of_queries(costs: Costs) -> None:
    curve = success_curve(runs_of(costs), BUDGET)
    assert curve.queries[0] == 1 and curve.queries[-1] == BUDGET and (np.diff(curve.queries) > 0).all()
    for queries in range(1, BUDGET + 1):
        place = np.searchsorted(curve.queries, queries, side="right") - 1
        assert curve.rate[place] == pytest.approx(rate_by_hand(costs, queries))
        low, high = wilson(rate_by_hand(costs, queries), len(costs))
        assert (curve.low[place], curve.high[place]) == pytest.approx((low, high))


@given(st.lists(st.integers(0, BUDGET), min_size=1, max_size=30))
def test_of_one_budget_it_is_scipys_kaplan_meier_estimate(costs: list[int]) -> None:
    runs = runs_of([[cost] for cost in costs])
    curve = success_curve(runs, BUDGET)
    known = ecdf(CensoredData.right_censored(runs.cost, ~runs.success)).cdf
    assert curve.rate == pytest.approx(known.evaluate(curve.queries))


some_censored = st.lists(
    st.tuples(st.integers(0, BUDGET), st.sampled_from([10, 30, BUDGET])), min_size=1, max_size=30
)


def censored(pairs: list[tuple[int, int]], repeats: int = 1) -> Columns:
    """Runs of costs under budgets; a cost of 0, or above the budget, is a failure there."""
    within = [(cost if cost <= budget else 0, budget) for cost, budget in pairs]
    return Columns.of(
        [
            record(image, cost, seed=seed, budget=budget, queries=cost or budget)
            for image, (cost, budget) in enumerate(within)
            for seed in range(repeats)
        ]
    )


@given(some_censored)
def test_of_several_budgets_it_is_scipys_estimate_with_greenwoods_variance(
    pairs: list[tuple[int, int]],
) -> None:
    """Wilson's interval of p and n solves (F - p)^2 = z^2 p (1 - p) / n, n from SciPy's standard error."""
    runs = censored(pairs)
    curve = kaplan_meier(runs)
    known = ecdf(CensoredData.right_censored(runs.cost, ~runs.success)).sf
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # where all are fooled
        errors = known.confidence_interval(0.95, method="linear")
    ends = errors.high.probabilities - known.probabilities
    assert curve.queries[0] == 1 and curve.queries[-1] == runs.budget.max()
    assert curve.rate == pytest.approx(1 - known.evaluate(curve.queries), abs=1e-12)
    for place, queries in enumerate(known.quantiles):
        held, half = known.probabilities[place], ends[place]
        if 0 < held < 1 and half > 0 and held + half < 1:
            (here,) = np.flatnonzero(curve.queries == queries)
            for end in (curve.low[here], curve.high[here]):
                inside = (1 - held - end) ** 2 * held * (1 - held)
                assert inside == pytest.approx(half**2 * end * (1 - end), abs=1e-9)


@given(st.lists(st.integers(0, BUDGET), min_size=1, max_size=30), st.integers(1, 3))
def test_without_censoring_it_is_the_plain_curve_whatever_the_runs_of_an_image(
    costs: list[int], repeats: int
) -> None:
    runs = censored([(cost, BUDGET) for cost in costs], repeats)
    ours, plain = kaplan_meier(runs), success_curve(runs, BUDGET)
    assert ours.queries.tolist() == plain.queries.tolist()
    for mine, theirs in zip(ours[1:], plain[1:], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-9)


def test_a_kaplan_meier_curve_by_hand() -> None:
    """Ten images: five within 10 queries, of which one is fooled at 4; of five within 50, two after 10."""
    few, many = [(4, 10), *[(0, 10)] * 4], [(20, 50), (40, 50), *[(0, 50)] * 3]
    curve = kaplan_meier(censored(few + many))
    assert curve.queries.tolist() == [1, 4, 10, 20, 40, 50]
    by_hand = [1, 9 / 10, 9 / 10, 9 / 10 * 4 / 5, 9 / 10 * 3 / 5, 9 / 10 * 3 / 5]
    assert (1 - curve.rate).tolist() == pytest.approx(by_hand)
    assert curve.high[-1] - curve.low[-1] > curve.high[1] - curve.low[1]


def test_its_band_has_the_coverage_it_claims() -> None:
    """Half of 60 images are followed to 30 queries only; the true rate within 50 is 1 - 0.98^50."""
    random, truth, inside = np.random.default_rng(5), 1 - 0.98**BUDGET, 0
    for _ in range(300):
        costs = random.geometric(0.02, 60)
        pairs = [(int(cost), 30 if place % 2 else BUDGET) for place, cost in enumerate(costs)]
        curve = kaplan_meier(censored(pairs))
        inside += curve.low[-1] <= truth <= curve.high[-1]
    assert 0.91 < inside / 300 < 0.985


def test_bounds_of_an_unfinished_curve_by_hand() -> None:
    runs = runs_of([[5, 0], [], [7]])
    curve = unfinished_curve(runs, np.array([2, 1, 2]), BUDGET)
    assert curve.queries.tolist() == [1, 5, 7, BUDGET]
    assert curve.rate.tolist() == pytest.approx([0, 1 / 6, 1 / 3, 1 / 3])
    assert curve.high - curve.rate == pytest.approx(np.full(4, (0 + 1 + 1 / 2) / 3))


@given(some_costs)
def test_every_image_has_the_same_weight(costs: Costs) -> None:
    runs = runs_of(costs)
    by_image = np.bincount(runs.image, weights(runs))
    assert by_image == pytest.approx(np.full(len(costs), 1 / len(costs)))


def test_every_resample_has_as_many_images_and_all_are_drawn_alike() -> None:
    counts = np.concatenate(list(draws(40)))
    assert counts.shape == (1000, 40) and (counts.sum(axis=1) == 40).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(40), abs=0.15)
    assert counts.var() == pytest.approx(1 - 1 / 40, abs=0.05)  # of a multinomial


def test_a_grid_has_every_success_or_else_a_few_hundred_points() -> None:
    few, many = runs_of([[3], [0], [9]]), runs_of([[cost] for cost in range(1, 2000)], 5000)
    assert grid([few], BUDGET).tolist() == [1, 3, 9, BUDGET]
    points = grid([few, many], 5000)
    assert points[0] == 1 and points[-1] == 5000 and POINTS / 2 < len(points) <= POINTS


@settings(max_examples=20)
@given(st.integers(0, 99), st.booleans())
def test_resampled_curves_are_those_of_the_drawn_images(seed: int, unequal: bool) -> None:
    random = np.random.default_rng(seed)
    shape = [1 + (unequal and image % 3) for image in range(6)]
    first, second = ([random.integers(0, 9, size).tolist() for size in shape] for _ in range(2))
    curves = paired_curves((runs_of(first), runs_of(second)), BUDGET)
    counts = np.concatenate(list(draws(6))).astype(int)
    for place in (0, 77, 999):
        for costs, drawn, observed in zip((first, second), curves.drawn, curves.observed, strict=True):
            chosen = [costs[image] for image in range(6) for _ in range(counts[place, image])]
            by_hand = [rate_by_hand(chosen, queries) for queries in curves.queries]
            assert drawn[place] == pytest.approx(by_hand, abs=1e-6)
            assert observed == pytest.approx([rate_by_hand(costs, each) for each in curves.queries], abs=1e-6)


@settings(max_examples=50)
@given(st.integers(0, 999), st.floats(0.05, 1))
def test_the_queries_of_a_curve_as_observed_are_exact(seed: int, level: float) -> None:
    """Also where there are more of them than a curve is resampled at."""
    random = np.random.default_rng(seed)
    costs = [random.integers(0, 1500, 1 + image % 3).tolist() for image in range(200)]
    found = paired_curves((runs_of(costs, 1500), runs_of(costs[::-1], 1500)), 1500)
    reached = [query for query in range(1, 1501) if rate_by_hand(costs, query) >= level - 1e-6]
    curve = found.curves[0]
    assert queries_to_reach(curve.rate, curve.queries, level) == (reached[0] if reached else inf)
    assert len(found.queries) <= POINTS


def test_the_interval_of_a_paired_difference_is_scipys() -> None:
    random = np.random.default_rng(5)
    hard = random.random(150)
    hits = [(random.random(150) < chance * hard).astype(int) for chance in (0.9, 0.5)]
    runs = [runs_of([[int(hit)] for hit in each]) for each in hits]
    curves = paired_curves((runs[0], runs[1]), BUDGET)
    ours = interval(curves.drawn[0][:, -1] - curves.drawn[1][:, -1])

    def difference(first: NDArray[Any], second: NDArray[Any], axis: int) -> NDArray[Any]:
        return np.asarray(first.mean(axis=axis) - second.mean(axis=axis))

    theirs = bootstrap(hits, difference, paired=True, method="percentile", n_resamples=4000, rng=1)
    assert ours == pytest.approx(theirs.confidence_interval, abs=0.02)


def test_queries_to_reach_a_level_by_hand() -> None:
    curves, queries = np.array([[0.0, 0.2, 0.4], [0.1, 0.1, 0.1], [0.3, 0.3, 0.3]]), np.array([1, 10, 100])
    assert queries_to_reach(curves, queries, 0.2).tolist() == [10, np.inf, 1]
