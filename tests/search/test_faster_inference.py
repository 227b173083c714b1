"""attack() measures sparse inference before it uses it, unless the problem says which to use."""

from time import sleep
from typing import Any

import pytest
import torch
from problems import flat_images
from torch import Tensor

from sparseattack import Edits, Outcome, Problem, attack, load, rgb, spent
from sparseattack.search import inference

SCORES = torch.tensor([2.0, 0.0, 0.0])  # no edit fools it


class Slow:
    """An oracle that takes so many milliseconds for whole images, and for edits, and counts its calls."""

    def __init__(self, whole: float, edits: float) -> None:
        self.whole, self.edits, self.images, self.edited = whole, edits, 0, 0

    def __call__(self, images: Tensor) -> Tensor:
        self.images += len(images)
        sleep(self.whole / 1000)
        return SCORES.expand(len(images), 3)

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        self.edited += len(rows)
        sleep(self.edits / 1000)
        return SCORES.expand(len(rows), 3)


def attacked(oracle: Slow, **others: Any) -> Slow:
    """The oracle after 600 queries."""
    labels = torch.zeros(3, dtype=torch.int64)
    problem = Problem(oracle, rgb(), flat_images(3), labels, until=spent, checked=True, **others)
    outcomes = attack(problem, load("strategies", "random(popsize=50)"), 200)
    assert [each.queries for each in outcomes if isinstance(each, Outcome)] == [200] * 3
    return oracle


MEASURED = 256 * (1 + inference.REPEATS) + 100  # to measure, after a try, either way; clean images


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few queries there are, they are worth measuring."""
    monkeypatch.setattr(inference, "CALLS", 0)
    monkeypatch.setattr(inference, "WORTH", 0.0)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(("whole", "edits", "used"), [(50, 1, True), (1, 50, False)])
def test_the_faster_way_is_used(whole: float, edits: float, used: bool) -> None:
    oracle = attacked(Slow(whole, edits))
    assert (oracle.edited > MEASURED) == used and (oracle.images > MEASURED) != used


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("sparse", [True, False])
def test_nothing_is_measured_where_the_problem_says_which(sparse: bool) -> None:
    oracle = attacked(Slow(0, 0), sparse=sparse)
    assert (oracle.edited, oracle.images > 100) == ((600, False) if sparse else (0, True))


def test_a_short_attack_shows_the_oracle_nothing_beside_its_queries() -> None:
    oracle = attacked(Slow(0, 0))
    assert not oracle.edited and oracle.images <= 600 + 2 * 3  # clean images and verifications
