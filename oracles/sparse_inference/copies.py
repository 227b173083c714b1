"""Operations that only move cells: padding and slicing."""

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.nn.functional import pad

from .axes import Axis, inside
from .graph import arguments
from .steps import Step, known
from .tables import Spread


def padding(module: GraphModule, node: Node) -> Step | None:
    """Rows and columns added around the map: zeros, or cells of its own."""
    given = arguments(node)
    around, value, mode = list(given["pad"]), given.get("value"), given.get("mode", "constant")
    if any(around[4:]) or (mode == "constant" and value):
        return None
    source, around = given["self"], [*around, 0, 0][:4]
    axes = [
        inside(_padded(size, sides, mode).long().unsqueeze(1), size)
        for size, sides in zip(known(source)[1:], (around[2:], around[:2]), strict=True)
    ]
    return Step(node, (source,), _same, 0, (axes[0], axes[1]), copies=True)


def _padded(size: int, sides: list[int], mode: str) -> Tensor:
    """The coordinate that each cell comes from; ``size`` for zeros."""
    line = torch.arange(float(size)).view(1, 1, size)
    return pad(line, sides, mode, float(size) if mode == "constant" else None).flatten()


def slicing(module: GraphModule, node: Node) -> Step | None:
    """Every so many rows, or columns, of a part of the map."""
    given = arguments(node)
    source, dim = given["self"], given["dim"] % 4
    if dim not in (2, 3):
        return None
    sizes = known(source)[1:]
    axes = [inside(torch.arange(size).unsqueeze(1), size) for size in sizes]
    taken = slice(given["start"], given["end"], given["step"])
    axes[dim - 2] = Axis(axes[dim - 2].taps[taken], sizes[dim - 2])
    return Step(node, (source,), _same, 0, (axes[0], axes[1]), copies=True)


def _same(where: Spread, rows: Tensor) -> Tensor:
    """The one cell that is read."""
    return rows.flatten(1)
