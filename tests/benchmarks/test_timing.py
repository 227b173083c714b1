"""Spreads of paired runs, and the order of the runs."""

from itertools import count

import pytest

from benchmarks.timing import Spread, in_turn, three_digits


def test_the_median_and_the_extremes() -> None:
    assert Spread.of([3.0, 1.0, 9.0]) == Spread(3.0, 1.0, 9.0)
    assert Spread.of([2.0, 1.0]).median == 1.5


@pytest.mark.parametrize(
    ("number", "text"), [(0.95, "0.95"), (1, "1"), (4.3219, "4.32"), (12345, "12300"), (0.000123, "0.000123")]
)
def test_three_digits(number: float, text: str) -> None:
    assert three_digits(number) == text


def test_a_spread_as_in_a_table() -> None:
    assert str(Spread(1.2345, 1.0, 20.06)) == "1.23 (1 - 20.1)"


def test_runs_alternate() -> None:
    order = count(1)
    results = in_turn({name: lambda: next(order) for name in "abc"}, 3)
    assert results == {"a": [1, 6, 7], "b": [2, 5, 8], "c": [3, 4, 9]}
