"""Encodings of a row, a column and a colour for each pixel: any 8-bit colour, or extreme ones only."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings.encoding import Encoding, check_shades, check_slots, levels_of, step
from sparseattack.problem.space import Gene


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
        check_slots(self.slots)
        check_shades(self.shades)

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """``slots`` times row, column, colours."""
        channels, height, width = shape
        colours = (Gene("colour", self.shades),) * channels
        return (Gene("row", height), Gene("column", width), *colours) * self.slots

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        """Edits ``(n, slots)``: each gene becomes the step of its range that it lies in."""
        channels, height, width = shape
        row, column, *colours = genes.view(len(genes), self.slots, 2 + channels).unbind(2)
        return Edits(
            positions=step(row, height) * width + step(column, width),
            colours=levels_of(torch.stack(colours, dim=2), self.shades),
        )


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
