"""Differential evolution, by default that of the one-pixel paper, and exactly so with ``restart=no``.

The paper asks for r1 != r2 != r3 and is silent on the parent; as usual in rand/1, none of them is the parent.

Where a population of differential evolution starts, and how it is kept in the cube.

The operators of differential evolution, on whole populations of many images.
"""

from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sparseattack import Search, Space
from sparseattack.errors import require

from .draws import others, part
from .grid import alike


def started(space: Space, popsize: int, start: str) -> Tensor:
    """Members ``(B, P, D)`` with uniform positions, and colours N(128, 127), uniform or at corners."""
    genes = space.uniform(popsize)
    if start == "paper":
        colours = space.normal(popsize).mul(127).add(128).div(255).clamp(0, 1)
    else:
        colours = genes.round() if start == "corners" else genes
    return torch.where(space.mask("colour"), colours, genes)


def repaired(space: Space, genes: Tensor, bounds: str) -> Tensor:
    """The mutants ``(B, P, D)``, with those genes that left the cube drawn again, reflected or clipped."""
    if bounds == "clip":
        return genes.clamp(0, 1)
    inside = (genes >= 0) & (genes <= 1)
    if bounds == "reflect":
        return torch.where(inside, genes, 1 - (genes % 2 - 1).abs())
    return torch.where(inside, genes, space.uniform(genes.shape[1]))


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


LEAST = 4  # a parent, and three others that its child is made of


def de(
    space: Space,
    *,
    popsize: int = 400,
    weight: float = 0.5,
    base: Literal["rand", "best"] = "rand",
    crossover: float = 1.0,
    bounds: Literal["redraw", "reflect", "clip"] = "redraw",
    adapt: Literal["none", "jde"] = "none",
    start: Literal["paper", "uniform", "corners"] = "paper",
    restart: bool = True,
) -> Search:
    """Differential evolution (Storn and Price, 1997), as in the one-pixel paper (Su et al., 2019).

    A child is made of three different members, none of them its parent, and takes the place of its parent
    if its value is lower.

    popsize: members, and candidates asked at a time
    weight: F, the factor of the difference of two members
    base: what the difference is added to, rand (a third member) or the best
    crossover: CR, the probability that a gene comes from the mutant; 1 is no crossover
    bounds: what becomes of a gene outside the cube: redraw (uniformly), reflect or clip
    adapt: jde (Brest et al., 2006) lets F and CR evolve, from the given ones; the authors began at 0.5, 0.9
    start: colours at first: paper (N(128, 127), clipped where the paper is silent), uniform or corners
    restart: whether a population whose members have all become one edit starts anew; the paper's goes on
    """
    require(popsize >= LEAST, f"de needs a popsize of at least {LEAST}, not {popsize}")
    require(weight > 0, f"de needs a weight above 0, not {weight}")
    require(0 <= crossover <= 1, f"de needs a crossover from 0 to 1, not {crossover}")
    born = partial(_born, popsize=popsize, weight=weight, crossover=crossover, start=start)
    parents = children = born(space)
    while True:
        values = (yield children.members)[..., :1]
        parents = parents.fitter(children._replace(values=values))
        tried = adapted(space, parents) if adapt == "jde" else parents
        genes = repaired(space, mutants(space, tried, base), bounds)
        children = tried._replace(members=crossed(space, genes, tried))
        if restart and (spent := alike(space, parents.members)).any():
            anew = born(part(space, spent))
            parents, children = parents.placed(spent, anew), children.placed(spent, anew)
            for place in spent.nonzero().flatten().tolist():
                space.journal.restarted(place)


def _born(space: Space, *, popsize: int, weight: float, crossover: float, start: str) -> Population:
    """A first population, not asked yet."""
    return unasked(started(space, popsize, start), weight, crossover)
