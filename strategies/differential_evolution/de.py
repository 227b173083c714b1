"""Differential evolution (Storn and Price, 1997), by default as in the one-pixel paper (Su et al., 2019).

With ``restart=no`` it is the paper's algorithm. The paper demands r1 != r2 != r3 and is silent on the
parent; as is usual in rand/1, none of the three is the parent. Presets are the differential evolution that
others ship.
"""

from collections.abc import Iterator
from functools import partial
from itertools import chain, cycle, pairwise
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sparseattack import Search, Space
from sparseattack.errors import require
from sparseattack.plugins.presets import presets
from sparseattack.strategies.convergence import same_edit
from sparseattack.strategies.draws import outside

MIN_POPSIZE = 4  # a parent, and the three other members of its mutant
RENEWAL = 0.1  # probability that jDE draws a new F, and a new CR
PER_GENE = 15  # members for each gene, scipy's default
FEWEST = 5  # members of scipy's

BEST1 = {"variant": "best1", "f": (0.5, 1.0), "cr": 1.0, "bounds": "redraw"}
COPY = BEST1 | {"multiple": True, "first": True}  # of an old scipy, changed to evaluate all children at once
PRESETS: dict[str, dict[str, object]] = {
    "scipy": BEST1
    | {"popsize": None, "cr": 0.7, "init": "latin", "updating": "immediate", "ties": True},  # of 1.17
    "art": COPY | {"init": "latin"},  # PixelAttack of the Adversarial Robustness Toolbox 1.20
    "torchattacks": COPY | {"init": "uniform", "popsize": 10},  # OnePixel of torchattacks 3.5
    "hyperparticle": COPY | {"init": "latin"},  # one-pixel-attack-keras, 2019
    "efficient": {  # best of a sweep at 1,000 queries on training images: docs/strategies.md
        "popsize": 10, "variant": "best1", "cr": 0.5, "init": "corners", "bounds": "clip",
    },
}  # fmt: skip


@presets(PRESETS)
def de(
    space: Space,
    *,
    popsize: int | None = 400,
    f: float | tuple[float, ...] = 0.5,
    cr: float = 1.0,
    variant: Literal["rand1", "best1", "currenttobest1"] = "rand1",
    bounds: Literal["redraw", "reflect", "clip"] = "redraw",
    adapt: Literal["none", "jde"] = "none",
    init: Literal["paper", "uniform", "corners", "latin"] = "paper",
    restart: bool = True,
    updating: Literal["deferred", "immediate"] = "deferred",
    ties: bool = False,
    multiple: bool = False,
    first: bool = False,
) -> Search:
    """Differential evolution (Storn and Price, 1997), as in the one-pixel paper (Su et al., 2019).

    A child is made of three different members, none of them its parent, and replaces its parent if its
    value is lower. All defaults but that of restart are the paper's, which minimises the probability of the
    class; here it is the fitness that is chosen. A preset is what others ship:
    preset=scipy, art, torchattacks or hyperparticle; efficient needs fewest queries.

    popsize: members, and candidates a generation; none is scipy's 15 for each gene
    f: F, the factor of the difference of two members; [0.5,1] draws one from this range for each generation
    cr: CR, the probability that a gene comes from the mutant; 1 is no crossover, as in the paper
    variant: what the difference is added to: rand1, a third random member, best1, the best member, or
        currenttobest1, the parent moved by F towards the best member
    bounds: what becomes of a gene outside the cube: redraw (uniformly), reflect or clip; the paper is silent
    adapt: jde (Brest et al., 2006) lets F and CR evolve from f and cr; its authors began at 0.5 and 0.9
    init: colours of the first population: paper (N(128, 127), clipped to 8 bits), uniform or corners; latin
        draws all genes from a Latin hypercube
    restart: whether a population whose members all describe the same edit starts anew; no is the paper's
    updating: immediate makes and evaluates one child after another, from a population that has those before
    ties: whether a child of the same value replaces its parent, too
    multiple: whether popsize is rounded down to a multiple of the genes, and is 5 at least, as in scipy
    first: whether the best member is copied to the first place, as in old versions of scipy
    """
    count, (low, high) = size(space, popsize, multiple), f if isinstance(f, tuple) else (f, f)
    check(popsize, (low, high), cr)
    require(adapt == "none" or updating == "deferred", "de takes adapt=jde with updating=deferred only")
    initial = partial(initial_population, popsize=count, f=low, cr=cr, init=init)
    children = parents = initial(space)
    fresh = torch.ones(space.batch, 1, 1, dtype=torch.bool, device=space.device)  # has no values yet
    for rows, following in pairwise(sweeps(count, updating == "immediate")):
        values = (yield children.members)[..., :1]
        parents = parents.put(rows, select(parents.at(rows), children._replace(values=values), ties))
        over = rows.stop == count  # the generation
        if over:
            parents = best_first(parents, fresh) if first else parents
            parents = draw_f(space, parents, low, high) if low < high else parents
            fresh = torch.zeros_like(fresh)
        tuned = adapt_jde(space, parents) if adapt == "jde" else parents
        children = breed(space, tuned, following, variant, bounds)
        if over and restart and (converged := same_edit(space, parents.members)).any():
            places, fresh = converged.nonzero().flatten().tolist(), converged.view(-1, 1, 1)
            parents = parents.replaced(converged, initial(space.at(places)))
            for place in places:
                space.journal.restarted(place)
        pairs = zip(parents.at(following), children, strict=True)
        children = Population(*(torch.where(fresh, old, new) for old, new in pairs))


def size(space: Space, popsize: int | None, multiple: bool) -> int:
    """Members of a population."""
    if popsize is None:
        return max(FEWEST, PER_GENE * space.dims)
    return max(FEWEST, popsize // space.dims * space.dims, space.dims) if multiple else popsize


def check(popsize: int | None, f: tuple[float, float], cr: float) -> None:
    """Refuse settings that make no sense."""
    enough = popsize is None or popsize >= MIN_POPSIZE
    require(enough, f"de needs a popsize of at least {MIN_POPSIZE}, not {popsize}")
    require(f[0] > 0, f"de needs an f above 0, not {f[0]}")
    require(f[0] <= f[1], f"de needs a range of f from low to high, as in f=[0.5,1], not {list(f)}")
    require(0 <= cr <= 1, f"de needs a cr from 0 to 1, not {cr}")


def sweeps(count: int, immediate: bool) -> Iterator[slice]:
    """The members that are evaluated at once: first all, then all again and again, or one after another."""
    every = slice(0, count)
    return chain([every], cycle([slice(n, n + 1) for n in range(count)] if immediate else [every]))


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

    def at(self, rows: slice) -> "Population":
        """Some of the members."""
        return Population(*(each[:, rows] for each in self))

    def put(self, rows: slice, new: "Population") -> "Population":
        """The population with some members replaced."""
        parts = zip(self, new, strict=True)
        return Population(*(torch.cat([a[:, : rows.start], b, a[:, rows.stop :]], 1) for a, b in parts))

    def of(self, where: Tensor) -> "Population":
        """The populations of the images ``where (B,)``."""
        return Population(*(each[where] for each in self))

    def replaced(self, where: Tensor, fresh: "Population") -> "Population":
        """The populations, those of the images ``where (B,)`` replaced by ``fresh``."""
        return Population(*(old.index_put((where,), new) for old, new in zip(self, fresh, strict=True)))


def initial_population(space: Space, *, popsize: int, f: float, cr: float, init: str) -> Population:
    """Members with uniform positions, and colours as ``init`` says: N(128, 127), uniform or corners.

    From a Latin hypercube each gene has one value in each of ``popsize`` parts of equal width.
    """
    colours = genes = space.uniform(popsize)
    if init == "latin":
        colours = genes = (genes + permutations(space, popsize)) / popsize
    if init == "paper":
        colours = space.normal(popsize).mul(127).add(128).div(255).clamp(0, 1)
    if init == "corners":
        colours = genes.round()
    return Population.unevaluated(torch.where(space.mask("colour"), colours, genes), f, cr)


def permutations(space: Space, count: int) -> Tensor:
    """The integers in [0, count) in a random order of its own for each gene: ``(B, count, D)``."""
    ordered = np.tile(np.arange(count)[:, None], space.dims)
    return space.draw(lambda stream: stream.permuted(ordered, axis=0))


def select(parents: Population, children: Population, ties: bool = False) -> Population:
    """At every index the child if its value is lower, or with ``ties`` the same, else the parent."""
    better = children.values < parents.values
    if ties:
        better = better | (children.values == parents.values)
    return Population(*(torch.where(better, new, old) for old, new in zip(parents, children, strict=True)))


def best_first(parents: Population, fresh: Tensor) -> Population:
    """The best member copied to the first place if it is better than that; ``fresh (B, 1, 1)`` swap them."""
    best, moved = parents.values.argmin(1, keepdim=True), []
    for each in parents:
        place = best.expand(-1, 1, each.shape[2])
        found = each.gather(1, place)
        others = each.scatter(1, place, torch.where(fresh, each[:, :1], found))
        moved.append(torch.cat([found, others[:, 1:]], 1))
    return Population(*moved)


def draw_f(space: Space, parents: Population, low: float, high: float) -> Population:
    """All with one F, uniform in [low, high), for each image."""
    return parents._replace(f=(low + (high - low) * space.uniform(1, 1)).expand_as(parents.f))


def breed(space: Space, parents: Population, rows: slice, variant: str, bounds: str) -> Population:
    """The children of some of the members."""
    mutants = repair(space, mutate(space, parents, variant, rows), bounds)
    return parents.at(rows)._replace(members=cross(space, mutants, parents.at(rows)))


def mutate(space: Space, parents: Population, variant: str, rows: slice = slice(None)) -> Tensor:
    """Mutants ``(B, P, D)`` of a variant: a base plus F times the difference of two other members."""
    members, image = parents.members, torch.arange(space.batch, device=space.device).view(-1, 1, 1)
    first, second, third = members[image, others(space, members.shape[1], 3, rows)].unbind(2)
    if variant != "rand1":
        first = members[image, parents.values.argmin(1, keepdim=True)].squeeze(1)
    if variant == "currenttobest1":
        first = members[:, rows] + parents.f[:, rows] * (first - members[:, rows])
    return first + parents.f[:, rows] * (second - third)


def others(space: Space, popsize: int, count: int, rows: slice = slice(None)) -> Tensor:
    """For some of ``popsize`` members ``count`` different others, by index: ``(B, P, count)``."""
    own = torch.arange(popsize, device=space.device)[rows].view(1, -1, 1)
    taken = own.expand(space.batch, -1, -1)
    for used in range(1, count + 1):
        pick = space.integers(popsize - used, own.shape[1])
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
