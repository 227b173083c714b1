"""How long a reproduction may still take, from the queries of the runs so far.

A failed run costs the whole budget and ends last, so the first finished runs are too cheap a sample.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from .run import StudyProgress
from .studies import Options, PlannedStudy

LIVE = 4  # runs searched side by side, with a population of hundreds


@dataclass
class StudyCost:
    """The queries of a study so far, and how many runs are left."""

    left: int  # runs
    budget: int  # queries a run
    finished: int = 0  # runs finished in this process
    finished_queries: int = 0  # queries of the finished runs
    queries: int = 0  # queries of all runs

    def per_run(self, share: float) -> float:
        """Expected queries a run; ``share`` of the budget if none is known.

        Runs that are being searched count as failures, as most of them will be.
        """
        live = min(LIVE, self.left)
        if not self.queries or not (self.finished + live):
            return share * self.budget
        return (self.finished_queries + live * self.budget) / (self.finished + live)

    def remaining(self, share: float) -> float:
        """Expected queries until the study is finished."""
        return max(0.0, self.left * self.per_run(share) - (self.queries - self.finished_queries))


class Forecast:
    """Queries a second of each network so far, and the queries that unfinished runs may cost."""

    def __init__(self, expected: Mapping[PlannedStudy, tuple[int, int]]) -> None:
        """``expected``: runs, and queries a run, of every study."""
        self.costs = {planned: StudyCost(*each) for planned, each in expected.items()}
        self.speeds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])  # queries, and their seconds

    @classmethod
    def of(cls, studies: Iterable[PlannedStudy], options: Options) -> Self:
        """The forecast before any run."""
        return cls({each: (each.num_runs(options), each.experiment(options).budget) for each in studies})

    def note(self, planned: PlannedStudy, progress: StudyProgress, seconds: float) -> None:
        """Count the progress of a study, made in ``seconds``."""
        cost, step = self.costs[planned], progress.step
        cost.left = progress.left
        cost.finished += len(step.records)
        cost.finished_queries += sum(record.queries for record in step.records)
        cost.queries += step.queries
        if step.queries:  # else the time went into loading
            speed = self.speeds[planned.network]
            speed[0] += step.queries
            speed[1] += seconds

    def drop(self, planned: PlannedStudy) -> None:
        """Leave out a study that is not run."""
        del self.costs[planned]

    @property
    def seconds(self) -> float | None:
        """Seconds left; None before the first query."""
        known = [cost.per_run(1) / cost.budget for cost in self.costs.values() if cost.queries]
        if not known:
            return None
        share = sum(known) / len(known)
        queries, spent = map(sum, zip(*self.speeds.values(), strict=True))
        usual = queries / spent
        speeds = {network: speed[0] / speed[1] for network, speed in self.speeds.items()}
        left = self.costs.items()
        return sum(cost.remaining(share) / speeds.get(planned.network, usual) for planned, cost in left)
