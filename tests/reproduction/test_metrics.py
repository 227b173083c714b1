"""The paper's metrics, by hand on three images with two or three targets each; intervals and verdicts."""

import math

import pytest
from records import record

from sparseattack.report.statistics.intervals import wilson
from sparseattack.reproduction import metrics
from sparseattack.reproduction.metrics import Measure
from sparseattack.reproduction.tables import TableCell

RUNS = [
    record(0, 10, target=1, label=0, after_class=1, after_confidence=0.5, queries=400, distortion=30.0),
    record(0, 900, target=2, label=0, after_class=2, after_confidence=0.9, queries=1000, distortion=90.0),
    record(1, 0, target=0, label=7),
    record(1, 5, target=2, label=7, after_class=2, after_confidence=0.7, queries=800, distortion=60.0),
    record(2, 0, target=0, label=7),
    record(2, 20, target=2, label=7, verified=False, after_class=2),  # did not fool when shown alone
]
FAILED = [RUNS[2], RUNS[4]]


def test_success_is_over_runs_and_an_image_is_one_trial() -> None:
    assert metrics.success_rate(RUNS).value == pytest.approx(3 / 6)
    assert metrics.success_rate(RUNS).count == 3


def test_untargeted_success_is_derived_from_any_target() -> None:
    derived = metrics.derived_success_rate(RUNS)
    assert derived.value == pytest.approx(2 / 3) and derived.count == 3


def test_confidence_is_the_mean_over_the_successes() -> None:
    mean = metrics.confidence(RUNS)
    assert mean and mean.value == pytest.approx((0.5 + 0.9 + 0.7) / 3) and mean.count == 3
    assert metrics.confidence(FAILED) is None


def test_classes_are_counted_image_by_image() -> None:
    assert metrics.classes_reached(RUNS) == {0: 2, 1: 1, 2: 0}
    assert metrics.mean_classes(RUNS).value == 1
    assert metrics.histogram(RUNS) == [pytest.approx(1 / 3)] * 3 + [0] * 7


def test_a_class_that_two_runs_reach_is_one_class() -> None:
    again = record(0, 10, target=1, label=0, after_class=1, seed=1)
    assert metrics.classes_reached([*RUNS, again])[0] == 2


def test_pairs_are_from_the_original_class_to_the_one_after() -> None:
    pairs = metrics.class_pairs(RUNS)
    assert (pairs[0][1], pairs[0][2], pairs[7][2]) == (1, 1, 1)
    assert sum(map(sum, pairs)) == 3 and len(pairs) == 10 and {len(row) for row in pairs} == {10}
    untargeted = metrics.class_pairs([record(0, 3, label=4, after_class=12)])
    assert len(untargeted) == 13 and untargeted[4][12] == 1
    assert metrics.class_pairs(FAILED) == [[0] * 10] * 10


def test_cost_and_distortion_are_of_the_successes() -> None:
    spent, changed = metrics.evaluations(RUNS), metrics.distortion(RUNS)
    assert spent and spent.value == pytest.approx((400 + 1000 + 800) / 3)
    assert changed and changed.value == pytest.approx(60) and changed.count == 3
    assert metrics.evaluations(FAILED) is None and metrics.distortion(FAILED) is None


def test_queries_to_first_success_count_failures() -> None:
    assert metrics.median_queries(RUNS).value == 900  # 5, 10, 900, and three failures
    assert metrics.median_queries(RUNS[2:]).value == float("inf")
    assert metrics.mean_queries(RUNS).value == pytest.approx((10 + 900 + 1000 + 5 + 1000 + 1000) / 6)


def test_what_one_search_finds_of_what_another_found() -> None:
    fewer = [record(0, 7), record(1, 0), record(2, 9)]
    among = metrics.share_found(fewer, RUNS)
    assert among and (among.value, among.count) == (0.5, 2)  # of images 0 and 1
    assert metrics.share_found(RUNS, FAILED) is None


OURS = Measure(0.25, 40, "rate")  # 14.2 to 40.2 %


def test_only_a_rate_of_a_known_count_has_an_interval() -> None:
    assert OURS.interval == pytest.approx(wilson(0.25, 40))
    assert Measure(0.25, 0, "rate").interval is None and Measure(0.25, 40, "share").interval is None


@pytest.mark.parametrize(
    ("paper", "verdict"),
    [
        (Measure(0.30, 500, "rate"), "inside"),
        (Measure(0.30, 0, "rate"), "inside"),
        (Measure(0.42, 300, "rate"), "overlap"),  # from 36.5 %
        (Measure(0.60, 300, "rate"), "outside"),
        (Measure(0.42, 0, "rate"), "outside"),
        (None, ""),
    ],
)
def test_the_verdict_compares_the_papers_figure_with_the_interval(
    paper: Measure | None, verdict: str
) -> None:
    assert TableCell("row", "nin", OURS, paper).verdict == verdict


def test_there_is_no_verdict_without_an_interval_of_ours() -> None:
    shares = Measure(0.5, 9, "share"), Measure(0.5, 0, "share")
    assert (
        TableCell("row", "nin", *shares).verdict == "" and TableCell("row", "nin", None, OURS).verdict == ""
    )


def test_machines_get_numbers_and_none_for_what_is_infinite() -> None:
    told = Measure(math.inf, 4, "number").to_dict()
    assert told == {"value": None, "count": 4, "low": None, "high": None}
    assert OURS.to_dict()["low"] == pytest.approx(OURS.interval[0] if OURS.interval else 0)
