"""The time that may be left."""

import pytest
from records import record

from sparseattack.reproduction.forecast import Forecast
from sparseattack.reproduction.run import StudyProgress
from sparseattack.reproduction.studies import Options, PlannedStudy
from sparseattack.study.run import Step

QUICK, SLOW = (PlannedStudy("original-cifar10", False, network=name) for name in ("quick", "slow"))
BUDGET = 1000


def stage(left: int, queries: int, *costs: int) -> StudyProgress:
    """So many runs left after ``queries`` rows, some runs finished with the rows ``costs``."""
    return StudyProgress(left, Step(queries, tuple(record(queries=cost) for cost in costs)))


def test_nothing_is_said_before_anything_was_asked() -> None:
    forecast = Forecast({QUICK: (10, BUDGET)})
    assert forecast.seconds is None
    forecast.note(QUICK, stage(10, 0), 5.0)
    assert forecast.seconds is None


def test_those_that_are_searched_are_taken_for_failures() -> None:
    """Four runs of a thousand rows, 100 of them asked in a second."""
    forecast = Forecast({QUICK: (4, BUDGET)})
    forecast.note(QUICK, stage(4, 100), 1.0)
    assert forecast.seconds == pytest.approx((4 * 1000 - 100) / 100)


def test_successes_make_the_rest_cheaper() -> None:
    """40 runs: 8 cost 50 rows each, 4 are searched and taken for failures, of which 300 rows are asked."""
    forecast = Forecast({QUICK: (40, BUDGET)})
    forecast.note(QUICK, stage(32, 400 + 300, *(50,) * 8), 7.0)
    mean = (8 * 50 + 4 * 1000) / 12
    assert forecast.seconds == pytest.approx((32 * mean - 300) / 100)


def test_a_part_that_has_not_begun_costs_as_the_others_did() -> None:
    """Half of the budget a run; at the speed of all, until that of its own network is known."""
    forecast = Forecast({QUICK: (2, BUDGET), SLOW: (6, BUDGET)})
    forecast.note(QUICK, stage(0, 1000, 400, 600), 2.0)
    assert forecast.seconds == pytest.approx(6 * 500 / 500)
    forecast.note(SLOW, stage(6, 0), 9.0)
    assert forecast.seconds == pytest.approx(6 * 500 / 500)
    forecast.note(SLOW, stage(6, 10), 1.0)
    assert forecast.seconds == pytest.approx((6 * 1000 - 10) / 10)  # none is finished
    forecast.note(SLOW, stage(0, 5990, *(1000,) * 6), 599.0)
    assert forecast.seconds == 0


def test_what_is_left_out_takes_no_time() -> None:
    forecast = Forecast.of([QUICK, SLOW], Options("sample", untargeted=3, budget=BUDGET))
    forecast.drop(SLOW)
    forecast.note(QUICK, stage(0, 1500, 500, 500, 500), 3.0)
    assert forecast.seconds == 0
