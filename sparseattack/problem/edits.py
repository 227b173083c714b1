"""Edits: a few changed pixels with 8-bit colours, painted on images and counted."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sparseattack.data.images import levels

Unit = Literal["pixels", "coordinates"]
"""What is counted as changed: pixels, whatever their channels, or coordinates, a pixel and a channel each."""


class Edits(NamedTuple):
    """Changed pixels of ``n`` images: ``k`` positions in each, and the new colour of each position.

    ``positions`` (n, k) int64 are row * width + column; ``colours`` (n, k, C) uint8 are levels from 0 to 255.
    Where a position occurs twice in one image, the last colour counts.
    """

    positions: Tensor  # (n, k) int64, row * W + column
    colours: Tensor  # (n, k, C) uint8

    def winners(self) -> Tensor:
        """The slot whose colour stays at each slot's pixel: ``(n, k)``."""
        if self.positions.shape[1] == 1:
            return torch.zeros_like(self.positions)
        ordered, order = self.positions.contiguous().sort(dim=1, stable=True)
        return order.gather(1, torch.searchsorted(ordered, self.positions.contiguous(), right=True) - 1)

    def stays(self) -> Tensor:
        """Whether a slot's colour is the one that stays at its pixel: ``(n, k)`` bool."""
        return self.winners() == torch.arange(self.positions.shape[1], device=self.positions.device)

    def settled(self) -> Tensor:
        """The colour that stays at each slot's pixel: ``(n, k, C)`` uint8."""
        if self.positions.shape[1] == 1:
            return self.colours
        return self.colours.gather(1, self.winners().unsqueeze(2).expand_as(self.colours))

    def split(self, most: int) -> "list[Edits]":
        """Parts of at most ``most`` edits."""
        return [Edits(*part) for part in zip(*(torch.split(each, most) for each in self), strict=True)]

    def paint(self, images: Tensor, rows: Tensor | None = None) -> Tensor:
        """Copies of ``images (n, C, H, W)``, or of those numbered ``rows (n,)``, with the pixels painted."""
        painted = images.clone() if rows is None else images.index_select(0, rows)
        flat = painted.flatten(2)
        where = self.positions.unsqueeze(1).expand(-1, flat.shape[1], -1)
        flat.scatter_(2, where, levels(self.settled()).transpose(1, 2))
        return flat.view(painted.shape)

    def differences(self, touched: Tensor) -> Tensor:
        """Change of each slot ``(n, k, C)``, given what is there before; 0 for a slot painted over."""
        return (levels(self.colours) - touched) * self.stays().unsqueeze(2)

    def differing(self, image: Tensor) -> "Edits":
        """The only edit without the slots that leave the ``image (C, H, W)`` as it is: of any number."""
        touched = touch(image[None], torch.zeros_like(self.positions[:, 0]), self.positions)
        kept = self.differences(touched).any(2)[0]
        return Edits(self.positions[:, kept], self.colours[:, kept])


def touch(images: Tensor, rows: Tensor, positions: Tensor) -> Tensor:
    """Colours ``(n, k, C)`` at ``positions (n, k)`` of the images ``(N, C, H, W)`` numbered ``rows (n,)``."""
    width = images.shape[3]
    return images[rows.unsqueeze(1), :, positions // width, positions % width]


def changed(differences: Tensor, unit: Unit = "pixels") -> Tensor:
    """How many pixels, or coordinates, differ ``(n,)`` in differences ``(n, k, C)``."""
    return differences.any(2).sum(1) if unit == "pixels" else differences.count_nonzero((1, 2))


def length(differences: Tensor) -> Tensor:
    """Euclidean length ``(n,)`` of ``(n, k, C)``; a sum of whole numbers of 1/255, the same in any order."""
    return differences.mul(255).round().long().square().sum((1, 2)).float().sqrt() / 255


def distortion(differences: Tensor) -> Tensor:
    """Mean absolute change ``(n,)`` of a channel of the changed pixels of ``(n, k, C)``: levels, 0 to 255."""
    total = differences.mul(255).round().abs().sum((1, 2))
    return total / (changed(differences) * differences.shape[2]).clamp(min=1)
