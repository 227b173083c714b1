"""An operation that computes each cell of a feature map from few cells of other maps.

A cell is a row, a column and all channels. Which cells are read is described for rows and columns apart.
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

Compute = Callable[..., Tensor]
"""``(where, *rows)`` -> new cells ``(A, C)``; each of ``rows`` is ``(A, C)``, or ``(A, T, C)`` with axes."""


class Axis(NamedTuple):
    """The coordinates that each of ``out`` coordinates reads along one axis; ``size`` stands for outside."""

    taps: Tensor  # (out, T) int64, each 0 to size
    size: int  # of the map that is read

    def reach(self, changed: Tensor) -> Tensor:
        """Where changes in ``changed (n, size)`` arrive: ``(n, out)``, both 1 or 0 in float32."""
        return pad(changed, (0, 1))[:, self.taps].amax(2)

    def after(self, copied: "Axis") -> "Axis":
        """This axis reading directly what ``copied``, which has one tap, copies."""
        origin = torch.cat([copied.taps[:, 0], torch.tensor([copied.size])])
        return Axis(origin[self.taps], copied.size)


class Window(NamedTuple):
    """A window of convolution or pooling along one axis."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


def window_axis(size: int, out: int, window: Window) -> Axis:
    """The axis of ``out`` positions of a window over ``size`` coordinates."""
    first = torch.arange(out).unsqueeze(1) * window.stride - window.padding
    return bounded_axis(first + torch.arange(window.kernel) * window.dilation, size)


def bounded_axis(taps: Tensor, size: int) -> Axis:
    """The axis with any ``taps (out, T)``; those below 0 or from ``size`` on are outside."""
    return Axis(torch.where((taps >= 0) & (taps < size), taps, size), size)


def reads_own_cell(axes: tuple[Axis, Axis]) -> bool:
    """Whether every cell reads the cell in its own place and no other."""
    return all(axis.taps.equal(torch.arange(axis.size).unsqueeze(1)) for axis in axes)


@dataclass(frozen=True)
class LocalOperation:
    """A node of the graph that is computed cell by cell."""

    node: Node
    sources: tuple[Node, ...]  # the maps that are read
    compute: Compute
    work: int = 0  # multiplications per cell
    axes: tuple[Axis, Axis] | None = None  # rows and columns read of the only source; None: each its own cell
    outside: int = ZERO  # what is read outside the source: ZERO or LOWEST
    copies: bool = False  # whether cells are only copied
    skipped: tuple[Node, ...] = ()  # copying operations that are read through, whose maps are never made

    @property
    def reads(self) -> int:
        """Numbers gathered from other cells for each cell; 0 without axes."""
        taps = [axis.taps.shape[1] for axis in self.axes or ()]
        return prod(taps) * map_shape(self.sources[0])[0] if taps else 0

    def taps(self) -> Tensor:
        """Numbers ``(H * W, T)`` int32 of the rows in the source's table that each cell reads."""
        assert self.axes
        rows, columns = self.axes
        down, right = rows.taps[:, None, :, None], columns.taps[None, :, None, :]
        is_inside = (down < rows.size) & (right < columns.size)
        cells = torch.where(is_inside, down * columns.size + right, rows.size * columns.size + self.outside)
        return cells.flatten(2).flatten(0, 1).int()


def map_shape(node: Node) -> Shape:
    """C, H, W of the feature map that a node makes."""
    shape = shape_of(node)
    assert shape
    return shape
