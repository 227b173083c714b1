"""An encoding whose colours are those of the image itself."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit
from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings.encoding import Decode, ImageEncoding, check_slots, step
from sparseattack.problem.space import Gene

TOGETHER = 8  # images whose palettes are made at once, which bounds the memory
MOST = 256  # colours


def image_palettes(images: Tensor, colours: int) -> Tensor:
    """So many colours of each of the ``images (N, C, H, W)`` itself: ``(N, colours, C)`` uint8.

    The first is the furthest from the mean colour, each other one the furthest from its nearest among those
    before (Gonzalez, 1985), by Euclidean distance of levels; of equals the first in reading order. An image
    of fewer colours has some of them twice.
    """
    parts = [_palettes(part, colours) for part in torch.split(images, TOGETHER)]
    return torch.cat(parts) if parts else eight_bit(images[:, :, 0, :0]).new_zeros(0, colours, 1)


def _palettes(images: Tensor, colours: int) -> Tensor:
    pixels = images.flatten(2).transpose(1, 2).mul(255).round().long()  # whole numbers: exact in any order
    near = (pixels * pixels.shape[1] - pixels.sum(1, keepdim=True)).square().sum(2)
    chosen: list[Tensor] = []
    for place in range(colours):
        one = near.argmax(1)[:, None, None].expand(-1, 1, pixels.shape[2])
        chosen.append(pixels.gather(1, one))
        apart = (pixels - chosen[-1]).square().sum(2)
        near = torch.minimum(near, apart) if place else apart
    return torch.cat(chosen, 1).to(torch.uint8)


@dataclass(frozen=True)
class PaletteColours:
    """Encoding with a row, a column and the number of a colour in the image's palette for each pixel.

    Every entry of the palette has the same share of its gene. D is ``slots`` * 3.
    """

    slots: int
    colours: int

    def __post_init__(self) -> None:
        """Refuse no pixels."""
        check_slots(self.slots)

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        """``slots`` times row, column, entry."""
        _, height, width = shape
        return (Gene("row", height), Gene("column", width), Gene("entry", self.colours)) * self.slots

    def on(self, images: Tensor) -> Decode:
        """Edits in the colours of each image's palette, which is made when it is first needed."""
        channels, height, width = images.shape[1:]
        palettes = torch.zeros(len(images), self.colours, channels, dtype=torch.uint8, device=images.device)
        made = torch.zeros(len(images), dtype=torch.bool, device=images.device)

        def decode(genes: Tensor, rows: Tensor) -> Edits:
            if new := sorted({*rows[~made[rows]].tolist()}):
                palettes[new], made[new] = image_palettes(images[new], self.colours), True
            row, column, entry = genes.view(len(genes), self.slots, 3).unbind(2)
            positions = step(row, height) * width + step(column, width)
            return Edits(positions, palettes[rows.unsqueeze(1), step(entry, self.colours)])

        return decode


def palette(*, pixels: int = 1, colours: int = 16) -> ImageEncoding:
    """Colours of the image itself: each changed pixel takes one of its palette, colours far from each other.

    The palette begins with the colour of the image that is furthest from its mean colour, and goes on with
    the one that is furthest from all before (Gonzalez, 1985).

    pixels: how many a candidate describes, which --pixels sets
    colours: of the palette, from 1 to 256
    """
    if not 1 <= colours <= MOST:
        raise InputError(f"palette's colours are from 1 to {MOST}, not {colours}")
    return PaletteColours(pixels, colours)
