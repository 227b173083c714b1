"""The sentences below curves name a most, a fewest and a lead only where rates differ."""

from sparseattack.report.figures.success import beside
from sparseattack.report.statistics.comparisons import lead_in_words


def test_equal_rates_have_neither_a_most_nor_a_fewest() -> None:
    assert beside([("random", 0.1), ("de", 0.1), ("cmaes", 0.1)]) == ""


def test_the_lowest_of_different_rates_is_named() -> None:
    lowest = [("random", 0.2), ("de", 0.2), ("cmaes", 0.1)]
    assert beside(lowest) == ", the most; cmaes fools 10.0 %, the fewest"
    assert beside([("random", 0.2), ("de", 0.1)]) == "; de fools 10.0 %"
    assert beside([("random", 0.2)]) == ""


def test_of_equal_lowest_rates_all_are_named() -> None:
    lowest = [("random", 0.2), ("de", 0.1), ("cmaes", 0.1)]
    assert beside(lowest) == ", the most; de and cmaes each fool 10.0 %, the fewest"


def test_a_lead_is_none_where_shares_are_shown_alike() -> None:
    assert lead_in_words(0.0, "de") == lead_in_words(-0.0004, "de") == "as many as de"
    assert lead_in_words(0.25, "de") == "25.0 percentage points more than de"
    assert lead_in_words(-0.05, "de") == "5.0 percentage points fewer than de"
