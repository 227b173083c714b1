"""The pixel grid behind a space: a strategy that chooses pixels and colours makes candidates of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple, Self

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit
from sparseattack.errors import InputError, StrategyError
from sparseattack.problem.mask import AllowedPixels
from sparseattack.problem.space import Kind, Space

WHITE = 255  # highest 8-bit level


class PixelGrid(NamedTuple):
    """Rows, columns and channels of the images behind a space, and the colours that a candidate may have.

    A strategy that works on pixels, not on genes, starts with ``grid = PixelGrid.of(space)`` and yields
    ``grid.candidates(positions, colours)``. Positions are row * width + column, colours 8-bit levels from 0
    to 255 in each channel, as in ``Edits``. Where a mask says which pixels may change, positions count the
    allowed ones only, from 0 in the same order; ``places`` and ``positions`` convert them. Encodings such as
    ``rgb`` and ``corners`` decode a candidate to exactly the pixels and colours that it was made of.
    """

    height: int
    width: int
    shades: tuple[int, ...]  # how many colours each of the C channels has, evenly spaced from 0 to 255
    slots: int  # k, pixels that a candidate describes
    order: Tensor  # (D,) index of each gene in the list of all rows, then all columns, then all colours
    allowed: AllowedPixels | None = None  # as many of each image; None is all pixels

    @classmethod
    def of(cls, space: Space, who: str = "this strategy") -> Self:
        """The grid that the genes of ``space`` describe: a row, a column and colours for each pixel.

        InputError for other genes, in which the strategy is called ``who``.
        """
        size = space.dims // space.slots
        parts = {space.genes[start : start + size] for start in range(0, space.dims, size)}
        counts = Counter(gene.kind for gene in space.genes[:size])
        usual = counts["row"] == counts["column"] == 1 and {*counts} == {"row", "column", "colour"}
        if len(parts) > 1 or not usual:
            raise InputError(
                f"{who} chooses pixels and their colours: it needs an encoding with row, column and colour"
                f" genes for each pixel, such as rgb and corners, not one with {_listed(counts)}"
            )
        steps = {gene.kind: gene.values for gene in space.genes}
        shades = tuple(gene.values for gene in space.genes[:size] if gene.kind == "colour")
        masks = space.mask("row"), space.mask("column"), space.mask("colour")
        order = torch.cat([mask.nonzero().flatten() for mask in masks]).argsort()
        allowed = None if space.allowed is None else AllowedPixels.of(space.allowed)
        if allowed and len(set(allowed.counts.tolist())) > 1:
            raise StrategyError(f"{who} searches images together whose masks allow unlike numbers of pixels")
        return cls(steps["row"], steps["column"], shades, space.slots, order, allowed)

    @property
    def area(self) -> int:
        """Pixels of an image that may change; positions are from 0 to this, without it."""
        return int(self.allowed.counts[0]) if self.allowed else self.height * self.width

    def places(self, positions: Tensor) -> Tensor:
        """Row * width + column of positions ``(B, ...)``."""
        if self.allowed is None:
            return positions
        return self.allowed.at(torch.arange(len(positions), device=positions.device), positions)

    def positions(self, places: Tensor) -> Tensor:
        """The inverse of ``places``: ``(B, ...)``; -1 where a pixel may not change."""
        if self.allowed is None:
            return places
        return self.allowed.numbers(torch.arange(len(places), device=places.device), places)

    def at(self, images: Sequence[int]) -> Self:
        """The grid of some of the images, by index."""
        return self if self.allowed is None else self._replace(allowed=self.allowed.of_images(images))

    @property
    def channels(self) -> int:
        """C."""
        return len(self.shades)

    @property
    def corners(self) -> Tensor:
        """The corner colours ``(2**C, C)`` uint8: bit c of a corner's index says if channel c is 0 or 255."""
        bits = torch.arange(self.channels, device=self.order.device)
        numbers = torch.arange(2**self.channels, device=self.order.device)
        return ((numbers.unsqueeze(1) >> bits & 1) * WHITE).to(torch.uint8)

    def has(self, colours: Tensor) -> Tensor:
        """Mask ``(...)`` of the ``colours (..., C)`` that a candidate may have; corners are always."""
        if min(self.shades) > WHITE and not colours.is_floating_point():  # every 8-bit colour, as in rgb
            return torch.ones(colours.shape[:-1], dtype=torch.bool, device=colours.device)
        return (colours.float().remainder(_steps(self.shades, colours.device)) == 0).all(-1)

    def nearest(self, colours: Tensor) -> Tensor:
        """The colours ``(..., C)`` uint8 nearest to ``colours (..., C)`` that a candidate may have."""
        steps = _steps(self.shades, colours.device)
        return ((colours / steps).round() * steps).to(torch.uint8)

    def candidates(self, positions: Tensor, colours: Tensor) -> Tensor:
        """Candidates ``(B, P, D)`` that paint ``colours (B, P, k, C)`` at ``positions (B, P, k)``.

        InputError for a colour that the encoding does not have.
        """
        if not bool(self.has(colours).all()):
            wrong = colours[~self.has(colours)][0].tolist()
            raise InputError(
                f"no candidate has the colour {wrong} here: the encoding has {self.shades} colours for the"
                " channels, evenly spaced from 0 to 255"
            )
        if self.allowed:
            images = torch.arange(len(positions), device=positions.device)
            rows, columns = self.allowed.genes(images, positions)
        else:
            rows = (positions // self.width + 0.5) / self.height
            columns = (positions % self.width + 0.5) / self.width
        return torch.cat([rows, columns, colours.flatten(2).float() / WHITE], dim=2)[..., self.order]

    def pixels(self, images: Tensor) -> Tensor:
        """The colours ``(B, area, C)`` uint8 of the ``images (B, C, H, W)`` of the space, by position."""
        colours = eight_bit(images).flatten(2).transpose(1, 2).contiguous()
        if self.allowed is None:
            return colours
        places = self.places(torch.arange(self.area, device=images.device).expand(len(images), -1))
        return colours.gather(1, places.unsqueeze(2).expand(-1, -1, colours.shape[2]))


@cache
def _steps(shades: tuple[int, ...], device: torch.device) -> Tensor:
    """``(C,)`` from one level of each channel to the next; made once, for searches ask with every query."""
    with torch.inference_mode(False):
        return torch.tensor([WHITE / (shade - 1) for shade in shades], device=device)


def _listed(counts: Mapping[Kind, int]) -> str:
    """The genes of one part, in words."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) + " genes"
