"""How many images at a time a network is fastest with on a CPU."""

from collections.abc import Callable
from time import perf_counter

import torch
from torch import Tensor

USUAL, OTHERS = 32, (16, 64)  # more at a time were slower with every network that was measured
FASTER = 1.02  # times, or it may be chance
TURNS = 3
TRIAL = max(OTHERS)  # images that are tried


def portion(network: Callable[[Tensor], Tensor], images: Tensor) -> int:
    """USUAL, or with how many of ``images (n, ...)`` at a time it is faster, and the scores are the same."""
    images = images[:TRIAL]
    scores, seconds = _timed(network, images, USUAL)
    best = {USUAL: seconds / FASTER}
    for size in OTHERS * TURNS:
        again, seconds = _timed(network, images, size)
        if torch.equal(again, scores):
            best[size] = min(seconds, best.get(size, seconds))
        best[USUAL] = min(_timed(network, images, USUAL)[1] / FASTER, best[USUAL])
    return min(best, key=lambda size: best[size])


def _timed(network: Callable[[Tensor], Tensor], images: Tensor, size: int) -> tuple[Tensor, float]:
    """Scores ``(n, K)``, and the seconds they took with ``size`` images at a time."""
    start = perf_counter()
    scores = torch.cat([network(part) for part in torch.split(images, size)])
    return scores, perf_counter() - start
