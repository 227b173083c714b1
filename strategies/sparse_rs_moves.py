"""The chance in Sparse-RS: how many pixels are swapped in a query, which, and for what."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np
from torch import Tensor

from sparseattack import Space

from .draws import distinct
from .grid import Grid

STEPS = (0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # last query, of 10,000, that a divisor holds for
DIVISORS = (1, 2, 4, 5, 6, 8, 10, 12, 15, 20)
AHEAD = 64  # moves drawn at a time once one pixel is swapped: a draw costs far more than its numbers


class Move(NamedTuple):
    """Slots to be swapped, what they get in place of their pixels, and in what colours."""

    slots: Tensor  # (B, n)
    picks: Tensor  # (B, m) numbers of pixels outside of the set; m < n where it is nearly the whole image
    corners: Tensor  # (B, n, C), 0 or 1


def swaps(query: int, space: Space, share: float) -> int:
    """Pixels swapped in a query, counted from 0: the schedule for 10,000 queries, scaled to the budget."""
    divisor = DIVISORS[bisect_left(STEPS, query / space.budget * 10_000)]
    return max(int(share / divisor * space.slots), 1)


def moves(space: Space, grid: Grid, share: float) -> Iterator[Move]:
    """The moves of all queries after the first."""
    query = count(1)
    while (number := swaps(next(query), space, share)) > 1:
        yield move(space, grid, number)
    while True:
        yield from single_moves(space, grid, AHEAD)


def move(space: Space, grid: Grid, number: int) -> Move:
    """One move that swaps ``number`` pixels."""
    rest = grid.area - space.slots
    slots, picks = distinct(space, space.slots, number), distinct(space, rest, min(number, rest))
    return Move(slots, picks, space.integers(2, number, grid.channels))


def single_moves(space: Space, grid: Grid, number: int) -> Iterator[Move]:
    """As many moves, of one pixel each, as one by one would be drawn."""
    rest = grid.area - space.slots
    inner = [space.slots, rest] if rest else [space.slots]
    highs = np.tile([*inner, *[2] * grid.channels], (number, 1))
    drawn = space.draw(lambda stream: stream.integers(highs))  # (B, number, ...)
    for each in drawn.unbind(1):
        yield Move(each[:, :1], each[:, 1 : len(inner)], each[:, None, len(inner) :])
