"""Proposals: sets of arms that may be shown next, and how promising each is."""

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

import torch
from torch import Tensor

from .arms import Cells
from .posterior import TRACKED, Posterior
from .sums import in_order

FAR = 1e30  # stands for a value that no set has
SPREAD, GAP = 5, 2  # pixels between those of a whole set, and between a new pixel and the others
MOST = 4.0  # optimism, at most
OTHERS = (0.4, 2.0, 3.6)  # optimisms of further whole sets
SURE = 0.1  # of the scale: deviation of what a set will do, beside that of the model
SWAPS = 16  # best swaps that are proposed, and one more for each query before, which may have shown it


class Estimates(NamedTuple):
    """What the posterior of n images says of A arms and J scores."""

    pixels: Cells
    clean: Tensor  # (n, J) the scores of the clean image, less the threshold of success
    mean: Tensor  # (n, J, A)
    variance: Tensor  # (n, A)
    scale: Tensor  # (n,)
    incumbent: Tensor  # (n, k) arms of the best set so far
    covariances: Tensor  # (n, k, A) of its arms with all
    every: bool  # whether all J scores are to fall below the threshold, not any

    @classmethod
    def of(cls, posterior: Posterior, pixels: Cells, clean: Tensor, every: bool, part: slice) -> "Estimates":
        """The estimates of a part of the images of a posterior."""
        names = "mean", "variance", "scale", "incumbent", "covariances"
        columns = {name: getattr(posterior, name)[part] for name in names}
        return cls(pixels.at(part), clean[part], **columns, every=every)

    def decisive(self, values: Tensor) -> Tensor:
        """Of J values, in dimension 1, the one that decides about success."""
        return values.amax(1) if self.every else values.amin(1)


class Criterion(NamedTuple):
    """By what the sets of n images are chosen: a lower confidence bound, or the probability of success."""

    optimism: Tensor  # (n,) standard deviations below the mean
    probability: Tensor  # (n,) bool, whether the probability is used instead

    def __call__(self, here: Estimates, mean: Tensor, variance: Tensor) -> Tensor:
        """How promising sets of ``mean (n, J, s)`` and ``variance (n, s)`` are, lower is better."""
        lowest, scale = here.decisive(mean), here.scale[:, None]  # the deviation is the same for all scores
        deviation = variance.clamp(min=0).sqrt() * scale
        lower = lowest - self.optimism[:, None] * deviation
        likely = lowest / (deviation.square() + (SURE * scale).square()).sqrt()
        return torch.where(self.probability[:, None], likely, lower)


def single_arms(here: Estimates, criterion: Criterion) -> Tensor:
    """How promising each arm is as a set of its own: ``(n, A)``."""
    return criterion(here, here.mean + here.clean[:, :, None], here.variance)


def bound(here: Estimates, optimism: Tensor | float) -> Tensor:
    """So many standard deviations ``(n, A)`` of each arm, less which its mean is a lower confidence bound."""
    return here.variance.clamp(min=0).sqrt() * (optimism * here.scale)[:, None]


def renewals(here: Estimates, margins: Tensor) -> list[Tensor]:
    """The incumbent with its 1, 4, 16, ... arms of the worst means replaced: ``(n, 1, k)`` each."""
    slots = here.incumbent.shape[1]
    means = here.decisive(here.mean).gather(1, here.incumbent)
    order = here.incumbent.gather(1, means.sort(dim=1, stable=True).indices)
    sizes = [4**power for power in range(slots.bit_length()) if 4**power < slots]
    return [spaced(here, [margins], order[:, : slots - size], slots) for size in sizes]


def spaced(here: Estimates, margins: Sequence[Tensor], kept: Tensor, slots: int) -> Tensor:
    """For each of s ``margins (n, A)`` the arms ``kept (n, j)`` and others of the lowest means less these.

    The others are far from all before. Sets ``(n, s, k)``.
    """
    pixels, within, count = here.pixels, distance(here.pixels, slots), slots - kept.shape[1]
    near = pixels.near(kept, within).flatten(1) if kept.shape[1] else kept
    values = torch.stack([decisive_values(here, each, near, count) for each in margins], 1)
    free = values.amin(2).scatter(2, near[:, None].expand(-1, len(margins), -1), FAR)
    chosen = [kept[:, None].expand(-1, len(margins), -1)]
    for number in range(count):
        pixel = first_lowest(free, pixels.lattice)
        chosen.append(best_shade(values, pixel) * values.shape[3] + pixel)
        if number < count - 1:
            free.scatter_(2, pixels.near(pixel, within).flatten(2), FAR)
    return torch.cat(chosen, 2)


def decisive_values(here: Estimates, margins: Tensor, near: Tensor, count: int) -> Tensor:
    """Means of the arms less ``margins (n, A)``, by colour ``(n, c, N)``, of the score that decides.

    It is the one that is nearest to success by the ``count`` best arms outside the cells ``near (n, q)``, or
    furthest if all have to succeed.
    """
    margins = margins.masked_fill(~here.pixels.usable, -FAR)
    values = by_shade(here.mean - margins[:, None], here.pixels)
    free = values.amin(2).scatter_(2, near[:, None].expand(-1, values.shape[1], -1), FAR)
    sums = here.clean + lowest(free, count)[0].sum(2)
    decides = sums.argmax(1) if here.every else sums.argmin(1)
    return values[torch.arange(len(values), device=values.device), decides]


def by_shade(values: Tensor, pixels: Cells) -> Tensor:
    """Values ``(..., A)`` of arms as ``(..., c, N)``."""
    return values.view(*values.shape[:-1], pixels.shades, -1)


def best_shade(values: Tensor, pixel: Tensor) -> Tensor:
    """The colour of the lowest of ``values (n, s, c, N)`` at each ``pixel (n, s, p)``: ``(n, s, p)``."""
    return values.gather(3, pixel[:, :, None].expand(-1, -1, values.shape[2], -1)).argmin(2)


def first_lowest(values: Tensor, lattice: tuple[int, int]) -> Tensor:
    """The first cell ``(n, s, 1)`` of the lowest of ``values (n, s, N)``, by its row, which is fast."""
    rows = values.view(*values.shape[:2], *lattice)
    row = rows.amin(3).argmin(2, keepdim=True)
    inside = rows.gather(2, row[..., None].expand(-1, -1, -1, lattice[1]))[:, :, 0]
    return row * lattice[1] + inside.argmin(2, keepdim=True)


def lowest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` lowest of ``values (n, s, N)`` in their order, and their places.

    They are in the blocks of the lowest minima, where they are found many times as fast as among all.
    """
    total = values.shape[2]
    size = max(each for each in range(1, isqrt(total // count) + 1) if not total % each)
    blocks = values.view(*values.shape[:2], size, -1)
    some = blocks.amin(2).topk(count, 2, largest=False).indices[:, :, None].expand(-1, -1, size, -1)
    found, order = blocks.gather(3, some).flatten(2).topk(count, 2, largest=False)
    first = torch.arange(size, device=values.device)[:, None] * blocks.shape[3]
    return found, (some + first).flatten(2).gather(2, order)


def distance(pixels: Cells, slots: int) -> int:
    """How far apart the pixels of a whole set are: less where there is no room for all."""
    within = SPREAD // pixels.cell
    while within and (slots - 1) * (2 * within + 1) ** 2 >= pixels.room:
        within -= 1
    return within * pixels.cell


def swaps(here: Estimates, criterion: Criterion, most: int) -> tuple[Tensor, Tensor]:
    """The best sets with one arm of the incumbent replaced, ``(n, s, k)``, and how promising each is."""
    pixels, sets, slots = here.pixels, here.incumbent, here.incumbent.shape[1]
    near, found, free = pixels.near(sets, GAP), [], []
    for slot in range(slots):
        rest = [place for place in range(slots) if place != slot]
        mean, variance, across = _without(here, rest)
        each = criterion(here, mean[:, :, None] + here.mean, variance[:, None] + 2 * across + here.variance)
        found.append(by_shade(each.masked_fill_(~pixels.usable, FAR), pixels))
        free.append(found[-1].amin(1).scatter_(1, near[:, rest].flatten(1), FAR))
    count = pixels.rows.shape[1]
    best, places = lowest(torch.cat(free, 1)[:, None], min(most, slots * count))
    swapped = sets[:, None].repeat(1, best.shape[2], 1)
    shade = best_shade(torch.stack(found, 2).flatten(2)[:, None], places)
    new, places = (shade * count + places % count)[:, 0, :, None], places[:, 0, :, None]
    return swapped.scatter(2, places // count, new), best[:, 0]


def _without(here: Estimates, rest: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean ``(n, J)`` and variance ``(n,)`` of the slots ``rest``, and covariances ``(n, A)`` with all."""
    arms = [here.incumbent[:, slot, None] for slot in rest]
    across = in_order(here.covariances[:, slot] for slot in rest)
    variance = in_order(across.gather(1, each)[:, 0] for each in arms)
    return in_order([here.clean, *(_means(here, each)[..., 0] for each in arms)]), variance, across


def _means(here: Estimates, arms: Tensor) -> Tensor:
    """Means ``(n, J, s)`` of the effects of ``arms (n, s)``."""
    return here.mean.gather(2, arms[:, None].expand(-1, here.mean.shape[1], -1))


def promising_sets(
    here: Estimates, criterion: Criterion, posterior: Posterior, drawn: Tensor | None, slots: int
) -> tuple[Tensor, Tensor]:
    """Sets of arms, each in order ``(n, s, k)``, and how promising each is ``(n, s)``, lower is better.

    The first is the whole set of the criterion's own optimism, or of the draws ``drawn (n, A)`` of many arms:
    bounds would have all of them where nothing is known.
    """
    margins = bound(here, criterion.optimism)
    if drawn is not None:
        margins = -drawn * (criterion.optimism / MOST * here.scale)[:, None]
    none, following = here.incumbent[:, :0], here.incumbent.shape[1] > 0
    wholes = [margins, *(bound(here, each) for each in OTHERS)]
    several = [spaced(here, wholes, none, slots)]
    several += renewals(here, margins) if following and slots > TRACKED else []
    sets = torch.cat(several, 1)
    mean = in_order([here.clean[:, :, None], *(_means(here, each) for each in sets.unbind(2))])
    values = criterion(here, mean, posterior.variances(sets))
    if following and slots <= TRACKED:
        swapped, found = swaps(here, criterion, SWAPS + posterior.count)
        sets, values = torch.cat([sets, swapped], 1), torch.cat([values, found], 1)
    return sets.sort(2).values, values
