"""Operations that compute each cell of a map from a few cells of others.

Which cells of a map each cell of the next is computed from, one axis at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.fx import Node
from torch.nn.functional import pad

from .graph import Shape, shape_of
from .tables import ZERO


class Axis(NamedTuple):
    """The coordinates that each of ``out`` cells reads along one axis; ``size`` where there is nothing."""

    taps: Tensor  # (out, T) int64, of a map with ``size`` cells
    size: int

    def reach(self, changed: Tensor) -> Tensor:
        """Where a change arrives ``(n, out)`` that is in ``changed (n, size)`` before, 1 or 0."""
        return pad(changed, (0, 1))[:, self.taps].amax(2)

    def after(self, copied: "Axis") -> "Axis":
        """This one, reading what ``copied`` has copied cell by cell."""
        origin = torch.cat([copied.taps[:, 0], torch.tensor([copied.size])])
        return Axis(origin[self.taps], copied.size)


class Window(NamedTuple):
    """How convolution and pooling slide along one axis."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


def sliding(size: int, out: int, window: Window) -> Axis:
    """``out`` positions of a window over ``size`` cells, those beyond the border read as nothing."""
    first = torch.arange(out).unsqueeze(1) * window.stride - window.padding
    return inside(first + torch.arange(window.kernel) * window.dilation, size)


def inside(taps: Tensor, size: int) -> Axis:
    """Coordinates of any kind ``(out, T)``; those outside read nothing."""
    return Axis(torch.where((taps >= 0) & (taps < size), taps, size), size)


def plane(rows: Axis, columns: Axis, nothing: int) -> Tensor:
    """The cells ``(H * W, T)`` that each cell reads, row by row; ``nothing`` where there is none."""
    down, right = rows.taps[:, None, :, None], columns.taps[None, :, None, :]
    cells = torch.where((down < rows.size) & (right < columns.size), down * columns.size + right, nothing)
    return cells.flatten(2).flatten(0, 1).int()


def in_place(axes: tuple[Axis, Axis]) -> bool:
    """Whether every cell reads the same cell and no other."""
    return all(axis.taps.equal(torch.arange(axis.size).unsqueeze(1)) for axis in axes)


Compute = Callable[..., Tensor]
"""``(where, *rows)`` -> new rows ``(A, C)``; what it reads is ``(A, C)``, or ``(A, T, C)`` if by axes."""


@dataclass(frozen=True)
class Step:
    """One local operation."""

    node: Node
    sources: tuple[Node, ...]  # the maps it reads
    compute: Compute
    work: int = 0  # multiplications per cell
    axes: tuple[Axis, Axis] | None = None  # how it reads its one source; none if cell by cell
    beyond: int = ZERO  # what it reads outside that
    copies: bool = False  # whether it but moves cells
    through: tuple[Node, ...] = ()  # what it reads through: copies that nobody else reads

    @property
    def reads(self) -> int:
        """Numbers it gathers for each cell."""
        taps = [axis.taps.shape[1] for axis in self.axes or ()]
        return prod(taps) * known(self.sources[0])[0] if taps else 0

    def taps(self) -> Tensor:
        """The cells that each cell reads: ``(H * W, T)``."""
        assert self.axes
        return plane(*self.axes, self.axes[0].size * self.axes[1].size + self.beyond)


def known(node: Node) -> Shape:
    """C, H, W of a node that makes a map."""
    shape = shape_of(node)
    assert shape
    return shape
