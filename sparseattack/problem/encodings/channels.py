"""An encoding of coordinates, pairs of a pixel and a channel: sparsity is counted in these."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit
from sparseattack.problem.edits import Edits, Unit, touch
from sparseattack.problem.encodings.encoding import (
    Decode,
    ImageEncoding,
    check_shades,
    check_slots,
    levels_of,
    step,
)
from sparseattack.problem.space import Gene


@dataclass(frozen=True)
class Coordinates:
    """Encoding with a row, a column, a channel and its level for each changed coordinate.

    The other channels of the pixel stay as they are in the clean image, unless another slot changes them.
    Where two slots have the same coordinate, the last counts. D is ``slots`` * 4. Edits have the whole
    colour of each pixel, in every slot of it.
    """

    slots: int
    shades: int
    unit: ClassVar[Unit] = "coordinates"

    def __post_init__(self) -> None:
        """Refuse no coordinates, and shades that do not step evenly from 0 to 255."""
        check_slots(self.slots)
        check_shades(self.shades)

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """``slots`` times row, column, channel, colour."""
        channels, height, width = shape
        one = Gene("row", height), Gene("column", width), Gene("channel", channels)
        return (*one, Gene("colour", self.shades)) * self.slots

    def on(self, images: Tensor) -> Decode:
        """Edits in which the slots of one pixel have the same colour, with all channels that they change."""
        channels, height, width = images.shape[1:]

        def decode(genes: Tensor, rows: Tensor) -> Edits:
            row, column, channel, colour = genes.view(len(genes), self.slots, 4).unbind(2)
            positions = step(row, height) * width + step(column, width)
            channel = step(channel, channels).unsqueeze(2)
            clean = eight_bit(touch(images, rows, positions)).long()
            change = levels_of(colour, self.shades).long().unsqueeze(2) - clean.gather(2, channel)
            coordinates = Edits(positions * channels + channel[..., 0], clean)
            change = change * coordinates.stays().unsqueeze(2)
            alone = torch.zeros_like(clean).scatter(2, channel, change)
            return Edits(positions, (clean + _united(positions, alone)).to(torch.uint8))

        return decode


def _united(positions: Tensor, changes: Tensor) -> Tensor:
    """The sum of the ``changes (n, k, C)`` of all slots at the same one of ``positions (n, k)``, at each."""
    ordered, order = positions.sort(dim=1, stable=True)
    sums = changes.gather(1, order.unsqueeze(2).expand_as(changes)).cumsum(1)
    sums = torch.cat([torch.zeros_like(sums[:, :1]), sums], 1)
    positions = positions.contiguous()
    first, end = (torch.searchsorted(ordered, positions, right=right) for right in (False, True))
    before, after = (sums.gather(1, each.unsqueeze(2).expand_as(changes)) for each in (first, end))
    return after - before


def channels(*, pixels: int = 1, shades: int = 256) -> ImageEncoding:
    """Single channels of pixels: k counts coordinates (pixel, channel), as in JSMA (Papernot et al., 2016).

    Tables and records count coordinates then, not pixels.

    pixels: how many coordinates a candidate describes, which --pixels sets
    shades: values of a channel, evenly spaced from 0 to 255: 2 for 0 and 255 only, 4, 6, 16, 18, 52, 86, 256
    """
    return Coordinates(pixels, shades)
