"""A plan carried out: scores of candidates from stored maps of clean images and the cells that change."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.fx import Node

from sparseattack import Edits, levels
from sparseattack.problem.inference import PAD

from ..dense_inference.blocks import divided, safe_blocks
from .graph import first_part, last_part
from .local_operation import LocalOperation, map_shape
from .plan import Extent, InferencePlan
from .tables import ChangedCells, FeatureTable, repeat_last, whole_tiles

GATHERED_AT_ONCE = 2**21  # numbers that are gathered before they are computed with: they stay in the cache


class SparseEvaluation:
    """Scores of candidates by a plan, ``most`` at a time; ``memory`` bytes are for maps of clean images."""

    def __init__(self, plan: InferencePlan, most: int, memory: int) -> None:
        self.plan, self.most = plan, most
        self.blocks: tuple[int, ...] = tuple(sorted({PAD, most}))  # numbers of candidates at a time
        self.clean = CleanMaps(plan, most, memory)
        self.last_part = last_part(plan.local.module, plan.boundary)
        self.taps = {operation.node: operation.taps() for operation in plan.operations if operation.axes}

    def __call__(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """Scores ``(n, K)`` of edits of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``."""
        sizes = list(divided(len(rows), self.blocks))
        padded = (repeat_last(each, sum(sizes) - len(rows)) for each in (rows, *edits))
        parts = zip(*(torch.split(each, sizes) for each in padded), strict=True)
        return torch.cat([self._scores(images, row, Edits(*edit)) for row, *edit in parts])[: len(rows)]

    def take_smaller_blocks(self, images: Tensor, rows: Tensor, edits: Edits) -> None:
        """Evaluate fewer candidates at a time too, where PAD edits show that scores have the same bits."""
        smaller = safe_blocks(
            lambda numbers: self._scores(images, rows[numbers], Edits(*(each[numbers] for each in edits)))
        )
        self.blocks = tuple(sorted({*smaller, *self.blocks}))

    def _scores(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        slots, tables = self.clean.slots(images, rows), self.clean.tables
        pixels = edits.positions // images.shape[3], edits.positions % images.shape[3]
        propagation = Propagation(self.plan.extents, tables, slots, pixels)
        propagation.paint(self.plan.local.image, edits)
        for operation in self.plan.operations:
            propagation.apply(operation, self.taps.get(operation.node))
        scores: Tensor = self.last_part(*(tables[node].whole_maps() for node in self.plan.boundary))
        return scores.float()


class CleanMaps:
    """A cache of the feature maps of clean images, as many as ``memory`` bytes hold, but at least ``most``.

    The image that was not used for longest makes room for a new one.
    """

    def __init__(self, plan: InferencePlan, most: int, memory: int) -> None:
        nodes = plan.stored
        self.maps = first_part(plan.local.module, nodes)
        self.capacity = max(most, memory // plan.bytes)
        self.tables = {node: FeatureTable(map_shape(node), self.capacity, most) for node in nodes}
        self.images, self.writes = torch.empty(0), 0  # whose maps these are, and writes to them
        self.slot_of: OrderedDict[int, int] = OrderedDict()  # by image, the least recently used first

    def slots(self, images: Tensor, rows: Tensor) -> Tensor:
        """Places ``(n,)`` of the images numbered ``rows (n,)``; missing maps are computed."""
        # an inference tensor counts no writes, and a Problem holds none
        writes = 0 if images.is_inference() else images._version
        if images is not self.images or writes != self.writes:
            self.images, self.writes = images, writes
            self.slot_of.clear()
        wanted = sorted(set(rows.tolist()))
        for row in filter(self.slot_of.__contains__, wanted):
            self.slot_of.move_to_end(row)
        for row in wanted:
            if row not in self.slot_of:
                self._compute(row)
        return torch.tensor([self.slot_of[row] for row in rows.tolist()])

    def _compute(self, row: int) -> None:
        full = len(self.slot_of) == self.capacity
        slot = self.slot_of.popitem(last=False)[1] if full else len(self.slot_of)
        self.slot_of[row] = slot
        maps = self.maps(self.images[row : row + 1].contiguous(memory_format=torch.channels_last))
        for table, each in zip(self.tables.values(), maps, strict=True):
            table.store(slot, each[0])


@dataclass(frozen=True)
class Propagation:
    """The changes of ``n`` candidates of ``k`` pixels each, followed from map to map."""

    extents: Mapping[Node, Extent]
    tables: Mapping[Node, FeatureTable]
    slots: Tensor  # (n,) places of their clean images in the tables
    pixels: tuple[Tensor, Tensor]  # rows and columns (n, k)
    rows: dict[Node, Tensor] = field(default_factory=dict)  # (A, C), the changed cells of each map
    cells: dict[int, ChangedCells] = field(default_factory=dict)  # by identity of the extent

    def paint(self, image: Node, edits: Edits) -> None:
        """Change the pixels; a pixel that stands twice in an edit has the same colour twice."""
        n, k = edits.positions.shape
        candidates = torch.arange(n).repeat_interleave(k)
        colours = levels(edits.settled()).flatten(0, 1)
        *where, rows = map(whole_tiles, (candidates, edits.positions.flatten(), colours))
        self.cells[id(self.extents[image])] = ChangedCells(*where)
        self._enter(image, rows)

    def apply(self, operation: LocalOperation, taps: Tensor | None) -> None:
        """Compute the changed cells of the operation's map; ``taps (H * W, T)`` are the cells it reads."""
        where = self._where(operation.node)
        parts = where.parts(GATHERED_AT_ONCE // operation.reads) if operation.reads else [where]
        rows = [operation.compute(part, *self._read(operation, part, taps)) for part in parts]
        self._enter(operation.node, torch.cat(rows) if len(rows) > 1 else rows[0])

    def _where(self, node: Node) -> ChangedCells:
        extent = self.extents[node]
        if id(extent) not in self.cells:
            self.cells[id(extent)] = extent.around(*self.pixels)
        return self.cells[id(extent)]

    def _read(self, operation: LocalOperation, where: ChangedCells, taps: Tensor | None) -> list[Tensor]:
        if taps is not None:
            return [self.tables[operation.sources[0]].read(where, taps)]
        extent = self.extents[operation.node]
        return [
            self.rows[source] if self.extents[source] is extent else self.tables[source].read_own(where)
            for source in operation.sources
        ]

    def _enter(self, node: Node, rows: Tensor) -> None:
        self.rows[node] = rows
        if node in self.tables:
            self.tables[node].change(self.slots, self._where(node), rows)
