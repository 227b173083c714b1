"""One line of a comparison's table.

What a study says: a function of the study alone.

Two lines of a table, compared on the images that both attacked.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from sparseattack.report.statistics import holm, mcnemar, median, wilson
from sparseattack.study.record import Record


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
    success: float  # rate: mean over the images of the share of their runs
    low: float  # 95 % interval, images as trials
    high: float
    success_at: dict[int, float]  # rate within so many queries
    met: float  # rate that the rule to stop by was met at
    median_queries: float | None  # to success, failures censored; none where the middle run fails
    mean_queries: float  # failures at the budget
    mean_pixels: float | None  # changed, over successes
    queries: int  # all rows asked
    repeats: int  # of these, not shown to the oracle, for the same was shown in their turn
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


MARKS = (100, 300, 1000)  # queries, beside the budget


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
    images = by_image(records)
    rate = float(np.mean(list(images.values())))
    low, high = wilson(rate, len(images))
    return Summary(
        **row._asdict(),
        images=len(images),
        runs=len(records),
        success=rate,
        low=low,
        high=high,
        any_target=_any_target(records) if every_target else None,
        **_successes(records, budget),
        **_costs(records),
    )


def _successes(records: list[Record], budget: int) -> dict[str, Any]:
    marks = sorted({mark for mark in MARKS if mark < budget} | {budget})
    changed = [record.pixels for record in records if record.success]
    return {
        "successes": len(changed),
        "success_at": {mark: _share_within(records, mark) for mark in marks},
        "met": float(np.mean([record.met and record.success for record in records])),
        "mean_pixels": float(np.mean(changed)) if changed else None,
        "unverified": sum(record.first_fooled > 0 and not record.verified for record in records),
        "errors": sum(bool(record.error) for record in records),
    }


def _costs(records: list[Record]) -> dict[str, Any]:
    costs = [record.cost for record in records]
    middle = median(costs, [record.success for record in records])
    return {
        "median_queries": middle if np.isfinite(middle) else None,
        "mean_queries": float(np.mean(costs)),
        "queries": sum(record.queries for record in records),
        "repeats": sum(record.repeats for record in records),
        "oracle_seconds": sum(record.oracle_seconds for record in records),
        "strategy_seconds": sum(record.strategy_seconds for record in records),
        "restarts": sum(record.restarts for record in records),
    }


def _share_within(records: list[Record], queries: int) -> float:
    """Mean over the images of the share of their runs that succeeded by then."""
    return float(np.mean(list(by_image(records, queries).values())))


def by_image(records: Sequence[Record], queries: float = math.inf) -> dict[int, float]:
    """Share of each image's runs, over its seeds and targets, that succeeded within so many queries."""
    groups: dict[int, list[bool]] = defaultdict(list)
    for record in records:
        groups[record.image].append(record.success and record.first_fooled <= queries)
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


class Pair(NamedTuple):
    """Two lines of the table, compared on the images that both attacked."""

    first: Row
    second: Row
    only_first_wins: int  # images that the first fools more often
    only_second_wins: int
    p: float  # exact McNemar (sign) test, adjusted by Holm over all pairs


def pairs(records: Sequence[Record]) -> list[Pair]:
    """Every two lines of the same k, compared image by image."""
    groups = grouped(records)
    both = [(a, b) for a, b in combinations(groups, 2) if a.k == b.k]
    counts = [_discordant(groups[a], groups[b]) for a, b in both]
    adjusted = holm([mcnemar(*count) for count in counts])
    rows = zip(both, counts, adjusted, strict=True)
    return [Pair(*rows_, *count, p) for rows_, count, p in rows]


def _discordant(first: list[Record], second: list[Record]) -> tuple[int, int]:
    """Images that either fools more often, in the runs that both have."""
    shared = {_run(record) for record in first} & {_run(record) for record in second}
    a, b = (by_image([one for one in some if _run(one) in shared]) for some in (first, second))
    return sum(a[i] > b[i] for i in a), sum(a[i] < b[i] for i in a)


def _run(record: Record) -> tuple[int, int, int]:
    return record.image, record.seed, record.target
