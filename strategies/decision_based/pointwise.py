"""Pointwise attack (Schott, Rauber, Bethge and Brendel, 2019), of "Towards the first adversarially robust
neural network model on MNIST": the colours of an image that fools the oracle are reset one by one.
"""

from typing import Literal

import torch
from torch import Tensor

from sparseattack import Search, Space, uses
from sparseattack.errors import require

from .beginning import Beginning, candidates, limit_memory, uniform_at


@uses("image", "start")
def pointwise(space: Space, *, unit: Literal["channel", "pixel"] = "channel", densities: int = 20) -> Search:
    """Pointwise attack (Schott et al., 2019): reset one colour after another to that of the clean image.

    Each changed channel of each pixel, in random order, is reset, and stays so if the image still fools. That
    is repeated until no reset succeeds; then a search begins anew. (foolbox begins a new order after each
    success, and so asks again about resets that failed.) Needs labels only. The paper's last stage,
    which makes the remaining changes smaller and no fewer, is left out.

    unit: channel resets one channel of a pixel a query, as foolbox does; pixel resets all of them
    densities: shares of salt-and-pepper noise that are tried as a beginning, evenly spaced up to all pixels
    """
    require(densities >= 1, f"pointwise needs at least 1 of densities, not {densities}")
    limit_memory(space, masks=8)
    beginning, rows = Beginning.of(space, densities), torch.arange(space.batch, device=space.device)
    clean = beginning.clean.view(space.batch, -1, 1) if unit == "channel" else beginning.clean
    current, tries = clean.clone(), torch.zeros_like(rows)
    searched = improved = torch.zeros_like(rows, dtype=torch.bool)  # (B,)
    left = torch.zeros_like(clean[..., 0], dtype=torch.bool)  # (B, U) units of this pass to be visited
    keys = torch.zeros_like(left, dtype=torch.float32)  # (B, U) the order of the visits
    while True:
        first = beginning.colours(space, tries, ~searched).view_as(clean)
        visited = keys.masked_fill(~left, torch.inf).argmin(1)
        trial = current.index_put((rows, visited), clean[rows, visited])
        trial = torch.where(searched.view(-1, 1, 1), trial, first)
        value = (yield candidates(trial.view_as(beginning.clean)))[:, 0, 0]
        fools = value <= space.slots
        left = left.index_put((rows, visited), torch.zeros_like(fools))
        current = torch.where(fools.view(-1, 1, 1), trial, current)
        tries, improved = torch.where(searched | fools, 0, tries + 1), improved | fools
        over = (searched | fools) & ~left.any(1)  # a pass, or the search of a beginning
        again = over & improved
        left = _renewed(left, (current != clean).any(2), again)
        keys = _renewed(keys, uniform_at(space, again, keys.shape[1]), again)
        ended = over & ~left.any(1)  # no reset succeeds, or nothing is changed
        for place in (ended & searched).nonzero()[:, 0].tolist():
            space.journal.restarted(place)
        searched, improved = (searched | fools) & ~ended, improved & ~over


def _renewed(old: Tensor, new: Tensor, where: Tensor) -> Tensor:
    """``old (B, U)``, but ``new`` for the images ``where (B,)``."""
    return torch.where(where.unsqueeze(1), new, old)
