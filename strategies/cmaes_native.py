"""CMA-ES (Hansen, 2016) in torch for all images at once, restarted with twice the population (IPOP, 2005).

Parameters and boundary handling are those of pycma, whose law it has: active covariance matrix adaptation,
cumulative step-size adaptation, a box that genes are folded into, and no gene wider than a third of it.
Numbers are double precision on the CPU: an image's eigenvectors then do not depend on the images beside it.
"""

from functools import cached_property
from math import log, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import Search, Space
from sparseattack.errors import require

from .convergence import same_edit

MIN_POPSIZE = 6  # with fewer, pycma changes two of its constants
WIDEST = 1 / 3  # standard deviation of a gene, at most
MARGIN = 0.05  # width of the quadratic part of the folding at each bound
WORST_CONDITION = 1e14  # of a covariance matrix


def cmaes_native(space: Space, *, sigma: float = 0.3, popsize: int | None = None) -> Search:
    """CMA-ES (Hansen, 2016) in torch, restarted with twice the population (IPOP, Auger and Hansen, 2005).

    As cmaes is by pycma, natively batched. It restarts when a whole generation describes the same edit, or
    when a covariance matrix has a condition number above 1e14.

    sigma: first step size, in widths of the cube; 0.3 is that of Hansen's tutorial
    popsize: candidates a generation until the first restart; none is 4 + 3 ln D, rounded down
    """
    require(sigma > 0, f"cmaes-native needs a sigma above 0, not {sigma}")
    first = 4 + int(3 * log(space.dims)) if popsize is None else popsize
    require(first >= MIN_POPSIZE, f"cmaes-native needs a popsize of at least {MIN_POPSIZE}, not {popsize}")
    every = list(range(space.batch))
    cohorts = {first: Cohort(every, Gaussian.start(space, sigma))}  # those of one population size together
    while True:
        steps = {count: cohort.draw(space, count) for count, cohort in cohorts.items()}
        asked = torch.full((space.batch, max(cohorts), space.dims), torch.nan)
        for count, cohort in cohorts.items():
            asked[cohort.places, :count] = fold(cohort.at(steps[count])).float()
        values = (yield asked.to(space.device))[..., 0].cpu()
        following = dict[int, list[Cohort]]()
        for count, cohort in cohorts.items():
            known, members = Constants(space.dims, count), values[cohort.places, :count]
            state = cohort.state.after(steps[count], members, known)
            over = same_edit(space.at(cohort.places, "cpu"), asked[cohort.places, :count]) | state.degenerate
            stays, leaves = (mask.nonzero()[:, 0].tolist() for mask in (~over, over))
            if stays:
                following.setdefault(count, []).append(Cohort(cohort.of(stays), state.of(stays)))
            if leaves:
                start = Gaussian.start(space.at(cohort.of(leaves), "cpu"), sigma)
                following.setdefault(2 * count, []).append(Cohort(cohort.of(leaves), start))
            for place in cohort.of(leaves):
                space.journal.restarted(place)
        cohorts = {count: Cohort.joined(parts) for count, parts in sorted(following.items())}


class Constants:
    """The parameters of Hansen (2016) for ``dims`` genes and ``popsize`` candidates, as pycma has them."""

    def __init__(self, dims: int, popsize: int) -> None:
        raw = log((popsize + 1) / 2) - torch.arange(1, popsize + 1, dtype=torch.float64).log()
        self.dims, self.parents = dims, raw > 0
        positive = raw.clamp(min=0) / raw.clamp(min=0).sum()
        negative = raw.clamp(max=0) / -raw.clamp(max=0).sum()
        self.mueff = mueff = float(1 / positive.square().sum())
        self.cs = min(0.5, (mueff + 2) / (dims + mueff + 3))
        inner = max(1, 3 * (1 - 0.5 ** (dims / 9)))  # of large populations in many dimensions
        self.damps = 1 + 2 * max(0, inner * sqrt(max(0, mueff - 1) / (dims + 1)) - 1) + self.cs
        self.cc = (4 + mueff / dims) / (dims + 4 + 2 * mueff / dims)
        self.c1 = 2 / ((dims + 1.3) ** 2 + mueff)
        rank_mu = 2 * (0.25 + mueff + 1 / mueff - 2) / ((dims + 2) ** 2 + mueff)
        self.cmu = cmu = min(1 - self.c1, rank_mu)
        mueff_minus = float(raw.clamp(max=0).sum() ** 2 / raw.clamp(max=0).square().sum())
        share = min(1 + self.c1 / cmu, (1 - self.c1 - cmu) / (dims * cmu), 1 + 2 * mueff_minus / (mueff + 2))
        self.positive, self.weights = positive, positive + share * negative

    @cached_property
    def expected_length(self) -> float:
        """Of a standard normal vector, approximately."""
        return sqrt(self.dims) * (1 - 1 / (4 * self.dims) + 1 / (21 * self.dims**2))


class Gaussian(NamedTuple):
    """The distribution that candidates are drawn from, and its paths, for n images, in double precision."""

    mean: Tensor  # (n, D)
    sigma: Tensor  # (n, 1)
    scales: Tensor  # (n, D), by which genes are narrower, so that none is too wide
    matrix: Tensor  # (n, D, D), C
    axes: Tensor  # (n, D, D), eigenvectors of C in columns
    lengths: Tensor  # (n, D), roots of its eigenvalues
    sigma_path: Tensor  # (n, D)
    matrix_path: Tensor  # (n, D)
    generation: Tensor  # (n, 1)

    @classmethod
    def start(cls, space: Space, sigma: float) -> "Gaussian":
        """Around a uniformly random candidate."""
        mean = unfold(space.uniform(1)[:, 0].cpu().double())
        one, zero = torch.eye(space.dims, dtype=mean.dtype).repeat(len(mean), 1, 1), torch.zeros_like(mean)
        single, ones = torch.full_like(mean[:, :1], sigma), torch.ones_like(mean)
        start = cls(mean, single, ones, one, one, ones, zero, zero, torch.zeros_like(single))
        return start.limited()

    def limited(self) -> "Gaussian":
        """With no gene of a standard deviation above WIDEST."""
        wide = self.sigma * self.scales * self.matrix.diagonal(dim1=1, dim2=2).sqrt()
        return self._replace(scales=torch.where(wide > WIDEST, self.scales * WIDEST / wide, self.scales))

    def of(self, rows: list[int]) -> "Gaussian":
        """Those of some of the images."""
        return Gaussian(*(each[rows] for each in self))

    @property
    def degenerate(self) -> Tensor:
        """Which matrices are numerically singular, or have grown beyond all numbers: ``(n,)``."""
        least, most = self.lengths.amin(1) ** 2, self.lengths.amax(1) ** 2
        return ~(most <= WORST_CONDITION * least) | ~self.sigma[:, 0].isfinite()

    def after(self, steps: Tensor, values: Tensor, known: Constants) -> "Gaussian":
        """After a generation of ``steps (n, P, D)``, in scaled sigmas, with ``values (n, P)``."""
        order = values.argsort(dim=1, stable=True).unsqueeze(2)
        ranked = steps.gather(1, order.expand_as(steps))
        shift = (known.positive[:, None] * ranked).sum(1)  # of the mean, in scaled sigmas
        white = apply(self.axes, apply(self.axes.mT, shift) / self.lengths)
        generation, cs, cc = self.generation + 1, known.cs, known.cc
        path = (1 - cs) * self.sigma_path + sqrt(cs * (2 - cs) * known.mueff) * white
        squared = path.square().sum(1, keepdim=True)
        steady = squared / (1 - (1 - cs) ** (2 * generation)) / known.dims - 1 < 1 + 4 / (known.dims + 1)
        moved = (1 - cc) * self.matrix_path + steady * sqrt(cc * (2 - cc) * known.mueff) * shift
        matrix = self.adapted(ranked, moved, steady, known)
        growth = cs / known.damps * (squared.sqrt() / known.expected_length - 1)
        values_, axes = torch.linalg.eigh(matrix)
        found = Gaussian(
            self.mean + self.sigma * self.scales * shift,
            self.sigma * growth.clamp(-1, 1).exp(), self.scales,
            matrix, axes, values_.clamp(min=0).sqrt(),
            path, moved, generation,
        )  # fmt: skip
        return found.limited()

    def adapted(self, ranked: Tensor, path: Tensor, steady: Tensor, known: Constants) -> Tensor:
        """The matrix after its rank-one and rank-mu updates; steps of negative weight get one length."""
        white = apply(self.axes.mT, ranked) / self.lengths.unsqueeze(1)
        scaled = known.dims / (white.square().sum(2).sqrt() + 1e-9).square()
        weights = known.cmu * torch.where(known.weights < 0, known.weights * scaled, known.weights)
        rate = known.c1 * (1 - (1 - steady.double()) * known.cc * (2 - known.cc))
        kept = (1 - rate - known.cmu * known.weights.sum()).unsqueeze(2) * self.matrix
        one = known.c1 * path.unsqueeze(2) * path.unsqueeze(1)
        many = (weights[..., None, None] * ranked.unsqueeze(3) * ranked.unsqueeze(2)).sum(1)
        matrix = kept + one + many
        return (matrix + matrix.mT) / 2


class Cohort(NamedTuple):
    """The images whose populations have one size."""

    places: list[int]
    state: Gaussian

    def of(self, rows: list[int]) -> list[int]:
        """The places of some of them."""
        return [self.places[row] for row in rows]

    def draw(self, space: Space, count: int) -> Tensor:
        """Steps ``(n, count, D)`` in scaled sigmas."""
        shape = count, space.dims
        normal = space.at(self.places, "cpu").draw(lambda stream: stream.standard_normal(shape))
        return apply(self.state.axes, self.state.lengths.unsqueeze(1) * normal)

    def at(self, steps: Tensor) -> Tensor:
        """The points ``(n, P, D)`` at ``steps`` from the means."""
        return self.state.mean.unsqueeze(1) + (self.state.sigma * self.state.scales).unsqueeze(1) * steps

    @classmethod
    def joined(cls, parts: "list[Cohort]") -> "Cohort":
        """One cohort of several."""
        places = [place for part in parts for place in part.places]
        return cls(places, Gaussian(*map(torch.cat, zip(*(part.state for part in parts), strict=True))))


def apply(matrices: Tensor, vectors: Tensor) -> Tensor:
    """Products of ``matrices (n, D, D)`` with ``vectors (n, D)`` or ``(n, P, D)``, summed in one order."""
    wide = matrices if vectors.ndim < 3 else matrices.unsqueeze(1)  # noqa: PLR2004
    return (wide * vectors.unsqueeze(-2)).sum(-1)


def fold(points: Tensor) -> Tensor:
    """Points folded into the unit cube, smoothly: pycma's bounds, the identity from 0.05 to 0.95."""
    width = 1 + 2 * MARGIN
    away = (points + MARGIN).remainder(2 * width)
    inside = torch.where(away > width, 2 * width - away, away) - MARGIN
    low, high = (inside + MARGIN).square() / (4 * MARGIN), 1 - (inside - 1 - MARGIN).square() / (4 * MARGIN)
    return torch.where(inside < MARGIN, low, torch.where(inside > 1 - MARGIN, high, inside)).clamp(0, 1)


def unfold(candidates: Tensor) -> Tensor:
    """The points that ``fold`` moves to the candidates."""
    low = 2 * (MARGIN * candidates).sqrt() - MARGIN
    high = 1 + MARGIN - 2 * (MARGIN * (1 - candidates)).sqrt()
    return torch.where(candidates < MARGIN, low, torch.where(candidates > 1 - MARGIN, high, candidates))
