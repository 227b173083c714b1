"""A conversation with a strategy, turn by turn, without any oracle."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.problem.space import Space, Strategy
from sparseattack.search.contract import started, turn

Answer = Callable[[int, Tensor], Tensor]
"""Values ``(B, P)`` of the candidates ``(B, P, D)`` of a turn, counted from 0."""


class Turn(NamedTuple):
    """What was asked at once."""

    candidates: Tensor  # (B, P, D)
    asked: Tensor  # (B, P) bool, those that the budget allows


def talk(strategy: Strategy, here: Space, answer: Answer) -> list[Turn]:
    """Every turn of a search, until each image has cost its budget or nothing is asked any more."""
    search, values, turns = started(strategy, here, "it"), None, list[Turn]()
    left = torch.full((here.batch, 1), here.budget)
    while left.any():
        candidates = turn(search, values, here, "it")
        real = ~candidates.isnan().any(2)
        asked = real & (real.cumsum(1) <= left)
        if not asked.any():
            break
        first = answer(len(turns), candidates)
        also = [candidates.mean(2)] * (len(here.objectives) - 1)
        values = torch.stack([first, *also], 2).masked_fill(~asked.unsqueeze(2), torch.inf)
        turns.append(Turn(candidates, asked))
        left = left - asked.sum(1, keepdim=True)
    return turns


def questions(turns: list[Turn], place: int) -> Tensor:
    """All that was asked about one image, in order: ``(n, D)``."""
    return torch.cat([candidates[place, asked[place]] for candidates, asked in turns])


def bowl(number: int, candidates: Tensor) -> Tensor:
    """Something to be found: the square of the distance from a place in the cube."""
    return (candidates - 0.3).square().sum(2)
