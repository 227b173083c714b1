"""Differential evolution, by default that of the one-pixel paper, and exactly so with ``restart=no``.

The paper asks for r1 != r2 != r3 and is silent on the parent; as usual in rand/1, none of them is the parent.
"""

from functools import partial
from typing import Literal

from sparseattack import Search, Space

from .de_cube import repaired, started
from .de_operators import Population, adapted, crossed, mutants, unasked
from .demand import demand
from .draws import part
from .grid import alike

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
    demand(popsize >= LEAST, f"de needs a popsize of at least {LEAST}, not {popsize}")
    demand(weight > 0, f"de needs a weight above 0, not {weight}")
    demand(0 <= crossover <= 1, f"de needs a crossover from 0 to 1, not {crossover}")
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
