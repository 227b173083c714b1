"""The sentence below success curves names a most and a fewest only where rates differ."""

from sparseattack.report.figures.success import beside


def test_equal_rates_have_neither_a_most_nor_a_fewest() -> None:
    assert beside(0.1, [("de", 0.1), ("cmaes", 0.1)]) == "; each of the other 2 fools 10.0 % too"


def test_the_lowest_of_different_rates_is_named() -> None:
    assert beside(0.2, [("de", 0.2), ("cmaes", 0.1)]) == ", the most; cmaes fools 10.0 %, the fewest"
    assert beside(0.2, [("de", 0.1)]) == "; de fools 10.0 %"
    assert beside(0.2, []) == ""
