"""A (1+1) evolutionary algorithm over sets of pixels, with local moves and a falling mutation rate.

The rate is the scheduled one of Einarsson, Gauy, Lengler, Meier, Mujika, Steger and Weissenberger (2018),
with the constant of nevergrad's DiscreteLenglerOnePlusOne. Moves to near pixels are of this package: the
effects of neighbouring pixels are alike.
"""

from itertools import count
from math import log

import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space
from sparseattack.errors import require
from sparseattack.strategies.draws import distinct, outside

from .pixel_set import PixelSet

ALPHA = 1.54468  # of the schedule


def one_plus_one(space: Space, *, local: float = 0.5, radius: int = 3) -> Search:
    """(1+1) evolutionary algorithm (scheduled as in Einarsson et al., 2018) on pixels in corner colours.

    One candidate a query: the best set with some pixels changed, at query t k times 1.54 ln(t) / t of them
    and at least one. It replaces the best set unless its value is higher. A changed pixel moves to a near
    one in the same colour, stays in another corner colour, or becomes any other in a random corner colour.

    local: probability of a local move, half of which change the place and half the colour
    radius: rows, and columns, that a move to a near pixel spans at most
    """
    require(0 <= local <= 1, f"one-plus-one needs a local from 0 to 1, not {local}")
    require(radius >= 1, f"one-plus-one needs a radius of at least 1, not {radius}")
    grid = PixelGrid.of(space, "one-plus-one")
    best = PixelSet.random(space, grid)
    lowest = (yield best.candidate(grid))[..., :1]  # (B, 1, 1)
    for query in count(2):
        child = best
        for slot in distinct(space, space.slots, mutations(query, space.slots)).unbind(1):
            child = mutate(space, grid, child, slot, (local, radius))
        values = (yield child.candidate(grid))[..., :1]
        accepted = values <= lowest
        best = best.replaced(accepted, child)
        lowest = torch.where(accepted, values, lowest)


def mutations(query: int, slots: int) -> int:
    """Pixels that are changed at a query, counted from 1."""
    return max(1, int(slots * ALPHA * log(query) / query))


def mutate(
    space: Space, grid: PixelGrid, parent: PixelSet, slot: Tensor, move: tuple[float, int]
) -> PixelSet:
    """The set with the pixel of one ``slot (B,)`` of each image changed by a ``move``: local and radius.

    Where a near pixel is in the set, or may not change, any other is taken; where all are in the set, only
    the colour changes.
    """
    rows, (local, radius) = torch.arange(space.batch, device=space.device), move
    old, corner = parent.pixels[rows, slot], parent.corners[rows, slot]
    kind, rank, down, across, shade, *bits = space.uniform(1, 5 + grid.channels)[:, 0].unbind(1)
    beside = near(grid, old, radius, (down, across))
    free = grid.area - space.slots  # pixels outside the set
    steps = (kind < local / 2) & bool(free)
    taken = (parent.pixels == beside.unsqueeze(1)).any(1) | (beside < 0)
    jumps = ((kind >= local) | (steps & taken)) & bool(free)
    any_other = outside(below(free, rank).unsqueeze(1), parent.pixels)[:, 0] if free else old
    pixel = torch.where(jumps, any_other, torch.where(steps, beside, old))
    drawn, turned = torch.stack(bits, 1).ge(0.5).long(), corner ^ turns(shade, grid.channels)
    kept = torch.where((steps & ~jumps).unsqueeze(1), corner, turned)
    colour = torch.where(jumps.unsqueeze(1), drawn, kept)
    return PixelSet(
        parent.pixels.index_put((rows, slot), pixel), parent.corners.index_put((rows, slot), colour)
    )


def near(grid: PixelGrid, pixels: Tensor, radius: int, draws: tuple[Tensor, Tensor]) -> Tensor:
    """A pixel at most ``radius`` rows and columns from each of ``pixels (B,)``, by uniform ``draws (B,)``.

    -1 where it may not change.
    """
    pixels = grid.places(pixels.unsqueeze(1))[:, 0]
    down, across = (below(2 * radius + 1, draw) - radius for draw in draws)
    row = (pixels // grid.width + down).clamp(0, grid.height - 1)
    found = row * grid.width + (pixels % grid.width + across).clamp(0, grid.width - 1)
    return grid.positions(found.unsqueeze(1))[:, 0]


def turns(draws: Tensor, channels: int) -> Tensor:
    """Which channels turn, at least one: ``(B, C)`` 0 or 1, by uniform ``draws (B,)``."""
    number = below(2**channels - 1, draws) + 1
    return number.unsqueeze(1) >> torch.arange(channels, device=draws.device) & 1


def below(high: int, draws: Tensor) -> Tensor:
    """Integers in [0, high) from uniform ``draws`` in [0, 1)."""
    return (draws * high).long().clamp(max=high - 1)
