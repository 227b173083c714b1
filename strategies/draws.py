"""Sampling without replacement, from the random stream of each image."""

import torch
from torch import Tensor

from sparseattack import Space


def distinct(space: Space, high: int, count: int) -> Tensor:
    """``count`` different integers in [0, high), in random order: ``(B, count)``."""
    return space.draw(lambda stream: stream.choice(high, count, replace=False))


def outside(picks: Tensor, taken: Tensor) -> Tensor:
    """Map each pick ``(..., n)`` to the integer of that rank, from 0, that is not in ``taken (..., t)``.

    A pick that is uniform in [0, high - t) becomes uniform over the integers in [0, high) that are left.
    """
    before = torch.arange(taken.shape[-1], device=taken.device)
    free = taken.sort(-1).values - before  # integers below each taken one that are left
    return picks + (picks.unsqueeze(-1) >= free.unsqueeze(-2)).sum(-1)
