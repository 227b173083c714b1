"""A figure's interval, and where another lies."""

import math

import pytest

from sparseattack.report.statistics import wilson
from sparseattack.reproduction.metrics import Measure
from sparseattack.reproduction.tables import TableCell

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
def test_the_verdict_says_where_the_papers_figure_lies(paper: Measure | None, verdict: str) -> None:
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
