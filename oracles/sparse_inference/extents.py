"""How far the change of a pixel spreads from map to map."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.fx import Node

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
