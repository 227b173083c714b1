"""Sparse-RS (Croce, Andriushchenko, Singh, Flammarion and Hein, 2022): random search over sets of pixels."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import compress, count
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, uses
from sparseattack.errors import require
from sparseattack.strategies.draws import distinct, outside

from .pixel_set import WHITE, PixelSet

STEPS = (0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # last query, of 10,000, that a divisor holds for
DIVISORS = (1, 2, 4, 5, 6, 8, 10, 12, 15, 20)
AHEAD = 64  # one-pixel swaps drawn at once: a call of the generator costs far more than its numbers


@uses("image", "budget")
def sparse_rs(space: Space, *, alpha: float | None = None) -> Search:
    """Sparse-RS (Croce et al., 2022): swap ever fewer pixels of the best set for others in random corners.

    One candidate a query. Where the set is the whole image, pixels that cannot be swapped get a new colour
    only. When one pixel is swapped, a colour that is there already is drawn again, as in the authors' code.
    Theirs minimises the margin, and with a target the cross-entropy; here it is the fitness that is chosen.

    alpha: share of the pixels swapped at first; none is the paper's, 0.3 untargeted and 0.1 targeted
    """
    share = (0.1 if space.targeted else 0.3) if alpha is None else alpha
    require(0 < share <= 1, f"sparse-rs needs an alpha above 0 and at most 1, not {share}")
    grid = PixelGrid.of(space, "sparse-rs")
    best = PixelSet.random(space, grid)
    lowest = (yield best.candidate(grid))[..., :1]  # (B, 1, 1)
    clean = grid.pixels(space.images)
    for swap in swaps(space, grid, share):
        changed = swapped(best, swap)
        if swap.slots.shape[1] == 1:
            changed = redrawn(space, best, changed, swap.slots[:, 0], clean)
        values = (yield changed.candidate(grid))[..., :1]
        accepted = (values < lowest) | _success(space, values)
        best = best.replaced(accepted, changed)
        lowest = torch.where(accepted, values, lowest)


class Swap(NamedTuple):
    """Slots whose pixels are replaced, the pixels that replace them, and their colours."""

    slots: Tensor  # (B, n)
    picks: Tensor  # (B, m) ranks among the pixels outside the set; m < n where few pixels are outside
    corners: Tensor  # (B, n, C), 0 or 1


def swapped(best: PixelSet, swap: Swap) -> PixelSet:
    """The set with the pixels of some slots replaced by pixels from outside of it."""
    pixels = outside(swap.picks, best.pixels)
    where = swap.slots.unsqueeze(2).expand_as(swap.corners)
    return PixelSet(
        best.pixels.scatter(1, swap.slots[:, : pixels.shape[1]], pixels),
        best.corners.scatter(1, where, swap.corners),
    )


def redrawn(space: Space, best: PixelSet, changed: PixelSet, slots: Tensor, clean: Tensor) -> PixelSet:
    """The changed set, but with the corner of slot ``slots (B,)`` drawn again where it changes no colour.

    ``clean (B, H * W, C)`` are the images. Only the streams of those that are drawn for are drawn from.
    """
    rows = torch.arange(space.batch, device=slots.device)
    pixels, drawn = changed.pixels[rows, slots], changed.corners[rows, slots]
    stays = (pixels == best.pixels[rows, slots]).unsqueeze(1)  # where no pixel is outside the set
    there = torch.where(stays, best.corners[rows, slots] * WHITE, clean[rows, pixels])
    same = list(compress(range(space.batch), (drawn * WHITE == there).all(1).tolist()))
    if not same:
        return changed
    corners = changed.corners.clone()
    for place in same:
        old = drawn[place].cpu()
        while torch.equal(new := torch.from_numpy(space.streams[place].integers(2, size=len(old))), old):
            pass
        corners[place, slots[place]] = new.to(corners.device)
    return changed._replace(corners=corners)


def _success(space: Space, values: Tensor) -> Tensor:
    """Whether the oracle is known to be fooled: only a negative margin shows it."""
    return values < (-torch.inf if space.success_below is None else space.success_below)


def swaps(space: Space, grid: PixelGrid, share: float) -> Iterator[Swap]:
    """The swaps of all queries after the first."""
    query = count(1)
    while (size := swap_size(next(query), space, share)) > 1:
        yield draw_swap(space, grid, size)
    while True:
        yield from draw_single_swaps(space, grid, AHEAD)


def swap_size(query: int, space: Space, share: float) -> int:
    """Pixels swapped in a query, counted from 0: the paper's schedule of 10,000 queries on this budget."""
    divisor = DIVISORS[bisect_left(STEPS, int(query / space.budget * 10_000))]
    return max(int(share / divisor * space.slots), 1)


def draw_swap(space: Space, grid: PixelGrid, size: int) -> Swap:
    """One random swap of ``size`` pixels."""
    rest = grid.area - space.slots
    slots, picks = distinct(space, space.slots, size), distinct(space, rest, min(size, rest))
    return Swap(slots, picks, space.integers(2, size, grid.channels))


def draw_single_swaps(space: Space, grid: PixelGrid, number: int) -> Iterator[Swap]:
    """``number`` swaps of one pixel, the same that ``draw_swap`` would draw one by one."""
    rest = grid.area - space.slots
    inner = [space.slots, rest] if rest else [space.slots]
    highs = np.tile([*inner, *[2] * grid.channels], (number, 1))
    drawn = space.draw(lambda stream: stream.integers(highs))  # (B, number, ...)
    for each in drawn.unbind(1):
        yield Swap(each[:, :1], each[:, 1 : len(inner)], each[:, None, len(inner) :])
