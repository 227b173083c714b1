"""Summaries of a study's runs: a line per method, and paired tests between methods."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import number_of
from sparseattack.report.statistics.intervals import holm, mcnemar, median, wilson
from sparseattack.study.columns import NOT_KNOWN, Columns, Flags, Numbers
from sparseattack.study.facts import Method

CASE = ("image", "seed", "target")  # what tells the runs of one method apart
FLAT = 0.5  # share of a method's candidates, of the clean image's value, above which that is said
MARKS = (100, 300, 1000)  # queries at which the success rate is shown, beside the budget


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
    met: float | None  # rate of successes that met the stopping criterion; None is not known
    median_queries: float | None  # to success, failures censored; None where the middle run fails
    mean_queries: float  # to success, failures at the budget
    mean_pixels: float | None  # changed by a success, or coordinates as method.counts says; None: not known
    median_pixels: float | None  # over all runs; None where median_queries is, and where it is not known
    queries: int  # charged
    repeats: int | None  # of the queries, duplicates that the oracle did not evaluate; None is not known
    shown: int | None  # of the queries, those that the oracle evaluated, or that were sent to its server
    attempts: int | None  # images sent to a server, each time counted; 0 where there is none
    flat: int | None  # of the queries, those of exactly the clean image's value, which told a search nothing
    oracle_seconds: float | None  # None is not known
    strategy_seconds: float | None
    restarts: int | None
    unverified: int  # runs that fooled the oracle once, but not in verification: counted as failures
    ended_early: int  # failures whose search ended by itself, with queries left
    errors: int  # runs whose search failed: counted as failures
    any_target: float | None  # rate of images moved to some class, where every other class was a target

    @property
    def queries_per_second(self) -> float | None:
        """Of oracle and strategy together; None where their times are not known."""
        if self.oracle_seconds is None or self.strategy_seconds is None:
            return None
        return self.queries / max(self.oracle_seconds + self.strategy_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """By field name, what tables show of the method first, and ``queries_per_second``."""
        row = asdict(self)
        del row["method"]
        return in_tables(self.method) | row | {"queries_per_second": self.queries_per_second}


def in_tables(method: Method) -> dict[str, Any]:
    """What tables show of a method; ``strategy_label`` is its name there, ``sees`` what its strategy sees."""
    first = {"strategy": method.strategy, "strategy_label": method.name, "sees": method.sees}
    return first | {name: getattr(method, name) for name in ("encoding", "fitness", "k", "counts", "budget")}


def condition(method: Method, among: Iterable[Method], name: str = "") -> str:
    """A strategy with its encoding, and its fitness where methods ``among`` which it stands differ in it.

    ``name`` is how the strategy is called there, if not as in tables.
    """
    fitness = [method.fitness] * (len({each.fitness for each in among}) > 1)
    return "/".join([name or method.name, method.encoding, *fitness])


def limits(method: Method, among: Iterable[Method]) -> str:
    """The k of a method, and its budget where methods ``among`` which it stands differ in it."""
    budget = f", budget {method.budget:,}" * (len({each.budget for each in among}) > 1)
    return f"k = {method.k}{budget}"


def summaries(groups: Mapping[Method, Columns], every_target: bool = False) -> list[Summary]:
    """A line per method, given its runs; ``every_target`` if every other class was a target."""
    return [_summary(method, runs, every_target) for method, runs in groups.items()]


def marks(budget: int) -> list[int]:
    """The numbers of queries within which success rates are given, the budget last."""
    return [*(mark for mark in MARKS if mark < budget), budget]


def _summary(method: Method, runs: Columns, every_target: bool) -> Summary:
    rates = share_by_image(runs.image, runs.success)
    rate = float(rates.mean())
    low, high = wilson(rate, len(rates))
    hits, costs = runs.success, runs.cost
    middle = median(costs.tolist(), hits.tolist())
    changed = runs.pixels[hits]
    within = {mark: hits & (runs.first_fooled <= mark) for mark in marks(method.budget)}
    met = (runs.met == 1) & hits
    known = bool(len(changed)) and changed.min() >= 0
    half = median(runs.pixels.tolist(), hits.tolist()) if known else np.inf
    return Summary(
        method=method,
        images=len(rates),
        runs=len(runs),
        successes=int(hits.sum()),
        success=rate,
        low=low,
        high=high,
        success_at={mark: float(share_by_image(runs.image, hit).mean()) for mark, hit in within.items()},
        met=None if (runs.met == NOT_KNOWN).any() else float(share_by_image(runs.image, met).mean()),
        median_queries=middle if np.isfinite(middle) else None,
        mean_queries=float(costs.mean()),
        mean_pixels=float(changed.mean()) if known else None,
        median_pixels=half if np.isfinite(half) else None,
        queries=int(runs.queries.sum()),
        repeats=total(runs.repeats),
        shown=total(runs.shown),
        attempts=total(runs.attempts),
        flat=total(runs.flat),
        oracle_seconds=_seconds(runs.oracle_seconds),
        strategy_seconds=_seconds(runs.strategy_seconds),
        restarts=total(runs.restarts),
        unverified=int(((runs.first_fooled > 0) & ~runs.verified).sum()),
        ended_early=int((~runs.failed & (runs.first_fooled == 0) & (runs.queries < method.budget)).sum()),
        errors=int(runs.failed.sum()),
        any_target=_any_target(runs) if every_target else None,
    )


def failures(line: Summary, name: str) -> list[str]:
    """Successes that were not verified, searches that ended early or by an error, methods without a query."""
    sentences = []
    if line.unverified:
        count = number_of(line.unverified, "success was", "successes were")
        sentences.append(f"{name}: {count} not verified and counted as failures")
    if line.errors:
        count = number_of(line.errors, "search", "searches")
        sentences.append(f"{name}: {count} ended with an error and counted as failures")
    if line.ended_early and line.queries:
        count = number_of(line.ended_early, "search", "searches")
        sentences.append(f"{name}: {count} ended without success and with queries left")
    if line.runs and not line.queries:
        sentences.append(f"{name}: not one query was asked; its candidates were none, or no numbers")
    return sentences


def flat_answers(line: Summary, name: str) -> list[str]:
    """Where most candidates had the clean image's value, which leads no search, a sentence about that."""
    if line.flat is None or line.flat <= FLAT * line.queries:
        return []
    return [
        f"{name}: {100 * line.flat / line.queries:.0f} % of its"
        " candidates had the same value as the clean image, and told the search nothing: scores are rounded,"
        " are labels, or do not change with few pixels"
    ]


def total(column: Numbers) -> int | None:
    """The sum of a column; None where a number is not known."""
    return None if (column == NOT_KNOWN).any() else int(column.sum())


def _seconds(column: NDArray[np.float64]) -> float | None:
    total = float(column.sum())
    return None if math.isnan(total) else total


def share_by_image(image: Numbers, hit: Flags) -> NDArray[np.float64]:
    """Share of each image's runs, over its seeds and targets, that are a ``hit``; by number of the image."""
    _, place = np.unique(image, return_inverse=True)
    return np.bincount(place, hit) / np.bincount(place)


def _any_target(runs: Columns) -> float | None:
    """Untargeted success derived from targeted runs, as in the one-pixel paper: any target was reached.

    Over the images that the oracle classifies correctly, each seed on its own.
    """
    correct = runs.at(runs.right)
    if not len(correct):
        return None
    _, place = np.unique(np.stack([correct.image, correct.seed]), axis=1, return_inverse=True)
    return float((np.bincount(place.ravel(), correct.success) > 0).mean())


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
        """By field name, what tables show of the method first."""
        row = asdict(self)
        del row["method"]
        return in_tables(self.method) | row


def unfinished(method: Method, runs: Columns, planned: Numbers) -> Unfinished | None:
    """What is known of a method that lacks some of the runs ``planned (N,)`` of each image; None if none."""
    done = np.bincount(runs.image, minlength=len(planned))
    hits = np.bincount(runs.image, runs.success, minlength=len(planned))
    lacking = planned - done
    if not lacking.any():
        return None
    some = planned > 0
    return Unfinished(
        method=method,
        planned=int(planned.sum()),
        runs=len(runs),
        successes=int(hits.sum()),
        least=float((hits[some] / planned[some]).mean()),
        most=float(((hits + lacking)[some] / planned[some]).mean()),
    )


class Pair(NamedTuple):
    """Two methods of the same k, of the same thing, and budget, compared on the images that both attacked."""

    first: Method
    second: Method
    only_first_wins: int  # discordant images: the first succeeds more often
    only_second_wins: int
    p: float  # exact McNemar (sign) test, adjusted by Holm over all pairs


def pairs(groups: Mapping[Method, Columns]) -> list[Pair]:
    """Every two methods of the same k, of pixels or of coordinates, and budget, compared image by image."""
    same = [(a, b) for a, b in combinations(groups, 2) if (a.k, a.budget) == (b.k, b.budget)]
    both = [(a, b) for a, b in same if a.counts == b.counts]
    counts = [_discordant(groups[a], groups[b]) for a, b in both]
    adjusted = holm([mcnemar(*count) for count in counts])
    return [Pair(*two, *count, p) for two, count, p in zip(both, counts, adjusted, strict=True)]


def _places(cases: Numbers) -> Numbers:
    """A number for each case of an image, a seed and a target ``(3, n)``, equal for equal cases."""
    found = np.zeros(cases.shape[1], np.int64)
    for row in cases:
        values, place = np.unique(row, return_inverse=True)
        found = found * len(values) + place
    return found


def each_run_once(groups: Mapping[Method, Columns]) -> dict[Method, Columns]:
    """The runs of methods, each under the largest budget that has it: so it is one run, and not several."""
    kept: dict[Method, Columns] = {}
    for method in sorted(groups, key=lambda one: -one.budget):
        larger = [runs.row for one, runs in kept.items() if one.key == method.key]
        runs = groups[method]
        kept[method] = runs.at(~np.isin(runs.row, np.concatenate(larger))) if larger else runs
    return {method: kept[method] for method in groups}


def common_runs(first: Columns, second: Columns) -> tuple[Columns, Columns]:
    """The runs of two methods on the same image with the same seed and target, in the same order."""
    if all(np.array_equal(getattr(first, name), getattr(second, name)) for name in CASE):
        return first, second
    cases = np.stack([np.concatenate([getattr(one, name) for one in (first, second)]) for name in CASE])
    place = _places(cases)
    ones, others = place[: len(first)], place[len(first) :]
    _, here, there = np.intersect1d(ones, others, assume_unique=True, return_indices=True)
    return first.at(here), second.at(there)


def common_to_all(several: Sequence[Columns]) -> list[Columns]:
    """The runs of methods on the images with the seeds and targets that all have, in the same order."""
    found = [several[0]]
    for runs in several[1:]:
        found = [*(common_runs(each, runs)[0] for each in found), common_runs(runs, found[0])[0]]
    return [each.at(np.lexsort((each.target, each.seed, each.image))) for each in found]


def _discordant(first: Columns, second: Columns) -> tuple[int, int]:
    """How many images the first and the second succeed on more often, over the runs that both have."""
    a, b = common_runs(first, second)
    if not len(a):
        return 0, 0
    one, other = share_by_image(a.image, a.success), share_by_image(b.image, b.success)
    return int((one > other).sum()), int((one < other).sum())
