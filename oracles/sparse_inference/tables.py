"""Maps as tables with a row per cell: of clean images, and beneath them of what candidates change."""

from typing import NamedTuple

import torch
from torch import Tensor

TILE, TILES = 16, 16  # rows that torch is shown as one image, and how many images at least: a row's floats
# depend on neither its place nor the number of images, unless these are fewer
ZERO, LOWEST = 0, 1  # which of the two rows after an image's cells: what lies beyond the border


class Spread(NamedTuple):
    """The cells of a map that candidates change; as many as whole tiles have rows."""

    candidates: Tensor  # (A,) int64
    cells: Tensor  # (A,) int64, row * W + column

    def parts(self, size: int) -> "list[Spread]":
        """In parts of about ``size`` cells, each of whole tiles and of enough of them."""
        tiles = len(self.cells) // TILE
        count = max(1, min(len(self.cells) // max(1, size), tiles // TILES))
        columns = (column.view(-1, TILE).tensor_split(count) for column in self)
        return [Spread(*(one.flatten() for one in part)) for part in zip(*columns, strict=True)]


def spread(rows: Tensor, columns: Tensor) -> Spread:
    """The union of the rectangles ``rows (n, k, H)`` x ``columns (n, k, W)`` of each candidate."""
    changed = torch.bmm(rows.mT, columns).flatten(1)
    return Spread(*map(whole_tiles, changed.nonzero(as_tuple=True)))


def whole_tiles(rows: Tensor) -> Tensor:
    """``rows (A, ...)``, the last one repeated until the tiles are full, and enough of them; none of none."""
    return filled(rows, max(-len(rows) % TILE, TILES * TILE - len(rows)) if len(rows) else 0)


def filled(rows: Tensor, short: int) -> Tensor:
    """``rows (n, ...)`` and ``short`` more like the last one: what is computed twice comes out the same."""
    return torch.cat([rows, rows[-1:].expand(short, *rows.shape[1:])])


class Table:
    """One map: ``images`` clean ones of ``shape`` (C, H, W), and what ``candidates`` at a time change."""

    def __init__(self, shape: tuple[int, int, int], images: int, candidates: int) -> None:
        self.shape = shape
        self.cells = shape[1] * shape[2]
        self.width = self.cells + 2
        self.changed = images * self.width  # where what is changed begins
        self.rows = torch.empty(self.changed + (candidates * self.cells) + TILES * TILE, shape[0])

    def keep(self, slot: int, clean: Tensor) -> None:
        """Keep the map ``(C, H, W)`` of a clean image."""
        rows = self.rows[slot * self.width :][: self.width]
        rows[: self.cells] = clean.flatten(1).T
        rows[self.cells + ZERO], rows[self.cells + LOWEST] = 0, -torch.inf

    def change(self, slots: Tensor, where: Spread, rows: Tensor) -> None:
        """What candidates of the images in ``slots (n,)`` have as ``rows (A, C)`` in place of clean ones."""
        self.index = (slots * self.width).int().unsqueeze(1) + torch.arange(self.width, dtype=torch.int32)
        numbers = torch.arange(self.changed, self.changed + len(rows), dtype=torch.int32)
        self.index.view(-1)[where.candidates * self.width + where.cells] = numbers
        self.rows[self.changed :][: len(rows)] = rows

    def read(self, where: Spread, taps: Tensor) -> Tensor:
        """What the cells ``where`` read, by ``taps (H * W, T)``: ``(A, T, C)``."""
        places = taps.index_select(0, where.cells).add_((where.candidates * self.width).int().unsqueeze(1))
        numbers = self.index.view(-1).index_select(0, places.view(-1))
        return self.rows.index_select(0, numbers).view(*places.shape, self.shape[0])

    def read_here(self, where: Spread) -> Tensor:
        """What there is in the cells ``where``: ``(A, C)``."""
        numbers = self.index.view(-1).index_select(0, where.candidates * self.width + where.cells)
        return self.rows.index_select(0, numbers)

    def whole(self) -> Tensor:
        """The map of every candidate ``(n, C, H, W)``, channels last in memory."""
        numbers = self.index[:, : self.cells].reshape(-1)
        channels, height, width = self.shape
        return self.rows.index_select(0, numbers).view(-1, height, width, channels).permute(0, 3, 1, 2)


def tiles(rows: Tensor) -> Tensor:
    """Rows ``(A, C)`` seen as images ``(A / TILE, C, TILE, 1)``."""
    return rows.view(-1, TILE, 1, rows.shape[1]).permute(0, 3, 1, 2)


def untiled(images: Tensor) -> Tensor:
    """The inverse of ``tiles``."""
    return images.permute(0, 2, 3, 1).reshape(-1, images.shape[1])
