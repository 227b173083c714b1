"""Summaries of a study's records: a line per method, and paired tests between methods."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from sparseattack.report.statistics import holm, mcnemar, median, wilson
from sparseattack.study.record import Record

MARKS = (100, 300, 1000)  # queries at which the success rate is shown, beside the budget


class Method(NamedTuple):
    """What a line of the table is about: one way to attack, over all seeds."""

    strategy: str  # spec as chosen
    encoding: str
    k: int  # pixels allowed


@dataclass(frozen=True)
class Summary:
    """One line of the table; the rates are means over the images of the share of their runs."""

    method: Method
    images: int  # attacked
    runs: int  # images x seeds x targets
    successes: int  # runs, verified
    success: float  # attack success rate
    low: float  # 95 % interval of the rate, each image one trial
    high: float
    success_at: dict[int, float]  # rate within so many queries
    met: float  # rate of successes that met the stopping criterion
    median_queries: float | None  # to success, failures censored; None where the middle run fails
    mean_queries: float  # to success, failures at the budget
    mean_pixels: float | None  # changed, over successes
    queries: int  # charged
    repeats: int  # of the queries, duplicates that the oracle did not evaluate
    oracle_seconds: float
    strategy_seconds: float
    restarts: int
    unverified: int  # runs that fooled the oracle once, but not in verification: counted as failures
    errors: int  # runs whose search failed: counted as failures
    any_target: float | None  # rate of images moved to some class, where every other class was a target

    @property
    def queries_per_second(self) -> float:
        """Of oracle and strategy together."""
        return self.queries / max(self.oracle_seconds + self.strategy_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """By field name, the method's fields first, and ``queries_per_second``."""
        row = asdict(self)
        del row["method"]
        return self.method._asdict() | row | {"queries_per_second": self.queries_per_second}


def summaries(records: Sequence[Record], budget: int, every_target: bool = False) -> list[Summary]:
    """A line per method, in order of appearance; ``every_target`` if every other class was a target."""
    return [_summary(method, some, budget, every_target) for method, some in by_method(records).items()]


def marks(budget: int) -> list[int]:
    """The numbers of queries within which success rates are given, the budget last."""
    return [*(mark for mark in MARKS if mark < budget), budget]


def by_method(records: Sequence[Record]) -> dict[Method, list[Record]]:
    """The records of every method, in order of appearance."""
    groups: dict[Method, list[Record]] = defaultdict(list)
    for record in records:
        groups[method_of(record)].append(record)
    return groups


def method_of(record: Record) -> Method:
    """The method of a run."""
    return Method(record.strategy, record.encoding, record.k)


def _summary(method: Method, records: list[Record], budget: int, every_target: bool) -> Summary:
    rate, images = _success_rate(records), len({record.image for record in records})
    low, high = wilson(rate, images)
    changed = [record.pixels for record in records if record.success]
    costs = [record.cost for record in records]
    middle = median(costs, [record.success for record in records])
    return Summary(
        method=method,
        images=images,
        runs=len(records),
        successes=len(changed),
        success=rate,
        low=low,
        high=high,
        success_at={mark: _success_rate(records, mark) for mark in marks(budget)},
        met=float(np.mean([record.met and record.success for record in records])),
        median_queries=middle if np.isfinite(middle) else None,
        mean_queries=float(np.mean(costs)),
        mean_pixels=float(np.mean(changed)) if changed else None,
        queries=sum(record.queries for record in records),
        repeats=sum(record.repeats for record in records),
        oracle_seconds=sum(record.oracle_seconds for record in records),
        strategy_seconds=sum(record.strategy_seconds for record in records),
        restarts=sum(record.restarts for record in records),
        unverified=sum(record.first_fooled > 0 and not record.verified for record in records),
        errors=sum(bool(record.error) for record in records),
        any_target=_any_target(records) if every_target else None,
    )


def _success_rate(records: Sequence[Record], queries: float = math.inf) -> float:
    """Mean over the images of the share of their runs that succeeded within ``queries``."""
    return float(np.mean(list(by_image(records, queries).values())))


def by_image(records: Sequence[Record], queries: float = math.inf) -> dict[int, float]:
    """Share of each image's runs, over its seeds and targets, that succeeded within ``queries``."""
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


@dataclass(frozen=True)
class Unfinished:
    """A method that lacks runs: bounds of its attack success rate, and no rate.

    Runs end in the order of their cost, successes before failures: the finished ones are a biased sample.
    """

    method: Method
    planned: int  # runs
    runs: int  # finished
    successes: int  # of these, verified
    least: float  # attack success rate if all other runs fail
    most: float  # attack success rate if all other runs succeed

    def to_dict(self) -> dict[str, Any]:
        """By field name, the method's fields first."""
        row = asdict(self)
        del row["method"]
        return self.method._asdict() | row


def unfinished(method: Method, records: Sequence[Record], planned: Sequence[int]) -> Unfinished | None:
    """What is known of a method that lacks some of the runs ``planned (N,)`` of each image; None if none."""
    runs = Counter(record.image for record in records)
    successes = Counter(record.image for record in records if record.success)
    lacking = [count - runs[image] for image, count in enumerate(planned)]
    if not any(lacking):
        return None
    known = [(successes[image], lacking[image], count) for image, count in enumerate(planned) if count]
    return Unfinished(
        method=method,
        planned=sum(planned),
        runs=len(records),
        successes=successes.total(),
        least=float(np.mean([hits / count for hits, _, count in known])),
        most=float(np.mean([(hits + rest) / count for hits, rest, count in known])),
    )


class Pair(NamedTuple):
    """Two methods of the same k, compared on the images that both attacked."""

    first: Method
    second: Method
    only_first_wins: int  # discordant images: the first succeeds more often
    only_second_wins: int
    p: float  # exact McNemar (sign) test, adjusted by Holm over all pairs


def pairs(records: Sequence[Record]) -> list[Pair]:
    """Every two methods of the same k, compared image by image."""
    groups = by_method(records)
    both = [(a, b) for a, b in combinations(groups, 2) if a.k == b.k]
    counts = [_discordant(groups[a], groups[b]) for a, b in both]
    adjusted = holm([mcnemar(*count) for count in counts])
    return [Pair(*two, *count, p) for two, count, p in zip(both, counts, adjusted, strict=True)]


def _discordant(first: list[Record], second: list[Record]) -> tuple[int, int]:
    """How many images the first and the second succeed on more often, over the runs that both have."""
    shared = {_run(record) for record in first} & {_run(record) for record in second}
    a, b = (by_image([record for record in some if _run(record) in shared]) for some in (first, second))
    return sum(a[image] > b[image] for image in a), sum(a[image] < b[image] for image in a)


def _run(record: Record) -> tuple[int, int, int]:
    return record.image, record.seed, record.target
