"""Exhaustive search over one pixel in corner colours, the reference for one-pixel attacks."""

import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, uses
from sparseattack.errors import require
from sparseattack.strategies.draws import distinct

MAX_CHANNELS = 16  # 65,536 corner colours for every pixel


@uses("budget")
def exhaustive(space: Space, *, popsize: int = 256) -> Search:
    """Every pixel in every corner colour once, in random order (the first stage of Croce and Hein, 2019).

    For one pixel and at most 16 channels. The search on an image ends when every candidate was evaluated.

    popsize: candidates a batch; it changes no result
    """
    grid = PixelGrid.of(space, "exhaustive")
    require(space.slots == 1, f"exhaustive tries every single pixel: it needs pixels=1, not {space.slots}")
    require(popsize >= 1, f"exhaustive needs a popsize of at least 1, not {popsize}")
    for numbers in torch.split(random_order(space, grid, "exhaustive"), popsize, dim=1):
        yield painted(grid, numbers.unsqueeze(2))
    while True:
        yield torch.full((space.batch, 1, space.dims), torch.nan, device=space.device)  # no query


def random_order(space: Space, grid: PixelGrid, who: str) -> Tensor:
    """Every pixel in every corner colour once, by number, as far as the budget goes: ``(B, n)``.

    InputError, in which the strategy is called ``who``, for images of too many channels.
    """
    most = f"{who} takes {MAX_CHANNELS} channels at most, not {grid.channels}"
    require(grid.channels <= MAX_CHANNELS, most)
    total = grid.area * 2**grid.channels
    return distinct(space, total, min(total, space.budget))


def painted(grid: PixelGrid, numbers: Tensor) -> Tensor:
    """Candidates ``(B, P, D)`` of ``numbers (B, P, k)``: C low bits are the corner, the others the pixel."""
    return grid.candidates(numbers >> grid.channels, grid.corners[numbers % 2**grid.channels])
