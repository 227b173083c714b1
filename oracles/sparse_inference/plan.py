"""A plan: up to which operation changes are followed, chosen by counting the work, never by the clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.fx import Node

from .graph import ATEN
from .local_operation import LocalOperation, map_shape
from .operations import LocalPart
from .tables import ChangedCells, changed_cells

GATHER = 30  # multiplications that take as long as fetching a number from another cell
MOVE = 50  # as reading and writing a number in its own place
INDEX = 250  # as finding a cell of a map


class Extent(NamedTuple):
    """The rows and columns of a map that a change in a row or column of the image reaches; 1 or 0, float32.

    The counterpart of a receptive field: a pixel changes the rectangle of its rows and its columns.
    """

    rows: Tensor  # (H of the image, H of the map)
    columns: Tensor  # (W of the image, W of the map)

    def cells(self, k: int) -> float:
        """Expected number of cells that ``k`` pixels change, each drawn uniformly from the image."""
        each = self.rows.double().mean(0).unsqueeze(1) * self.columns.double().mean(0)
        return float((1 - (1 - each) ** k).sum())

    def around(self, down: Tensor, right: Tensor) -> ChangedCells:
        """The cells that the pixels in rows ``down (n, k)`` and columns ``right (n, k)`` change."""
        lines = (  # many times faster than by an index of two dimensions
            line.index_select(0, where.flatten()).view(*where.shape, -1)
            for line, where in ((self.rows, down), (self.columns, right))
        )
        return changed_cells(*lines)

    def union(self, others: Iterable["Extent"]) -> "Extent":
        """The smallest extent that contains all; this object itself if it does."""
        rows, columns = self
        for other in others:
            rows, columns = rows.maximum(other.rows), columns.maximum(other.columns)
        return self if rows.equal(self.rows) and columns.equal(self.columns) else Extent(rows, columns)


def extents(image: Node, operations: Sequence[LocalOperation]) -> dict[Node, Extent]:
    """The extent of every map; maps that changes reach alike share one object."""
    _, height, width = map_shape(image)
    found = {image: Extent(torch.eye(height), torch.eye(width))}
    for operation in operations:
        before = [found[source] for source in operation.sources]
        if operation.axes:
            rows, columns = operation.axes
            found[operation.node] = Extent(rows.reach(before[0].rows), columns.reach(before[0].columns))
        else:
            widest = max(before, key=lambda one: float(one.rows.sum()))
            found[operation.node] = widest.union(before)
    return found


@dataclass(frozen=True)
class InferencePlan:
    """The first operations are computed where cells change, the rest of the network on whole maps."""

    local: LocalPart
    operations: tuple[LocalOperation, ...]  # the first ones of the local part
    extents: dict[Node, Extent]
    k: int  # changed pixels

    @cached_property
    def boundary(self) -> tuple[Node, ...]:
        """The maps from which the rest of the network is computed."""
        done = {node for operation in self.operations for node in (operation.node, *operation.skipped)}
        made = [self.local.image, *(operation.node for operation in self.operations)]
        left = ({user for user in node.users if user.target is not ATEN.sym_size.int} - done for node in made)
        return tuple(node for node, users in zip(made, left, strict=True) if users)

    @cached_property
    def stored(self) -> tuple[Node, ...]:
        """The maps needed of clean images: the boundary, and those of which unchanged cells are read."""
        extents = self.extents
        read = (
            source
            for operation in self.operations
            for source in operation.sources
            if operation.axes or extents[source] is not extents[operation.node]
        )
        return tuple(dict.fromkeys([*read, *self.boundary]))

    @property
    def bytes(self) -> int:
        """Size of the stored maps of one clean image; what one candidate changes takes at most as much."""
        return 4 * sum(prod(map_shape(node)) for node in self.stored)

    @cached_property
    def gain(self) -> float:
        """Work of the local part on whole maps / its work by this plan."""
        every = sum(map(_whole_work, self.local.operations))
        rest = every - sum(map(_whole_work, self.operations))
        changed = sum(_changed_work(operation, self.extents, self.k) for operation in self.operations)
        filled = sum(GATHER * prod(map_shape(node)) for node in self.boundary)
        return every / (changed + filled + rest)


def plan(local: LocalPart, k: int) -> InferencePlan:
    """The plan of greatest gain for ``k`` changed pixels."""
    found = extents(local.image, local.operations)
    cuts = range(len(local.operations) + 1)
    return max(
        (InferencePlan(local, local.operations[:cut], found, k) for cut in cuts), key=lambda each: each.gain
    )


def _whole_work(operation: LocalOperation) -> float:
    """Work on the whole map, in multiplications."""
    channels, height, width = map_shape(operation.node)
    return height * width * (operation.work + MOVE * channels)


def _changed_work(operation: LocalOperation, found: dict[Node, Extent], k: int) -> float:
    """Expected work on the cells that ``k`` pixels change, in multiplications."""
    channels, height, width = map_shape(operation.node)
    others = (one for one in operation.sources if found[one] is not found[operation.node])
    gathered = operation.reads or sum(map_shape(one)[0] for one in others)
    index = INDEX * height * width if gathered else 0
    cells = found[operation.node].cells(k)
    return cells * (operation.work + MOVE * channels + GATHER * gathered) + index
