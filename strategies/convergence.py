"""Convergence: whether all members of a population describe the same edit."""

import torch
from torch import Tensor

from sparseattack import Space


def same_edit(space: Space, candidates: Tensor) -> Tensor:
    """Whether all candidates ``(B, P, D)`` of an image describe the same edit: ``(B,)`` bool."""
    steps = torch.tensor([gene.values for gene in space.genes], device=candidates.device)
    cells = (candidates * steps).long().clamp(max=steps - 1)
    return (cells == cells[:, :1]).flatten(1).all(1)
