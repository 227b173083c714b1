"""What goes to the oracle and comes back."""

from collections.abc import Generator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.problem.edits import Edits


class Questions(NamedTuple):
    """``n`` edits, and the cases they are for."""

    rows: Tensor  # (n,) int64
    edits: Edits  # n
    repeats: int = 0  # further questions, not put because they are among these already

    @property
    def cost(self) -> int:
        """Queries: every question is one, put or not."""
        return len(self.rows) + self.repeats

    def part(self, start: int, stop: int) -> "Questions":
        """Some of them; the repeats go with the last."""
        edits = Edits(*(column[start:stop] for column in self.edits))
        return Questions(self.rows[start:stop], edits, self.repeats if stop >= len(self.rows) else 0)


NOTHING = Questions(torch.empty(0, dtype=torch.int64), Edits(torch.empty(0, 0), torch.empty(0, 0, 0)))


LATER = NOTHING._replace()
"""Put while a search thinks elsewhere: to be sent ``None`` for the questions themselves."""


class Answers(NamedTuple):
    """What became of ``n`` questions."""

    values: Tensor  # (n, M) float32
    pixels: Tensor  # (n,) int64, changed
    fooled: Tensor  # (n,) bool
    stop: Tensor  # (n,) bool; the image needs no further question


class Timed(NamedTuple):
    """Answers, and how long each question took."""

    answers: Answers
    each: float  # seconds


Conversation = Generator[Questions, Timed, None]


def joined(parts: Sequence[Questions]) -> Questions:
    """All parts, one after another."""
    edits = Edits(*map(torch.cat, zip(*(part.edits for part in parts), strict=True)))
    return Questions(torch.cat([part.rows for part in parts]), edits)


def spread(answers: Answers, asked: Tensor, places: Tensor) -> Answers:
    """Answers ``(n, ...)`` at their ``places (n,)`` in all of ``asked (B, P)``; else infinite, 0, false."""

    def place(column: Tensor, empty: float) -> Tensor:
        blank = column.new_full((asked.numel(), *column.shape[1:]), empty)
        return blank.index_copy(0, places, column).view(*asked.shape, *column.shape[1:])

    return Answers(*map(place, answers, (torch.inf, 0, False, False)))
