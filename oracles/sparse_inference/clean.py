"""The maps of clean images, computed once and kept while there is room."""

from collections import OrderedDict

import torch
from torch import Tensor

from .pieces import beginning
from .plan import Plan
from .steps import known
from .tables import Table


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
