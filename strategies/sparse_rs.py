"""Sparse-RS: random search over sets of pixels in corner colours, one swap a query."""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import Search, Space

from .demand import demand
from .draws import distinct, outside
from .grid import Grid
from .sparse_rs_moves import Move, moves


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
