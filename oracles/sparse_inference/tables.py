"""Feature maps as tables with a row per cell: those of clean images, and the cells that candidates change."""

from typing import NamedTuple

import torch
from torch import Tensor

TILE, TILES = 16, 2  # rows in a tile, which torch gets as one image, and tiles in a call at least: then the
# float32 results of a row depend neither on its place nor on the number of rows
ZERO, LOWEST = 0, 1  # the two rows after an image's cells, read outside the map: zeros, or minus infinity


class ChangedCells(NamedTuple):
    """The cells of a map that candidates change; padded to whole tiles by repeating the last one."""

    candidates: Tensor  # (A,) int64
    cells: Tensor  # (A,) int64, row * W + column

    def parts(self, size: int) -> "list[ChangedCells]":
        """Split into parts of about ``size`` cells, each of at least TILES whole tiles."""
        tiles = len(self.cells) // TILE
        count = max(1, min(len(self.cells) // max(1, size), tiles // TILES))
        columns = (column.view(-1, TILE).tensor_split(count) for column in self)
        return [ChangedCells(*(one.flatten() for one in part)) for part in zip(*columns, strict=True)]


def changed_cells(rows: Tensor, columns: Tensor) -> ChangedCells:
    """For each candidate the union of the k rectangles ``rows (n, k, H)`` x ``columns (n, k, W)``."""
    changed = torch.bmm(rows.mT, columns).flatten(1)
    return ChangedCells(*map(whole_tiles, changed.nonzero(as_tuple=True)))


def whole_tiles(rows: Tensor) -> Tensor:
    """``rows (A, ...)``, the last one repeated to whole tiles and to TILES of them; empty stays empty."""
    return repeat_last(rows, max(-len(rows) % TILE, TILES * TILE - len(rows)) if len(rows) else 0)


def repeat_last(rows: Tensor, count: int) -> Tensor:
    """``rows (n, ...)``, the last one ``count`` times more: repeated rows have the same results."""
    return torch.cat([rows, rows[-1:].expand(count, *rows.shape[1:])])


class FeatureTable:
    """One feature map of several clean images, and the cells of it that candidates change.

    A row has the C channels of a cell. Each clean image has H * W rows and two for what is outside; the rows
    of changed cells follow. ``index (n, H * W + 2)`` says for each candidate in which row each cell is.
    """

    def __init__(self, shape: tuple[int, int, int], images: int, candidates: int) -> None:
        """A map of ``shape`` (C, H, W) with room for some clean ``images`` and ``candidates`` at a time."""
        self.shape = shape
        self.cells = shape[1] * shape[2]
        self.width = self.cells + 2
        self.changed = images * self.width  # first row of changed cells
        self.rows = torch.empty(self.changed + (candidates * self.cells) + TILES * TILE, shape[0])

    def store(self, slot: int, clean: Tensor) -> None:
        """Store the map ``(C, H, W)`` of a clean image in place ``slot``."""
        rows = self.rows[slot * self.width :][: self.width]
        rows[: self.cells] = clean.flatten(1).T
        rows[self.cells + ZERO], rows[self.cells + LOWEST] = 0, -torch.inf

    def change(self, slots: Tensor, where: ChangedCells, rows: Tensor) -> None:
        """Set the candidates: their clean images ``slots (n,)`` and their changed cells ``rows (A, C)``."""
        self.index = (slots * self.width).int().unsqueeze(1) + torch.arange(self.width, dtype=torch.int32)
        numbers = torch.arange(self.changed, self.changed + len(rows), dtype=torch.int32)
        self.index.view(-1)[where.candidates * self.width + where.cells] = numbers
        self.rows[self.changed :][: len(rows)] = rows

    def read(self, where: ChangedCells, taps: Tensor) -> Tensor:
        """The cells ``(A, T, C)`` that the cells ``where`` read, by ``taps (H * W, T)``."""
        places = taps.index_select(0, where.cells).add_((where.candidates * self.width).int().unsqueeze(1))
        numbers = self.index.view(-1).index_select(0, places.view(-1))
        return self.rows.index_select(0, numbers).view(*places.shape, self.shape[0])

    def read_own(self, where: ChangedCells) -> Tensor:
        """The cells ``where`` themselves: ``(A, C)``."""
        numbers = self.index.view(-1).index_select(0, where.candidates * self.width + where.cells)
        return self.rows.index_select(0, numbers)

    def whole_maps(self) -> Tensor:
        """The map of every candidate ``(n, C, H, W)``, in channels-last memory format."""
        numbers = self.index[:, : self.cells].reshape(-1)
        channels, height, width = self.shape
        return self.rows.index_select(0, numbers).view(-1, height, width, channels).permute(0, 3, 1, 2)


def as_tiles(rows: Tensor) -> Tensor:
    """Rows ``(A, C)`` viewed as images ``(A / TILE, C, TILE, 1)``."""
    return rows.view(-1, TILE, 1, rows.shape[1]).permute(0, 3, 1, 2)


def as_rows(images: Tensor) -> Tensor:
    """The inverse of ``as_tiles``."""
    return images.permute(0, 2, 3, 1).reshape(-1, images.shape[1])
