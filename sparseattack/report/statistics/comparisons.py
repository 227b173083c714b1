"""Every two methods of a study compared: by how much one is better, how sure that is, what it would need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sparseattack.errors import number_of
from sparseattack.report.results import Results
from sparseattack.report.statistics.curves import SuccessCurve
from sparseattack.report.statistics.intervals import holm, mcnemar, paired_band
from sparseattack.report.statistics.paired import (
    images_needed,
    logrank_scores,
    sign_flip_p,
    smallest_lead,
)
from sparseattack.report.statistics.resampling import (
    PairedCurves,
    interval,
    paired_curves,
    queries_to_reach,
)
from sparseattack.report.summary import CASE, common_runs, marks
from sparseattack.report.tables import LEVEL, percent
from sparseattack.study.columns import Columns, Numbers, Reals
from sparseattack.study.facts import Method

LOWEST = 0.001  # p-value that is shown


class Estimate(NamedTuple):
    """A number with its 95 % interval, of which an end may be infinite.

    By bootstrap over images; of a difference a score interval where each image has one run, or none differs.
    """

    value: float
    low: float
    high: float


class MarkTest(NamedTuple):
    """An exact McNemar test of the images on which one succeeds, or of several runs succeeds more often."""

    queries: int  # within which
    only_first: int  # images on which the first method succeeds more often
    only_second: int
    p: float
    adjusted: float  # by Holm over all tests of all comparisons

    @property
    def for_first(self) -> bool:
        """Whether the first method is the better one here."""
        return self.only_first >= self.only_second


@dataclass(frozen=True)
class Comparison:
    """Two methods of the same k and budget on the images that both attacked; the first has fewer queries."""

    first: Method  # of the smaller mean of queries to success, failures counted as the budget
    second: Method
    images: int
    difference: Estimate  # success rate of the first within the budget, less that of the second
    level: float | None  # success rate at which queries are compared: half of the lower one; None if 0
    ratio: Estimate | None  # queries of the first to come to that level, divided by those of the second
    marks: tuple[MarkTest, ...]  # the last one at the budget
    logrank: float  # p-value of the whole curves, image by image
    logrank_adjusted: float  # by Holm over all tests of all comparisons
    logrank_for_first: bool  # whether the first method is the sooner one there
    repeated: bool  # whether images have several runs, of other seeds or targets
    tests: int = 1  # of all comparisons together, of which each of these is one

    @property
    def needed(self) -> int | None:
        """Images that would show the difference that McNemar's test has at the budget; None if there is none.

        It is one of shares of images: of those that succeed, or of several runs succeed more often.
        """
        last, images = self.marks[-1], max(self.images, 1)
        differing = (last.only_first + last.only_second) / images
        return images_needed(differing, (last.only_first - last.only_second) / images, self.tests)

    @property
    def detectable(self) -> float | None:
        """The smallest difference of these shares that so many images show; None where they show none."""
        last = self.marks[-1]
        lead = smallest_lead(last.only_first + last.only_second, self.images, self.tests)
        return None if lead is None else lead / self.images

    @property
    def significant(self) -> bool:
        """Whether any of its tests shows a difference."""
        return self._surest()[1] < LEVEL

    @property
    def favoured(self) -> Method:
        """The better one by the test of the lowest p-value; not always the one of fewer queries."""
        return self.first if self._surest()[2] else self.second

    @property
    def findings(self) -> list[tuple[Method, str, Method]]:
        """What its tests show, as who does what than whom: empty where they show nothing.

        Where the methods change places on the way, the difference at the end and the other one.
        """
        *early, last = self.marks
        more = "succeeds more often on" if self.repeated else "fools"
        shown = list[tuple[bool, str]]()
        if last.adjusted < LEVEL:
            shown.append((last.for_first, f"{more} significantly more images than"))
        if self.logrank_adjusted < LEVEL and self.logrank_for_first not in dict(shown):
            shown.append((self.logrank_for_first, "fools images significantly sooner than"))
        for mark in early:
            if mark.adjusted < LEVEL and mark.for_first not in dict(shown):
                within = number_of(mark.queries, "query", "queries")
                shown.append((mark.for_first, f"{more} significantly more images within {within} than"))
        both = self.first, self.second
        return [(both[not first], how, both[first]) for first, how in shown]

    def in_words(self, names: Mapping[Method, str] | None = None) -> str:
        """Sentences: by how much the first is better, how sure that is, and how many images it would need."""
        first, second = ((names or {}).get(one, one.name) for one in (self.first, self.second))
        low, high = (100 * end for end in (self.difference.low, self.difference.high))
        lead = lead_in_words(self.difference.value, second)
        several = ", attacked several times each" * self.repeated
        fool, fools = ("succeed in", "succeeds in") if self.repeated else ("fool", "fools")
        said = [
            f"Of {number_of(self.images, 'image')}{several}, {first} {fools} {lead} (95 % interval of the"
            f" difference: {low:.1f} to {high:.1f})."
        ]
        if self.level is not None and self.ratio:
            said.append(
                f"To {fool} {percent(self.level)} it needs {_times(self.ratio.value)} times the queries"
                f" ({_times(self.ratio.low)} to {_times(self.ratio.high)})."
            )
        found, p, _ = self._surest()
        favoured = first if self.favoured == self.first else second
        verdict = f"Significant, in favour of {favoured}" if self.significant else "Not significant"
        if self.repeated:
            last = self.marks[-1]
            said.append(
                f"Within {number_of(last.queries, 'query', 'queries')} {first} succeeds more often on"
                f" {number_of(last.only_first, 'image')}, {second} on {last.only_second:,}; McNemar's test"
                " compares these numbers."
            )
        said.append(f"{verdict}: the lowest p, of {found}, is {_p(p)}, adjusted by Holm for all tests.")
        if not self.significant:
            said.append(self._power_in_words())
        return " ".join(said)

    def _power_in_words(self) -> str:
        """What difference so many images show, and how many the observed one would need."""
        this = "their difference" if self.repeated else "the one observed"
        enough = f"; {this} would need {number_of(self.needed, 'image')}" if self.needed else ""
        if self.detectable is None:
            return f"So few images cannot show any difference{enough}."
        least = f"a difference has to be about {100 * self.detectable:.0f} points"
        if self.repeated:
            least = f"these numbers have to differ by about {self.detectable * self.images:.0f}"
        return f"With so many images {least} to be seen{enough}."

    def _surest(self) -> tuple[str, float, bool]:
        """The test of the lowest adjusted p-value: its name, that, and whether it is for the first.

        Of several, the one at the budget, then the one of whole curves.
        """
        within = [
            (
                f"McNemar's test within {number_of(mark.queries, 'query', 'queries')}",
                mark.adjusted,
                mark.for_first,
            )
            for mark in self.marks
        ]
        curves = ("the log-rank test", self.logrank_adjusted, self.logrank_for_first)
        return min([within[-1], curves, *within[:-1]], key=lambda test: test[1])


def lead_in_words(difference: float, other: str) -> str:
    """How many more a method fools than another, in words; as many where both shares are shown alike."""
    points = f"{100 * abs(difference):.1f}"
    if points == "0.0":
        return f"as many as {other}"
    return f"{points} percentage points {'more' if difference > 0 else 'fewer'} than {other}"


def _times(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "any number of"


def _p(value: float) -> str:
    return f"below {LOWEST}" if value < LOWEST else f"{value:.3f}"


def comparisons(found: Results) -> list[Comparison]:
    """Every two methods of results that lack no run, of the same k and budget, as `Results.pairs` has them.

    p-values are adjusted by Holm over all tests of all of them, at every mark and of whole curves.
    """
    drawn: dict[Method, MethodCurves] = {}
    for some in _of_the_same_cases(found):
        curves = paired_curves([found.columns[each] for each in some], some[0].budget)
        drawn |= dict(zip(some, _of_each(curves), strict=True))
    compared = []
    for pair in found.pairs:
        both = pair.first, pair.second
        known = None
        if drawn.get(both[0]) and drawn.get(both[1]) and drawn[both[0]].queries is drawn[both[1]].queries:
            known = {each: drawn[each] for each in both}
        one, other = ((each, found.columns[each]) for each in both)
        compared.append(compare_two(one, other, known))
    every = [p for one in compared for p in (one.logrank, *(mark.p for mark in one.marks))]
    adjusted = iter(holm(every))
    return [
        replace(
            one,
            tests=len(every),
            logrank_adjusted=next(adjusted),
            marks=tuple(mark._replace(adjusted=next(adjusted)) for mark in one.marks),
        )
        for one in compared
    ]


class MethodCurves(NamedTuple):
    """The curve of success of one method, as observed and resampled."""

    curve: SuccessCurve
    queries: Numbers  # (G,)
    observed: Reals  # (G,)
    drawn: Reals  # (RESAMPLES, G)


def _of_the_same_cases(found: Results) -> list[list[Method]]:
    """The methods that are compared and have the same cases, k and budget: their images are drawn once."""
    groups: dict[tuple[object, ...], list[Method]] = {}
    for method in dict.fromkeys(each for pair in found.pairs for each in (pair.first, pair.second)):
        runs = found.columns[method]
        cases = tuple(getattr(runs, name).tobytes() for name in CASE)
        groups.setdefault((method.k, method.budget, *cases), []).append(method)
    return list(groups.values())


def compare_two(
    one: tuple[Method, Columns],
    other: tuple[Method, Columns],
    known: Mapping[Method, MethodCurves] | None = None,
) -> Comparison:
    """Two methods compared on the runs that both have; p-values are not adjusted.

    ``known`` has their curves, where they have the same cases.
    """
    same = common_runs(one[1], other[1])
    (first, mine), (second, theirs) = sorted(
        zip((one[0], other[0]), same, strict=True), key=lambda each: float(each[1].cost.sum())
    )
    budget, images = first.budget, np.unique(mine.image)
    tests = tuple(_tests(mine, theirs, budget))
    difference, level, ratio = _sizes(*_curves((first, mine), (second, theirs), known))
    last, repeated = tests[-1], len(mine) > len(images)
    if len(images):
        drawn, wins = (difference.low, difference.high), (last.only_first, last.only_second)
        low, high, ahead, behind = np.array([*drawn, *wins], float)[:, None]
        ends = paired_band((low, high), ahead, behind, len(images), repeated=repeated)
        difference = Estimate(difference.value, *(float(end[0]) for end in ends))
    scores = logrank_scores(mine, theirs)
    p, sooner = sign_flip_p(scores), bool(scores.sum() >= 0)
    return Comparison(
        first, second, len(images), difference, level, ratio, tests, p, p, sooner, repeated
    )  # fmt: skip


def _tests(first: Columns, second: Columns, budget: int) -> Iterator[MarkTest]:
    """McNemar's test at every mark."""
    images, place = np.unique(first.image, return_inverse=True)
    _, other = np.unique(second.image, return_inverse=True)
    for mark in marks(budget):
        gap = np.bincount(place, first.success & (first.first_fooled <= mark), len(images)) - np.bincount(
            other, second.success & (second.first_fooled <= mark), len(images)
        )
        wins = int((gap > 0).sum()), int((gap < 0).sum())
        p = mcnemar(*wins)
        yield MarkTest(mark, *wins, p, p)


def _curves(
    one: tuple[Method, Columns], other: tuple[Method, Columns], known: Mapping[Method, MethodCurves] | None
) -> list[MethodCurves]:
    """The curves of two methods on the same cases; none where there is no case."""
    if known:
        return [known[one[0]], known[other[0]]]
    if not len(one[1]):
        return []
    return _of_each(paired_curves((one[1], other[1]), one[0].budget))


def _of_each(found: PairedCurves) -> list[MethodCurves]:
    parts = zip(found.curves, found.observed, found.drawn, strict=True)
    return [MethodCurves(curve, found.queries, *each) for curve, *each in parts]


def _sizes(*curves: MethodCurves) -> tuple[Estimate, float | None, Estimate | None]:
    """Difference of rates, the level at which queries are compared, and their ratio there."""
    if not curves:
        return Estimate(0, 0, 0), None, None
    first, second = curves
    rates, queries = [float(each.observed[-1]) for each in curves], first.queries
    ends = interval(first.drawn[:, -1] - second.drawn[:, -1])
    difference, level = Estimate(rates[0] - rates[1], *map(float, ends)), min(rates) / 2
    if level == 0:
        return difference, None, None
    one, other = (queries_to_reach(each.curve.rate, each.curve.queries, level) for each in curves)
    ratio = float(one / other)
    mine, theirs = (queries_to_reach(each.drawn, queries, level) for each in curves)
    ratios = np.divide(mine, theirs, out=np.ones(len(mine)), where=np.isfinite(mine) | np.isfinite(theirs))
    low, high = map(float, interval(ratios))  # at the numbers of queries of resampled curves
    return difference, level, Estimate(ratio, min(low, ratio), max(high, ratio))
