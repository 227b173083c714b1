"""A strategy that lists its candidates, an oracle that lists its scores, and an image of one pixel."""

from typing import Any

import torch
from torch import Tensor

from sparseattack import Problem, Search, Space, rgb


def scripted_candidates(*candidates: list[float], popsize: int) -> Any:
    """A strategy that yields the candidates in order, ``popsize`` at a time, then none."""

    def strategy(space: Space) -> Search:
        for part in torch.split(torch.tensor(candidates), popsize):
            yield part.expand(space.batch, -1, -1)
        while True:
            yield torch.empty(space.batch, 0, space.dims)

    return strategy


class ScriptedScores:
    """An oracle whose scores are listed: one row of K for each query."""

    rounding = 0

    def __init__(self, *rows: list[float], scale: str = "logits") -> None:
        self.rows, self.scale = iter(rows), scale

    def __call__(self, images: Tensor) -> Tensor:
        return torch.tensor([next(self.rows) for _ in images])


def one_pixel_problem(oracle: object, **others: Any) -> Problem:
    """An image of one black pixel, of class 0, without padding and deduplication."""
    black: dict[str, Any] = {"images": torch.zeros(1, 1, 1, 1), "labels": torch.tensor([0])}
    scripted = {"oracle": oracle, "encoding": rgb(), "pad": 1, "repeat": True, "checked": True}
    return Problem(**(black | scripted | others))
