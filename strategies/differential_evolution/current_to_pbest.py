"""What JADE and L-SHADE share: children towards one of the best members, an archive, drawn F and CR."""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import Space
from sparseattack.strategies.convergence import same_edit
from sparseattack.strategies.draws import outside

from .de import Population, cross

SPREAD = 0.1  # scale of the distributions that F and CR are drawn from


class Archive(NamedTuple):
    """Parents that were replaced: the first ``sizes (B,)`` of ``members (B, A, D)``; the others are none."""

    members: Tensor
    sizes: Tensor

    @classmethod
    def empty(cls, members: Tensor, limit: int) -> "Archive":
        """With room for ``limit`` members beside populations ``(B, P, D)``."""
        batch, _, dims = members.shape
        return cls(members.new_zeros(batch, limit, dims), members.new_zeros(batch, dtype=torch.int64))

    def after(self, space: Space, replaced: Tensor, which: Tensor, limit: int) -> "Archive":
        """With ``which (B, P)`` of ``replaced (B, P, D)``; where that is more than limit, random ones go."""
        there = torch.arange(self.members.shape[1], device=space.device) < self.sizes.unsqueeze(1)
        every, present = torch.cat([self.members, replaced], 1), torch.cat([there, which], 1)
        keys = space.uniform(every.shape[1], 1)[..., 0].masked_fill(~present, torch.inf)
        kept = keys.argsort(dim=1, stable=True)[:, :limit, None].expand(-1, -1, every.shape[2])
        return Archive(every.gather(1, kept), present.sum(1).clamp(max=limit))


def towards_best(space: Space, parents: Population, archive: Archive, best: int) -> Population:
    """Children of current-to-pbest/1: x + F (one of the ``best`` - x) + F (r1 - r2), r2 from the archive too.

    A gene outside the cube is set half-way between its parent's and the bound.
    """
    members, count = parents.members, parents.members.shape[1]
    image = torch.arange(space.batch, device=space.device).unsqueeze(1)
    own = torch.arange(count, device=space.device).view(1, count, 1).expand(space.batch, -1, -1)
    ranks = parents.values[..., 0].argsort(dim=1, stable=True)
    leaders = members[image, ranks.gather(1, space.integers(best, count)[..., 0])]
    first = outside(space.integers(count - 1, count), own)
    free = (count - 2 + archive.sizes).view(-1, 1, 1)
    pick = (space.uniform(count, 1).double() * free).long().minimum(free - 1)
    second = outside(pick, torch.cat([own, first], 2))[..., 0]
    difference = members[image, first[..., 0]] - torch.cat([members, archive.members], 1)[image, second]
    mutants = members + parents.f * (leaders - members) + parents.f * difference
    inside = torch.where(mutants < 0, members / 2, torch.where(mutants > 1, (members + 1) / 2, mutants))
    return parents._replace(members=cross(space, inside, parents))


def draw_f(space: Space, locations: Tensor) -> Tensor:
    """An F for each of the ``locations (B, P, 1)``: Cauchy of scale 0.1, only above 0, at most 1."""
    centre = locations.double()
    below = 0.5 + torch.atan(-centre / SPREAD) / torch.pi  # probability of a draw below 0, which is repeated
    level = below + (1 - below) * space.uniform(locations.shape[1], 1)
    return (centre + SPREAD * torch.tan(torch.pi * (level - 0.5))).clamp(1e-6, 1).float()


def draw_cr(space: Space, locations: Tensor) -> Tensor:
    """A CR for each of the ``locations (B, P, 1)``: normal of deviation 0.1, clipped to [0, 1]."""
    return (locations + SPREAD * space.normal(locations.shape[1], 1)).clamp(0, 1)


def mean_of(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean ``(B,)`` of ``values (B, P, 1)``, in double precision; 0 where all weights are 0."""
    total = weights[..., 0].double()
    return (values[..., 0].double() * total).sum(1) / total.sum(1).clamp(min=1e-300)


def lehmer_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted Lehmer mean ``(B,)``: that of the squares divided by that of the values; 0 if all are 0."""
    return mean_of(values**2, weights) / mean_of(values, weights).clamp(min=1e-300)


def converged(space: Space, parents: Population) -> Tensor:
    """Which images start anew ``(B,)``: those whose members all describe the same edit; it is logged."""
    over = same_edit(space, parents.members)
    for place in over.nonzero().flatten().tolist():
        space.journal.restarted(place)
    return over


def renewed(space: Space, parents: Population, over: Tensor, start: float) -> Population:
    """The population, but random members, with F and CR ``start``, in the images ``over (B,)``."""
    anew = space.at(over.nonzero()[:, 0].tolist())
    fresh = Population.unevaluated(anew.uniform(parents.members.shape[1]), start, start)
    return parents.replaced(over, fresh)
