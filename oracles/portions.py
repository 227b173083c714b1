"""How many images at a time a network is fastest with on a CPU."""

from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

import torch
from torch import Tensor

USUAL, OTHERS = 32, (16, 64)  # more at a time were slower with every network that was measured
FASTER = 1.02  # times, or it may be chance
TRIAL, TURNS = max(OTHERS), 3  # images that are tried, and how often
ENOUGH = 8192  # images that were shown before, so that a trial is a small part of the work


def portion(network: Callable[[Tensor], Tensor], images: Tensor) -> int:
    """USUAL, or with how many of ``images (n, ...)`` at a time it is faster, and the scores are the same."""
    scores = _shown(network, images, USUAL)
    best = dict.fromkeys((USUAL, *OTHERS), torch.inf)
    for size in (USUAL, *OTHERS) * TURNS:
        start = perf_counter()
        with suppress(RuntimeError):  # too little memory
            if torch.equal(_shown(network, images, size), scores):
                best[size] = min(perf_counter() - start, best[size])
    best[USUAL] /= FASTER
    return min(best, key=lambda size: best[size])


def _shown(network: Callable[[Tensor], Tensor], images: Tensor, size: int) -> Tensor:
    """Scores ``(n, K)``, of ``size`` images at a time."""
    return torch.cat([network(part) for part in torch.split(images, size)])
