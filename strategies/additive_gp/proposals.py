"""Proposals: sets of arms that may be shown next, and how promising each is."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .arms import Cells
from .posterior import TRACKED, Posterior

FAR = 1e9  # stands for a value that no set has
SPREAD, GAP = 5, 2  # pixels between those of a whole set, and between a new pixel and the others
OTHERS = (0.4, 2.0, 3.6)  # optimisms of further whole sets
SURE = 0.1  # of the scale: deviation of what a set will do, beside that of the model
SWAPS = 16  # best swaps that are proposed


class Estimates(NamedTuple):
    """What the posteriors of n images say, side by side, of A arms and J scores."""

    pixels: Cells
    clean: Tensor  # (n, J) the scores of the clean image, less the threshold of success
    mean: Tensor  # (n, J, A)
    variance: Tensor  # (n, A)
    scale: Tensor  # (n,)
    incumbent: Tensor  # (n, k) arms of the best set so far
    covariances: Tensor  # (n, k, A) of its arms with all
    every: bool  # whether all J scores are to fall below the threshold, not any

    @classmethod
    def of(cls, posteriors: Sequence[Posterior], pixels: Cells, clean: Tensor, every: bool) -> "Estimates":
        """The estimates of several images."""
        return cls(
            pixels,
            clean,
            mean=torch.stack([each.mean for each in posteriors]),
            variance=torch.stack([each.variance for each in posteriors]),
            scale=torch.stack([each.scale for each in posteriors]),
            incumbent=torch.stack([each.incumbent for each in posteriors]),
            covariances=torch.stack([each.covariances for each in posteriors]),
            every=every,
        )

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
        bound = lowest - self.optimism[:, None] * deviation
        likely = lowest / (deviation.square() + (SURE * scale).square()).sqrt()
        return torch.where(self.probability[:, None], likely, bound)


def single_arms(here: Estimates, criterion: Criterion) -> Tensor:
    """How promising each arm is as a set of its own: ``(n, A)``."""
    return criterion(here, here.mean + here.clean[:, :, None], here.variance)


def whole_sets(here: Estimates, criterion: Criterion, slots: int) -> Tensor:
    """Sets of arms far from each other, for four optimisms: ``(n, 4, k)``; first the criterion's."""
    optimisms = [criterion.optimism, *(torch.full_like(criterion.optimism, each) for each in OTHERS)]
    none = here.incumbent[:, :0]
    return torch.stack([spaced(here, each, none, slots) for each in optimisms], 1)


def renewals(here: Estimates, criterion: Criterion) -> Tensor:
    """The incumbent with 1, 4, 16, ... of its arms, those of the worst means, replaced: ``(n, s, k)``."""
    slots = here.incumbent.shape[1]
    means = here.decisive(here.mean).gather(1, here.incumbent)
    order = here.incumbent.gather(1, means.sort(dim=1, stable=True).indices)
    sizes = [4**power for power in range(slots.bit_length()) if 4**power < slots]
    return torch.stack(
        [spaced(here, criterion.optimism, order[:, : slots - size], slots) for size in sizes], 1
    )


def spaced(here: Estimates, optimism: Tensor, kept: Tensor, slots: int) -> Tensor:
    """The arms ``kept (n, j)`` and others of the lowest bounds, far from all before: ``(n, slots)``.

    The bounds are those of the score that is nearest to success by them, or furthest if all have to succeed.
    """
    pixels, within = here.pixels, distance(here.pixels, slots)
    deviation = here.variance.clamp(min=0).sqrt() * (optimism * here.scale)[:, None]
    deviation = deviation.masked_fill(~pixels.usable, -FAR)
    lowest, arm = best_shade(here.mean - deviation[:, None], pixels)  # (n, J, N)
    if kept.shape[1]:
        lowest = lowest.masked_fill(pixels.near(kept, within).any(1)[:, None], FAR)
    total, chosen = here.clean, [kept[:, None].expand(-1, lowest.shape[1], -1)]
    if slots > TRACKED:  # too many to be chosen for every score
        sums = total + lowest.topk(slots - kept.shape[1], 2, largest=False).values.sum(2)
        total, lowest, arm = (_take(each, _first(sums, here.every)) for each in (total, lowest, arm))
        chosen = [kept[:, None]]
    for _ in range(slots - kept.shape[1]):
        value, pixel = lowest.min(2, keepdim=True)
        total = total + value[..., 0]
        chosen.append(arm.gather(2, pixel))
        lowest = lowest.masked_fill(pixels.near(chosen[-1][..., 0], within), FAR)
    return _take(torch.cat(chosen, 2), _first(total, here.every))[:, 0]


def _first(totals: Tensor, every: bool) -> Tensor:
    """Of ``totals (n, J)`` which is nearest to success, or furthest if all have to succeed: ``(n,)``."""
    return totals.argmax(1) if every else totals.argmin(1)


def _take(values: Tensor, places: Tensor) -> Tensor:
    """Of ``values (n, J, ...)`` those at ``places (n,)``: ``(n, 1, ...)``."""
    shape = len(values), 1, *values.shape[2:]
    return values.gather(1, places.view(-1, *[1] * (values.ndim - 1)).expand(shape))


def best_shade(values: Tensor, pixels: Cells) -> tuple[Tensor, Tensor]:
    """The lowest of ``values (..., A)`` at each pixel, and its arm: ``(..., N)`` each."""
    lowest, shade = values.view(*values.shape[:-1], -1, pixels.shades).min(-1)
    return lowest, torch.arange(lowest.shape[-1], device=values.device) * pixels.shades + shade


def distance(pixels: Cells, slots: int) -> int:
    """How far apart the pixels of a whole set are: less where there is no room for all."""
    cells, within = pixels.lattice[0] * pixels.lattice[1], SPREAD // pixels.cell
    while within and (slots - 1) * (2 * within + 1) ** 2 >= cells:
        within -= 1
    return within * pixels.cell


def swaps(here: Estimates, criterion: Criterion) -> tuple[Tensor, Tensor]:
    """The best sets with one arm of the incumbent replaced, ``(n, s, k)``, and how promising each is."""
    pixels, sets, slots = here.pixels, here.incumbent, here.incumbent.shape[1]
    close = pixels.near(sets, GAP)  # (n, k, N)
    values, news = [], []
    for slot in range(slots):
        rest = [place for place in range(slots) if place != slot]
        mean, variance, across = _without(here, rest)
        found = criterion(here, mean[:, :, None] + here.mean, variance[:, None] + 2 * across + here.variance)
        closed = close[:, rest].any(1).repeat_interleave(pixels.shades, 1) | ~pixels.usable
        lowest, arm = best_shade(found.masked_fill(closed, FAR), pixels)
        values.append(lowest)
        news.append(arm)
    count = pixels.rows.shape[1]
    best, places = torch.cat(values, 1).topk(min(SWAPS, count), 1, largest=False)
    swapped = sets[:, None].repeat(1, best.shape[1], 1)
    new = torch.cat(news, 1).gather(1, places)[..., None]
    return swapped.scatter(2, (places // count)[..., None], new), best


def _without(here: Estimates, rest: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean ``(n, J)`` and variance ``(n,)`` of the slots ``rest``, and covariances ``(n, A)`` with all."""
    sets = here.incumbent
    mean, variance, across = here.clean, torch.zeros_like(here.scale), torch.zeros_like(here.variance)
    for one in rest:  # one after another: the same bits however many images there are
        mean = mean + here.mean.gather(2, sets[:, None, one : one + 1].expand(-1, mean.shape[1], -1))[..., 0]
        across = across + here.covariances[:, one]
    for other in rest:
        variance = variance + across.gather(1, sets[:, other : other + 1])[:, 0]
    return mean, variance, across


def promising_sets(
    here: Estimates, criterion: Criterion, posteriors: Sequence[Posterior], slots: int
) -> tuple[Tensor, Tensor]:
    """Sets of arms, each in order ``(n, s, k)``, and how promising each is ``(n, s)``, lower is better.

    The first is the whole set of the criterion's own optimism.
    """
    sets, following = whole_sets(here, criterion, slots), here.incumbent.shape[1] > 0
    if following and slots > TRACKED:
        sets = torch.cat([sets, renewals(here, criterion)], 1)
    mean = here.clean[:, :, None]
    for one in sets.unbind(2):  # one after another: the same bits however many images there are
        mean = mean + here.mean.gather(2, one[:, None].expand(-1, here.mean.shape[1], -1))
    variance = torch.stack([each.variances(some) for each, some in zip(posteriors, sets, strict=True)])
    values = criterion(here, mean, variance)
    if following and slots <= TRACKED:
        swapped, found = swaps(here, criterion)
        sets, values = torch.cat([sets, swapped], 1), torch.cat([values, found], 1)
    return sets.sort(2).values, values
