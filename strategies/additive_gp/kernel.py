"""The covariance of the effects of two cells, by their distance: sums of products over rows and columns."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Kernel:
    """Covariances of two independent fields over a lattice of n x m cells: contrast, and grey.

    Both are stationary sums of products of a factor for the rows and one for the columns, so that a sum over
    all cells costs n + m multiplications a cell, not n * m.
    """

    smooth: tuple[tuple[Tensor, Tensor], ...]  # of contrast: (n, n) and (m, m), whose product is a summand
    rough: tuple[Tensor, Tensor]  # of grey
    shared: tuple[float, float]  # summand that all cells have in common, of contrast and of grey
    own: float  # summand that a cell has alone, of grey

    def spread(self, sources: Tensor) -> Tensor:
        """Covariances of all cells with weighted sums of cells: ``(j, 2, n, m)`` to ``(j, 2, n, m)``."""
        contrast, grey = sources.unbind(1)
        total = self.shared[0] * contrast.sum((1, 2), keepdim=True)
        for rows, columns in self.smooth:
            total = total + rows @ contrast @ columns
        rows, columns = self.rough
        other = self.shared[1] * grey.sum((1, 2), keepdim=True) + self.own * grey
        return torch.stack([total + torch.zeros_like(contrast), other + rows @ grey @ columns], 1)


@dataclass(frozen=True)
class Prior:
    """What is believed of the effects of an image before its first query, in units of their scale."""

    lengths: tuple[float, ...]  # in pixels, of contrast
    shares: tuple[float, ...]  # variance at each length
    shared: float  # variance that all cells have in common
    noise: float = 0.05  # variance of a query for each of its pixels
    rough: float = 6.0  # length of grey
    own: float = 0.35  # variance of grey that a cell has alone
    grey: float = 0.1  # variance of grey that all cells have in common

    def kernel(self, lattice: tuple[int, int], cell: int, device: torch.device | str) -> Kernel:
        """The covariances of cells of ``cell`` pixels."""
        rows, columns = (_distances(count) * cell for count in lattice)
        smooth = tuple(
            (share * matern(rows, length), matern(columns, length))
            for share, length in zip(self.shares, self.lengths, strict=True)
        )
        left = 1 - self.own - self.grey
        rough = left * torch.exp(-rows / self.rough), torch.exp(-columns / self.rough)
        return Kernel(
            tuple((one.to(device), other.to(device)) for one, other in smooth),
            (rough[0].to(device), rough[1].to(device)),
            (self.shared, self.grey),
            self.own,
        )


def matern(distance: Tensor, length: float) -> Tensor:
    """Matern covariance of smoothness 3/2 (Rasmussen and Williams, 2006, equation 4.17)."""
    scaled = math.sqrt(3) * distance / length
    return (1 + scaled) * torch.exp(-scaled)


def _distances(count: int) -> Tensor:
    places = torch.arange(count, dtype=torch.float32)
    return (places[:, None] - places).abs()
