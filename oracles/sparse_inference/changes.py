"""What candidates change, followed from map to map."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.fx import Node

from sparseattack import Edits, levels

from .extents import Extent
from .steps import Step
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
