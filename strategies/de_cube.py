"""Where a population of differential evolution starts, and how it is kept in the cube."""

import torch
from torch import Tensor

from sparseattack import Space


def started(space: Space, popsize: int, start: str) -> Tensor:
    """Members ``(B, P, D)`` with uniform positions, and colours N(128, 127), uniform or at corners."""
    genes = space.uniform(popsize)
    if start == "paper":
        colours = space.normal(popsize).mul(127).add(128).div(255).clamp(0, 1)
    else:
        colours = genes.round() if start == "corners" else genes
    return torch.where(space.mask("colour"), colours, genes)


def repaired(space: Space, genes: Tensor, bounds: str) -> Tensor:
    """The mutants ``(B, P, D)``, with those genes that left the cube drawn again, reflected or clipped."""
    if bounds == "clip":
        return genes.clamp(0, 1)
    inside = (genes >= 0) & (genes <= 1)
    if bounds == "reflect":
        return torch.where(inside, genes, 1 - (genes % 2 - 1).abs())
    return torch.where(inside, genes, space.uniform(genes.shape[1]))
