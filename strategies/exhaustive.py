"""Every pixel in every corner colour: the truth about one-pixel attacks that others are measured against."""

import torch
from torch import Tensor

from sparseattack import Search, Space
from sparseattack.errors import require

from .draws import distinct
from .grid import Grid

CHANNELS = 16  # most that are searched: 65,536 corner colours for every pixel


def exhaustive(space: Space, *, popsize: int = 256) -> Search:
    """Every pixel in every corner colour once, in random order (the first stage of Croce and Hein, 2019).

    For one pixel and at most 16 channels. An image of which everything has been asked is asked nothing more.

    popsize: candidates asked at a time; it changes nothing else
    """
    grid = Grid.of(space)
    require(space.slots == 1, f"exhaustive tries every single pixel: it needs pixels=1, not {space.slots}")
    require(grid.channels <= CHANNELS, f"exhaustive takes {CHANNELS} channels at most, not {grid.channels}")
    require(popsize >= 1, f"exhaustive needs a popsize of at least 1, not {popsize}")
    total = grid.area * 2**grid.channels
    order = distinct(space, total, min(total, space.budget))
    for numbers in torch.split(order, popsize, dim=1):
        yield _numbered(grid, numbers)
    while True:
        yield torch.full((space.batch, 1, space.dims), torch.nan, device=space.device)


def _numbered(grid: Grid, numbers: Tensor) -> Tensor:
    """Candidates ``(B, P, D)``, each number ``(B, P)`` a pixel and, in its lowest bits, a corner."""
    bits = torch.arange(grid.channels, device=numbers.device)
    pixels, corners = (numbers >> grid.channels).unsqueeze(2), (numbers.unsqueeze(2) >> bits) & 1
    return grid.candidates(pixels, corners.unsqueeze(2))
