"""The result of an attack on one image: its best candidate, what it cost, and when it first succeeded."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack.problem.edits import Edits


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
    trace: tuple[tuple[int, float], ...]  # (query, first value) wherever that became lower
    front: tuple[Point, ...] = ()  # Pareto front of all queries, where there are several objectives
    error: str = ""  # why the search of this image ended early
    verifications: int = 0  # evaluations singly or in full precision, which decide and cost no query
    unverified: bool = False  # whether this edit was a success as a query, but is none as a single image

    @property
    def fooled(self) -> bool:
        """Whether a query was a success, and the best edit is one as a single image too."""
        return self.first_fooled > 0 and not self.unverified

    def paint(self, image: Tensor) -> Tensor:
        """The image ``(C, H, W)`` with this edit."""
        positions = torch.tensor(self.positions, device=image.device)
        colours = torch.tensor(self.colours, device=image.device)
        return Edits(positions[None], colours[None]).paint(image[None])[0]
