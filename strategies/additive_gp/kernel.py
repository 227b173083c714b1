"""The covariance of the effects of two cells, by their distance: sums of products over rows and columns."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

LENGTHS = 2.0, 4.0, 10.0  # in pixels of an image of 32 x 32; of contrast
SIDE, GROWTH = 32, 2 / 3  # lengths grow with this power of the image's side
ROUGH = 6.0  # length of grey, in pixels
OWN, COMMON = 0.35, 0.1  # variance of grey that a cell has alone, and that all have in common


class Hyperparameters(NamedTuple):
    """The prior of the effects of an image, in units of their scale."""

    shares: tuple[float, ...]  # variance of contrast at each length, and that all cells have in common
    noise: float  # variance of a query for each of its pixels
    log_prior: float  # logarithm of the prior probability, up to a constant


USUAL = (0.0, 0.87, 0.0, 0.13)
GRID = (
    Hyperparameters(USUAL, 0.05, 0.0),
    Hyperparameters((0.25, 0.4, 0.22, 0.13), 0.05, -2.0),
    Hyperparameters((0.87, 0.0, 0.0, 0.13), 0.05, -2.0),
    Hyperparameters((0.0, 0.0, 0.87, 0.13), 0.05, -2.0),
    Hyperparameters(USUAL, 0.2, -2.0),
)
"""The usual ones, a mixture of lengths, half the length, a longer one, more noise."""


@dataclass(frozen=True)
class Kernel:
    """Covariances of two independent fields over a lattice of n x m cells: contrast, and grey.

    Both are stationary sums of products of a factor for the rows and one for the columns, so that a sum over
    all cells costs n + m multiplications a cell, not n * m.
    """

    smooth: tuple[tuple[Tensor, Tensor], ...]  # of contrast at each length: (n, n) and (m, m)
    rough: tuple[Tensor, Tensor]  # of grey
    roots: tuple[tuple[Tensor, Tensor], ...]  # square roots of all these, the last of grey

    @classmethod
    def of(cls, lattice: tuple[int, int], cell: int, device: torch.device | str) -> "Kernel":
        """The kernel of cells of ``cell`` x ``cell`` pixels."""
        rows, columns = (_distances(count).to(device) * cell for count in lattice)
        growth = max(1.0, min(lattice) * cell / SIDE) ** GROWTH
        lengths = [length * growth for length in LENGTHS]
        smooth = tuple((_matern(rows, length), _matern(columns, length)) for length in lengths)
        rough = torch.exp(-rows / ROUGH), torch.exp(-columns / ROUGH)
        roots = tuple((_root(one), _root(other)) for one, other in (*smooth, rough))
        return cls(smooth, rough, roots)

    @property
    def lattice(self) -> tuple[int, int]:
        """n and m."""
        return len(self.rough[0]), len(self.rough[1])

    def contrast(self, sources: Tensor, number: int) -> Tensor:
        """Covariances ``(j, n, m)`` of all cells with weighted sums ``(j, n, m)``, for a variance of 1.

        Those at a length, by its number, and last of what all cells have in common.
        """
        if number == len(self.smooth):
            return sources.sum((1, 2), keepdim=True).expand_as(sources)
        rows, columns = self.smooth[number]
        found: Tensor = rows @ sources @ columns
        return found

    def grey(self, sources: Tensor) -> Tensor:
        """Covariances ``(j, n, m)`` of all cells with weighted sums ``(j, n, m)``."""
        rows, columns = self.rough
        alike = (1 - OWN - COMMON) * (rows @ sources @ columns)
        return alike + OWN * sources + COMMON * sources.sum((1, 2), keepdim=True)

    def spread(self, sources: Tensor, hyperparameters: Hyperparameters) -> Tensor:
        """Covariances of all cells with weighted sums of cells: ``(j, 2, n, m)`` to ``(j, 2, n, m)``."""
        contrast, grey = sources.unbind(1)
        total = torch.zeros_like(contrast)
        for number, share in enumerate(hyperparameters.shares):
            if share:
                total = total + share * self.contrast(contrast, number)
        return torch.stack([total, self.grey(grey)], 1)

    def draw(self, normal: Tensor, hyperparameters: Hyperparameters) -> Tensor:
        """A draw of both fields, ``(2, n, m)``, from normal numbers ``(len(shares) + 3, n, m)``."""
        smooth = [rows @ each @ columns.T for (rows, columns), each in zip(self.roots, normal, strict=False)]
        *contrasts, grey = smooth
        *_, common, same, own = normal
        contrast = hyperparameters.shares[-1] ** 0.5 * common[0, 0] + torch.zeros_like(grey)
        for share, each in zip(hyperparameters.shares, contrasts, strict=False):
            contrast = contrast + share**0.5 * each
        alike = (1 - OWN - COMMON) ** 0.5 * grey
        return torch.stack([contrast, alike + OWN**0.5 * own + COMMON**0.5 * same[0, 0]])


def _root(covariance: Tensor) -> Tensor:
    """A matrix whose product with its transpose is the covariance."""
    values, vectors = torch.linalg.eigh(covariance.double())
    root: Tensor = vectors * values.clamp(min=0).sqrt()
    return root.to(covariance)


def _matern(distance: Tensor, length: float) -> Tensor:
    """Matern covariance of smoothness 3/2 (Rasmussen and Williams, 2006, equation 4.17)."""
    scaled = math.sqrt(3) * distance / length
    return (1 + scaled) * torch.exp(-scaled)


def _distances(count: int) -> Tensor:
    places = torch.arange(count, dtype=torch.float32)
    return (places[:, None] - places).abs()
