"""Candidates answered by what they change."""

import torch
from torch import Tensor

from sparseattack import Edits

from .changes import Changes
from .clean import Clean
from .pieces import rest
from .plan import Plan


class Answers:
    """Scores of candidates by a plan, ``most`` at a time; ``memory`` is for clean maps, in bytes."""

    def __init__(self, plan: Plan, most: int, memory: int) -> None:
        self.plan, self.most = plan, most
        self.clean = Clean(plan, most, memory)
        self.rest = rest(plan.local.module, plan.whole)
        self.taps = {step.node: step.taps() for step in plan.steps if step.axes}

    def __call__(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """Scores ``(n, K)`` of edits of the ``images (N, C, H, W)`` numbered ``rows (n,)``."""
        parts = zip(*(torch.split(each, self.most) for each in (rows, *edits)), strict=True)
        return torch.cat([self._scores(images, row, Edits(*edit)) for row, *edit in parts])

    def _scores(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        slots, tables = self.clean.slots(images, rows), self.clean.tables
        pixels = edits.positions // images.shape[3], edits.positions % images.shape[3]
        changes = Changes(self.plan.extents, tables, slots, pixels)
        changes.paint(self.plan.local.image, edits)
        for step in self.plan.steps:
            changes.follow(step, self.taps.get(step.node))
        scores: Tensor = self.rest(*(tables[node].whole() for node in self.plan.whole))
        return scores.float()
