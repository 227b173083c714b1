"""A meter before a network, for one image attacked by any library."""

import sys
from time import perf_counter

import torch
from torch import Tensor, nn

from sparseattack.problem.edits import eight_bit, levels

SAME = 1e-4  # of [0, 1]; a channel that differs by less is unchanged


class OverError(Exception):
    """Ends an attack: its first success was seen, or no query is left."""


class Meter(nn.Module):
    """Answers rows ``(n, C, H, W)`` as the network does, and counts them.

    It can end the attack, by an exception, at the first row that is misclassified and differs from the clean
    image in ``k`` pixels at most, and at the budget. Its own time is kept apart. The network is shown
    ``most`` rows at once at most, which is what it is fastest with.
    """

    def __init__(self, network: nn.Module, image: Tensor, label: int, k: int, most: int = 64) -> None:
        super().__init__()
        self.network, self.image, self.label, self.k, self.most = network, image, label, k, most
        self.budget, self.stops = sys.maxsize, False
        self.queries = self.calls = self.first = 0
        self.own = 0.0  # seconds
        self.found: Tensor | None = None  # (1, C, H, W) that fooled first

    def stop(self, budget: int) -> "Meter":
        """The same, which ends the attack at the first success or the budget."""
        self.budget, self.stops = budget, True
        return self

    @torch.inference_mode()
    def forward(self, images: Tensor) -> Tensor:
        """Scores ``(n, K)``; rows beyond the budget are not shown to the network."""
        kept = images[: self.budget - self.queries]
        scores = torch.cat([self.network(part) for part in torch.split(kept, self.most)])
        start = perf_counter()
        self._note(kept, scores)
        cut = len(kept) < len(images) or self.queries == self.budget
        self.own += perf_counter() - start
        if self.stops and (self.first or cut):
            raise OverError
        return scores

    def _note(self, images: Tensor, scores: Tensor) -> None:
        hits = self.fools(images, scores).nonzero()[:, 0]
        if len(hits) and not self.first:
            self.first = self.queries + int(hits[0]) + 1
            self.found = images[hits[:1]].clone()
        self.queries += len(images)
        self.calls += 1

    def fools(self, images: Tensor, scores: Tensor) -> Tensor:
        """Which rows are successes: ``(n,)`` bool. A tie is none."""
        own, others = scores[:, self.label], scores.clone()
        others[:, self.label] = -torch.inf
        changed = ((images - self.image).abs() > SAME).any(1).sum((1, 2))
        return (others.amax(1) > own) & (changed <= self.k)

    @torch.inference_mode()
    def holds(self, images: Tensor, rounded: bool) -> bool:
        """Whether one image ``(1, C, H, W)`` is a success, perhaps after rounding to 8 bits; not counted."""
        shown = levels(eight_bit(images)) if rounded else images
        return bool(self.fools(shown, self.network(shown)))
