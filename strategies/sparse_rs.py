"""Sparse-RS (Croce et al., 2022): swap ever fewer pixels of the best candidate for random corner colours."""

from bisect import bisect_left
from itertools import count

import torch
from torch import Tensor

from sparseattack import Search, Space

STEPS = (0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # last query, of 10,000, that each divisor holds for
DIVISORS = (1, 2, 4, 5, 6, 8, 10, 12, 15, 20)


def sparse_rs(space: Space, *, alpha: float = 0.3) -> Search:
    """``alpha`` is the share of pixels swapped at first: 0.3, or 0.1 when targeted."""
    best = _fresh(space)  # (B, 1, D)
    lowest = (yield best)[..., 0]  # (B, 1)
    width = space.dims // space.slots  # genes of one pixel
    for query in count():
        divisor = DIVISORS[bisect_left(STEPS, query / space.budget * 10_000)]
        swaps = max(int(alpha / divisor * space.slots), 1)
        swapped = space.uniform(1, space.slots).argsort(2) < swaps  # (B, 1, k), that many at random
        candidates = torch.where(swapped.repeat_interleave(width, dim=2), _fresh(space), best)
        values = (yield candidates)[..., 0]
        better = values < lowest
        best = torch.where(better.unsqueeze(-1), candidates, best)
        lowest = torch.where(better, values, lowest)


def _fresh(space: Space) -> Tensor:
    """Random pixels in corner colours: ``(B, 1, D)``."""
    genes = space.uniform(1)
    return torch.where(space.mask("colour"), genes.round(), genes)
