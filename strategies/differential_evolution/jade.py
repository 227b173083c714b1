"""JADE: adaptive differential evolution with an archive (Zhang and Sanderson, 2009)."""

import torch

from sparseattack import Search, Space
from sparseattack.errors import require

from .current_to_pbest import Archive, converged, draw_cr, draw_f, lehmer_mean, mean_of, renewed, towards_best
from .de import Population, select

MIN_POPSIZE = 4
SIZES = ((10, 30), (30, 100))  # the paper's members up to so many genes
LARGEST = 400  # and beyond
START = 0.5  # of the means of F and CR


def jade(space: Space, *, popsize: int | None = None, p: float = 0.05, c: float = 0.1) -> Search:
    """JADE (Zhang and Sanderson, 2009): children towards the best members, and F and CR that are learnt.

    With its archive of replaced parents. A population whose members all describe the same edit starts anew.

    popsize: members, and candidates a generation; none is the paper's: 30 up to 10 genes, 100 up to 30, 400
    p: share of the members that count as the best
    c: how fast the means of F and CR follow those that made better children
    """
    count = size(space) if popsize is None else popsize
    require(count >= MIN_POPSIZE, f"jade needs a popsize of at least {MIN_POPSIZE}, not {popsize}")
    require(0 < p <= 1, f"jade needs a p above 0 and at most 1, not {p}")
    require(0 <= c <= 1, f"jade needs a c from 0 to 1, not {c}")
    best = max(1, round(p * count))
    parents = children = Population.unevaluated(space.uniform(count), START, START)
    archive = Archive.empty(parents.members, count)
    means = torch.full((2, space.batch), START, dtype=torch.float64, device=space.device)  # of F and CR
    while True:
        children = children._replace(values=(yield children.members)[..., :1])
        better = (children.values < parents.values) & parents.values.isfinite()
        archive = archive.after(space, parents.members, better[..., 0], count)
        learnt = torch.stack([lehmer_mean(children.f, better), mean_of(children.cr, better)])
        means = torch.where(better[..., 0].any(1), (1 - c) * means + c * learnt, means)
        parents = select(parents, children)
        if (over := converged(space, parents)).any():
            parents = renewed(space, parents, over, START)
            archive = archive._replace(sizes=archive.sizes.masked_fill(over, 0))
            means = means.masked_fill(over, START)
        f, cr = (mean.float().view(-1, 1, 1).expand(-1, count, 1) for mean in means)
        tuned = parents._replace(f=draw_f(space, f), cr=draw_cr(space, cr))
        bred = towards_best(space, tuned, archive, best)
        children = bred.replaced(over, parents.of(over))


def size(space: Space) -> int:
    """The paper's number of members."""
    return next((count for genes, count in SIZES if space.dims <= genes), LARGEST)
