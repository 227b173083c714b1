"""The pixel grid behind a space: from pixels and corner colours to genes, and from genes to equal edits."""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import Space


class Grid(NamedTuple):
    """Rows, columns and channels of the images behind a space."""

    height: int
    width: int
    channels: int
    order: Tensor  # (D,) index of each gene in the list of all rows, then all columns, then all colours

    @classmethod
    def of(cls, space: Space) -> "Grid":
        """The grid that the genes of ``space`` describe."""
        steps = {gene.kind: gene.values for gene in space.genes}
        colours = sum(gene.kind == "colour" for gene in space.genes)
        masks = space.mask("row"), space.mask("column"), space.mask("colour")
        order = torch.cat([mask.nonzero().flatten() for mask in masks]).argsort()
        return cls(steps["row"], steps["column"], colours // space.slots, order)

    @property
    def area(self) -> int:
        """Pixels of an image."""
        return self.height * self.width

    def candidates(self, pixels: Tensor, corners: Tensor) -> Tensor:
        """Candidates ``(B, P, D)`` that paint ``pixels (B, P, k)``, numbered row by row.

        ``corners (B, P, k, C)`` are 0 or 1, the lowest or highest value of a channel.
        """
        rows = (pixels // self.width + 0.5) / self.height
        columns = (pixels % self.width + 0.5) / self.width
        return torch.cat([rows, columns, corners.flatten(2).float()], dim=2)[..., self.order]


def same_edit(space: Space, candidates: Tensor) -> Tensor:
    """Whether all candidates ``(B, P, D)`` of an image describe the same edit: ``(B,)`` bool."""
    steps = torch.tensor([gene.values for gene in space.genes], device=candidates.device)
    cells = (candidates * steps).long().clamp(max=steps - 1)
    return (cells == cells[:, :1]).flatten(1).all(1)
