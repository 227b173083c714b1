"""What a strategy declares, and what functions are called."""

from functools import partial

import pytest
from problems import uniform

from sparseattack import load, margin, per_image, several
from sparseattack.plugins.spec import further, name
from sparseattack.problem.space import Search, Space


def test_further_objectives_are_found_behind_settings_and_decorators() -> None:
    @several("l0", "l2")
    def many(space: Space, *, popsize: int = 3) -> Search:
        yield from uniform(space, popsize=popsize)

    assert further(many) == further(partial(many, popsize=4)) == ("l0", "l2")
    assert further(several("l2")(partial(uniform, popsize=4))) == ("l2",)
    assert further(per_image(many)) == ("l0", "l2")  # type: ignore[arg-type]
    assert further(uniform) == ()


def test_nsga2_searches_several() -> None:
    pytest.importorskip("pymoo")
    assert further(load("strategies", "nsga2(popsize=5)")) == further(load("strategies", "nsga2")) != ()


class Weighted:
    def __call__(self) -> None: ...


def test_functions_have_names_whatever_is_bound() -> None:
    assert name(margin) == "margin" and name(partial(partial(margin))) == "margin"
    assert name(Weighted()) == "Weighted"
