"""NSGA-II by pymoo: its objectives, its Pareto set, its restarts, and no effect on global random state."""

import warnings

import numpy as np
import pytest
import torch
from problems import attack, random_images
from pymoo.core.algorithm import Algorithm
from spaces import all_candidates, generations, space
from torch import Tensor

from sparseattack import Problem, Strategy, load, rgb, spent
from sparseattack.conformance.problems import run_search, sphere
from sparseattack.plugins.spec import extra_objectives
from sparseattack.problem.fitness import l2, margin
from sparseattack.strategies.nsga2 import nsga2

BOTH = ("margin", "l2")


def test_it_declares_the_change_s_length_as_second_objective() -> None:
    assert extra_objectives(nsga2) == ("l2",)
    assert extra_objectives(load("strategies", "nsga2(popsize=8)")) == ("l2",)


def test_lower_values_of_either_objective_survive() -> None:
    """The first gene is good in one objective, its complement in the other: it finds both ends."""
    search = nsga2(space(0, budget=2000, objectives=BOTH), popsize=20)
    candidates = next(search)
    for _ in range(60):
        candidates = search.send(
            torch.stack([candidates[..., 0], 1 - candidates[..., 0]], 2) + cost(candidates)
        )
    assert candidates[..., 0].min() < 0.1 and candidates[..., 0].max() > 0.9
    assert candidates[..., 1:].mean() < 0.2


def cost(candidates: Tensor) -> Tensor:
    return candidates[..., 1:].sum(2, keepdim=True)


def test_its_pareto_set_survives() -> None:
    oracle = load("oracles", "linear(classes=3,inputs=90)")()
    images = random_images(3)
    problem = Problem(oracle, rgb(), images, oracle(images).argmax(1), fitness=(margin, l2), until=spent)
    for outcome in attack(problem, nsga2, 200):
        margins = [point.values[0] for point in outcome.front]
        lengths = [point.values[1] for point in outcome.front]
        order = sorted(range(len(margins)), key=lengths.__getitem__)
        assert len(order) > 2 and [margins[i] for i in order] == sorted(margins, reverse=True)
        assert all(0 <= length <= 3**0.5 for length in lengths)


def test_every_batch_of_candidates_is_a_generation() -> None:
    asked = generations(nsga2(space(0), popsize=12), 1.0, 1.0)
    assert [each.shape for each in asked] == [(1, 12, 5)] * 3


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


def test_a_generation_that_the_budget_cuts_gets_no_values() -> None:
    told = []
    search = nsga2(space(0, budget=100, objectives=BOTH), popsize=4)
    next(search)
    values = torch.ones(1, 4, 2)
    values[0, 2:] = torch.inf
    told.append(search.send(values))
    assert told[0].shape[1] == 0  # its image is over: nothing is asked without knowing


def test_it_never_terminates_by_itself() -> None:
    """By default pymoo ends a run whose values no longer change."""
    here = space(0, shape=(1, 4, 4), budget=1200, objectives=BOTH)
    (asked,) = all_candidates(
        lambda here: nsga2(here, popsize=10), here, lambda turn, c: torch.ones(c.shape[:2])
    )
    assert len(asked) == 1200 and here.journal.restarts == {0: 0}


def test_it_restarts_when_mating_finds_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then pymoo answers None, and says no more."""
    ask = Algorithm.ask
    monkeypatch.setattr(Algorithm, "ask", lambda self: None if self.n_iter == 3 else ask(self))
    here = space(0, 1, budget=60, objectives=BOTH)
    sizes = [
        turn.candidates.shape[1]
        for turn in run_search(lambda here: nsga2(here, popsize=10), here, sphere, here.budget)
    ]
    assert sizes == [10] * 6 and here.journal.restarts == {0: 2, 1: 2}
