"""Few-pixel search by an additive Gaussian process: what one pixel does is learnt from sets of several."""

from collections.abc import Iterable, Iterator
from itertools import chain, compress
from math import comb, inf

import torch
from torch import Tensor

from sparseattack import PixelGrid, Search, Space, uses
from sparseattack.errors import require

from .answers import Answers, Modelled
from .arms import Colours, arms_of
from .kernel import BLOCK, GRID, Kernel
from .posterior import LEARNT, TOGETHER, TRACKED, Posterior
from .proposals import FAR, MOST, Criterion, Estimates, lowest, promising_sets, single_arms

LEVELS = 256  # of a channel, which colours of an image need
SHADES = 4  # colours of a pixel, those furthest from it; all of them where there are few sets
FEW = 20_000  # sets in SHADES colours, below which a search may come to show all
PROBABLE = 0.5  # share of the queries chosen by the probability of success
FIRST, FIRST_OF_MANY = 10, 3  # queries that are whole sets, of few pixels and of many
DOWNHILL = 0.25  # of its standard deviation: by how much a change is expected to lower the margin
COPIED = 1.3  # memory for an image with what is copied when others drop out, relative to what is stored
TRIES = 1000  # random sets that were all shown before, after which an image is finished


@uses("image", "scores")
def additive_gp(
    space: Space,
    *,
    colours: Colours = "corners",
    scores: Modelled = "auto",
    window: int = 250,
    memory: int = 256,
) -> Search:
    """Additive Gaussian process: learns what each pixel does from queries of several; this package's own.

    A query of k pixels shows the sum of their effects. The next is the most promising of whole sets and of
    the best set so far with pixels replaced, by lower confidence bound or probability of success. No set is
    shown twice: an image is finished when no other is found, which is early where few pixels may change.

    colours: corners (each channel 0 or 255), or palette, eight colours of the image itself
    scores: what is modelled: fitness, its value alone; all, the lead over each class; auto, all if untargeted
    window: queries modelled in full, a bound of time and memory; of earlier ones means and variances stay
    memory: MB for all images that are searched at once; there are fewer of them where it is less
    """
    require(window >= 1, f"additive-gp needs a window of at least 1, not {window}")
    require(memory >= 1, f"additive-gp needs a memory of at least 1 MB, not {memory}")
    grid, answers = PixelGrid.of(space, "additive-gp"), Answers.of(space, scores)
    require(
        colours == "corners" or min(grid.shades) == LEVELS,
        "additive-gp's colours=palette needs an encoding of all 8-bit colours, such as rgb",
    )
    searches = Searches(space, grid, answers, colours, window)
    space.journal.limited(searches.within(memory * 10**6))
    while True:
        searches.choose(space.uniform(1, 2)[:, 0])
        values = yield searches.candidates(space, grid)
        changes, values = answers.read(space, values) - answers.clean, values[:, 0, 0]
        searches.keep(values.isfinite())
        searches.learn(changes, values)


class Searches:
    """The searches of the B images that are not finished: the posterior, best sets, and what was shown."""

    def __init__(
        self, space: Space, grid: PixelGrid, answers: Answers, colours: Colours, window: int
    ) -> None:
        few = space.slots == 1 or comb(grid.area, space.slots) * SHADES**space.slots < FEW
        shades = None if few else SHADES
        arms = arms_of(space.images, colours, shades, space.slots, space.allowed)
        kernel = Kernel.of(arms.pixels.lattice, arms.pixels.cell, space.device)
        downhill = 0.0 if space.targeted or space.success_below is None else DOWNHILL
        self.posterior = Posterior(
            arms.weights, kernel, GRID, answers.clean.shape[1], window, downhill=downhill
        )
        self.answers, self.threshold, self.slots = answers, space.success_below, space.slots
        self.pixels, self.colours = arms.pixels, arms.colours
        self.places = list(range(space.batch))  # of the images in the space
        self.streams, self.shown = list(space.streams), [set[int]() for _ in self.places]  # hashes
        self.best = torch.full((space.batch,), inf, device=space.device)  # lowest values so far
        self.chosen = self.posterior.incumbent  # (B, k) arms to be shown next; -1 where there are none

    def within(self, memory: int) -> int:
        """How many images can be searched at once in so many bytes, with a full window."""
        posterior, (count, scores, arms) = self.posterior, self.posterior.mean.shape
        tracked = self.slots if self.slots <= TRACKED else 0
        window, fields = -(-posterior.window // BLOCK) * BLOCK, posterior.weights.shape[1]
        held = 4 * arms * (1 + fields + 2 * scores + tracked)
        held += 4 * window**2 + window * (8 * self.slots + 4 * scores)
        held += sum(each.nbytes for each in (*self.pixels[3:7], self.colours)) // count
        made = 4 * TOGETHER * arms * (3 * scores + 10 + self.slots)  # for proposals
        learnt = 4 * min(window, max(LEARNT)) * ((3 + 2 * fields) * arms // self.pixels.shades + 3 * arms)
        return int((memory - max(made, learnt)) / (COPIED * held))

    def keep(self, asked: Tensor) -> None:
        """Keep the images whose candidate was evaluated, of all ``asked``."""
        here = asked[self.places].tolist()
        if all(here):
            return
        rows = list(compress(range(len(here)), here))
        self.posterior.keep(rows)
        self.pixels, self.colours = self.pixels.at(rows), self.colours[rows]
        self.best, self.chosen = self.best[rows], self.chosen[rows]
        self.places = list(compress(self.places, here))
        self.streams, self.shown = list(compress(self.streams, here)), list(compress(self.shown, here))

    def learn(self, changes: Tensor, values: Tensor) -> None:
        """Learn from changes ``(..., J)`` of the answers by the chosen sets, and their ``values (...)``."""
        values = values[self.places]
        if self.slots == 1:
            self.pixels.usable.scatter_(1, self.chosen, False)  # shown
        self.posterior.observe(self.chosen, changes[self.places])
        better = values < self.best
        self.best = torch.where(better, values, self.best)
        self.posterior.follow(better.nonzero()[:, 0].tolist(), self.chosen)

    def choose(self, draws: Tensor) -> None:
        """Choose the most promising set of each image that was not shown before, by ``draws (..., 2)``."""
        draws, known = draws[self.places], self.best.nan_to_num(posinf=0.0)
        if self.threshold is not None:
            known = torch.full_like(known, self.threshold)
        clean, chosen = self.answers.clean[self.places] - known[:, None], list[list[int]]()
        for first in range(0, len(self.places), TOGETHER):
            part = slice(first, first + TOGETHER)
            here = Estimates.of(self.posterior, self.pixels, clean, self.answers.every, part)
            criterion = Criterion(MOST * draws[part, 0], draws[part, 1] < PROBABLE)
            ranked = enumerate(self._ranked(here, criterion, part), first)
            chosen += [self._first_new(row, sets) for row, sets in ranked]
        self.chosen = self.chosen.new_tensor(chosen)

    def _ranked(self, here: Estimates, criterion: Criterion, part: slice) -> Iterator[list[list[int]]]:
        """Sets of arms for each of a part of the images, the most promising first."""
        if self.slots == 1:
            singles = single_arms(here, criterion).masked_fill_(~here.pixels.usable, FAR)
            values, sets = (each.transpose(1, 2) for each in lowest(singles[:, None], 1))
            values, first = values[..., 0], 0
        else:
            few, known = self.slots <= TRACKED, self.posterior.known(part)
            drawn = None if few else known.draw(self.streams[part])
            sets, values = promising_sets(here, criterion, known, drawn, self.slots)
            first = FIRST if few else FIRST_OF_MANY
        values, order = values.sort(dim=1, stable=True)
        counts = (values < FAR / 2).sum(1).tolist()
        ranked, early = sets.gather(1, order[..., None].expand_as(sets)), self.posterior.count < first
        for wholes, some, count in zip(sets[:, : int(early)].tolist(), ranked, counts, strict=True):
            yield wholes + some[:count].tolist()  # image by image: late there are many

    def _first_new(self, row: int, sets: Iterable[list[int]]) -> list[int]:
        """The first of the ``sets`` of an image that was not shown before, or a random one; -1 if none is."""
        if self.slots == 1:
            return next(iter(sets), [-1])
        shown = self.shown[row]
        for arms in map(tuple, chain(sets, self._random_sets(row))):
            if (key := hash(arms)) not in shown:
                shown.add(key)
                return list(arms)
        return [-1] * self.slots

    def _random_sets(self, row: int) -> Iterator[list[int]]:
        """Random sets of usable arms of an image."""
        count, stream = self.pixels.rows.shape[1], self.streams[row]
        cells = self.pixels.allowed[row].nonzero()[:, 0].cpu().numpy()
        for _ in range(TRIES):
            arms = cells[stream.choice(len(cells), self.slots, replace=False)]
            arms += stream.integers(self.pixels.shades, size=self.slots) * count
            if self.pixels.usable[row, torch.from_numpy(arms)].all():
                yield sorted(arms.tolist())

    def candidates(self, space: Space, grid: PixelGrid) -> Tensor:
        """Candidates ``(..., 1, D)`` of the chosen sets; NaN for an image that is finished."""
        asked = torch.full((space.batch, 1, space.dims), torch.nan, device=space.device)
        chosen = self.chosen.clamp(min=0)
        cells = chosen % self.pixels.rows.shape[1]
        places = self.pixels.rows.gather(1, cells) * grid.width + self.pixels.columns.gather(1, cells)
        colours = self.colours.gather(1, chosen[..., None].expand(-1, -1, grid.channels))
        some = grid.at(self.places)
        found = some.candidates(some.positions(places).clamp(min=0)[:, None], colours[:, None])
        asked[self.places] = found.masked_fill_(self.chosen[:, :1, None] < 0, torch.nan)
        return asked
