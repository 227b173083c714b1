"""The forecast of the time left."""

import pytest
from records import record

from sparseattack.reproduction.forecast import Forecast
from sparseattack.reproduction.run import StudyProgress
from sparseattack.reproduction.studies import Options, PlannedStudy
from sparseattack.study.run import Step

QUICK, SLOW = (PlannedStudy("original-cifar10", False, network=name) for name in ("quick", "slow"))
BUDGET = 1000


def progress(left: int, queries: int, *costs: int) -> StudyProgress:
    """``left`` runs after a step of ``queries``, in which runs finished that cost ``costs``."""
    return StudyProgress(left, Step(queries, tuple(record(queries=cost) for cost in costs)))


def test_there_is_no_forecast_before_the_first_query() -> None:
    forecast = Forecast({QUICK: (10, BUDGET)})
    assert forecast.seconds is None
    forecast.note(QUICK, progress(10, 0), 5.0)
    assert forecast.seconds is None


def test_runs_being_searched_count_as_failures() -> None:
    """Four runs of a thousand queries, 100 of them in a second."""
    forecast = Forecast({QUICK: (4, BUDGET)})
    forecast.note(QUICK, progress(4, 100), 1.0)
    assert forecast.seconds == pytest.approx((4 * 1000 - 100) / 100)


def test_successes_make_the_rest_cheaper() -> None:
    """40 runs: 8 cost 50 queries each, 4 are being searched, count as failures, and had 300 queries."""
    forecast = Forecast({QUICK: (40, BUDGET)})
    forecast.note(QUICK, progress(32, 400 + 300, *(50,) * 8), 7.0)
    mean = (8 * 50 + 4 * 1000) / 12
    assert forecast.seconds == pytest.approx((32 * mean - 300) / 100)


def test_a_study_that_has_not_begun_costs_as_the_others_did() -> None:
    """Half of the budget a run; at the speed of all, until that of its own network is known."""
    forecast = Forecast({QUICK: (2, BUDGET), SLOW: (6, BUDGET)})
    forecast.note(QUICK, progress(0, 1000, 400, 600), 2.0)
    assert forecast.seconds == pytest.approx(6 * 500 / 500)
    forecast.note(SLOW, progress(6, 0), 9.0)
    assert forecast.seconds == pytest.approx(6 * 500 / 500)
    forecast.note(SLOW, progress(6, 10), 1.0)
    assert forecast.seconds == pytest.approx((6 * 1000 - 10) / 10)  # none is finished
    forecast.note(SLOW, progress(0, 5990, *(1000,) * 6), 599.0)
    assert forecast.seconds == 0


def test_a_study_that_is_left_out_takes_no_time() -> None:
    forecast = Forecast.of([QUICK, SLOW], Options("sample", untargeted=3, budget=BUDGET))
    forecast.drop(SLOW)
    forecast.note(QUICK, progress(0, 1500, 500, 500, 500), 3.0)
    assert forecast.seconds == 0
