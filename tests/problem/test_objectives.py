"""What a strategy declares, and what functions are called."""

from functools import partial

import pytest
from problems import uniform

from sparseattack import load, margin, per_image, several
from sparseattack.plugins.spec import extra_objectives, function_name
from sparseattack.problem.space import Search, Space


def test_further_objectives_are_found_behind_settings_and_decorators() -> None:
    @several("l0", "l2")
    def many(space: Space, *, popsize: int = 3) -> Search:
        yield from uniform(space, popsize=popsize)

    assert extra_objectives(many) == extra_objectives(partial(many, popsize=4)) == ("l0", "l2")
    assert extra_objectives(several("l2")(partial(uniform, popsize=4))) == ("l2",)
    assert extra_objectives(per_image(many)) == ("l0", "l2")  # type: ignore[arg-type]
    assert extra_objectives(uniform) == ()


def test_nsga2_searches_several() -> None:
    pytest.importorskip("pymoo")
    assert (
        extra_objectives(load("strategies", "nsga2(popsize=5)"))
        == extra_objectives(load("strategies", "nsga2"))
        != ()
    )


class Weighted:
    def __call__(self) -> None: ...


def test_functions_have_names_whatever_is_bound() -> None:
    assert function_name(margin) == "margin" and function_name(partial(partial(margin))) == "margin"
    assert function_name(Weighted()) == "Weighted"
