"""Differential evolution as in the one-pixel paper (Su, Vargas and Sakurai, 2019): rand/1, no crossover."""

import torch
from torch import Tensor

from sparseattack import Search, Space


def de(space: Space, *, popsize: int = 400, weight: float = 0.5) -> Search:
    """``weight`` is F; a child competes with the parent of its index, genes outside the cube are redrawn."""
    members = _start(space, popsize)  # (B, P, D)
    values = (yield members)[..., 0]  # (B, P)
    image = torch.arange(space.batch, device=space.device).view(-1, 1, 1)
    while True:
        a, b, c = members[image, space.others(popsize, 3)].unbind(2)
        mutants = a + weight * (b - c)
        inside = (mutants >= 0) & (mutants <= 1)
        children = torch.where(inside, mutants, space.uniform(popsize))
        child_values = (yield children)[..., 0]
        better = child_values < values
        members = torch.where(better.unsqueeze(-1), children, members)
        values = torch.where(better, child_values, values)


def _start(space: Space, popsize: int) -> Tensor:
    """Positions uniform, colours N(128, 127) clipped to 8 bits: ``(B, P, D)``."""
    colours = space.normal(popsize).mul(127).add(128).div(255).clamp(0, 1)
    return torch.where(space.mask("colour"), colours, space.uniform(popsize))
