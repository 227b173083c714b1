"""A mask of allowed pixels: which pixels of an image may change, and which genes mean them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from sparseattack.errors import InputError, number_of
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings.encoding import AnyEncoding, Decode, unit_of
from sparseattack.problem.space import Gene

PLACES = "row", "column", "position"  # kinds of genes that say where a pixel is
EITHER = "a mask is a torch tensor, bool (H, W) or (N, H, W), True where a pixel may change"


def check_mask(mask: Tensor, images: Tensor, encoding: AnyEncoding) -> None:
    """Refuse a mask that does not fit ``images (N, C, H, W)`` or an encoding, or with fewer pixels than k."""
    count, channels, height, width = images.shape
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.ndim not in (2, 3):
        found = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
        raise InputError(f"{EITHER}, not {found}")
    if not mask.numel():
        raise InputError(f"the mask is empty: {EITHER}")
    if mask.shape[-2:] != (height, width):
        rows, columns = mask.shape[-2:]
        raise InputError(f"the mask is {rows} x {columns}, the images are {height} x {width}: make it so")
    if mask.ndim == 3 and len(mask) != count:  # noqa: PLR2004
        raise InputError(f"there are {len(mask)} masks for {count} images: give one for all, or one for each")
    allowed = mask.view(-1, height * width).sum(1)
    fewest = int(allowed.min())
    who = "the mask" if mask.ndim == 2 else f"the mask of image {int(allowed.argmin())}"  # noqa: PLR2004
    if not fewest:
        raise InputError(f"{who} allows no pixel: white, or True, is where a pixel may change")
    room = fewest * channels if (unit := unit_of(encoding)) == "coordinates" else fewest
    if room < encoding.slots:
        found = number_of(room, unit.removesuffix("s"))
        raise InputError(
            f"{who} allows {found}, fewer than the {encoding.slots} that may change: take a larger mask, or"
            f" change at most {room} (--pixels {room})"
        )
    kinds = sorted(gene.kind for gene in slot_genes(encoding, images) if gene.kind in PLACES)
    if kinds not in (["column", "row"], ["position"]):
        raise InputError(
            "a mask needs an encoding with one row and one column gene, or one position gene, for each pixel"
        )


def slot_genes(encoding: AnyEncoding, images: Tensor) -> tuple[Gene, ...]:
    """The genes of the first of the ``slots`` equal parts of a candidate for ``images (N, C, H, W)``."""
    genes = encoding.genes(images.shape[1:])
    return genes[: len(genes) // encoding.slots]


def within(mask: Tensor, decode: Decode, meaning: Sequence[Gene]) -> Decode:
    """The same decoding, but of allowed pixels only; ``meaning`` is that of the genes of one slot."""
    allowed = AllowedPixels.of(as_masks(mask))

    def inside(genes: Tensor, rows: Tensor) -> Edits:
        return decode(allowed.placed(rows, genes, meaning), rows)

    return inside


@dataclass(frozen=True)
class AllowedPixels:
    """The allowed pixels of M images, or of all images if M is 1, numbered from 0 in reading order."""

    positions: Tensor  # (M, A) int32, row * width + column of each; what follows the last is of no meaning
    counts: Tensor  # (M,) int64
    rows: Tensor  # (M, H) int64, allowed pixels in each row
    width: int

    @classmethod
    def of(cls, masks: Tensor) -> Self:
        """Those of ``masks (M, H, W)``."""
        flat = masks.flatten(1)
        counts = flat.sum(1)
        order = flat.logical_not().to(torch.uint8).argsort(dim=1, stable=True)
        return cls(order[:, : int(counts.max())].int(), counts, masks.sum(2), masks.shape[2])

    def of_images(self, images: Sequence[int]) -> Self:
        """Those of some of the M images, by index; those that are for all images stay."""
        if len(self.counts) == 1:
            return self
        some = list(images)
        return type(self)(self.positions[some], self.counts[some], self.rows[some], self.width)

    @property
    def starts(self) -> Tensor:
        """The number of the first allowed pixel of each row, or of the next row's ``(M, H)``."""
        return self.rows.cumsum(1) - self.rows

    def at(self, images: Tensor, numbers: Tensor) -> Tensor:
        """Positions ``(n, ...)`` of the pixels with ``numbers (n, ...)`` of the images ``(n,)``."""
        found = self.positions[self._place(images).view(-1, *[1] * (numbers.ndim - 1)), numbers]
        return found.long()

    def numbers(self, images: Tensor, positions: Tensor) -> Tensor:
        """The inverse of ``at``: ``(n, ...)``; -1 where a pixel is not allowed."""
        place = self._place(images)
        ordered = self.positions.long()
        ordered = ordered.masked_fill(
            torch.arange(ordered.shape[1], device=place.device) >= self.counts.unsqueeze(1), 2**62
        )[place].contiguous()
        flat = positions.flatten(1).contiguous()
        found = torch.searchsorted(ordered, flat).clamp(max=ordered.shape[1] - 1)
        found = torch.where(ordered.gather(1, found) == flat, found, -1)
        return found.view(positions.shape)

    def genes(self, images: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Genes of row and column ``(n, ...)`` that ``placed`` turns into the pixels with these numbers."""
        place = self._place(images).view(-1, *[1] * (numbers.ndim - 1))
        row = self.at(images, numbers) // self.width
        before, inside = self.starts[place, row], self.rows[place, row]
        return (before + inside / 2) / self.counts[place], (numbers - before + 0.5) / inside

    def placed(self, images: Tensor, genes: Tensor, meaning: Sequence[Gene]) -> Tensor:
        """Genes ``(n, D)`` that name an allowed pixel of the image ``(n,)`` in each slot.

        ``meaning`` is that of the genes of one slot. Uniform genes become uniform over the allowed pixels:
        the row is that of the allowed pixel at the row gene's share of all, the column the allowed one at the
        column gene's share of the row; a position is the allowed pixel at its share of all.
        """
        kinds = [gene.kind for gene in meaning]
        place = self._place(images).unsqueeze(1)
        parts = genes.reshape(len(genes), -1, len(meaning)).clone()  # (n, slots, genes of a slot)
        if "position" in kinds:
            column = kinds.index("position")
            found = self.at(images, _share(parts[..., column], self.counts[place]))
            parts[..., column] = (found + 0.5) / meaning[column].values
            return parts.view(genes.shape)
        row, column = kinds.index("row"), kinds.index("column")
        first = self.at(images, _share(parts[..., row], self.counts[place])) // self.width
        inside = _share(parts[..., column], self.rows[place, first])
        found = self.at(images, self.starts[place, first] + inside)
        parts[..., row] = (first + 0.5) / meaning[row].values
        parts[..., column] = (found % self.width + 0.5) / self.width
        return parts.view(genes.shape)

    def _place(self, images: Tensor) -> Tensor:
        """Which of the M each of the images ``(n,)`` has."""
        return images if len(self.counts) > 1 else torch.zeros_like(images)


def _share(gene: Tensor, counts: Tensor) -> Tensor:
    """Whole numbers from 0 to ``counts - 1`` at a gene's share of these."""
    return torch.minimum((gene * counts).long().clamp(min=0), counts - 1)


def as_masks(mask: Tensor) -> Tensor:
    """A mask ``(H, W)`` or ``(N, H, W)`` as ``(M, H, W)``, where M is 1 if one is for all images."""
    return mask if mask.ndim == 3 else mask.unsqueeze(0)  # noqa: PLR2004
