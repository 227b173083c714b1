"""Few-pixel search by an additive Gaussian process: what one pixel does is learnt from sets of several."""

from collections.abc import Iterable, Iterator
from math import inf

import numpy as np
import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, uses
from sparseattack.errors import require

from .answers import Answers, Modelled
from .arms import Arms, Cells, Colours, arms_of
from .kernel import GRID, Kernel
from .posterior import TRACKED, Posterior
from .proposals import FAR, MOST, Criterion, Estimates, promising_sets, single_arms

LEVELS = 256  # of a channel, which colours of an image need
SHADES = 4  # colours of a pixel, those furthest from it; all of them where a set is one pixel
PROBABLE = 0.5  # share of the queries chosen by the probability of success
FIRST, FIRST_OF_MANY = 10, 3  # queries that are whole sets, of few pixels and of many
TOGETHER = 32  # images whose proposals are made at once, which bounds the memory
TRIES = 1000  # random sets that were all shown before, after which an image is finished


@uses("image", "scores")
def additive_gp(
    space: Space, *, colours: Colours = "corners", scores: Modelled = "auto", window: int = 250
) -> Search:
    """Additive Gaussian process: learns what each pixel does from queries of several; this package's own.

    A query of k pixels shows the sum of their effects. The next is the most promising of whole sets and of
    the best set so far with pixels replaced, by lower confidence bound or probability of success.

    colours: corners (each channel 0 or 255), or palette, eight colours of the image itself
    scores: what is modelled: fitness, its value alone; all, the lead over each class; auto, all if untargeted
    window: queries modelled in full, a bound of time and memory; of earlier ones means and variances stay
    """
    require(window >= 1, f"additive-gp needs a window of at least 1, not {window}")
    grid, answers = PixelGrid.of(space, "additive-gp"), Answers.of(space, scores)
    require(
        colours == "corners" or min(grid.shades) == LEVELS,
        "additive-gp's colours=palette needs an encoding of all 8-bit colours, such as rgb",
    )
    arms = arms_of(space.images, colours, SHADES if space.slots > 1 else None, space.slots)
    kernel = Kernel.of(arms.pixels.lattice, arms.pixels.cell, space.device)
    searches = {
        place: ImageState(Posterior(weights, kernel, GRID, answers.clean.shape[1], window), stream)
        for place, (weights, stream) in enumerate(zip(arms.weights, space.streams, strict=True))
    }
    while True:
        draws, live = space.uniform(1, 2)[:, 0], list(searches)
        for part in (live[first : first + TOGETHER] for first in range(0, len(live), TOGETHER)):
            some = [searches[place] for place in part]
            clean = answers.clean[part] - thresholds(space, some)[:, None]
            here = Estimates.of([each.posterior for each in some], arms.pixels.at(part), clean, answers.every)
            choose(some, here, Criterion(MOST * draws[part, 0], draws[part, 1] < PROBABLE), space.slots)
        values = yield candidates(space, grid, arms, searches)
        changes, arrived = answers.read(space, values) - answers.clean, values[:, 0, 0].isfinite().tolist()
        searches = {place: each for place, each in searches.items() if arrived[place]}
        for place, each in searches.items():
            if space.slots == 1:
                arms.pixels.usable[place, each.chosen] = False  # shown
            each.learn(changes[place], float(values[place, 0, 0]))


class ImageState:
    """The search of one image: its posterior, the best set so far, and what was shown already."""

    def __init__(self, posterior: Posterior, stream: np.random.Generator) -> None:
        self.posterior, self.stream, self.best = posterior, stream, inf
        self.shown: set[tuple[int, ...]] = set()
        self.chosen = posterior.incumbent  # (k,) arms to be shown next; none when the image is finished

    def learn(self, change: Tensor, value: float) -> None:
        """Learn that the chosen set changed the answers by ``change (J,)`` and has the fitness ``value``."""
        self.posterior.observe(self.chosen, change)
        if value < self.best:
            self.best = value
            self.posterior.follow(self.chosen)

    def draw(self) -> Tensor:
        """A draw of the effects ``(A,)`` of all arms, less their means."""
        return self.posterior.draw(self.stream)

    def first_new(self, sets: Iterable[list[int]]) -> list[int]:
        """The first of ``sets`` that was not shown before; none is empty. It is noted as shown."""
        for arms in map(tuple, sets):
            if arms not in self.shown:
                self.shown.add(arms)
                return list(arms)
        return []

    def random_sets(self, pixels: Cells, place: int, slots: int) -> Iterator[list[int]]:
        """Random sets of usable arms of the image ``place`` of ``pixels``."""
        count, shades = pixels.rows.shape[1], pixels.shades
        for _ in range(TRIES):
            arms = self.stream.choice(count, slots, replace=False)
            arms += self.stream.integers(shades, size=slots) * count
            if pixels.usable[place, torch.from_numpy(arms)].all():
                yield sorted(arms.tolist())


def thresholds(space: Space, searches: list[ImageState]) -> Tensor:
    """The value ``(n,)`` below which a set is a success, or better than the best where that is not known."""
    known = space.success_below
    values = [known if known is not None else each.best for each in searches]
    return torch.tensor(values, device=space.device).nan_to_num(posinf=0.0)


def choose(searches: list[ImageState], here: Estimates, criterion: Criterion, slots: int) -> None:
    """Set the ``chosen`` of every search: the most promising set that was not shown before."""
    if slots == 1:
        lowest, arms = single_arms(here, criterion).masked_fill(~here.pixels.usable, FAR).min(1)
        for each, value, arm in zip(searches, lowest.tolist(), arms, strict=True):
            each.chosen = arm[None][: value < FAR]
        return
    drawn = torch.stack([each.draw() for each in searches]) if slots > TRACKED else None
    sets, values = promising_sets(here, criterion, [each.posterior for each in searches], drawn, slots)
    ordered = values.sort(dim=1, stable=True)
    for place, each in enumerate(searches):
        ranked = sets[place, ordered.indices[place, : int((ordered.values[place] < FAR / 2).sum())]].tolist()
        if each.posterior.count < (FIRST if drawn is None else FIRST_OF_MANY):
            ranked = [sets[place, 0].tolist(), *ranked]
        found = each.first_new(ranked) or each.first_new(each.random_sets(here.pixels, place, slots))
        each.chosen = sets.new_tensor(found)


def candidates(space: Space, grid: PixelGrid, arms: Arms, searches: dict[int, ImageState]) -> Tensor:
    """Candidates ``(B, 1, D)`` of the chosen sets; NaN for an image that is finished."""
    some = [place for place, each in searches.items() if len(each.chosen)]
    asked = torch.full((space.batch, 1, space.dims), torch.nan, device=space.device)
    if some:
        chosen, pixels = torch.stack([searches[place].chosen for place in some]), arms.pixels.at(some)
        cells = chosen % pixels.rows.shape[1]
        positions = pixels.rows.gather(1, cells) * grid.width + pixels.columns.gather(1, cells)
        colours = torch.stack([arms.colours[place, searches[place].chosen] for place in some])
        asked[some] = grid.candidates(positions[:, None], colours[:, None])
    return asked
