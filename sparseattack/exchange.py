"""What goes to the oracle and comes back."""

from typing import NamedTuple

import torch
from torch import Tensor


class Questions(NamedTuple):
    """``n`` candidates and the images they are for."""

    rows: Tensor  # (n,) int64
    genes: Tensor  # (n, D)


class Answers(NamedTuple):
    """What became of ``n`` questions."""

    values: Tensor  # (n, M) float32
    pixels: Tensor  # (n,) int64, changed
    fooled: Tensor  # (n,) bool
    stop: Tensor  # (n,) bool; the image needs no further question


class Timed(NamedTuple):
    """Answers, and how long each row took."""

    answers: Answers
    each: float  # seconds


def spread(answers: Answers, asked: Tensor) -> Answers:
    """Answers ``(n, ...)`` in the places ``(B, P, ...)`` they were asked from; infinite, false elsewhere."""

    def place(column: Tensor, empty: float) -> Tensor:
        return column.new_full((*asked.shape, *column.shape[1:]), empty).index_put((asked,), column)

    return Answers(*map(place, answers, (torch.inf, 0, False, False)))
