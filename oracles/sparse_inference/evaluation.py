"""Candidates answered by what they change.

What candidates change, followed from map to map.

The maps of clean images, computed once and kept while there is room.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.fx import Node

from sparseattack import Edits, levels

from .graph import beginning, rest
from .plan import Extent, Plan
from .steps import Step, known
from .tables import Spread, Table, whole_tiles

AT_ONCE = 2**21  # numbers gathered before they are computed with: they stay in the cache


@dataclass(frozen=True)
class Changes:
    """The changed cells of ``n`` candidates with ``k`` pixels each."""

    extents: Mapping[Node, Extent]
    tables: Mapping[Node, Table]
    slots: Tensor  # (n,) where their clean images are in the tables
    pixels: tuple[Tensor, Tensor]  # rows and columns (n, k)
    rows: dict[Node, Tensor] = field(default_factory=dict)  # (A, C)
    places: dict[int, Spread] = field(default_factory=dict)  # by identity of the extent

    def paint(self, image: Node, edits: Edits) -> None:
        """Change the pixels; those that are painted twice have the same colour twice."""
        n, k = edits.positions.shape
        candidates = torch.arange(n).repeat_interleave(k)
        colours = levels(edits.settled()).flatten(0, 1)
        *where, rows = map(whole_tiles, (candidates, edits.positions.flatten(), colours))
        self.places[id(self.extents[image])] = Spread(*where)
        self._enter(image, rows)

    def follow(self, step: Step, taps: Tensor | None) -> None:
        """Compute what changes in the map that ``step`` makes; ``taps`` are the cells it reads."""
        where = self._where(step.node)
        parts = where.parts(AT_ONCE // step.reads) if step.reads else [where]
        rows = [step.compute(part, *self._read(step, part, taps)) for part in parts]
        self._enter(step.node, torch.cat(rows) if len(rows) > 1 else rows[0])

    def _where(self, node: Node) -> Spread:
        extent = self.extents[node]
        if id(extent) not in self.places:
            self.places[id(extent)] = extent.around(*self.pixels)
        return self.places[id(extent)]

    def _read(self, step: Step, where: Spread, taps: Tensor | None) -> list[Tensor]:
        if taps is not None:
            return [self.tables[step.sources[0]].read(where, taps)]
        here = self.extents[step.node]
        return [
            self.rows[one] if self.extents[one] is here else self.tables[one].read_here(where)
            for one in step.sources
        ]

    def _enter(self, node: Node, rows: Tensor) -> None:
        self.rows[node] = rows
        if node in self.tables:
            self.tables[node].change(self.slots, self._where(node), rows)


class Clean:
    """Tables with room for as many images as ``memory`` bytes hold, and one call needs: ``most``."""

    def __init__(self, plan: Plan, most: int, memory: int) -> None:
        nodes = plan.kept
        self.maps = beginning(plan.local.module, nodes)
        self.room = max(most, memory // plan.bytes)
        self.tables = {node: Table(known(node), self.room, most) for node in nodes}
        self.images = torch.empty(0)
        self.held: OrderedDict[int, int] = OrderedDict()  # image -> slot, the longest unused first

    def slots(self, images: Tensor, rows: Tensor) -> Tensor:
        """Where the images numbered ``rows (n,)`` are; those that are not there are computed."""
        if images is not self.images:
            self.images = images
            self.held.clear()
        wanted = sorted(set(rows.tolist()))
        for row in filter(self.held.__contains__, wanted):
            self.held.move_to_end(row)
        for row in wanted:
            if row not in self.held:
                self._compute(row)
        return torch.tensor([self.held[row] for row in rows.tolist()])

    def _compute(self, row: int) -> None:
        full = len(self.held) == self.room
        slot = self.held.popitem(last=False)[1] if full else len(self.held)
        self.held[row] = slot
        maps = self.maps(self.images[row : row + 1].contiguous(memory_format=torch.channels_last))
        for table, each in zip(self.tables.values(), maps, strict=True):
            table.keep(slot, each[0])


class Answers:
    """Scores of candidates by a plan, ``most`` at a time; ``memory`` is for clean maps, in bytes."""

    def __init__(self, plan: Plan, most: int, memory: int) -> None:
        self.plan, self.most = plan, most
        self.clean = Clean(plan, most, memory)
        self.rest = rest(plan.local.module, plan.whole)
        self.taps = {step.node: step.taps() for step in plan.steps if step.axes}

    def __call__(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """Scores ``(n, K)`` of edits of the ``images (N, C, H, W)`` numbered ``rows (n,)``."""
        parts = zip(*(torch.split(each, self.most) for each in (rows, *edits)), strict=True)
        return torch.cat([self._scores(images, row, Edits(*edit)) for row, *edit in parts])

    def _scores(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        slots, tables = self.clean.slots(images, rows), self.clean.tables
        pixels = edits.positions // images.shape[3], edits.positions % images.shape[3]
        changes = Changes(self.plan.extents, tables, slots, pixels)
        changes.paint(self.plan.local.image, edits)
        for step in self.plan.steps:
            changes.follow(step, self.taps.get(step.node))
        scores: Tensor = self.rest(*(tables[node].whole() for node in self.plan.whole))
        return scores.float()
