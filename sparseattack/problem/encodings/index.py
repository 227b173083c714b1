"""An encoding with one gene for the place of a pixel: its number, row by row."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings.encoding import Encoding, check_shades, check_slots, levels_of, step
from sparseattack.problem.space import Gene

LARGEST = 2**24  # pixels that a float32 gene tells apart


@dataclass(frozen=True)
class IndexedPixels:
    """Encoding with a position, row * width + column, and one colour value per channel for each pixel.

    D is ``slots`` * (1 + channels). Candidates whose positions are near lie in the same row or in rows one
    after another: a pixel above another one is ``width`` steps away.
    """

    slots: int
    shades: int

    def __post_init__(self) -> None:
        """Refuse no pixels, and shades that do not step evenly from 0 to 255."""
        check_slots(self.slots)
        check_shades(self.shades)

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """``slots`` times position, colours."""
        channels, height, width = shape
        if height * width > LARGEST:
            raise InputError(f"index takes at most {LARGEST:,} pixels, not {height} x {width}: use rgb")
        return (Gene("position", height * width), *(Gene("colour", self.shades),) * channels) * self.slots

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        """Edits ``(n, slots)``: each gene becomes the step of its range that it lies in."""
        channels, height, width = shape
        position, *colours = genes.view(len(genes), self.slots, 1 + channels).unbind(2)
        return Edits(step(position, height * width), levels_of(torch.stack(colours, dim=2), self.shades))


def index(*, pixels: int = 1, shades: int = 256) -> Encoding:
    """The position as one gene, row * width + column, then a colour, as in discrete formulations.

    pixels: how many a candidate describes, which --pixels sets
    shades: values of a channel, evenly spaced from 0 to 255: 2, 4, 6, 16, 18, 52, 86 or 256
    """
    return IndexedPixels(pixels, shades)
