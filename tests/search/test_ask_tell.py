"""Strategies as general optimizers: the sphere, a BBOB function, and what is refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapted import given, library, network
from numpy.typing import NDArray
from problems import outcome_facts

from sparseattack import InputError, Outcome, Problem, Space, Strategy, ask_tell, attack, corners, uses
from sparseattack.plugins.catalogue import entries
from sparseattack.plugins.registry import names
from sparseattack.search.contract import ask, start

PIXELS = {"sparse-rs", "exhaustive", "brusle", "one-plus-one", "additive-gp"}
PAGE = (Path(__file__).parents[2] / "docs" / "optimizers.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```python ?(\S*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))

# what is reached in 405 evaluations at the latest
SPHERE = {
    "de(popsize=20)": 1e-3,
    "cmaes": 1e-6,
    "cmaes-native": 1e-6,
    "jade": 1e-3,
    "shade": 1e-3,
    "random": 3e-2,
}


def sphere(candidates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimum 0 at 0.3."""
    return np.asarray(((candidates - 0.3) ** 2).sum(1))


@pytest.mark.parametrize("strategy", SPHERE)
def test_the_sphere_is_solved_within_an_exact_budget(strategy: str) -> None:
    told = []
    with ask_tell(strategy, 3, seed=1, budget=405) as search:
        while len(candidates := search.ask()):
            assert candidates.dtype == np.float64 and 0 <= candidates.min() <= candidates.max() <= 1
            told += sphere(candidates).tolist()
            search.tell(sphere(candidates))
    assert len(told) == search.evaluations == 405
    assert search.lowest == min(told) < SPHERE[strategy]
    assert sphere(search.best[None])[0] == search.lowest


def test_another_seed_is_another_search_and_the_same_is_the_same() -> None:
    def first(seed: int) -> list[float]:
        with ask_tell("de(popsize=8)", 3, seed, 16) as search:
            return [float(number) for number in search.ask().flatten()]

    assert first(1) == first(1) != first(2)


@pytest.mark.parametrize("strategy", sorted(PIXELS))
def test_a_strategy_that_searches_pixels_is_refused_by_name(strategy: str) -> None:
    with pytest.raises(InputError, match=f"{strategy} (chooses pixels and their colours|uses the )"):
        ask_tell(strategy, 3).ask()


def test_every_other_strategy_is_a_general_optimizer() -> None:
    of_images = {entry.name for entry in entries("strategies") if {"image", "scores"} & {*(entry.uses or ())}}
    for name in sorted(set(names("strategies")) - PIXELS - of_images):
        with ask_tell(name, 4, budget=50) as search:
            while len(candidates := search.ask()):
                search.tell(sphere(candidates))
        assert search.evaluations == 50, name


def test_a_box_is_searched_as_the_space_of_images_is() -> None:
    """The same strategy with the same stream asks the same, whatever the coordinates are called."""

    def uniform(space: Space) -> Any:
        while True:
            yield space.uniform(5)

    here = Space.box(3, seed=7)
    asked = ask(start(uniform, here, "it"), None, here, "it")
    expected = np.random.default_rng(7).random((5, 3), np.float32)
    assert np.array_equal(asked[0].numpy(), expected) and here.dims == 3 and here.batch == 1
    assert not here.mask("colour").any()


def test_the_budget_is_known_to_a_strategy_that_declares_it() -> None:
    seen = []

    @uses("budget")
    def counting(space: Space) -> Any:
        seen.append(space.budget)
        while True:
            yield space.uniform(2)

    ask_tell(counting, 2, budget=77).ask()
    assert seen == [77]


def test_several_objectives_are_several_values() -> None:
    with ask_tell("nsga2", 3, budget=400, objectives=("first", "second")) as search:
        candidates = search.ask()
        search.tell(np.stack([sphere(candidates), candidates.sum(1)], 1))
        assert len(search.ask())


def test_order_and_shapes_are_checked() -> None:
    search = ask_tell("random", 2, budget=10)
    with pytest.raises(InputError, match="ask for candidates before"):
        search.tell([1.0])
    count = len(search.ask())
    with pytest.raises(InputError, match="tell the values of the last candidates"):
        search.ask()
    with pytest.raises(InputError, match=rf"there are values \(1,\) for {count} candidates"):
        search.tell([1.0])
    with pytest.raises(InputError, match="a value is NaN"):
        search.tell([np.nan] * count)
    with pytest.raises(InputError, match="dims and budget are whole numbers from 1, not 0 and 5"):
        ask_tell("random", 0, budget=5)


def test_the_page_solves_a_sphere(capsys: pytest.CaptureFixture[str]) -> None:
    exec(BLOCKS[""], {})
    lowest, *_, evaluations = capsys.readouterr().out.split()
    assert float(lowest) < 1e-2 and evaluations == "1000"


def test_the_page_solves_a_bbob_function(capsys: pytest.CaptureFixture[str]) -> None:
    library("ioh", "pip install ioh")
    exec(BLOCKS["ioh"], {})
    assert (
        float(capsys.readouterr().out) < 1e-1
    )  # an ellipsoid of condition 1e6; random search stays above 1e3


@pytest.mark.parametrize(("name", "function"), [("cmaes", "cmaes_lite"), ("optuna", "tpe")])
def test_the_strategies_of_the_page_attack_images(name: str, function: str) -> None:
    library(name, f"pip install {name}")
    held: dict[str, Any] = {"__name__": "page"}
    exec(BLOCKS[name], held)
    strategy: Strategy = held[function]
    images, labels = given()
    found = attack(Problem(network(), corners(), images, labels), strategy, 20)
    every = [outcome_facts(one) for one in found if isinstance(one, Outcome)]
    assert every and not any(one.error for one in found if isinstance(one, Outcome))
    place = next(one.image for one in found if isinstance(one, Outcome))
    (single,) = attack(Problem(network(), corners(), images[place][None], labels[place][None]), strategy, 20)
    assert isinstance(single, Outcome) and outcome_facts(single)[1:2] == every[0][1:2]  # in any company
    with ask_tell(strategy, 2, seed=1, budget=60) as search:
        while len(candidates := search.ask()):
            search.tell(sphere(candidates))
    assert search.lowest < 2e-2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("strategy", ["cmaes", "cmaes-native", "nevergrad", "nsga2(popsize=10)", "de"])
@pytest.mark.parametrize("value", [np.inf, 1e39])
def test_a_candidate_that_cannot_be_evaluated_ends_no_search(strategy: str, value: float) -> None:
    """Infinite, or beyond 32 bits: the search goes on to the end of its budget, and finds what it finds."""
    with ask_tell(strategy, 3, budget=200) as search:
        while len(candidates := search.ask()):
            values = sphere(candidates)
            values[0] = value if search.evaluations else values[0]
            search.tell(values)
    assert search.evaluations == 200 and search.lowest < 1
