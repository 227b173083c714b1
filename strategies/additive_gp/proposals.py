"""Proposals: sets of arms that may be shown next, and how promising each is."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .arms import Cells
from .posterior import TRACKED, Posterior

FAR = 1e9  # stands for a value that no set has
SPREAD, GAP = 5, 2  # pixels between those of a whole set, and between a new pixel and the others
MOST = 4.0  # optimism, at most
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
    """The incumbent with 1, 4, 16, ... of its arms, those of the worst means, replaced: ``(n, k)`` each."""
    slots = here.incumbent.shape[1]
    means = here.decisive(here.mean).gather(1, here.incumbent)
    order = here.incumbent.gather(1, means.sort(dim=1, stable=True).indices)
    sizes = [4**power for power in range(slots.bit_length()) if 4**power < slots]
    return [spaced(here, margins, order[:, : slots - size], slots) for size in sizes]


def spaced(here: Estimates, margins: Tensor, kept: Tensor, slots: int) -> Tensor:
    """The arms ``kept (n, j)`` and others far from all before, of the lowest means less ``margins (n, A)``.

    The means are those of the score that is nearest to success by them, or furthest if all have to succeed.
    """
    pixels, within = here.pixels, distance(here.pixels, slots)
    margins = margins.masked_fill(~pixels.usable, -FAR)
    lowest, arm = best_shade(here.mean - margins[:, None], pixels)  # (n, J, N)
    if kept.shape[1]:
        lowest = lowest.masked_fill(pixels.near(kept, within).any(1)[:, None], FAR)
    sums = here.clean + lowest.topk(slots - kept.shape[1], 2, largest=False).values.sum(2)
    decides = (sums.argmax(1) if here.every else sums.argmin(1)).view(-1, 1, 1)
    decides = decides.expand(-1, 1, lowest.shape[2])
    lowest, arm, chosen = lowest.gather(1, decides)[:, 0], arm.gather(1, decides)[:, 0], [kept]
    for _ in range(slots - kept.shape[1]):
        pixel = lowest.argmin(1, keepdim=True)
        chosen.append(arm.gather(1, pixel))
        lowest = lowest.masked_fill(pixels.near(chosen[-1], within)[:, 0], FAR)
    return torch.cat(chosen, 1)


def best_shade(values: Tensor, pixels: Cells) -> tuple[Tensor, Tensor]:
    """The lowest of ``values (..., A)`` at each pixel, and its arm: ``(..., N)`` each."""
    lowest, *others = values.view(*values.shape[:-1], -1, pixels.shades).unbind(-1)
    arm = torch.arange(lowest.shape[-1], device=values.device).mul(pixels.shades).expand_as(lowest)
    for shade, each in enumerate(others, 1):  # many times as fast as min() over a few numbers
        lower = each < lowest
        lowest, arm = (
            torch.where(lower, each, lowest),
            torch.where(lower, arm - arm % pixels.shades + shade, arm),
        )
    return lowest, arm


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
    here: Estimates, criterion: Criterion, posteriors: Sequence[Posterior], drawn: Tensor | None, slots: int
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
    several = [spaced(here, each, none, slots) for each in wholes]
    several += renewals(here, margins) if following and slots > TRACKED else []
    sets, mean = torch.stack(several, 1), here.clean[:, :, None]
    for one in sets.unbind(2):  # one after another: the same bits however many images there are
        mean = mean + here.mean.gather(2, one[:, None].expand(-1, here.mean.shape[1], -1))
    variance = torch.stack([each.variances(some) for each, some in zip(posteriors, sets, strict=True)])
    values = criterion(here, mean, variance)
    if following and slots <= TRACKED:
        swapped, found = swaps(here, criterion)
        sets, values = torch.cat([sets, swapped], 1), torch.cat([values, found], 1)
    return sets.sort(2).values, values
