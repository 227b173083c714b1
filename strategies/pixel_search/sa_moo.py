"""SA-MOO (Williams and Li, 2023): two sets of pixels evolve towards success, and then towards the image.

"Black-box sparse adversarial attack via multi-objective optimisation". What of it cannot be here: it starts
with 24 pixels on CIFAR-10 and 150 on ImageNet, and here k is the problem's; it runs to the end of its budget,
as here with the stopping criterion ``spent``: by default a search ends at its first success, before the
length of a change matters.
"""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, several, uses
from sparseattack.errors import require
from sparseattack.strategies.draws import distinct, outside

WHITE = 255
MEMBERS = 2  # s


@uses("image")
@several("l2")
def sa_moo(space: Space, *, pm: float | None = None, pc: float = 0.1, pr0: float = 0.3) -> Search:
    """SA-MOO (Williams and Li, 2023): swap pixels between two sets, replace some, take the best two of four.

    A channel of a pixel is black, white or that of the image; where the encoding does not have the image's,
    it is the nearest that it has. A success is better than none; of two, the one nearer to the image by the
    second objective, l2 by default; else the lower fitness; of equals the older. Only a negative margin shows
    a success: with another fitness that alone counts. The paper's is the margin, and the cross-entropy with a
    target. Each of the two children has its own parent; in the authors' code both have the first.

    pm: share of the pixels that mutation replaces; none is the paper's, 0.4 untargeted and 0.2 targeted
    pc: share of the pixels that crossover takes from the other set, those in the same slots
    pr0: probability that a channel of a new pixel is that of the image
    """
    share = (0.2 if space.targeted else 0.4) if pm is None else pm
    require(0 < share <= 1, f"sa-moo needs a pm above 0 and at most 1, not {share}")
    require(0 <= pc <= 1, f"sa-moo needs a pc from 0 to 1, not {pc}")
    require(0 <= pr0 < 1, f"sa-moo needs a pr0 from 0 and below 1, not {pr0}")
    grid = PixelGrid.of(space, "sa-moo")
    clean = grid.pixels(space.images).long()
    slots = range(MEMBERS)
    pixels = torch.stack([distinct(space, grid.area, space.slots) for _ in slots], 1)
    parents = children = Members(pixels, draw_signs(space, grid, space.slots, pr0))
    values = yield parents.candidates(grid, clean)
    while True:
        crossed = crossover(space, parents, max(1, int(space.slots * pc)))
        children = mutation(space, grid, crossed, (max(1, int(space.slots * share)), pr0))
        values = torch.cat([values, (yield children.candidates(grid, clean))], 1)
        best = ranking(space, values)[:, :MEMBERS]
        parents = parents.joined(children).at(best)
        values = values.gather(1, best.unsqueeze(2).expand(-1, -1, values.shape[2]))


class Members(NamedTuple):
    """Sets of pixels of B images, P each."""

    pixels: Tensor  # (B, P, k)
    signs: Tensor  # (B, P, k, C): -1 is black, 1 is white, 0 is the image's channel

    def candidates(self, grid: PixelGrid, clean: Tensor) -> Tensor:
        """The candidates ``(B, P, D)``, given the images ``clean (B, H * W, C)``."""
        images = torch.arange(len(clean), device=clean.device).view(-1, 1, 1)
        levels = (clean[images, self.pixels] + self.signs * WHITE).clamp(0, WHITE)
        return grid.candidates(self.pixels, grid.nearest(levels))

    def joined(self, others: Self) -> "Members":
        """These, and others after them."""
        return Members(*(torch.cat(pair, 1) for pair in zip(self, others, strict=True)))

    def at(self, places: Tensor) -> "Members":
        """The members at ``places (B, n)``."""
        images = torch.arange(len(places), device=places.device).unsqueeze(1)
        return Members(*(each[images, places] for each in self))


def draw_signs(space: Space, grid: PixelGrid, count: int, pr0: float) -> Tensor:
    """Random signs ``(B, P, count, C)``: 0 with probability ``pr0``, else -1 or 1."""
    draws = space.uniform(MEMBERS, count * grid.channels).view(space.batch, MEMBERS, count, grid.channels)
    return (draws >= pr0).long() * torch.where(draws < (1 + pr0) / 2, -1, 1)


def crossover(space: Space, parents: Members, most: int) -> Members:
    """Each member with at most so many slots of the other, whose pixels it does not have."""
    others = Members(*(each.flip(1) for each in parents))
    known = (others.pixels.unsqueeze(3) == parents.pixels.unsqueeze(2)).any(3)
    keys = space.uniform(MEMBERS, space.slots).masked_fill(known, torch.inf)
    ranks = keys.argsort(dim=2, stable=True).argsort(dim=2)
    taken = (ranks < most) & ~known
    return Members(
        torch.where(taken, others.pixels, parents.pixels),
        torch.where(taken.unsqueeze(3), others.signs, parents.signs),
    )


def mutation(space: Space, grid: PixelGrid, members: Members, settings: tuple[int, float]) -> Members:
    """Members with so many pixels replaced by others, of random signs; ``settings`` are how many, and pr0.

    Where few pixels are outside of the set, the signs of the others change only.
    """
    (count, pr0), rest = settings, grid.area - space.slots
    changed = torch.stack([distinct(space, space.slots, count) for _ in range(MEMBERS)], 1)
    picks = torch.stack([distinct(space, rest, min(count, rest)) for _ in range(MEMBERS)], 1)
    signs = draw_signs(space, grid, count, pr0)
    new = outside(picks, members.pixels)
    return Members(
        members.pixels.scatter(2, changed[..., : new.shape[2]], new),
        members.signs.scatter(2, changed.unsqueeze(3).expand_as(signs), signs),
    )


def ranking(space: Space, values: Tensor) -> Tensor:
    """The order ``(B, P)`` of members with ``values (B, P, M)``: by dominance, of equals the first."""
    fitness, second = values[..., 0], values[..., -1]
    fooled = fitness < (-torch.inf if space.success_below is None else space.success_below)
    order = torch.where(fooled, second, fitness).argsort(dim=1, stable=True)
    return order.gather(1, (~fooled).gather(1, order).byte().argsort(dim=1, stable=True))
