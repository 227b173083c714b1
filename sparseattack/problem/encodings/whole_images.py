"""Whole images as candidates, of searches that begin with one that fools and change ever fewer pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparseattack.data.images import levels
from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings.encoding import AnyEncoding
from sparseattack.problem.encodings.pixels import Pixels
from sparseattack.problem.space import Gene

WHITE, LEVELS = 255, 256  # highest level of a colour, and how many there are


@dataclass(frozen=True)
class WholeImages:
    """Encoding of the colours of every pixel; a candidate is a success only if it changes few of them.

    ``slots`` is the number of pixels of an image. A pixel whose colour is that of the clean image is not
    changed. ``most`` pixels may be changed by a success. D is ``slots`` * channels, pixel by pixel.
    """

    slots: int
    most: int
    shades: int  # evenly spaced values of a channel that a changed pixel has

    @classmethod
    def of(cls, encoding: AnyEncoding, shape: torch.Size) -> "WholeImages":
        """Of images of ``shape`` (C, H, W), with the colours and number of pixels of another encoding."""
        if not isinstance(encoding, Pixels):
            raise InputError(
                "a strategy that begins with another image needs an encoding of any pixels, rgb or corners"
            )
        return cls(shape[1:].numel(), encoding.slots, encoding.shades)

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """``slots`` times the colours."""
        return (Gene("colour", LEVELS),) * (self.slots * shape[0])

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        """Edits ``(n, slots)`` that paint every pixel."""
        colours = genes.mul(WHITE).round().to(torch.uint8).view(len(genes), self.slots, shape[0])
        return Edits(torch.arange(self.slots, device=genes.device).expand(len(genes), -1), colours)

    def starts(self, every: Tensor | None, rows: slice, images: Tensor) -> Tensor:
        """Those ``rows`` of all given images ``(n, C, H, W)``, in the nearest colours that a pixel may have.

        NaN where none is given for one of the clean ``images``.
        """
        if every is None:
            return torch.full_like(images, torch.nan)
        given = every[rows]
        steps = given.mul(self.shades - 1).round() * (WHITE // (self.shades - 1))
        return torch.where(given.isnan(), given, levels(steps.nan_to_num().to(torch.uint8)))


def most_of(encoding: AnyEncoding) -> int:
    """Pixels that a success may change."""
    return encoding.most if isinstance(encoding, WholeImages) else encoding.slots
