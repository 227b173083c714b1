"""The check command: a strategy tested against the clauses of the contract."""

from pathlib import Path

import pytest
from command_line import Run

from sparseattack.conformance.clauses import CLAUSES

STRATEGIES = """
import torch

def good(space, *, popsize: int = 4):
    while True:
        yield space.uniform(popsize)

def global_chance(space):
    while True:
        yield torch.rand(space.batch, 4, space.dims)

def outside(space):
    while True:
        yield space.uniform(4) + 1

def returning(space):
    yield space.uniform(4)

def no_generator(space):
    return space.uniform(4)
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of strategies in the folder one is in."""
    (tmp_path / "mine_to_check.py").write_text(STRATEGIES)
    monkeypatch.chdir(tmp_path)


def test_a_good_strategy_passes(mine: None, run: Run) -> None:
    code, out, _ = run("check", "mine_to_check:good(popsize=3)")
    assert code == 0 and "FAIL" not in out
    assert out.count("pass  ") == len(CLAUSES)
    assert f"satisfies {len(CLAUSES)} of {len(CLAUSES)} clauses" in out


@pytest.mark.parametrize("name", ["global_chance", "outside", "returning", "no_generator"])
def test_a_bad_strategy_fails_with_an_explanation(name: str, mine: None, run: Run) -> None:
    code, out, err = run("check", f"mine_to_check:{name}")
    assert code == 1 and "Traceback" not in out + err
    lines = out.splitlines()
    failed = [place for place, line in enumerate(lines) if line.startswith("FAIL  ")]
    assert failed and all(lines[place + 1].startswith("      ") for place in failed)
    kept = len(CLAUSES) - len(failed)
    assert f"satisfies {kept} of {len(CLAUSES)} clauses" in lines[-1]


def test_what_is_wrong_is_named(mine: None, run: Run) -> None:
    assert "outside the unit cube" in run("check", "mine_to_check:outside").out
    assert "global random state of torch" in run("check", "mine_to_check:global_chance").out


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("mine_to_check:absent", "mine_to_check has no function 'absent', only"),
        ("mine_to_check:good(size=3)", "no setting size: only popsize"),
        ("nowhere:search", "there is no module 'nowhere'"),
        ("annealing", "no strategy 'annealing', only"),
    ],
)
def test_what_cannot_be_checked_is_one_line(spec: str, words: str, mine: None, run: Run) -> None:
    code, out, err = run("check", spec)
    assert code == 2 and out == "" and words in err and err.count("\n") == 1


ORACLES = """
import torch
from torch.nn.functional import dropout

weights = torch.randn(3072, 4, generator=torch.Generator().manual_seed(0))

def good(*, sign: int = 1):
    return lambda images: sign * images.flatten(1) @ weights

def drops():
    return lambda images: dropout(images, 0.3).flatten(1) @ weights
"""


def test_an_oracle_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    (tmp_path / "oracles_to_check.py").write_text(ORACLES)
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("check", "oracles_to_check.py:good(sign=-1)")
    assert code == 0 and "FAIL" not in out and "4 classes, logits, float32" in out
    code, out, err = run("check", "oracles_to_check.py:drops")
    assert code == 1 and "FAIL  gives an image the same scores evaluated again" in out
    assert "dropout or other noise" in out and "Traceback" not in out + err
    code, out, _ = run("check", "digits-forest(trees=5)")
    assert code == 0 and "10 classes, probabilities" in out
    assert run("check", "oracles_to_check.py:good", "--images", "nowhere").code == 2


OTHER_FORMS = """
from torch import nn

network = nn.Sequential(nn.Flatten(), nn.Linear(3072, 4)).eval()

def made(pretrained=False):
    return network

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(3072, 4)
        self.eval()

    def forward(self, images):
        return self.last(images.flatten(1))

class Scores:
    def __call__(self, images):
        return network(images)

scores = Scores()

def search(images_space):
    while True:
        yield images_space.uniform(4)

def of_images(images):
    return network(images)
"""


def test_networks_their_factories_and_objects_are_oracles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (tmp_path / "forms_to_check.py").write_text(OTHER_FORMS)
    monkeypatch.chdir(tmp_path)
    for name in ("network", "made", "Network", "scores"):
        code, out, err = run("check", f"forms_to_check.py:{name}")
        assert "4 classes, logits" in out and "AttributeError" not in out, f"{name}: {out}{err}"
        assert code == 0 or name == "Network", out  # whose weights differ each time it is made
    assert run("check", "forms_to_check.py:search").code == 0
    code, out, err = run("check", "forms_to_check.py:of_images")
    assert code == 2 and out == "" and "may be a strategy or an oracle" in err
    assert "def search(space)" in err and "def make(): return of_images" in err
