"""The descent of one image to the fewest pixels that fool: searches with fewer pixels after each success."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattack.search.ledger import undominated
from sparseattack.search.outcome import Outcome, Point

SUMS = (
    "queries",
    "repeats",
    "verifications",
    "shown",
    "attempts",
    "flat",
    "restarts",
    "oracle_seconds",
    "strategy_seconds",
)


@dataclass
class Descent:
    """The outcomes of the searches on one image, each with fewer pixels than the last success changed."""

    budget: int
    slots: int | None  # of every edit; None for whole images, of which only what differs is kept
    stages: list[Outcome] = field(default_factory=list)

    @property
    def used(self) -> int:
        """Queries that all of them have cost."""
        return sum(stage.queries for stage in self.stages)

    @property
    def next_pixels(self) -> int:
        """How many pixels the next search may change; 0 where the last one failed or nothing is left."""
        last = self.stages[-1]
        goes_on = last.fooled and not last.error and self.used < self.budget
        return max(0, last.pixels - 1) if goes_on else 0

    def outcome(self, image: int) -> Outcome:
        """The outcome of the whole descent, of image number ``image``.

        Its edit is the success with the fewest pixels, which is the last one; its trace is the query of each
        success and the pixels that it changed.
        """
        first, last = self.stages[0], self.stages[-1]
        found = [stage for stage in self.stages if stage.fooled]
        best = (found or [first])[-1]
        starts = accumulate((stage.queries for stage in self.stages), initial=0)
        trace = [
            (start + stage.first_fooled, float(stage.pixels))
            for start, stage in zip(starts, self.stages, strict=False)
            if stage.fooled
        ]
        sums: dict[str, Any] = {name: sum(getattr(stage, name) for stage in self.stages) for name in SUMS}
        return replace(
            best,
            image=image,
            positions=_filled(best.positions, self.slots),
            colours=_filled(best.colours, self.slots),
            first_fooled=first.first_fooled,
            unverified=first.unverified,
            trace=tuple(trace),
            front=_front(self.stages, self.slots),
            error=last.error,
            clean=first.clean,
            **sums,
        )


Numbers = TypeVar("Numbers", bound=NDArray[Any])


def _filled(column: Numbers, slots: int | None) -> Numbers:
    """The entries of an edit ``(k, ...)``, its last one repeated up to ``slots``: that paints the same."""
    if slots is None or not len(column):
        return column
    filled: Numbers = column[np.arange(slots).clip(max=len(column) - 1)]
    return filled


def _front(stages: Sequence[Outcome], slots: int | None) -> tuple[Point, ...]:
    """The Pareto front of all searches, where there are several objectives."""
    points = list(chain.from_iterable(stage.front for stage in stages))
    if not points:
        return ()
    best = undominated(torch.tensor([point.values for point in points])).tolist()
    return tuple(
        Point(point.values, _filled(point.positions, slots), _filled(point.colours, slots))
        for point, is_best in zip(points, best, strict=True)
        if is_best
    )
