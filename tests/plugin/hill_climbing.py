"""Hill climbing from the best candidate, a strategy for sparseattack."""

import torch

from sparseattack import Search, Space


def hill_climbing(space: Space, *, popsize: int = 10, sigma: float = 0.1) -> Search:
    """Gaussian steps from the best candidate so far.

    popsize: steps taken at a time
    sigma: their deviation, in widths of the cube
    """
    candidates, lowest = space.uniform(popsize), torch.full((space.batch, 1), torch.inf, device=space.device)
    best = candidates[:, :1]
    while True:
        value, place = (yield candidates)[..., 0].min(1, keepdim=True)
        found = candidates.gather(1, place.unsqueeze(2).expand_as(best))
        best = torch.where((value < lowest).unsqueeze(2), found, best)
        lowest = torch.minimum(lowest, value)
        candidates = (best + sigma * space.normal(popsize)).clamp(0, 1)
