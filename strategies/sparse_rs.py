"""Sparse-RS: random search over sets of pixels in corner colours, one swap a query.

The chance in Sparse-RS: how many pixels are swapped in a query, which, and for what.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparseattack import Search, Space
from sparseattack.errors import require

from .draws import distinct, outside
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


class Painted(NamedTuple):
    """Distinct pixels, and their corner colours."""

    pixels: Tensor  # (B, k)
    corners: Tensor  # (B, k, C), 0 or 1


def sparse_rs(space: Space, *, alpha: float | None = None) -> Search:
    """Sparse-RS (Croce et al., 2022): swap ever fewer pixels of the best set for others in random corners.

    Where the set is the whole image, pixels that cannot be swapped get a new colour only. The paper draws
    a colour again that equals what is there when one pixel is swapped; a strategy cannot see that.

    alpha: share of the pixels swapped at first; none is the paper's, 0.3 untargeted and 0.1 targeted
    """
    share = (0.1 if space.targeted else 0.3) if alpha is None else alpha
    require(0 < share <= 1, f"sparse-rs needs an alpha above 0 and at most 1, not {share}")
    grid = Grid.of(space)
    best = Painted(distinct(space, grid.area, space.slots), space.integers(2, space.slots, grid.channels))
    lowest = (yield _asked(grid, best))[..., :1]  # (B, 1, 1)
    for move in moves(space, grid, share):
        changed = _moved(best, move)
        values = (yield _asked(grid, changed))[..., :1]
        better = (values < lowest) | _success(space, values)
        best = Painted(torch.where(better[..., 0], changed.pixels, best.pixels),
                       torch.where(better, changed.corners, best.corners))  # fmt: skip
        lowest = torch.where(better, values, lowest)


def _moved(best: Painted, move: Move) -> Painted:
    """Some pixels of the best replaced by pixels from outside of it."""
    pixels = outside(move.picks, best.pixels)
    where = move.slots.unsqueeze(2).expand_as(move.corners)
    return Painted(
        best.pixels.scatter(1, move.slots[:, : pixels.shape[1]], pixels),
        best.corners.scatter(1, where, move.corners),
    )


def _success(space: Space, values: Tensor) -> Tensor:
    """Whether the oracle is known to be fooled: only a margin says so."""
    return (values < 0) & (space.objectives[0] == "margin")


def _asked(grid: Grid, painted: Painted) -> Tensor:
    return grid.candidates(painted.pixels.unsqueeze(1), painted.corners.unsqueeze(1))
