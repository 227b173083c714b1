"""The result of an attack on one image: its best candidate, what it cost, and when it first succeeded."""

from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack.data.notebook import inline
from sparseattack.data.panels import Caption, side_by_side
from sparseattack.data.png import CHANNELS, changed_pixels
from sparseattack.problem.edits import Edits

SHOWN_WIDTH = 460  # pixels of a screen: an image before and after, in a notebook


class Point(NamedTuple):
    """One candidate of a Pareto front: its values, and its edit."""

    values: tuple[float, ...]  # M
    positions: NDArray[np.int64]  # (k,)
    colours: NDArray[np.uint8]  # (k, C)


@dataclass(frozen=True)
class LeftOut:
    """An image that was not attacked, in place of its Outcome: neither a success nor a failure.

    It has none of an Outcome's numbers, so that none of them can be taken for a result.
    """

    image: int  # its index in the problem
    reason: str  # MISCLASSIFIED or REACHED


MISCLASSIFIED = "misclassified without an attack"
REACHED = "classified as the target without an attack"


@dataclass(frozen=True)
class Outcome:
    """The result of an attack on one image: its best edit, the queries it cost, and its first success.

    ``positions`` (k,) int64 and ``colours`` (k, C) uint8 are the best edit; ``values`` its M objectives.
    ``queries`` are those charged, never above the budget; ``first_fooled`` counts from 1, and is 0 without a
    success. A success that is none when its edit is evaluated as a single image is ``unverified``, and
    ``fooled`` is False then. Queries after the stop, in the same generation, are charged but not used.
    """

    image: int  # its index in the problem
    positions: NDArray[np.int64]  # (k,) row * W + column
    colours: NDArray[np.uint8]  # (k, C)
    values: tuple[float, ...]  # M, of this edit as a single image; infinite if there was no query
    pixels: int  # that this edit changes
    queries: int  # charged; never above the budget
    repeats: (
        int  # queries among these that were duplicates within a generation, which the oracle did not evaluate
    )
    first_fooled: int  # position of the first success among the image's queries, from 1; 0 is never
    met: bool  # whether a success met the stopping criterion
    restarts: int
    oracle_seconds: float  # its share, by queries
    strategy_seconds: float
    # (query, first value) wherever that became lower; (query, pixels) of successes with the criterion fewest
    trace: tuple[tuple[int, float], ...]
    front: tuple[Point, ...] = ()  # Pareto front of all queries, where there are several objectives
    error: str = ""  # why the search of this image ended early
    verifications: int = 0  # evaluations singly or in full precision, which decide and cost no query
    shown: int = 0  # queries that the oracle evaluated; of a remote one, those that were sent to its server
    attempts: int = 0  # images sent to a server, each time and for verifications too; 0 where none is
    flat: int = (
        0  # queries of exactly the clean image's value, where that is of its scores and they are known
    )
    unverified: bool = False  # whether this edit was a success as a query, but is none as a single image
    clean: Tensor | None = field(default=None, repr=False, compare=False)  # the image (C, H, W), not copied

    @property
    def fooled(self) -> bool:
        """Whether a query was a success, and the best edit is one as a single image too."""
        return self.first_fooled > 0 and not self.unverified

    def paint(self, image: Tensor) -> Tensor:
        """The image ``(C, H, W)`` with this edit."""
        positions = torch.tensor(self.positions, device=image.device)
        colours = torch.tensor(self.colours, device=image.device)
        return Edits(positions[None], colours[None]).paint(image[None])[0]

    def _repr_html_(self) -> str:
        """What was found at what cost, and the image before and after, as a notebook shows them."""
        spent = f"{self.queries:,} {'query' if self.queries == 1 else 'queries'}"
        found = (
            f"fooled by query {self.first_fooled:,} of {spent}" if self.fooled else f"not fooled in {spent}"
        )
        if self.unverified:
            found = f"not fooled: the success of query {self.first_fooled:,} is none as a single image"
        sentence = f"<p>Image {self.image}: {found}{escape(f'; {self.error}') if self.error else ''}.</p>"
        if self.clean is None or not self.queries:
            return sentence
        after = self.paint(self.clean)
        changes = [
            f"row {one.row}, column {one.column}: {_colour(one.before)} → {_colour(one.after)}"
            for one in changed_pixels(self.clean, after)
        ]
        listed = "".join(f"<li>{change}</li>" for change in changes)
        shown = ""
        if len(self.clean) in CHANNELS:
            pair = side_by_side(self.clean, after, (Caption("before", ""), Caption("after", "")))
            shown = inline(pair, f"image {self.image} before and after", SHOWN_WIDTH)
        return f"{sentence}{shown}<ul>{listed}</ul>"


def _colour(levels: tuple[int, ...]) -> str:
    return str(levels[0]) if len(levels) == 1 else str(levels)
