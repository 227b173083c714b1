"""LocSearchAdv (Narodytska and Kasiviswanathan, 2017): greedy local search, one probe a pixel.

"Simple black-box adversarial perturbations for deep networks"; the one-pixel paper compares with it. What of
it cannot be here: it perturbs up to 750 pixels, and a candidate has k. It probes with values far outside of
the valid range, whose size p it adjusts; an oracle is shown images only.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, uses
from sparseattack.errors import require

WHITE, MIDDLE = 255, 127.5
ROUNDS = 150  # R
FIRST = 0.1  # share of the pixels that is probed at first
EXCLUDED = 30  # rounds in which a perturbed pixel is not probed again
PERTURBED, TYPICAL = 5, 35  # pixels a round in the paper; pixels of an adversarial CIFAR-10 image there


@uses("image")
def local_search(space: Space, *, t: int | None = None, d: int = 5, r: float = 1.5) -> Search:
    """LocSearchAdv (Narodytska and Kasiviswanathan, 2017): perturb the pixels whose probes were lowest.

    A round probes pixels one by one on the image so far, at first a tenth of all, then those beside the
    pixels perturbed in the last round; the best t are perturbed, and the image is a candidate, too. A probe
    is the corner colour by the side of the middle that each channel is on: the paper's p times its sign, in
    the valid range. A perturbed channel is r times its distance from the middle, wrapped round; in an
    encoding that does not have this colour, the nearest that it has. The paper minimises the probability of
    the true class; here it is the fitness that is chosen. After k / t rounds, at most 150, the search starts
    anew.

    t: pixels perturbed in a round; none is the paper's 5 where k is 35, as on its CIFAR-10 images, and fewer
        in proportion, so that there are several rounds
    d: rows, and columns, that the neighbours of a pixel are away at most
    r: factor of a perturbed channel
    """
    require(t is None or t >= 1, f"local-search needs a t of at least 1, not {t}")
    require(d >= 1, f"local-search needs a d of at least 1, not {d}")
    require(0 <= r <= 2, f"local-search needs an r from 0 to 2, not {r}")  # noqa: PLR2004
    grid = PixelGrid.of(space, "local-search")
    size = min(space.slots, t or min(PERTURBED, max(1, space.slots * PERTURBED // TYPICAL)))
    while True:
        image = Perturbed.clean(space, grid)
        near = torch.ones(space.batch, grid.area, dtype=torch.bool, device=space.device)
        most = few = max(size, int(FIRST * grid.area))
        for number, start in enumerate(range(0, space.slots, size)[:ROUNDS]):
            probes, asked = draw_probes(space, near & (number > image.until), most, few)
            values = (yield image.probed(grid, probes, asked, space.slots))[..., 0]
            order = values.masked_fill(~asked, torch.inf).argsort(dim=1, stable=True)
            best = order[:, : min(size, space.slots - start)]
            best = torch.where(asked.gather(1, best), best, order[:, :1])  # where there are too few probes
            chosen = probes.gather(1, best)
            image = image.perturbed(grid, chosen, r, number)
            yield image.candidate(grid, space.slots)
            near, most = around(grid, chosen, d), grid.area
        for place in range(space.batch):
            space.journal.restarted(place)


class Perturbed(NamedTuple):
    """The image of each search after some rounds."""

    levels: Tensor  # (B, H * W, C) int64, of all pixels
    pixels: Tensor  # (B, n) that were perturbed, in order
    until: Tensor  # (B, H * W), the last round in which a pixel is not probed, from 0

    @classmethod
    def clean(cls, space: Space, grid: PixelGrid) -> "Perturbed":
        """The clean images."""
        levels = grid.pixels(space.images).long()
        return cls(levels, levels[:, :0, 0], torch.full_like(levels[..., 0], -1))

    def at(self, pixels: Tensor) -> Tensor:
        """The levels ``(B, n, C)`` of ``pixels (B, n)``."""
        return self.levels.gather(1, pixels.unsqueeze(2).expand(-1, -1, self.levels.shape[2]))

    def probed(self, grid: PixelGrid, probes: Tensor, asked: Tensor, slots: int) -> Tensor:
        """Candidates ``(B, P, D)``, each the image with one of the pixels ``probes (B, P)`` in a corner.

        Those that are not ``asked (B, P)`` are no queries.
        """
        corner = torch.where(self.at(probes) > MIDDLE, WHITE, 0).unsqueeze(2)
        count, size = slots - self.pixels.shape[1], probes.shape[1]
        before, levels = self.pixels.unsqueeze(1), self.at(self.pixels).unsqueeze(1)
        pixels = [before.expand(-1, size, -1), probes.unsqueeze(2).expand(-1, -1, count)]
        colours = [levels.expand(-1, size, -1, -1), corner.expand(-1, -1, count, -1)]
        candidates = grid.candidates(torch.cat(pixels, 2), torch.cat(colours, 2))
        return candidates.masked_fill(~asked.unsqueeze(2), torch.nan)

    def perturbed(self, grid: PixelGrid, chosen: Tensor, r: float, number: int) -> "Perturbed":
        """After round ``number``, with the pixels ``chosen (B, t)``."""
        colours = grid.nearest(cyclic(self.at(chosen), r)).long()
        where = chosen.unsqueeze(2).expand_as(colours)
        until = self.until.scatter(1, chosen, number + EXCLUDED)
        return Perturbed(self.levels.scatter(1, where, colours), torch.cat([self.pixels, chosen], 1), until)

    def candidate(self, grid: PixelGrid, slots: int) -> Tensor:
        """The one candidate ``(B, 1, D)`` of the image; the last pixel takes all slots that are free."""
        last = self.pixels[:, -1:].expand(-1, slots - self.pixels.shape[1])
        pixels = torch.cat([self.pixels, last], 1)
        return grid.candidates(pixels.unsqueeze(1), self.at(pixels).unsqueeze(1))


def draw_probes(space: Space, near: Tensor, most: int, few: int) -> tuple[Tensor, Tensor]:
    """At most so many of the pixels ``near (B, H * W)``, in random order: ``(B, P)``, and which are asked.

    Where none is near, ``few`` of all. There are ``few`` columns at least, unless the image has fewer pixels.
    """
    some = near.any(1)
    keys = space.uniform(1, near.shape[1])[:, 0]
    keys = keys.masked_fill(~near & some.unsqueeze(1), torch.inf)
    counts = keys.isfinite().sum(1)
    counts = torch.where(some, counts.clamp(max=most), counts.clamp(max=few))
    order = keys.argsort(dim=1, stable=True)[:, : max(few, int(counts.max()))]
    return order, torch.arange(order.shape[1], device=space.device) < counts.unsqueeze(1)


def cyclic(levels: Tensor, r: float) -> Tensor:
    """The paper's CYCLIC: ``r`` times the distance of 8-bit ``levels`` from the middle, wrapped round."""
    away = (levels.double() - MIDDLE) * r
    wrapped = torch.where(away < -MIDDLE, away + WHITE, torch.where(away > MIDDLE, away - WHITE, away))
    return (wrapped + MIDDLE).round().long()


def around(grid: PixelGrid, centres: Tensor, d: int) -> Tensor:
    """The pixels at most ``d`` rows and columns from one of the ``centres (B, t)``: ``(B, area)`` bool."""
    every = grid.places(torch.arange(grid.area, device=centres.device).expand(len(centres), -1)).unsqueeze(1)
    middles = grid.places(centres).unsqueeze(2)
    down = (every // grid.width - middles // grid.width).abs()
    across = (every % grid.width - middles % grid.width).abs()
    return ((down <= d) & (across <= d)).any(1)
