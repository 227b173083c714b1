"""The operators of differential evolution, on whole populations of many images."""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import Space

from .draws import others

RENEWAL = 0.1  # probability that jDE draws a new F, and a new CR


class Population(NamedTuple):
    """Members with their values, and the F and CR each was made with."""

    members: Tensor  # (B, P, D)
    values: Tensor  # (B, P, 1), infinite where not asked
    weight: Tensor  # (B, P, 1)
    crossover: Tensor  # (B, P, 1)

    def fitter(self, children: "Population") -> "Population":
        """At every index the child if its value is lower, else the parent."""
        better = children.values < self.values
        return Population(*(torch.where(better, new, old) for old, new in zip(self, children, strict=True)))

    def placed(self, where: Tensor, anew: "Population") -> "Population":
        """With the populations ``anew`` in the places ``where (B,)``."""
        return Population(*(old.index_put((where,), new) for old, new in zip(self, anew, strict=True)))


def unasked(members: Tensor, weight: float, crossover: float) -> Population:
    """A population ``(B, P, D)`` whose values are not known, each member with the same F and CR."""
    one = members[..., :1]
    weights, crossovers = torch.full_like(one, weight), torch.full_like(one, crossover)
    return Population(members, torch.full_like(one, torch.inf), weights, crossovers)


def mutants(space: Space, parents: Population, base: str) -> Tensor:
    """rand/1 or best/1: a base plus F times a difference, of members other than the parent: ``(B, P, D)``."""
    members, image = parents.members, torch.arange(space.batch, device=space.device).view(-1, 1, 1)
    first, second, third = members[image, others(space, members.shape[1], 3)].unbind(2)
    if base == "best":
        first = members[image, parents.values.argmin(1, keepdim=True)].squeeze(1)
    return first + parents.weight * (second - third)


def crossed(space: Space, genes: Tensor, parents: Population) -> Tensor:
    """Binomial crossover: genes of the mutants ``(B, P, D)`` with probability CR, one for certain."""
    count, dims = genes.shape[1:]
    taken = space.uniform(count) < parents.crossover
    return torch.where(taken.scatter(2, space.integers(dims, count), True), genes, parents.members)


def adapted(space: Space, parents: Population) -> Population:
    """The same, some F drawn anew from [0.1, 1) and some CR from [0, 1) (jDE, Brest et al., 2006)."""
    dice = space.uniform(parents.members.shape[1], 4)
    renew_weight, weight, renew_crossover, crossover = torch.split(dice, 1, dim=2)
    return parents._replace(
        weight=torch.where(renew_weight < RENEWAL, 0.1 + 0.9 * weight, parents.weight),
        crossover=torch.where(renew_crossover < RENEWAL, crossover, parents.crossover),
    )
