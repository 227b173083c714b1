"""L-SHADE: success-history adaptive differential evolution, ever smaller (Tanabe and Fukunaga, 2014)."""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import Search, Space, uses
from sparseattack.errors import require

from .current_to_pbest import Archive, converged, draw_cr, draw_f, lehmer_mean, renewed, towards_best
from .de import Population, select

FEWEST = 4  # members at the end
START = 0.5  # of the memories
FEWEST_BEST = 2


@uses("budget")
def shade(
    space: Space,
    *,
    popsize: int | None = None,
    memory: int = 6,
    p: float = 0.11,
    archive: float = 2.6,
    reduction: bool = True,
) -> Search:
    """L-SHADE (Tanabe and Fukunaga, 2014): F and CR drawn from a memory of those that made better children.

    The population shrinks linearly to 4 members at the end of the budget. One whose members all describe the
    same edit starts anew, as large as it was.

    popsize: members at first; none is the paper's 18 for each gene
    memory: H, pairs of F and CR that are remembered
    p: share of the members that count as the best, 2 at least
    archive: size of the archive of replaced parents, in populations
    reduction: whether the population shrinks; no is SHADE without it
    """
    count = 18 * space.dims if popsize is None else popsize
    require(count >= FEWEST, f"shade needs a popsize of at least {FEWEST}, not {popsize}")
    require(memory >= 1, f"shade needs a memory of at least 1, not {memory}")
    require(0 < p <= 1, f"shade needs a p above 0 and at most 1, not {p}")
    require(archive >= 0, f"shade needs an archive from 0, not {archive}")
    first, spent = count, 0
    parents = children = Population.unevaluated(space.uniform(count), START, START)
    losers, known = Archive.empty(parents.members, round(archive * count)), Memory.start(space, memory)
    while True:
        children = children._replace(values=(yield children.members)[..., :1])
        spent += count
        gain = torch.where(parents.values.isfinite(), parents.values - children.values, 0).clamp(min=0)
        count = members_left(first, spent, space.budget) if reduction else first
        losers = losers.after(space, parents.members, gain[..., 0] > 0, round(archive * count))
        known = known.after(children, gain)
        parents = best_of(select(parents, children, ties=True), count)
        if (over := converged(space, parents)).any():
            parents = renewed(space, parents, over, START)
            losers = losers._replace(sizes=losers.sizes.masked_fill(over, 0))
            known = known.forgotten(over)
        f, cr = known.draw(space, count)
        best = min(count, max(FEWEST_BEST, round(p * count)))
        bred = towards_best(space, parents._replace(f=f, cr=cr), losers, best)
        children = bred.replaced(over, parents.of(over))


def members_left(first: int, spent: int, budget: int) -> int:
    """Members after so many queries of the budget, of ``first``."""
    return max(FEWEST, round(first + (FEWEST - first) * min(1, spent / budget)))


def best_of(parents: Population, count: int) -> Population:
    """The ``count`` members of the lowest values, in the order in which they were."""
    kept = parents.values.argsort(dim=1, stable=True)[:, :count].sort(1).values
    return Population(*(each.gather(1, kept.expand(-1, -1, each.shape[2])) for each in parents))


class Memory(NamedTuple):
    """Pairs of F and CR; a CR that is NaN is the paper's terminal value, for which CR is 0."""

    f: Tensor  # (B, H)
    cr: Tensor  # (B, H)
    place: Tensor  # (B,) that is written next

    @classmethod
    def start(cls, space: Space, length: int) -> "Memory":
        """All pairs 0.5 and 0.5."""
        half = torch.full((space.batch, length), START, dtype=torch.float64, device=space.device)
        return cls(half, half, torch.zeros(space.batch, dtype=torch.int64, device=space.device))

    def after(self, children: Population, gain: Tensor) -> "Memory":
        """With the means of F and CR of the children, weighted by what they gained ``(B, P, 1)``."""
        some, rows = (gain > 0)[..., 0].any(1), torch.arange(len(gain), device=gain.device)
        spent = torch.where(gain > 0, children.cr, 0)[..., 0].amax(1) == 0
        terminal = self.cr[rows, self.place].isnan() | spent
        cr = lehmer_mean(children.cr, gain).masked_fill(terminal, torch.nan)
        old_f, old_cr = self.f[rows, self.place], self.cr[rows, self.place]
        return Memory(
            self.f.index_put((rows, self.place), torch.where(some, lehmer_mean(children.f, gain), old_f)),
            self.cr.index_put((rows, self.place), torch.where(some, cr, old_cr)),
            torch.where(some, (self.place + 1) % self.f.shape[1], self.place),
        )

    def forgotten(self, over: Tensor) -> "Memory":
        """As at first for the images ``over (B,)``."""
        row = over.unsqueeze(1)
        return Memory(self.f.masked_fill(row, START), self.cr.masked_fill(row, START), self.place * ~over)

    def draw(self, space: Space, count: int) -> tuple[Tensor, Tensor]:
        """F and CR ``(B, count, 1)``, each pair from a random place of the memory."""
        place = space.integers(self.f.shape[1], count)[..., 0]
        f, cr = (each.gather(1, place).unsqueeze(2) for each in (self.f, self.cr))
        drawn = draw_cr(space, cr.nan_to_num(0).float()).masked_fill(cr.isnan(), 0)
        return draw_f(space, f.float()), drawn
