"""What a study says: a function of the study alone."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from sparseattack.report.statistics import median, wilson
from sparseattack.report.summary import Row, Summary
from sparseattack.study.record import Record

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
