"""Operations that compute each cell of a map from a few cells of others."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from torch import Tensor
from torch.fx import Node

from .axes import Axis, plane
from .graph import Shape, shape_of
from .tables import ZERO

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
