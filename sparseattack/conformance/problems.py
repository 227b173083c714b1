"""The ground on which a strategy is tried: a small problem whose every query is counted.

A conversation with a strategy, turn by turn, without any oracle.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.plugins.registry import load
from sparseattack.plugins.spec import extra_objectives
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings import rgb
from sparseattack.problem.fitness import margin
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Space, Strategy
from sparseattack.search.contract import ask, start

ObjectiveFunction = Callable[[int, Tensor], Tensor]
"""Values ``(B, P)`` of the candidates ``(B, P, D)`` of a turn, counted from 0."""


class Generation(NamedTuple):
    """What was asked at once."""

    candidates: Tensor  # (B, P, D)
    asked: Tensor  # (B, P) bool, those that the budget allows


def run_search(strategy: Strategy, here: Space, answer: ObjectiveFunction) -> list[Generation]:
    """Every turn of a search, until each image has cost its budget or nothing is asked any more."""
    search, values, turns = start(strategy, here, "it"), None, list[Generation]()
    left = torch.full((here.batch, 1), here.budget)
    while left.any():
        candidates = ask(search, values, here, "it")
        real = ~candidates.isnan().any(2)
        asked = real & (real.cumsum(1) <= left)
        if not asked.any():
            break
        first = answer(len(turns), candidates)
        also = [candidates.mean(2)] * (len(here.objectives) - 1)
        values = torch.stack([first, *also], 2).masked_fill(~asked.unsqueeze(2), torch.inf)
        turns.append(Generation(candidates, asked))
        left = left - asked.sum(1, keepdim=True)
    return turns


def candidates_of(turns: list[Generation], place: int) -> Tensor:
    """All that was asked about one image, in order: ``(n, D)``."""
    return torch.cat([candidates[place, asked[place]] for candidates, asked in turns])


def sphere(number: int, candidates: Tensor) -> Tensor:
    """Something to be found: the square of the distance from a place in the cube."""
    return (candidates - 0.3).square().sum(2)


IMAGES = 3
SHAPE = 3, 12, 12
MARGIN = torch.tensor([1e7, 0, 0], dtype=torch.float64)


class ContractError(AssertionError):
    """A clause is broken: what the strategy did, in words that begin with "it"."""


class CountingOracle:
    """A linear classifier that nothing fools, and that counts what it is asked about each image."""

    name = "counting"

    def __init__(self) -> None:
        self.seen: Counter[int] = Counter()

    def __call__(self, images: Tensor) -> Tensor:
        """Whole weights on 8-bit inputs: exact, whatever the batch."""
        inputs = eight_bit(images).flatten(1).double()
        weights = torch.arange(inputs.shape[1] * 3, dtype=torch.float64).mul(37).remainder(101).view(-1, 3)
        return inputs @ weights + MARGIN

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """Count, and answer."""
        self.seen.update(rows.tolist())
        return self(edits.paint(images, rows))


def problem(strategy: Strategy, shape: tuple[int, int, int] = SHAPE, pixels: int = 1) -> Problem:
    """Three images of one class, to be searched with the objectives that the strategy asks for."""
    draw = torch.Generator().manual_seed(1)
    images = levels(torch.randint(256, (IMAGES, *shape), generator=draw))
    fitness = margin, *(load("fitness", name) for name in extra_objectives(strategy))
    labels = torch.zeros(IMAGES, dtype=torch.int64)
    return Problem(CountingOracle(), rgb(pixels=pixels), images, labels, fitness=fitness)


def search_budget(strategy: Strategy) -> int:
    """A budget of three generations and a bit, as the strategy's first turn shows."""
    here = problem(strategy).space(slice(None), 1000, seed=0, key="conformance")
    first = ~ask(start(strategy, here, "it"), None, here, "it").isnan().any(2)
    return max(60, 3 * int(first.sum(1).max()) + 1)


def space(strategy: Strategy) -> Space:
    """The search space of all three images, with the streams at their beginning."""
    return problem(strategy).space(slice(None), search_budget(strategy), seed=0, key="conformance")
