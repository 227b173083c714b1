"""A set of pixels in corner colours for each image, as searches over pixels hold their best one."""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import PixelGrid, Space
from sparseattack.strategies.draws import distinct

WHITE = 255


class PixelSet(NamedTuple):
    """Distinct pixels, and their corner colours."""

    pixels: Tensor  # (B, k)
    corners: Tensor  # (B, k, C), 0 or 1

    @classmethod
    def random(cls, space: Space, grid: PixelGrid) -> "PixelSet":
        """Random pixels in random corner colours."""
        pixels = distinct(space, grid.area, space.slots)
        return cls(pixels, space.integers(2, space.slots, grid.channels))

    def candidate(self, grid: PixelGrid) -> Tensor:
        """The one candidate ``(B, 1, D)`` that paints them."""
        return grid.candidates(self.pixels.unsqueeze(1), self.corners.unsqueeze(1) * WHITE)

    def replaced(self, which: Tensor, other: "PixelSet") -> "PixelSet":
        """The set, but the ``other`` one for the images ``which (B, 1, 1)``."""
        return PixelSet(
            torch.where(which[..., 0], other.pixels, self.pixels),
            torch.where(which, other.corners, self.corners),
        )
