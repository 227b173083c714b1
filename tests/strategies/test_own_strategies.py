"""Strategies without any installation: by module:function, or registered in a notebook."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from problems import scripted_problem, uniform

from sparseattack import InputError, attack, load, register
from sparseattack.plugins import registry
from sparseattack.plugins.registry import names

PLUGIN = Path(__file__).parents[1] / "plugin"


def test_module_and_function_need_no_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PLUGIN)
    strategy = load("strategies", "local_search:local_search(popsize=3)")
    outcomes = attack(scripted_problem(), strategy, budget=10)
    assert [outcome.queries for outcome in outcomes] == [10, 10, 10]
    with pytest.raises(InputError, match="'local_search' has no attribute 'nothing'"):
        load("strategies", "local_search:nothing")
    with pytest.raises(InputError, match="there is no module 'nowhere'"):
        load("strategies", "nowhere:search")


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget afterwards what is registered."""
    monkeypatch.setattr(registry, "_registered", {})
    yield


@pytest.mark.usefixtures("notebook")
def test_a_notebook_registers_its_own() -> None:
    register("strategies", "mine", uniform)
    assert "mine" in names("strategies")
    outcomes = attack(scripted_problem(), load("strategies", "mine(popsize=4)"), budget=9)
    assert [outcome.queries for outcome in outcomes] == [9, 9, 9]
    with pytest.raises(InputError, match="there is a strategy 'de' already"):
        register("strategies", "de", uniform)
    register("strategies", "de", uniform, replace=True)
    assert load("strategies", "de") is uniform
