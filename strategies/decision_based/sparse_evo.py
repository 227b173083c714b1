"""SparseEvo (Vo, Abbasnejad and Ranasinghe, 2022), "Query efficient decision based sparse attacks against
black-box deep learning models": an evolution of masks over an image that fools the oracle.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import Search, Space, uses
from sparseattack.errors import require

from .beginning import Beginning, candidates, limit_memory, uniform_at

FEWEST = 3  # members: the best, and two parents
BEGIN, FILL, EVOLVE = range(3)  # stages of the search of an image


class MaskPopulation(NamedTuple):
    """Masks over one image for each clean one: where a mask is 1, that image shows."""

    shown: Tensor  # (B, H * W, C) uint8, the image that fools
    squares: Tensor  # (B, H * W) int64, squared change of each pixel
    masks: Tensor  # (B, P, H * W) bool
    lengths: Tensor  # (B, P) int64, squared change of each mask; LONGEST where there is none
    size: Tensor  # (B,) members so far

    @classmethod
    def empty(cls, clean: Tensor, popsize: int) -> "MaskPopulation":
        """No members yet."""
        batch, area, _ = clean.shape
        masks = torch.zeros(batch, popsize, area, dtype=torch.bool, device=clean.device)
        lengths = torch.full((batch, popsize), LONGEST, device=clean.device)
        none = torch.zeros(batch, dtype=torch.int64, device=clean.device)
        return cls(clean, torch.zeros_like(masks[:, 0], dtype=torch.int64), masks, lengths, none)

    def begun(self, shown: Tensor, clean: Tensor, where: Tensor) -> "MaskPopulation":
        """For the images ``where (B,)`` the population of one mask, of all that differs in ``shown``."""
        squares = (shown.long() - clean.long()).square().sum(2)
        here = where.unsqueeze(1)
        fresh = MaskPopulation(
            torch.where(here.unsqueeze(2), shown, self.shown),
            torch.where(here, squares, self.squares),
            self.masks,
            self.lengths.masked_fill(here, LONGEST),
            self.size.masked_fill(where, 0),
        )
        return fresh.filled(squares > 0, where)

    def filled(self, masks: Tensor, where: Tensor) -> "MaskPopulation":
        """With one member more, of ``masks (B, H * W)``, for the images ``where (B,)``."""
        return self._placed(masks, self.size, where)._replace(size=self.size + where)

    def improved(self, masks: Tensor, where: Tensor) -> "MaskPopulation":
        """With ``masks (B, H * W)`` in place of the longest change of images ``where`` they are shorter."""
        longest, worst = self.lengths.max(1)
        return self._placed(masks, worst, where & (self.length(masks) < longest))

    def _placed(self, masks: Tensor, at: Tensor, where: Tensor) -> "MaskPopulation":
        """With ``masks (B, H * W)`` as the members numbered ``at (B,)`` of the images ``where (B,)``."""
        rows, at = torch.arange(len(at), device=at.device)[where], at[where]
        more = self.masks.index_put((rows, at), masks[where])
        lengths = self.lengths.index_put((rows, at), self.length(masks)[where])
        return self._replace(masks=more, lengths=lengths)

    def length(self, masks: Tensor) -> Tensor:
        """The squared change ``(B,)`` of ``masks (B, H * W)``."""
        return (masks * self.squares).sum(1)

    def fewest(self) -> Tensor:
        """Pixels ``(B,)`` of the shortest change."""
        rows = torch.arange(len(self.size), device=self.size.device)
        return self.masks[rows, self.lengths.argmin(1)].sum(1)

    def first(self, removed: Tensor, drawn: Tensor) -> Tensor:
        """The mask of all that differs without ``removed (B,)`` random pixels, by numbers as of ``child``."""
        return without(self.masks[:, 0], removed, drawn[:, -self.squares.shape[1] :])

    def child(self, drawn: Tensor, cr: float, share: float) -> Tensor:
        """The next mask ``(B, H * W)``, by uniform numbers ``drawn (B, 2 * H * W + 2)``.

        Uniform crossover of two members that are not the best, of what the best shows too; of that, ``share``
        is removed, at least one pixel, and never all.
        """
        area = self.squares.shape[1]
        rows = torch.arange(len(drawn), device=drawn.device)
        order = self.lengths.argsort(dim=1, stable=True)
        others = order.shape[1] - 1
        one = (drawn[:, 0] * others).long().clamp(max=others - 1)
        two = (drawn[:, 1] * (others - 1)).long().clamp(max=others - 2)
        two = two + (two >= one)
        best, mother, father = (
            self.masks[rows, order[rows, rank]] for rank in (torch.zeros_like(one), one + 1, two + 1)
        )
        crossed = torch.where(drawn[:, 2 : 2 + area] < cr, mother, father) & best
        crossed = torch.where(crossed.any(1, keepdim=True), crossed, best)
        ones = crossed.sum(1)
        return without(crossed, (ones * share).long().clamp(min=1).minimum(ones - 1), drawn[:, 2 + area :])


LONGEST = 2**62


def without(masks: Tensor, count: Tensor, drawn: Tensor) -> Tensor:
    """``masks (B, n)`` without ``count (B,)`` of their ones: those of the lowest numbers ``drawn (B, n)``."""
    ranks = drawn.masked_fill(~masks, torch.inf).argsort(dim=1, stable=True).argsort(1)
    return masks & (ranks >= count.unsqueeze(1))


@uses("image", "start")
def sparse_evo(
    space: Space,
    *,
    popsize: int = 10,
    cr: float = 0.5,
    mu: float | None = None,
    initial: float = 0.00390625,
    densities: int = 20,
) -> Search:
    """SparseEvo (Vo et al., 2022): evolve masks over an image that fools until few of its pixels show.

    One candidate a query: a crossover of two masks within the best one, with some pixels removed. It replaces
    the longest change if it fools the oracle and is shorter. Pixels never come back, so a search begins anew
    when one is left. Needs labels only. The authors' code thins the first mask too, and where even one pixel
    cannot be removed tries others; here that mask is all that differs.

    popsize: masks, at least 3
    cr: probability by which a pixel is taken from the first of two masks
    mu: share of the pixels of a new mask that is removed; none is the authors' 0.04, 0.01 with a target
    initial: share of all pixels removed from the first masks, 1 / 256; fewer where that does not fool
    densities: shares of salt-and-pepper noise that are tried as a beginning, evenly spaced up to all pixels
    """
    share = (0.01 if space.targeted else 0.04) if mu is None else mu
    require(popsize >= FEWEST, f"sparse-evo needs a popsize of at least {FEWEST}, not {popsize}")
    require(0 <= cr <= 1, f"sparse-evo needs a cr from 0 to 1, not {cr}")
    require(0 <= share <= 1, f"sparse-evo needs a mu from 0 to 1, not {share}")
    require(0 <= initial <= 1, f"sparse-evo needs an initial from 0 to 1, not {initial}")
    require(densities >= 1, f"sparse-evo needs at least 1 of densities, not {densities}")
    limit_memory(space, masks=2 * popsize)
    beginning, first_removed = Beginning.of(space, densities), max(1, int(initial * space.slots))
    clean, members = beginning.clean, MaskPopulation.empty(beginning.clean, popsize)
    stage = tries = torch.zeros_like(members.size)  # (B,)
    removed = torch.full_like(stage, first_removed)  # (B,) pixels, from the next of the first masks
    while True:
        first = beginning.colours(space, tries, stage == BEGIN)
        drawn = uniform_at(space, stage != BEGIN, 2 * space.slots + 2)
        mask = torch.where(
            (stage == FILL).unsqueeze(1), members.first(removed, drawn), members.child(drawn, cr, share)
        )
        shown = torch.where(mask.unsqueeze(2), members.shown, clean)
        shown = torch.where((stage == BEGIN).view(-1, 1, 1), first, shown)
        fools = (yield candidates(shown))[:, 0, 0] <= space.slots
        begun, failed = (stage == BEGIN) & fools, (stage == FILL) & ~fools
        tries = torch.where((stage == BEGIN) & ~fools, tries + 1, 0)
        removed = torch.where(failed, removed - 1, first_removed)
        members = members.improved(mask, (stage == EVOLVE) & fools)
        members = members.filled(mask, (stage == FILL) & fools)
        members = members.filled(members.masks[:, 0], failed & (removed == 0))
        members = members.begun(shown, clean, begun)
        full = (stage == FILL) & (members.size == popsize)
        stage = torch.where(begun, FILL, torch.where(full, EVOLVE, stage))
        over = (stage != BEGIN) & (members.fewest() <= 1)
        stage = stage.masked_fill(over, BEGIN)
        removed = removed.where(removed > 0, first_removed).minimum(members.masks[:, 0].sum(1) - 1)
        for place in over.nonzero()[:, 0].tolist():
            space.journal.restarted(place)
