"""What pymoo does if it is not kept from it, and the two objectives of NSGA-II."""

import warnings

import numpy as np
import pytest
import torch
from pymoo.core.algorithm import Algorithm
from spaces import all_candidates, space

from sparseattack import Strategy, load
from sparseattack.conformance.problems import run_search, sphere
from sparseattack.strategies.nsga2 import nsga2

BOTH = ("margin", "l2")


def test_the_seed_is_the_image_s_and_the_global_state_stays() -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    together = all_candidates(nsga2, space(0, 1, budget=200, objectives=BOTH))
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]
    assert not torch.equal(*together)
    for seed, asked in enumerate(together):
        assert torch.equal(asked, all_candidates(nsga2, space(seed, budget=200, objectives=BOTH))[0])


@pytest.mark.parametrize("popsize", [1, 2, 3, 40])
@pytest.mark.parametrize("objectives", [("margin",), BOTH, ("margin", "l0", "l2")])
def test_any_population_and_number_of_objectives(popsize: int, objectives: tuple[str, ...]) -> None:
    strategy: Strategy = load("strategies", "nsga2", {"popsize": popsize})
    here = space(0, budget=3 * popsize + 1, objectives=objectives)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pymoo only warns of values that it was not given
        (asked,) = all_candidates(strategy, here)
    assert len(asked) == 3 * popsize + 1 and not here.journal.errors
    assert len(set(map(tuple, asked.tolist()))) == len(asked)  # it asks nothing twice


def test_a_generation_that_the_budget_cuts_is_not_told() -> None:
    told = []
    search = nsga2(space(0, budget=100, objectives=BOTH), popsize=4)
    next(search)
    values = torch.ones(1, 4, 2)
    values[0, 2:] = torch.inf
    told.append(search.send(values))
    assert told[0].shape[1] == 0  # its image is over: nothing is asked without knowing


def test_it_goes_on_for_ever_without_a_termination_of_its_own() -> None:
    """By default pymoo ends a run whose values no longer change."""
    here = space(0, shape=(1, 4, 4), budget=1200, objectives=BOTH)
    (asked,) = all_candidates(
        lambda here: nsga2(here, popsize=10), here, lambda turn, c: torch.ones(c.shape[:2])
    )
    assert len(asked) == 1200 and here.journal.restarts == {0: 0}


def test_where_mating_finds_nothing_new_it_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then pymoo answers None, and says no more."""
    ask = Algorithm.ask
    monkeypatch.setattr(Algorithm, "ask", lambda self: None if self.n_iter == 3 else ask(self))
    here = space(0, 1, budget=60, objectives=BOTH)
    sizes = [
        turn.candidates.shape[1] for turn in run_search(lambda here: nsga2(here, popsize=10), here, sphere)
    ]
    assert sizes == [10] * 6 and here.journal.restarts == {0: 2, 1: 2}
