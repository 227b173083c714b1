"""The table, computed by hand."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import array
from records import by_method, method, record

from sparseattack.report.summary import pairs, summaries, unfinished
from sparseattack.study.columns import Columns

FOUR = [record(0, 50), record(1, 300, repeats=7), record(2, 301), record(3, repeats=5)]


def test_a_line_of_the_table_by_hand() -> None:
    (line,) = summaries(by_method(FOUR))
    assert (line.images, line.runs, line.successes, line.success) == (4, 4, 3, 0.75)
    assert line.success_at == {100: 0.25, 300: 0.5, 1000: 0.75}
    assert line.median_queries == 300
    assert line.mean_queries == (50 + 300 + 301 + 1000) / 4
    assert line.mean_pixels == 1 and line.queries == 50 + 300 + 301 + 1000
    assert line.repeats == 7 + 5
    assert line.queries_per_second == pytest.approx(line.queries / 3.0)


def test_a_success_that_is_not_verified_counts_as_a_failure_and_is_reported() -> None:
    (line,) = summaries(by_method([record(0, 5, verified=False), record(1, 5)]))
    assert (line.success, line.unverified, line.mean_queries) == (0.5, 1, (1000 + 5) / 2)


def test_failures_are_censored_never_dropped() -> None:
    (line,) = summaries(by_method([record(0), record(1)]))
    assert (line.success, line.median_queries, line.mean_queries) == (0, None, 1000)
    assert line.mean_pixels is None and line.low == 0 < line.high


def test_marks_above_the_budget_are_not_shown() -> None:
    (line,) = summaries(by_method([record(0, 50, budget=200)]))
    assert list(line.success_at) == [100, 200]


def test_seeds_of_one_image_do_not_narrow_the_interval() -> None:
    once = summaries(by_method([record(0, 5), record(1)]))[0]
    often = summaries(by_method([record(i, 5 if i == 0 else 0, seed=s) for i in (0, 1) for s in range(50)]))[
        0
    ]
    assert (once.low, once.high) == (often.low, often.high) and often.runs == 100


def test_the_criterion_is_met_by_a_share_of_images() -> None:
    """As successes are: an image with three targets counts as one with a single one."""
    runs = [record(0, 7, target=target, met=True) for target in (1, 2, 4)] + [record(1, target=2)]
    (line,) = summaries(by_method(runs))
    assert (line.met, line.success) == (0.5, 0.5)


def test_pixels_and_coordinates_are_not_compared() -> None:
    one, other, third = method("de"), method("random"), method("cmaes")
    groups = {each: Columns.of(FOUR) for each in (one, replace(other, counts="coordinates"), third)}
    assert [(pair.first.strategy, pair.second.strategy) for pair in pairs(groups)] == [("de", "cmaes")]


def test_untargeted_success_is_derived_from_targeted_runs_of_correct_images() -> None:
    runs = [record(0, 7 if target == 4 else 0, target=target) for target in (1, 2, 4)]
    runs += [record(1, target=target) for target in (1, 2, 4)]
    runs += [record(2, 9, target=1, before_class=8)]  # misclassified before: no success of an attack
    (line,) = summaries(by_method(runs), every_target=True)
    assert line.any_target == 0.5 and line.success == pytest.approx((1 / 3 + 0 + 1) / 3)


def test_pairs_count_images_that_only_one_fools() -> None:
    other = [record(i, q, strategy="cmaes") for i, q in enumerate((10, 0, 0, 0))]
    (pair,) = pairs(by_method(FOUR + other))
    assert (pair.only_first_wins, pair.only_second_wins) == (2, 0) and pair.p == 0.5
    assert pairs(by_method([*FOUR, record(0, k=3, strategy="cmaes")])) == []


def test_pairs_compare_only_runs_that_both_have() -> None:
    first = [record(0, seed=0), record(0, 5, seed=1)]
    second = [record(0, seed=0, strategy="cmaes")]
    assert [(pair.only_first_wins, pair.only_second_wins) for pair in pairs(by_method(first + second))] == [
        (0, 0)
    ]


def test_a_rate_stays_inside_its_interval_when_images_have_unequal_runs() -> None:
    runs = [record(0, 5 if target == 1 else 0, target=target) for target in range(1, 10)]
    (line,) = summaries(by_method([*runs, *(record(image, target=1) for image in range(1, 30))]))
    assert line.low <= line.success <= line.high and line.success_at[1000] == line.success


def test_a_method_that_lacks_runs_has_bounds_by_hand() -> None:
    runs = [record(0, 50), record(1, 0, seed=0), record(1, 9, seed=1), record(3, 5, verified=False)]
    planned = (1, 4, 0, 1, 2)  # runs of five images, of which number 2 is not attacked
    found = unfinished(method(), Columns.of(runs), array(planned))
    assert found and (found.planned, found.runs, found.successes) == (8, 4, 2)
    assert found.least == pytest.approx((1 + 1 / 4 + 0 + 0) / 4)
    assert found.most == pytest.approx((1 + 3 / 4 + 0 + 1) / 4)


def test_a_method_that_lacks_none_has_no_bounds() -> None:
    assert unfinished(method(), Columns.of(FOUR), array((1, 1, 1, 1))) is None
    assert unfinished(method(), Columns.of([]), array((0, 0))) is None


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 15)), min_size=1, max_size=6), st.integers(0, 99))
def test_the_rate_is_between_the_bounds_whatever_finishes_first(images: Any, seed: int) -> None:
    runs = [
        record(image, 7 * (fooled >> place & 1), seed=place)
        for image, (count, fooled) in enumerate(images)
        for place in range(count)
    ]
    (line,), planned = summaries(by_method(runs)), [count for count, _ in images]
    Random(seed).shuffle(runs)
    for done in range(len(runs)):
        found = unfinished(line.method, Columns.of(runs[:done]), array(planned))
        assert found and found.least - 1e-9 <= line.success <= found.most + 1e-9
