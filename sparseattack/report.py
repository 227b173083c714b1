"""What a study says: a function of the study alone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from sparseattack.record import Record
from sparseattack.statistics import median, wilson

MARKS = (100, 300, 1000)  # queries, beside the budget


class Row(NamedTuple):
    """What one line of the table is about."""

    strategy: str
    encoding: str
    k: int


@dataclass(frozen=True)
class Summary:
    """One line of the table."""

    strategy: str
    encoding: str
    k: int  # pixels allowed
    images: int  # attacked
    runs: int  # images x seeds x targets
    successes: int  # verified
    success: float  # rate over runs
    low: float  # 95 % interval, images as trials
    high: float
    success_at: dict[int, float]  # rate within so many queries
    median_queries: float | None  # to success, failures censored; none where the middle run fails
    mean_queries: float  # failures at the budget
    mean_pixels: float | None  # changed, over successes
    queries: int  # all rows shown to the oracle
    oracle_seconds: float
    strategy_seconds: float
    restarts: int
    unverified: int  # fooled once, but not when shown alone: counted as failures
    errors: int  # searches given up: counted as failures
    any_target: float | None  # rate of images moved to some class, where every other class was a target

    @property
    def queries_per_second(self) -> float:
        """Of oracle and strategy together."""
        return self.queries / max(self.oracle_seconds + self.strategy_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """By name, with the rate of queries."""
        return asdict(self) | {"queries_per_second": self.queries_per_second}


def summaries(records: Sequence[Record], budget: int, every_target: bool = False) -> list[Summary]:
    """A line per strategy, encoding and k, in that order of appearance."""
    return [_summary(row, some, budget, every_target) for row, some in grouped(records).items()]


def grouped(records: Sequence[Record]) -> dict[Row, list[Record]]:
    """The records of every line of the table."""
    groups: dict[Row, list[Record]] = defaultdict(list)
    for record in records:
        groups[Row(record.strategy, record.encoding, record.k)].append(record)
    return groups


def _summary(row: Row, records: list[Record], budget: int, every_target: bool) -> Summary:
    hits = [record.success for record in records]
    costs = [record.cost for record in records]
    images = len({record.image for record in records})
    rate = float(np.mean(hits))
    low, high = wilson(float(np.mean(list(by_image(records).values()))), images)
    marks = sorted({mark for mark in MARKS if mark < budget} | {budget})
    middle = median(costs, hits)
    changed = [record.pixels for record in records if record.success]
    return Summary(
        *row,
        images=images,
        runs=len(records),
        successes=sum(hits),
        success=rate,
        low=low,
        high=high,
        success_at={mark: _share_within(records, mark) for mark in marks},
        median_queries=middle if np.isfinite(middle) else None,
        mean_queries=float(np.mean(costs)),
        mean_pixels=float(np.mean(changed)) if changed else None,
        queries=sum(record.queries for record in records),
        oracle_seconds=sum(record.oracle_seconds for record in records),
        strategy_seconds=sum(record.strategy_seconds for record in records),
        restarts=sum(record.restarts for record in records),
        unverified=sum(record.first_fooled > 0 and not record.verified for record in records),
        errors=sum(bool(record.error) for record in records),
        any_target=_any_target(records) if every_target else None,
    )


def _share_within(records: list[Record], queries: int) -> float:
    return float(np.mean([record.success and record.first_fooled <= queries for record in records]))


def by_image(records: list[Record]) -> dict[int, float]:
    """Mean success of each image over its seeds and targets."""
    groups: dict[int, list[bool]] = defaultdict(list)
    for record in records:
        groups[record.image].append(record.success)
    return {image: float(np.mean(hits)) for image, hits in groups.items()}


def _any_target(records: list[Record]) -> float | None:
    """Untargeted success derived from targeted runs, as in the one-pixel paper: any target was reached.

    Over the images that the oracle classifies correctly, each seed on its own.
    """
    reached: dict[tuple[int, int], bool] = defaultdict(bool)
    for record in records:
        if record.before_class == record.label:
            reached[record.image, record.seed] |= record.success
    return float(np.mean(list(reached.values()))) if reached else None
