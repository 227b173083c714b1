"""What pycma does to the files, the console, the random state and the plots around it."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from spaces import all_candidates, space
from torch import Tensor

from sparseattack import load
from sparseattack.strategies.cmaes import cmaes


def flat(turn: int, candidates: Tensor) -> Tensor:
    return torch.zeros(candidates.shape[:2])


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


def test_it_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
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
def test_its_plots_are_neither_missed_nor_shown(hidden: str, tmp_path: Path) -> None:
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
