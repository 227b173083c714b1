"""Differential evolution (Storn and Price, 1997), by default as in the one-pixel paper (Su et al., 2019).

With ``restart=no`` it is the paper's algorithm. The paper demands r1 != r2 != r3 and is silent on the
parent; as is usual in rand/1, none of the three is the parent.
"""

from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from sparseattack import Search, Space
from sparseattack.errors import require
from sparseattack.strategies.convergence import same_edit
from sparseattack.strategies.draws import outside

MIN_POPSIZE = 4  # a parent, and the three other members of its mutant
RENEWAL = 0.1  # probability that jDE draws a new F, and a new CR


def de(
    space: Space,
    *,
    popsize: int = 400,
    f: float = 0.5,
    cr: float = 1.0,
    variant: Literal["rand1", "best1"] = "rand1",
    bounds: Literal["redraw", "reflect", "clip"] = "redraw",
    adapt: Literal["none", "jde"] = "none",
    init: Literal["paper", "uniform", "corners"] = "paper",
    restart: bool = True,
) -> Search:
    """Differential evolution (Storn and Price, 1997), as in the one-pixel paper (Su et al., 2019).

    A child is made of three different members, none of them its parent, and replaces its parent if its
    value is lower. All defaults but that of restart are the paper's.

    popsize: members, and candidates a generation
    f: F, the factor of the difference of two members
    cr: CR, the probability that a gene comes from the mutant; 1 is no crossover, as in the paper
    variant: what the difference is added to: rand1, a third random member, or best1, the best member
    bounds: what becomes of a gene outside the cube: redraw (uniformly), reflect or clip; the paper is silent
    adapt: jde (Brest et al., 2006) lets F and CR evolve from f and cr; its authors began at 0.5 and 0.9
    init: colours of the first population: paper (N(128, 127), clipped to 8 bits), uniform or corners
    restart: whether a population whose members all describe the same edit starts anew; no is the paper's
    """
    require(popsize >= MIN_POPSIZE, f"de needs a popsize of at least {MIN_POPSIZE}, not {popsize}")
    require(f > 0, f"de needs an f above 0, not {f}")
    require(0 <= cr <= 1, f"de needs a cr from 0 to 1, not {cr}")
    initial = partial(initial_population, popsize=popsize, f=f, cr=cr, init=init)
    parents = children = initial(space)
    while True:
        values = (yield children.members)[..., :1]
        parents = select(parents, children._replace(values=values))
        tuned = adapt_jde(space, parents) if adapt == "jde" else parents
        mutants = repair(space, mutate(space, tuned, variant), bounds)
        children = tuned._replace(members=cross(space, mutants, tuned))
        if restart and (converged := same_edit(space, parents.members)).any():
            places = converged.nonzero().flatten().tolist()
            fresh = initial(space.at(places))
            parents, children = parents.replaced(converged, fresh), children.replaced(converged, fresh)
            for place in places:
                space.journal.restarted(place)


class Population(NamedTuple):
    """Members with their values, and the F and CR that each was made with."""

    members: Tensor  # (B, P, D)
    values: Tensor  # (B, P, 1), infinite before they are evaluated
    f: Tensor  # (B, P, 1)
    cr: Tensor  # (B, P, 1)

    @classmethod
    def unevaluated(cls, members: Tensor, f: float, cr: float) -> "Population":
        """Members ``(B, P, D)`` without values, all with the same F and CR."""
        one = members[..., :1]
        return cls(
            members, torch.full_like(one, torch.inf), torch.full_like(one, f), torch.full_like(one, cr)
        )

    def replaced(self, where: Tensor, fresh: "Population") -> "Population":
        """The populations, those of the images ``where (B,)`` replaced by ``fresh``."""
        return Population(*(old.index_put((where,), new) for old, new in zip(self, fresh, strict=True)))


def initial_population(space: Space, *, popsize: int, f: float, cr: float, init: str) -> Population:
    """Members with uniform positions, and colours as ``init`` says: N(128, 127), uniform or corners."""
    genes = space.uniform(popsize)
    if init == "paper":
        colours = space.normal(popsize).mul(127).add(128).div(255).clamp(0, 1)
    else:
        colours = genes.round() if init == "corners" else genes
    return Population.unevaluated(torch.where(space.mask("colour"), colours, genes), f, cr)


def select(parents: Population, children: Population) -> Population:
    """At every index the child if its value is lower, else the parent."""
    better = children.values < parents.values
    return Population(*(torch.where(better, new, old) for old, new in zip(parents, children, strict=True)))


def mutate(space: Space, parents: Population, variant: str) -> Tensor:
    """Mutants ``(B, P, D)`` of rand/1 or best/1: a base plus F times the difference of two other members."""
    members, image = parents.members, torch.arange(space.batch, device=space.device).view(-1, 1, 1)
    first, second, third = members[image, others(space, members.shape[1], 3)].unbind(2)
    if variant == "best1":
        first = members[image, parents.values.argmin(1, keepdim=True)].squeeze(1)
    return first + parents.f * (second - third)


def others(space: Space, popsize: int, count: int) -> Tensor:
    """For each of ``popsize`` members ``count`` different others, by index: ``(B, popsize, count)``."""
    own = torch.arange(popsize, device=space.device).view(1, -1, 1)
    taken = own.expand(space.batch, -1, -1)
    for used in range(1, count + 1):
        pick = space.integers(popsize - used, popsize)
        taken = torch.cat([taken, outside(pick, taken)], dim=2)
    return taken[..., 1:]


def repair(space: Space, genes: Tensor, bounds: str) -> Tensor:
    """Mutants ``(B, P, D)`` with every gene outside the cube redrawn, reflected or clipped."""
    if bounds == "clip":
        return genes.clamp(0, 1)
    inside = (genes >= 0) & (genes <= 1)
    if bounds == "reflect":
        return torch.where(inside, genes, 1 - (genes % 2 - 1).abs())
    return torch.where(inside, genes, space.uniform(genes.shape[1]))


def cross(space: Space, mutants: Tensor, parents: Population) -> Tensor:
    """Binomial crossover ``(B, P, D)``: each gene of the mutant with probability CR, and one for certain."""
    count, dims = mutants.shape[1:]
    taken = space.uniform(count) < parents.cr
    return torch.where(taken.scatter(2, space.integers(dims, count), True), mutants, parents.members)


def adapt_jde(space: Space, parents: Population) -> Population:
    """Some F drawn anew from [0.1, 1) and some CR from [0, 1) (jDE, Brest et al., 2006)."""
    draws = space.uniform(parents.members.shape[1], 4)
    renew_f, f, renew_cr, cr = torch.split(draws, 1, dim=2)
    return parents._replace(
        f=torch.where(renew_f < RENEWAL, 0.1 + 0.9 * f, parents.f),
        cr=torch.where(renew_cr < RENEWAL, cr, parents.cr),
    )
