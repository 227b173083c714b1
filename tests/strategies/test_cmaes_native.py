"""CMA-ES in torch beside pycma: the same parameters, the same folding, and the same finds, in law."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import cma
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from spaces import all_candidates, space
from torch import Tensor

from sparseattack import Strategy
from sparseattack.conformance.problems import run_search, sphere
from sparseattack.strategies.cmaes import cmaes
from sparseattack.strategies.cmaes_native import Constants, Gaussian, cmaes_native, fold, unfold

QUIET = {"verbose": -10, "bounds": [0, 1]}


@pytest.mark.parametrize(
    ("dims", "popsize"), [(5, 6), (5, 8), (5, 16), (15, 12), (25, 13), (25, 26), (5, 64)]
)
def test_the_parameters_are_pycma_s(dims: int, popsize: int) -> None:
    theirs = cma.CMAEvolutionStrategy([0.5] * dims, 0.3, QUIET | {"popsize": popsize})
    theirs.adapt_sigma.initialize(theirs)
    ours = Constants(dims, popsize)
    assert ours.weights.tolist() == pytest.approx(list(theirs.sp.weights))
    assert (ours.mueff, ours.cc, ours.c1, ours.cmu, ours.cs, ours.damps) == pytest.approx(
        (theirs.sp.weights.mueff, theirs.sp.cc, theirs.sp.c1, theirs.sp.cmu,
         theirs.adapt_sigma.cs, theirs.adapt_sigma.damps)
    )  # fmt: skip


def test_the_folding_is_pycma_s() -> None:
    transform = cma.transformations.BoxConstraintsLinQuadTransformation([[0, 1]])
    points = np.linspace(-3, 4, 701)
    theirs = [transform.transform([point])[0] for point in points]
    assert fold(torch.from_numpy(points)).tolist() == pytest.approx(theirs, abs=1e-12)
    inside = torch.linspace(0, 1, 101, dtype=torch.float64)
    assert fold(unfold(inside)).tolist() == pytest.approx(inside.tolist(), abs=1e-12)


Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def valley(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """An ellipsoid ``(..., D) -> (...)``, not along the axes, with its minimum inside the cube."""
    y = x - 0.3
    return np.asarray((np.geomspace(1, 100, x.shape[-1]) * (y + 0.5 * np.roll(y, 1, axis=-1)) ** 2).sum(-1))


def border(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A slope ``(..., D) -> (...)`` whose minimum is in a corner of the cube."""
    return np.asarray((np.geomspace(1, 10, x.shape[-1]) * x).sum(-1))


def rough(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A function ``(..., D) -> (...)`` without a trend, on which a distribution grows."""
    return np.asarray(np.sin(1e4 * x).sum(-1))


@pytest.mark.parametrize(("function", "sigma", "generations"), [(valley, 0.05, 6), (rough, 0.32, 10)])
def test_generations_are_pycma_s_to_the_last_digits(
    function: Function, sigma: float, generations: int
) -> None:
    """The same steps with the same values give the same distribution, also where pycma bounds its width."""
    random = np.random.RandomState(0)
    theirs = cma.CMAEvolutionStrategy([0.4] * 5, sigma, QUIET | {"randn": random.randn, "seed": np.nan})
    ours, known = Gaussian.start(space(0), sigma), Constants(5, 8)
    ours = ours._replace(mean=torch.full((1, 5), 0.4, dtype=torch.float64))
    for _ in range(generations):
        points = theirs.ask()
        values = function(np.array(points))
        inner = np.array([theirs.sent_solutions[point]["geno"] for point in points])  # before they are folded
        theirs.tell(points, list(values))
        steps = (torch.from_numpy(inner) - ours.mean) / (ours.sigma * ours.scales)
        ours = ours.after(steps[None], torch.from_numpy(values)[None], known)
    assert ours.mean[0].tolist() == pytest.approx(theirs.mean, rel=1e-4)
    assert ours.sigma.item() == pytest.approx(theirs.sigma, rel=1e-3)
    assert ours.scales[0].tolist() == pytest.approx(theirs.sigma_vec.scaling * np.ones(5), rel=1e-3)
    assert bool((ours.scales < 1).any()) == (function is rough)
    assert ours.matrix[0].flatten().tolist() == pytest.approx(theirs.sm.C.flatten(), rel=1e-2, abs=1e-3)


@pytest.mark.parametrize(("function", "pixels"), [(valley, 1), (border, 2)])
def test_it_finds_what_pycma_finds(function: Function, pixels: int) -> None:
    def lowest(strategy: Strategy, runs: range) -> NDArray[np.float64]:
        here = space(*runs, pixels=pixels, budget=96)
        asked = all_candidates(
            strategy,
            here,
            lambda turn, x: torch.from_numpy(function(x.nan_to_num(1).double().numpy())).float(),
        )
        return np.array([function(each.double().numpy()).min() for each in asked])

    theirs = lowest(cmaes, range(50))
    ours = lowest(cmaes_native, range(50, 100))
    assert ks_2samp(ours, theirs).pvalue > 1e-3
    if function is valley and pixels == 1:  # and another population is told apart
        assert ks_2samp(lowest(partial(cmaes_native, popsize=48), range(50)), theirs).pvalue < 1e-2


def test_a_converged_search_restarts_with_twice_the_population() -> None:
    here = space(0, shape=(1, 4, 4), budget=1500)
    sizes = [int(turn.evaluated.sum()) for turn in run_search(cmaes_native, here, sphere, here.budget)]
    assert here.journal.restarts[0] >= 2
    kinds = list(dict.fromkeys(sizes[:-1]))
    assert kinds[0] == 7 and all(after == 2 * before for before, after in pairwise(kinds))


def test_images_whose_populations_differ_are_searched_as_each_of_them_is() -> None:
    """One has converged after a while, the others not; bit by bit the same."""

    def answer(turn: int, candidates: Tensor) -> Tensor:
        values = sphere(turn, candidates)
        values[-1] = candidates[-1, :, 0] * 0
        return values

    together = all_candidates(cmaes_native, space(0, 1, 2, shape=(1, 4, 4), budget=400), answer)
    here = space(0, shape=(1, 4, 4), budget=400)
    assert torch.equal(all_candidates(cmaes_native, here)[0], together[0]) and here.journal.restarts[0] >= 1
    alone = all_candidates(cmaes_native, space(2, shape=(1, 4, 4), budget=400), answer)
    assert torch.equal(alone[0], together[2])


def test_a_flat_generation_is_no_convergence() -> None:
    here = space(0, shape=(3, 32, 32), budget=600)
    all_candidates(cmaes_native, here, lambda turn, candidates: torch.zeros(candidates.shape[:2]))
    assert not here.journal.restarts
