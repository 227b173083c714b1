"""Sparse-RS: random search over sets of pixels in corner colours, one swap a query."""

from bisect import bisect_left
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import Search, Space

from .demand import demand
from .draws import distinct, outside
from .grid import Grid

STEPS = (0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # last query, of 10,000, that a divisor holds for
DIVISORS = (1, 2, 4, 5, 6, 8, 10, 12, 15, 20)


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
    demand(0 < share <= 1, f"sparse-rs needs an alpha above 0 and at most 1, not {share}")
    grid = Grid.of(space)
    best = Painted(distinct(space, grid.area, space.slots), space.integers(2, space.slots, grid.channels))
    lowest = (yield _asked(space, grid, best))[..., :1]  # (B, 1, 1)
    for query in count(1):
        changed = _swapped(space, grid, best, swaps(query, space, share))
        values = (yield _asked(space, grid, changed))[..., :1]
        better = (values < lowest) | _success(space, values)
        best = Painted(torch.where(better[..., 0], changed.pixels, best.pixels),
                       torch.where(better, changed.corners, best.corners))  # fmt: skip
        lowest = torch.where(better, values, lowest)


def swaps(query: int, space: Space, share: float) -> int:
    """Pixels swapped in a query, counted from 0: the schedule for 10,000 queries, scaled to the budget."""
    divisor = DIVISORS[bisect_left(STEPS, query / space.budget * 10_000)]
    return max(int(share / divisor * space.slots), 1)


def _swapped(space: Space, grid: Grid, best: Painted, number: int) -> Painted:
    """``number`` pixels of the best, chosen at random, replaced by pixels from outside of it."""
    slots = distinct(space, space.slots, number)
    new = min(number, grid.area - space.slots)
    pixels = outside(distinct(space, grid.area - space.slots, new), best.pixels)
    corners = space.integers(2, number, grid.channels)
    where = slots.unsqueeze(2).expand_as(corners)
    return Painted(best.pixels.scatter(1, slots[:, :new], pixels), best.corners.scatter(1, where, corners))


def _success(space: Space, values: Tensor) -> Tensor:
    """Whether the oracle is known to be fooled: only a margin says so."""
    return (values < 0) & (space.objectives[0] == "margin")


def _asked(space: Space, grid: Grid, painted: Painted) -> Tensor:
    return grid.candidates(space, painted.pixels.unsqueeze(1), painted.corners.unsqueeze(1))
