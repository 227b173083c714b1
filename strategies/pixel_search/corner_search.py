"""CornerSearch (Croce and Hein, 2019): all single pixels in corner colours, then sets of the best of them.

"Sparse and imperceivable adversarial attacks". Its first stage is ``exhaustive``, for any k. What of it
cannot be here: it changes up to k_max pixels and keeps the first success; here k_max is the k of the problem,
and a success with fewer pixels is one, too. With a target, of which the paper has none, there is one order,
by the margin.
"""

from itertools import product

import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, uses
from sparseattack.errors import require
from sparseattack.problem.fitness import TINY, margin_of

from .exhaustive import painted, random_order


@uses("scores", "budget")
def corner_search(space: Space, *, n_max: int = 100, n_iter: int = 1000, popsize: int = 256) -> Search:
    """CornerSearch (Croce and Hein, 2019): every one-pixel corner answer, then sets of those that rank high.

    Stage one asks for every pixel in every corner colour, 8,192 queries on CIFAR-10, in random order: that is
    the search exhaustive. Stage two draws sets of 2, 3, ..., k of them, for each class by the difference of
    the true class's score from that class's, and for the true class by the margin: the member of rank i of N
    with probability (2 N - 2 i + 1) / N^2, each on its own. Two of a set may have one pixel: then the later
    is painted. A budget below stage one never reaches stage two; with k = 1 there is none. Afterwards stage
    two is repeated.

    n_max: N, of which sets are drawn
    n_iter: sets for each number of pixels and each order
    popsize: candidates a batch; it changes no result
    """
    for name, value in (("n_max", n_max), ("n_iter", n_iter), ("popsize", popsize)):
        require(value >= 1, f"corner-search needs {name} of at least 1, not {value}")
    grid = PixelGrid.of(space, "corner-search")
    order = random_order(space, grid, "corner-search")
    best, lowest = order[:, None, :0], torch.zeros(space.batch, 1, 0, device=space.device)
    for numbers in torch.split(order, popsize, dim=1):
        yield painted(grid, numbers.unsqueeze(2).expand(-1, -1, space.slots))
        found = differences(space).transpose(1, 2)  # (B, orders, P)
        size = found.shape[1]
        lowest = torch.cat([lowest.expand(-1, size, -1), found], 2)
        best = torch.cat([best.expand(-1, size, -1), numbers.unsqueeze(1).expand(-1, size, -1)], 2)
        ranks = lowest.argsort(dim=2, stable=True)[..., :n_max]
        lowest, best = lowest.gather(2, ranks), best.gather(2, ranks)
    while space.slots == 1:
        yield torch.full((space.batch, 1, space.dims), torch.nan, device=space.device)  # no query
    while True:
        for pixels, place in product(range(2, space.slots + 1), range(best.shape[1])):
            ranks = draw_ranks(space, best.shape[2], (n_iter, pixels))
            sets = best[:, place].gather(1, ranks.flatten(1)).view(ranks.shape)
            last = sets[..., -1:].expand(-1, -1, space.slots - pixels)  # takes the slots that are free
            for some in torch.split(torch.cat([sets, last], 2), popsize, dim=1):
                yield painted(grid, some)
        for place in range(space.batch):
            space.journal.restarted(place)


def differences(space: Space) -> Tensor:
    """By what the last candidates are ordered, ``(B, P, K)``; with a target ``(B, P, 1)``.

    The true class's score less that of each class, in logits or logarithms of probabilities; in the column of
    the true class the margin. Infinite for a candidate that was not evaluated.
    """
    scores = space.scores
    labels = space.labels.unsqueeze(1).expand(scores.shape[:2])
    margins = margin_of(scores.flatten(0, 1), labels.flatten(), space.targeted, space.scale)
    margins = margins.view(*scores.shape[:2], 1)
    if not space.targeted:
        logits = scores if space.scale == "logits" else scores.clamp(min=TINY).log()
        own = labels.unsqueeze(2)
        margins = (logits.gather(2, own) - logits).scatter(2, own, margins)
    return margins.nan_to_num(torch.inf)


def draw_ranks(space: Space, best: int, shape: tuple[int, int]) -> Tensor:
    """Ranks from 0 to ``best`` - 1, ``(B, *shape)``: i with probability (2 best - 2 i - 1) / best^2."""
    draws = space.draw(lambda stream: stream.integers(best**2, size=shape))
    return best - 1 - draws.double().sqrt().long()
