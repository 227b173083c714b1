"""Encodings: how a candidate in the unit cube becomes a few changed pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.problem.space import Gene


class Encoding(Protocol):
    """Turns a candidate, numbers from 0 to 1, into the few pixels and colours to change in an image.

    A candidate has D genes float32 in [0, 1]. The success rate depends on the encoding as much as on the
    strategy. Built in are ``rgb`` and ``corners``.
    """

    @property
    def slots(self) -> int:
        """Pixels that one candidate describes."""

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """The meaning of each gene for images of ``shape`` (C, H, W), in ``slots`` equal parts."""

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        """Edits of images of ``shape`` (C, H, W) for genes ``(n, D)``."""


@dataclass(frozen=True)
class Pixels:
    """Encoding with a row, a column and one colour value per channel for each changed pixel.

    ``slots`` is the number of pixels in a candidate. A channel has ``shades`` values, evenly spaced from 0 to
    255: 2, 4, 6, 16, 18, 52, 86 or 256. So D is ``slots`` * (2 + channels). Every row, column and shade has
    the same share of its gene's range, the borders included. Raises InputError for other numbers.
    """

    slots: int
    shades: int

    def __post_init__(self) -> None:
        """Refuse no pixels, and shades that do not step evenly from 0 to 255."""
        if self.slots < 1:
            raise InputError(f"pixels is at least 1, not {self.slots}")
        if self.shades < 2 or 255 % (self.shades - 1):  # noqa: PLR2004
            raise InputError(f"shades is 2, 4, 6, 16, 18, 52, 86 or 256, not {self.shades}")

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """``slots`` times row, column, colours."""
        channels, height, width = shape
        colours = (Gene("colour", self.shades),) * channels
        return (Gene("row", height), Gene("column", width), *colours) * self.slots

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        """Edits ``(n, slots)``: each gene becomes the step of its range that it lies in."""
        channels, height, width = shape
        row, column, *colours = genes.view(len(genes), self.slots, 2 + channels).unbind(2)
        shade = _step(torch.stack(colours, dim=2), self.shades)
        return Edits(
            positions=_step(row, height) * width + _step(column, width),
            colours=(shade * (255 // (self.shades - 1))).to(torch.uint8),
        )


def _step(gene: Tensor, steps: int) -> Tensor:
    return (gene * steps).long().clamp(0, steps - 1)


def rgb(*, pixels: int = 1) -> Encoding:
    """Any 8-bit colour for each changed pixel, as in the one-pixel paper (Su, Vargas and Sakurai, 2019).

    pixels: how many a candidate describes, which --pixels sets
    """
    return Pixels(pixels, shades=256)


def corners(*, pixels: int = 1) -> Encoding:
    """Extreme colours only, each channel 0 or 255, as in Sparse-RS (Croce et al., 2022): 8 colours in RGB.

    pixels: how many a candidate describes, which --pixels sets
    """
    return Pixels(pixels, shades=2)


Encode = Callable[..., Encoding]
"""Makes an encoding; ``pixels`` is among its keyword-only parameters."""
