"""Draws without replacement, each image's from its own stream."""

from dataclasses import replace
from itertools import compress

import torch
from torch import Tensor

from sparseattack import Space


def outside(picks: Tensor, taken: Tensor) -> Tensor:
    """Number ``picks (..., n)``, from 0, of the whole numbers that are not among ``taken (..., t)``.

    A pick that is uniform below ``high - t`` becomes uniform over the rest of the numbers below ``high``.
    """
    before = torch.arange(taken.shape[-1], device=taken.device)
    free = taken.sort(-1).values - before  # how many are not taken below each one taken
    return picks + (picks.unsqueeze(-1) >= free.unsqueeze(-2)).sum(-1)


def distinct(space: Space, high: int, count: int) -> Tensor:
    """``count`` different whole numbers below ``high``, in random order: ``(B, count)``."""
    return space.draw(lambda stream: stream.choice(high, count, replace=False))


def others(space: Space, popsize: int, count: int) -> Tensor:
    """For each of ``popsize`` members ``count`` others, all different: ``(B, popsize, count)``."""
    own = torch.arange(popsize, device=space.device).view(1, -1, 1)
    taken = own.expand(space.batch, -1, -1)
    for used in range(1, count + 1):
        pick = space.integers(popsize - used, popsize)
        taken = torch.cat([taken, outside(pick, taken)], dim=2)
    return taken[..., 1:]


def part(space: Space, where: Tensor) -> Space:
    """The space of the images ``where (B,)`` is true: a draw from it leaves the other streams alone."""
    return replace(space, streams=tuple(compress(space.streams, where.tolist())))
