"""Where to stop computing changes and go on with whole maps: counted, so that it never depends on luck.

How far the change of a pixel spreads from map to map.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.fx import Node

from .graph import ATEN
from .reading import Local
from .steps import Step, known
from .tables import Spread, spread


class Extent(NamedTuple):
    """What a change in a row, and in a column, of the image reaches; 1 or 0 in float32."""

    rows: Tensor  # (H of the image, H of the map)
    columns: Tensor  # (W of the image, W of the map)

    def cells(self, k: int) -> float:
        """Cells that ``k`` pixels anywhere change on average."""
        each = self.rows.double().mean(0).unsqueeze(1) * self.columns.double().mean(0)
        return float((1 - (1 - each) ** k).sum())

    def around(self, down: Tensor, right: Tensor) -> Spread:
        """The cells that the pixels in rows ``down (n, k)`` and columns ``right (n, k)`` change."""
        lines = (  # many times faster than by an index of two dimensions
            line.index_select(0, where.flatten()).view(*where.shape, -1)
            for line, where in ((self.rows, down), (self.columns, right))
        )
        return spread(*lines)

    def union(self, others: Iterable["Extent"]) -> "Extent":
        """The smallest that has all of them; this one itself if that is it."""
        rows, columns = self
        for other in others:
            rows, columns = rows.maximum(other.rows), columns.maximum(other.columns)
        return self if rows.equal(self.rows) and columns.equal(self.columns) else Extent(rows, columns)


def extents(image: Node, steps: Sequence[Step]) -> dict[Node, Extent]:
    """Of every map; maps that a change reaches alike share one."""
    _, height, width = known(image)
    found = {image: Extent(torch.eye(height), torch.eye(width))}
    for step in steps:
        before = [found[source] for source in step.sources]
        if step.axes:
            rows, columns = step.axes
            found[step.node] = Extent(rows.reach(before[0].rows), columns.reach(before[0].columns))
        else:
            widest = max(before, key=lambda one: float(one.rows.sum()))
            found[step.node] = widest.union(before)
    return found


GATHERED = 30  # multiplications done in the time in which a number is fetched from another cell
PASSED = 50  # in which one is read and written in its place
INDEXED = 250  # in which a cell of a map is found


@dataclass(frozen=True)
class Plan:
    """Some steps are computed where something changed, and the rest of the network on whole maps."""

    local: Local
    steps: tuple[Step, ...]  # the first ones
    extents: dict[Node, Extent]
    k: int  # pixels that change

    @cached_property
    def whole(self) -> tuple[Node, ...]:
        """The maps that the rest of the network is computed from."""
        done = {node for step in self.steps for node in (step.node, *step.through)}
        made = [self.local.image, *(step.node for step in self.steps)]
        left = ({user for user in node.users if user.target is not ATEN.sym_size.int} - done for node in made)
        return tuple(node for node, users in zip(made, left, strict=True) if users)

    @cached_property
    def kept(self) -> tuple[Node, ...]:
        """The maps of clean images that are needed."""
        extents = self.extents
        apart = (
            source
            for step in self.steps
            for source in step.sources
            if step.axes or extents[source] is not extents[step.node]
        )
        return tuple(dict.fromkeys([*apart, *self.whole]))

    @property
    def bytes(self) -> int:
        """Of the maps of one clean image, and at most of what one candidate changes in them."""
        return 4 * sum(prod(known(node)) for node in self.kept)

    @cached_property
    def gain(self) -> float:
        """How many times less work it is than whole maps, as far as the network is local."""
        every = sum(map(_whole, self.local.steps))
        rest = every - sum(map(_whole, self.steps))
        changed = sum(_changed(step, self.extents, self.k) for step in self.steps)
        filled = sum(GATHERED * prod(known(node)) for node in self.whole)
        return every / (changed + filled + rest)


def plan(local: Local, k: int) -> Plan:
    """The one of most gain for ``k`` changed pixels."""
    found = extents(local.image, local.steps)
    cuts = range(len(local.steps) + 1)
    return max((Plan(local, local.steps[:cut], found, k) for cut in cuts), key=lambda each: each.gain)


def _whole(step: Step) -> float:
    channels, height, width = known(step.node)
    return height * width * (step.work + PASSED * channels)


def _changed(step: Step, found: dict[Node, Extent], k: int) -> float:
    channels, height, width = known(step.node)
    gathered = step.reads or sum(known(one)[0] for one in step.sources if found[one] is not found[step.node])
    index = INDEXED * height * width if gathered else 0
    return found[step.node].cells(k) * (step.work + PASSED * channels + GATHERED * gathered) + index
