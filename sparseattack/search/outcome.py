"""What became of one image: what it cost, and the best candidate it led to.

The account of an image is closed: from the ledger to its outcome.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack.problem.edits import Edits
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Journal
from sparseattack.search.ledger import MET, Account, Ledger


class Point(NamedTuple):
    """One candidate of a Pareto set: its values, and its edit."""

    values: tuple[float, ...]  # M
    positions: NDArray[np.int64]  # (k,)
    colours: NDArray[np.uint8]  # (k, C)


@dataclass(frozen=True)
class Outcome:
    """The account of one image. What follows its stop in its last generation is paid, not looked at."""

    image: int  # its place in the problem
    positions: NDArray[np.int64]  # (k,) row * W + column
    colours: NDArray[np.uint8]  # (k, C)
    values: tuple[float, ...]  # M, of this edit; infinite when nothing was asked
    pixels: int  # this edit changes
    queries: int  # rows asked; never above the budget
    repeats: int  # of these, not shown to the oracle, for the same was shown in their turn
    first_fooled: int  # position of the first fooling row in the image's own order, from 1; 0 is never
    met: bool  # whether it stopped by the rule: a success that `until` asks for
    restarts: int
    oracle_seconds: float  # its share, by rows
    strategy_seconds: float
    trace: tuple[tuple[int, float], ...]  # (query, first value) wherever that became lower
    front: tuple[Point, ...] = ()  # Pareto set of all that was asked, where there are several objectives
    error: str = ""  # why the search was given up

    @property
    def fooled(self) -> bool:
        """Whether any query fooled the oracle."""
        return self.first_fooled > 0

    def paint(self, image: Tensor) -> Tensor:
        """The image ``(C, H, W)`` with this edit."""
        positions = torch.tensor(self.positions, device=image.device)
        colours = torch.tensor(self.colours, device=image.device)
        return Edits(positions[None], colours[None]).paint(image[None])[0]


def outcome(problem: Problem, account: Account, journal: Journal, place: int, image: int) -> Outcome:
    """What became of ``image`` of the problem, the one at ``place`` in the account."""
    ledger = account.ledger
    edits = problem.encoding.decode(ledger.genes[place : place + 1], problem.images.shape[1:])
    return Outcome(
        image=image,
        positions=edits.positions[0].cpu().numpy(),
        colours=edits.colours[0].cpu().numpy(),
        values=tuple(ledger.values[place].tolist()),
        pixels=int(ledger.pixels[place]),
        queries=int(ledger.queries[place]),
        repeats=int(account.repeats[place]),
        first_fooled=int(ledger.first_fooled[place]),
        met=int(ledger.rank[place]) == MET,
        restarts=journal.restarts.get(place, 0),
        oracle_seconds=float(account.oracle_seconds[place]),
        strategy_seconds=account.strategy_seconds,
        trace=tuple(ledger.traces[place]),
        front=_front(problem, ledger, place),
        error=journal.errors.get(place, ""),
    )


def _front(problem: Problem, ledger: Ledger, place: int) -> tuple[Point, ...]:
    if not ledger.fronts:
        return ()
    front = ledger.fronts[place]
    edits = problem.encoding.decode(front.genes, problem.images.shape[1:])
    columns = front.values.tolist(), edits.positions.numpy(), edits.colours.numpy()
    return tuple(Point(tuple(values), *edit) for values, *edit in zip(*columns, strict=True))
