"""CMA-ES by pycma: restarts, cut generations, and no effect on files, console, random state or plots."""

import os
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from problems import attack
from spaces import all_candidates, space
from torch import Tensor

from sparseattack import Problem, load, rgb
from sparseattack.conformance.problems import run_search, sphere
from sparseattack.strategies.cmaes import cmaes


def flat(turn: int, candidates: Tensor) -> Tensor:
    return torch.zeros(candidates.shape[:2])


def test_a_flat_generation_is_no_convergence() -> None:
    here = space(0, shape=(3, 32, 32), budget=600)
    (asked,) = all_candidates(cmaes, here, flat)
    assert len(asked) == 600 and not here.journal.errors
    assert here.journal.restarts == {0: 0}


def test_a_converged_search_restarts_with_twice_the_population() -> None:
    here = space(0, shape=(1, 4, 4), budget=1500)
    sizes = [int(turn.evaluated.sum()) for turn in run_search(cmaes, here, sphere, here.budget)]
    assert here.journal.restarts[0] >= 2
    kinds = list(dict.fromkeys(sizes[:-1]))
    assert kinds[0] == 7  # 4 + 3 ln 4, rounded down
    assert [b / a for a, b in pairwise(kinds)] == pytest.approx([2] * (len(kinds) - 1), abs=0.2)


def test_a_search_far_from_an_optimum_is_not_restarted() -> None:
    here = space(0, shape=(3, 224, 224), budget=200)
    all_candidates(cmaes, here)
    assert here.journal.restarts == {0: 0}


def test_eight_searches_together_are_eight_single_searches() -> None:
    together = all_candidates(cmaes, space(*range(8), budget=150))
    for seed, asked in enumerate(together):
        assert torch.equal(asked, all_candidates(cmaes, space(seed, budget=150))[0])


@pytest.mark.parametrize("budget", [1, 7, 8, 9, 100, 101])
def test_a_last_generation_that_the_budget_cuts_gets_no_values(budget: int) -> None:
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


def test_the_global_seed_is_neither_set_nor_used() -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    one = all_candidates(cmaes, space(0, 1, budget=100))
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]
    np.random.seed(6)
    for first, second in zip(one, all_candidates(cmaes, space(0, 1, budget=100)), strict=True):
        assert torch.equal(first, second)


def test_no_file_is_written_and_no_signals_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    usual = all_candidates(cmaes, space(0, budget=100))[0]
    assert not list(tmp_path.iterdir())
    (tmp_path / "cma_signals.in").write_text("{'termination_callback': lambda es: True, 'maxiter': 1}")
    here = space(0, budget=100)
    assert torch.equal(all_candidates(cmaes, here)[0], usual)
    assert here.journal.restarts == {0: 0}
    assert [path.name for path in tmp_path.iterdir()] == ["cma_signals.in"]


def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        all_candidates(cmaes, space(0, 1, pixels=3, budget=200))
        all_candidates(cmaes, space(0, 1, budget=200), flat)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("encode", ["rgb", "corners"])
def test_minus_zero_is_zero(encode: str) -> None:
    encoding, shape = load("encodings", encode)(), torch.Size((3, 6, 5))
    for minus, plus in zip(
        encoding.decode(torch.full((1, 5), -0.0), shape),
        encoding.decode(torch.zeros(1, 5), shape),
        strict=True,
    ):
        assert torch.equal(minus, plus)


LOADS = """
import sys, warnings
warnings.simplefilter("error")
from sparseattack import load
load("strategies", "cmaes")
if "matplotlib" in sys.modules:
    import matplotlib
    assert matplotlib.get_backend(auto_select=False) is None, "a backend was chosen"
"""


@pytest.mark.parametrize("hidden", ["", "sys.modules['matplotlib'] = None"])
def test_its_plots_are_neither_needed_nor_set_up(hidden: str, tmp_path: Path) -> None:
    """pycma imports pyplot where there is one: no backend may be chosen, and no warning given without it."""
    script = LOADS.replace("warnings.simplefilter", f"{hidden}\nwarnings.simplefilter", 1)
    script = script.replace('if "matplotlib" in sys.modules', 'if sys.modules.get("matplotlib")')
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
