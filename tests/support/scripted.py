"""An image of one pixel, before an oracle that says what it is told, of candidates in a given order."""

from typing import Any

import torch
from torch import Tensor

from sparseattack import Problem, Search, Space, rgb


def listed(*candidates: list[float], popsize: int) -> Any:
    """Asks for the candidates in order, ``popsize`` at a time, then for nothing more."""

    def strategy(space: Space) -> Search:
        for part in torch.split(torch.tensor(candidates), popsize):
            yield part.expand(space.batch, -1, -1)
        while True:
            yield torch.empty(space.batch, 0, space.dims)

    return strategy


class Scores:
    """Says what it is told, row by row, of an image of one pixel; pads nothing."""

    def __init__(self, *rows: list[float], scale: str = "logits") -> None:
        self.rows, self.scale = iter(rows), scale

    def __call__(self, images: Tensor) -> Tensor:
        return torch.tensor([next(self.rows) for _ in images])


def pixel(oracle: object, **others: Any) -> Problem:
    """One black pixel, of class 0."""
    black: dict[str, Any] = {"images": torch.zeros(1, 1, 1, 1), "labels": torch.tensor([0])}
    return Problem(**(black | {"oracle": oracle, "encoding": rgb(), "pad": 1, "repeat": True} | others))
