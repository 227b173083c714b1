"""An encoding of colour differences to the clean pixel, with a bound."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit
from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits, touch
from sparseattack.problem.encodings.encoding import Decode, ImageEncoding, check_slots, step
from sparseattack.problem.space import Gene

WHITE = 255


@dataclass(frozen=True)
class Differences:
    """Encoding with a row, a column and a colour difference per channel for each changed pixel.

    A difference is a whole number of levels from ``-most`` to ``most``, each with the same share of its gene;
    the sum with the clean level is clipped at 0 and 255. D is ``slots`` * (2 + channels).
    """

    slots: int
    most: int

    def __post_init__(self) -> None:
        """Refuse no pixels."""
        check_slots(self.slots)

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """``slots`` times row, column, differences."""
        channels, height, width = shape
        differences = (Gene("difference", 2 * self.most + 1),) * channels
        return (Gene("row", height), Gene("column", width), *differences) * self.slots

    def on(self, images: Tensor) -> Decode:
        """Edits whose colours are the clean ones plus the differences, clipped."""
        channels, height, width = images.shape[1:]

        def decode(genes: Tensor, rows: Tensor) -> Edits:
            row, column, *differences = genes.view(len(genes), self.slots, 2 + channels).unbind(2)
            positions = step(row, height) * width + step(column, width)
            change = step(torch.stack(differences, dim=2), 2 * self.most + 1) - self.most
            clean = eight_bit(touch(images, rows, positions)).long()
            return Edits(positions, (clean + change).clamp(0, WHITE).to(torch.uint8))

        return decode


def delta(*, pixels: int = 1, limit: float = 0.2) -> ImageEncoding:
    """Colour differences to the clean pixel of at most ``limit`` in each channel; clipped at 0 and 255.

    pixels: how many a candidate describes, which --pixels sets
    limit: of colours from 0 to 1, rounded down to whole levels: 0.2 is 51 of 255
    """
    most = int(limit * WHITE + 1e-9) if 0 <= limit <= 1 else 0  # 0.7 * 255 is a little less than 178.5
    if most < 1:
        raise InputError(f"delta's limit is from 0.004, one level of 255, to 1, not {limit:g}")
    return Differences(pixels, most)
