"""BruSLeAttack (Vo, Abbasnejad and Ranasinghe, 2024): a search over masks, with counts for each pixel.

The image is mixed with one of random corner colours, which are drawn once: only where they show is searched.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, uses
from sparseattack.errors import require
from sparseattack.strategies.draws import distinct

WHITE = 255
PRIOR = 0.01  # of the authors' code: counts of a pixel that was never shown
NEVER = 1e-30  # weight of a pixel whose colour is that of the image


@uses("image")
def brusle(
    space: Space, *, popsize: int = 10, lambda0: float | None = None, m1: float = 0.24, m2: float = 0.997
) -> Search:
    """BruSLeAttack (Vo et al., 2024): swap ever fewer pixels of the best mask, by the counts of each pixel.

    Each pixel has one random corner colour throughout. Pixels whose removal was no improvement are likely to
    stay; those whose colour differs much from the image are likely to be added. One candidate a query. Where
    the mask is the whole image, the colours are drawn anew for each query. The paper's loss is a margin of
    probabilities, the cross-entropy with a target; here it is the fitness that is chosen.

    popsize: random masks at first, of which the best is taken
    lambda0: share of the pixels that the schedule begins with; none is the authors' 0.3, 0.05 with a target
    m1: exponent by which the share falls with the queries q: lambda0 (q + 1)^-m1 / 2, and
    m2: base of the other half of it, lambda0 m2^(q + 1) / 2
    """
    share = (0.05 if space.targeted else 0.3) if lambda0 is None else lambda0
    require(popsize >= 1, f"brusle needs a popsize of at least 1, not {popsize}")
    require(0 < share <= 1, f"brusle needs a lambda0 above 0 and at most 1, not {share}")
    require(m1 >= 0, f"brusle needs an m1 from 0, not {m1}")
    require(0 < m2 <= 1, f"brusle needs an m2 above 0 and at most 1, not {m2}")
    grid, schedule = PixelGrid.of(space, "brusle"), Schedule(share, m1, m2)
    colours = random_corners(space, grid)
    while space.slots == grid.area:  # there is one mask only
        every = torch.arange(grid.area, device=space.device).expand(space.batch, 1, -1)
        yield grid.candidates(every, colours.unsqueeze(1))
        colours = random_corners(space, grid)
    bias = (grid.pixels(space.images).float() - colours.float()).abs().mean(2) / WHITE
    masks = torch.stack([distinct(space, grid.area, space.slots) for _ in range(popsize)], 1)
    lowest, place = (yield _candidates(grid, masks, colours))[..., 0].min(1)
    best = masks[torch.arange(space.batch, device=space.device), place]  # (B, k)
    counts = Counts.of(masks, grid.area)
    queries = popsize
    while True:
        count = swap_size(queries, schedule, space.slots, grid.area)
        swap = draw_swap(space, best, counts, bias, count)
        value = (yield _candidates(grid, swap.mask.unsqueeze(1), colours))[:, 0, 0]
        better = value < lowest
        counts = counts.after(swap, better)
        best, lowest = torch.where(better.unsqueeze(1), swap.mask, best), torch.where(better, value, lowest)
        queries += 1


def random_corners(space: Space, grid: PixelGrid) -> Tensor:
    """A corner colour for every pixel of every image: ``(B, H * W, C)`` uint8."""
    shape = grid.area, grid.channels
    return space.draw(lambda stream: stream.integers(2, size=shape, dtype="uint8")) * WHITE


def _candidates(grid: PixelGrid, masks: Tensor, colours: Tensor) -> Tensor:
    """Candidates ``(B, P, D)`` that show ``colours (B, H * W, C)`` at the pixels ``masks (B, P, k)``."""
    images = torch.arange(len(masks), device=masks.device).view(-1, 1, 1)
    return grid.candidates(masks, colours[images, masks])


class Schedule(NamedTuple):
    """The share of the mask that is swapped."""

    lambda0: float
    m1: float
    m2: float

    def share(self, queries: int) -> float:
        """After so many queries."""
        falling: float = (queries + 1) ** -self.m1 + self.m2 ** (queries + 1)
        return self.lambda0 * falling / 2


def swap_size(queries: int, schedule: Schedule, slots: int, area: int) -> int:
    """Pixels swapped after so many queries: at least one, and no more than there are outside the mask."""
    return min(max(int(slots * schedule.share(queries)), 1), area - slots)


class MaskSwap(NamedTuple):
    """A mask that differs from the best one in some pixels."""

    mask: Tensor  # (B, k)
    dropped: Tensor  # (B, n), the pixels of the best mask that are not in it


class Counts(NamedTuple):
    """What is known of every pixel: the parameters of the paper's Dirichlet distribution."""

    failed: Tensor  # (B, H * W) how often a mask without it was no better than one with it
    shown: Tensor  # (B, H * W) how often it was in a mask, or removed from one

    @classmethod
    def of(cls, masks: Tensor, area: int) -> "Counts":
        """After the first masks ``(B, P, k)``."""
        shown = torch.zeros(len(masks), area, device=masks.device)
        ones = torch.ones_like(masks, dtype=shown.dtype).flatten(1)
        return cls(torch.zeros_like(shown), shown.scatter_add(1, masks.flatten(1), ones))

    def after(self, swap: MaskSwap, better: Tensor) -> "Counts":
        """After the evaluation of a swap, which was ``better (B,)`` or not."""
        ones = torch.ones_like(swap.dropped, dtype=self.shown.dtype)
        failed = self.failed.scatter_add(1, swap.dropped, ones * ~better.unsqueeze(1))
        shown = self.shown.scatter_add(1, swap.dropped, ones)
        return Counts(failed, shown.scatter_add(1, swap.mask, torch.ones_like(swap.mask, dtype=ones.dtype)))

    @property
    def worth(self) -> Tensor:
        """The weight ``(B, H * W)`` of each pixel."""
        return (self.failed + PRIOR) / (self.shown + PRIOR)


def draw_swap(space: Space, best: Tensor, counts: Counts, bias: Tensor, count: int) -> MaskSwap:
    """A swap of ``count`` pixels of the masks ``best (B, k)``.

    Pixels stay with probabilities in proportion to their worth, and are added in proportion to worth times
    ``bias (B, H * W)``, without replacement.
    """
    size, area = best.shape[1], bias.shape[1]
    worth = counts.worth
    clocks = space.draw(lambda stream: stream.standard_exponential(size + area, "float32"))
    order = (clocks[:, :size] / worth.gather(1, best)).argsort(1)  # an exponential race: the first stay
    kept, dropped = torch.split(best.gather(1, order), [size - count, count], 1)
    arrivals = (clocks[:, size:] / (worth * bias).clamp(min=NEVER)).scatter(1, best, torch.inf)
    added = arrivals.topk(count, 1, largest=False).indices
    return MaskSwap(torch.cat([kept, added], 1), dropped)
