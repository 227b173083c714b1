"""The covariance of the effects of two cells, by their distance: sums of products over rows and columns."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

LENGTHS = 2.0, 4.0, 10.0  # in pixels of an image of 32 x 32; of contrast
CHROMA_LENGTH = 1  # which of these chroma has
CHROMA_COMMON = 0.13  # variance of chroma that all cells have in common; the rest has that length
SIDE, GROWTH = 32, 2 / 3  # lengths grow with this power of the image's side
ROUGH = 6.0  # length of grey, in pixels
BLOCK = 16  # numbers in 64 bytes, by which products of matrices depend on where these start
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
    """Covariances of F independent fields over a lattice of n x m cells: contrast, grey, and those of chroma.

    All are stationary sums of products of a factor for the rows and one for the columns, so that a sum over
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
        """Covariances ``(B, j, n, m)`` of all cells with weighted sums ``(B, j, n, m)``, for a variance of 1.

        Those at a length, by its number, and last of what all cells have in common.
        """
        if number == len(self.smooth):
            return _total(sources).expand_as(sources)
        return _product(*self.smooth[number], sources)

    def grey(self, sources: Tensor) -> Tensor:
        """Covariances ``(B, j, n, m)`` of all cells with weighted sums ``(B, j, n, m)``."""
        alike = (1 - OWN - COMMON) * _product(*self.rough, sources)
        return alike + OWN * sources + COMMON * _total(sources)

    def chroma(self, sources: Tensor) -> Tensor:
        """Covariances of all cells with weighted sums ``(..., n, m)``."""
        each = sources.flatten(0, -4)
        found = (1 - CHROMA_COMMON) * _product(*self.smooth[CHROMA_LENGTH], each) + CHROMA_COMMON * _total(
            each
        )
        return found.view(sources.shape)

    def spread(self, sources: Tensor, shares: Tensor) -> Tensor:
        """Covariances of all cells with weighted sums of cells, of all fields: ``(B, F, j, n, m)``.

        ``shares (B, 4)`` are those of the hyperparameters of each image.
        """
        contrast, grey = sources[:, :2].unbind(1)
        total = torch.zeros_like(contrast)
        for number, some in enumerate(shares.T.tolist()):
            places = [place for place, share in enumerate(some) if share]
            if places:  # of most images, one length and what is common
                every = len(places) == len(some)
                part = self.contrast(contrast if every else contrast[places], number)
                part = part * shares[places, number].view(-1, 1, 1, 1)
                if every:
                    total += part
                else:
                    total[places] += part
        both, colours = torch.stack([total, self.grey(grey)], 1), sources[:, 2:]
        if not colours.shape[1]:
            return both
        return torch.cat([both, self.chroma(colours)], 1)

    def draw(self, normal: Tensor, shares: Tensor) -> Tensor:
        """A draw of all F fields, ``(B, F, n, m)``, from normal numbers ``(B, numbers(F), n, m)``."""
        *contrasts, grey = (self._rooted(number, normal[:, number]) for number in range(len(self.roots)))
        common, same, own, *others = normal[:, len(self.roots) :].unbind(1)
        roots = shares.sqrt()[:, :, None, None]
        contrast = roots[:, -1] * common[:, :1, :1] + torch.zeros_like(grey)
        for number, each in enumerate(contrasts):
            contrast = contrast + roots[:, number] * each
        alike = (1 - OWN - COMMON) ** 0.5 * grey
        fields = [contrast, alike + OWN**0.5 * own + COMMON**0.5 * same[:, :1, :1]]
        for each, everywhere in zip(others[::2], others[1::2], strict=True):
            near = (1 - CHROMA_COMMON) ** 0.5 * self._rooted(CHROMA_LENGTH, each)
            fields.append(near + CHROMA_COMMON**0.5 * everywhere[:, :1, :1])
        return torch.stack(fields, 1)

    def numbers(self, fields: int) -> int:
        """Normal numbers for each cell that a draw of so many fields takes."""
        return len(self.roots) + 3 + 2 * (fields - 2)

    def _rooted(self, number: int, normal: Tensor) -> Tensor:
        """A draw ``(B, n, m)`` of the covariance of that number, for a variance of 1."""
        rows, columns = self.roots[number]
        return _product(rows, columns.T, normal[:, None])[:, 0]


def _product(rows: Tensor, columns: Tensor, sources: Tensor) -> Tensor:
    """``rows @ each @ columns`` for each of ``sources (B, j, n, m)``."""
    each = sources.reshape(-1, *sources.shape[2:])
    if each[0].numel() % BLOCK:  # the bits depend on where a matrix starts: each has a place of its own
        found = torch.stack([rows @ one.clone() @ columns for one in each])
        return found.view(sources.shape)
    found = torch.bmm(rows.expand(len(each), -1, -1), each)
    return torch.bmm(found, columns.expand(len(each), -1, -1)).view(sources.shape)


def _total(sources: Tensor) -> Tensor:
    """Sums ``(B, j, 1, 1)`` of ``sources (B, j, n, m)``."""
    return sources.flatten(2).sum(2)[..., None, None]


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
