"""What pycma does if it is not kept from it."""

from itertools import pairwise

import pytest
import torch
from spaces import all_candidates, space
from torch import Tensor

from sparseattack import Problem, attack, load, rgb
from sparseattack.conformance.problems import run_search, sphere
from sparseattack.strategies.cmaes import cmaes


def flat(turn: int, candidates: Tensor) -> Tensor:
    return torch.zeros(candidates.shape[:2])


def test_a_flat_generation_is_no_convergence() -> None:
    here = space(0, shape=(3, 32, 32), budget=600)
    (asked,) = all_candidates(cmaes, here, flat)
    assert len(asked) == 600 and not here.journal.errors
    assert here.journal.restarts == {0: 0}


def test_what_has_converged_starts_anew_with_twice_the_population() -> None:
    here = space(0, shape=(1, 4, 4), budget=1500)
    sizes = [int(turn.asked.sum()) for turn in run_search(cmaes, here, sphere)]
    assert here.journal.restarts[0] >= 2
    kinds = list(dict.fromkeys(sizes[:-1]))
    assert kinds[0] == 7  # 4 + 3 ln 4, rounded down
    assert [b / a for a, b in pairwise(kinds)] == pytest.approx([2] * (len(kinds) - 1), abs=0.2)


def test_a_search_far_from_an_optimum_is_not_restarted() -> None:
    here = space(0, shape=(3, 224, 224), budget=200)
    all_candidates(cmaes, here)
    assert here.journal.restarts == {0: 0}


def test_eight_searches_side_by_side_are_eight_searches_alone() -> None:
    together = all_candidates(cmaes, space(*range(8), budget=150))
    for seed, asked in enumerate(together):
        assert torch.equal(asked, all_candidates(cmaes, space(seed, budget=150))[0])


@pytest.mark.parametrize("budget", [1, 7, 8, 9, 100, 101])
def test_a_last_generation_that_the_budget_cuts_is_not_told(budget: int) -> None:
    """pycma's own budget is looked at between generations only, and too few values are an error to it."""
    oracle = load("oracles", "linear(classes=3,inputs=90)")()
    images = torch.zeros(3, 3, 6, 5)
    outcomes = attack(Problem(oracle, rgb(), images, torch.full((3,), 2)), cmaes, budget)
    assert all(outcome.queries <= budget and not outcome.error for outcome in outcomes)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_generation_cut_in_the_middle_ends_its_image_only(count: int) -> None:
    def cut(turn: int, candidates: Tensor) -> Tensor:
        values = sphere(turn, candidates)
        values[0, count:] = torch.inf
        return values

    here = space(0, 1, budget=60)
    asked = all_candidates(cmaes, here, cut)
    assert [len(each) for each in asked] == [8, 60] and not here.journal.errors
    assert torch.equal(asked[1], all_candidates(cmaes, space(1, budget=60))[0])


def test_candidates_stay_in_the_cube_even_if_the_optimum_does_not() -> None:
    (asked,) = all_candidates(cmaes, space(0, budget=300), lambda turn, candidates: candidates.sum(2))
    assert asked.min() >= 0 and asked.max() <= 1 and asked.sum(1).min() < 0.01
