"""nevergrad: uniform starts, isolated random state, no query beyond the budget, and what is refused."""

import os
import subprocess
import sys
import threading

import nevergrad as ng
import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest
from spaces import all_candidates, decode, generations, space

from sparseattack import InputError, Space, Strategy, load
from sparseattack.conformance.problems import run_search
from sparseattack.strategies.nevergrad import nevergrad


def named(optimizer: str, popsize: int = 20) -> Strategy:
    strategy: Strategy = load("strategies", "nevergrad", {"optimizer": optimizer, "popsize": popsize})
    return strategy


@pytest.mark.parametrize("optimizer", ["RandomSearch", "LHSSearch"])
def test_the_start_is_uniform_not_gaussian(optimizer: str) -> None:
    (asked,) = all_candidates(named(optimizer), space(0, budget=800))
    assert kstest(asked.flatten(), "uniform").pvalue > 1e-3
    assert ((asked < 0.125) | (asked > 0.875)).double().mean() > 0.23  # 0.02 if it were Gaussian


@pytest.mark.parametrize("optimizer", ["TwoPointsDE", "DE"])
def test_a_first_population_reaches_the_borders(optimizer: str) -> None:
    asked = torch.cat([next(named(optimizer, 30)(space(seed)))[0] for seed in range(20)])
    assert ((asked < 0.125) | (asked > 0.875)).double().mean() > 0.2


def test_border_pixels_and_colours_weigh_as_much_as_others() -> None:
    """Rounded integers would give the borders half: here a gene has equal steps."""
    here = space(0, shape=(1, 6, 5), budget=3000)
    positions, colours = decode(all_candidates(named("RandomSearch", 100), here)[0], here)
    assert chisquare(np.bincount(positions[:, 0], minlength=30)).pvalue > 1e-3
    assert chisquare(np.bincount(colours[:, 0, 0] // 16, minlength=16)).pvalue > 1e-3


@pytest.mark.parametrize("popsize", [1, 7, 50])
def test_popsize_is_the_number_of_workers_and_the_budget_is_spent(popsize: int) -> None:
    here = space(0, budget=103)
    sizes = [
        int(turn.evaluated.sum())
        for turn in run_search(named("TwoPointsDE", popsize), here, lambda t, c: c.sum(2), here.budget)
    ]
    assert set(sizes[:-1]) == {popsize} and sum(sizes) == 103


def test_there_is_no_candidate_beyond_the_budget() -> None:
    """A one-shot design has no more candidates than it was made for."""
    sizes = [each.shape[1] for each in generations(named("LHSSearch")(space(budget=45)), 1.0, 1.0)]
    assert sizes == [20, 20, 5]


@pytest.mark.parametrize(
    "optimizer",
    [
        "NgIohTuned",
        "NgIohLn",
        "LognormalDiscreteOnePlusOne",
        "ScrHammersleySearch",
        "CMA",
        "RotatedTwoPointsDE",
    ],
)
def test_global_random_states_are_neither_used_nor_changed(optimizer: str) -> None:
    """Some of these draw from numpy's global state; each image must find its own there."""
    together = all_candidates(named(optimizer), space(0, 1, 2, budget=100))
    np.random.seed(1)
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    for seed, asked in enumerate(together):
        assert torch.equal(asked, all_candidates(named(optimizer), space(seed, budget=100))[0])
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]


IMPORT = """
import random, numpy as np
np.random.seed(3); random.seed(3); np.random.standard_normal()
before = str(np.random.get_state(legacy=False)), random.getstate()
from sparseattack import load
load("strategies", "nevergrad")
assert (str(np.random.get_state(legacy=False)), random.getstate()) == before
"""


def test_the_import_does_not_change_global_random_states() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_only_the_first_objective_is_optimized() -> None:
    """Its own searches of several are not stable."""
    one = all_candidates(nevergrad, space(0, budget=100))[0]
    two = all_candidates(nevergrad, space(0, budget=100, objectives=("margin", "l2")))[0]
    assert torch.equal(one, two)


def refused(optimizer: str, popsize: int = 20, here: Space | None = None) -> str:
    with pytest.raises(InputError) as refusal:
        next(named(optimizer, popsize)(here or space()))
    return str(refusal.value)


@pytest.mark.parametrize(
    "optimizer",
    ["MetaModel", "NeuralMetaModel", "SVMMetaModelLogNormal", "RFMetaModel", "CMAILL", "NGOpt", "NGOpt39",
     "HSDE", "BO", "BOSplit", "CMandAS2"],
)  # fmt: skip
def test_refuses_what_fits_a_model(optimizer: str) -> None:
    """Whatever it is called: NGOpt, say, chooses a metamodel for five genes and 1000 queries."""
    assert "fits a model to all values" in refused(optimizer)


@pytest.mark.parametrize(
    "optimizer", ["Cobyla", "Powell", "SQP", "BFGS", "ParaPortfolio", "ChainCMAPowell", "RSQP", "Carola2"]
)
@pytest.mark.parametrize("popsize", [1, 20])
def test_refuses_what_runs_in_a_thread(optimizer: str, popsize: int) -> None:
    before = threading.active_count()
    assert "runs in a thread" in refused(optimizer, popsize)
    assert threading.active_count() == before


def test_a_competence_map_is_refused_by_what_it_chooses() -> None:
    assert "runs in a thread" in refused("NGO", 1, space(budget=100))
    next(named("NGO")(space(budget=1000)))


def test_every_optimizer_of_such_a_name_is_refused() -> None:
    words = (
        "MetaModel",
        "BO",
        "Powell",
        "NLOPT",
        "Pymoo",
    )  # but MultiSQP and its like hold no SQP: a bug there
    suspects = [name for name in ng.optimizers.registry if any(word in name for word in words)]
    assert len(suspects) > 80
    for name in suspects:
        assert "cannot be used here" in refused(name)


def test_refuses_a_batch_for_sequential_optimizers() -> None:
    assert refused("SPSA").endswith("SPSA takes one candidate at a time: popsize=1")
    next(named("SPSA", 1)(space()))


@pytest.mark.parametrize("optimizer", ["PolyLN", "NGOptF2", "NGOptF3", "NGOptF5"])
def test_refuses_what_cannot_be_repeated(optimizer: str) -> None:
    assert "is another one in every process" in refused(optimizer)


def test_unknown_names_are_refused_with_near_ones() -> None:
    assert refused("TwoPointDE").startswith(
        "nevergrad has no optimizer 'TwoPointDE'; did you mean TwoPointsDE"
    )
    assert "only 5" in refused("???")


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ImportError, match="ax"):
        next(named("AXP")(space()))
