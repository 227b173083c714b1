"""Strategies compared image by image: differences of success, queries against queries, and who is first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import number_of, tied
from sparseattack.report.figures.figure import INK, ReportFigure
from sparseattack.report.figures.panels import Panel, Series, left_out
from sparseattack.report.figures.style import (
    band,
    label,
    legend,
    panels,
    percent_scale,
    query_scale,
    short,
)
from sparseattack.report.statistics.comparisons import lead_in_words
from sparseattack.report.statistics.curves import weights
from sparseattack.report.statistics.intervals import paired_band
from sparseattack.report.statistics.resampling import interval, paired_curves, successes_by_image
from sparseattack.report.summary import common_runs, common_to_all
from sparseattack.report.tables import percent
from sparseattack.study.columns import Columns, Reals

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MOST_LINES = 4  # differences in one figure
RIM = 1.35  # times the budget, where failures stand
MANY_DOTS = 2000  # from which on they are small, and drawn as one picture
BAND = {  # of a difference, by whether images have several runs
    False: "Band: pointwise 95 % score interval of paired rates (Tango, 1998).",
    True: "Band: pointwise 95 % interval by bootstrap over images, each with all its runs; where each has"
    " one, or none differs, a score interval (Tango, 1998).",
}
POINTS = 121  # of a performance profile
FACTORS = 64  # of a performance profile, the largest

FOOLS = "fools", "fools", ""  # words of a difference, where shares are of images
CASE = {"image": ("image",), "target": ("image", "target")}  # columns, by what a share counts


class Lead(NamedTuple):
    """A curve of the difference of two rates, with its pointwise 95 % band."""

    other: Series
    images: int  # that both attack
    queries: NDArray[np.int64]
    value: Reals
    low: Reals
    high: Reals


def difference_figure(panel: Panel) -> ReportFigure | None:
    """Success of the best condition of a panel less that of the next ones; None where there are no two."""
    if len(panel.whole) < len(("best", "other")):
        return None
    best, *others = panel.whole
    lines = [each for one in others[:MOST_LINES] if (each := _difference(best, one, panel.common_budget))]
    if not lines:
        return None
    last = [lead_in_words(float(line.value[-1]), line.other.name) for line in lines]
    repeated = any(int(one.planned.max()) > 1 for one in panel.whole)
    counts = " or ".join(f"{each:,}" for each in sorted({line.images for line in lines}))
    does, more, of = (
        ("reaches", "reaches, of the targets,", "the targets of ") if panel.every_target else FOOLS
    )
    return ReportFigure(
        name=f"difference-{panel.stem}",
        kind="difference",
        title=f"How much more {short(best.name)} {does} than others, {panel.subject}",
        sentence=(
            f"Within {number_of(panel.common_budget, 'query', 'queries')} {best.name} {more}"
            f" {', '.join(last)}."
        ),
        caption=(
            f"Share of {of}images that {best.name} {does} within so many queries, less the share that the"
            f" other {does}, on the images ({counts}) that both attack. {BAND[repeated]}{left_out(panel)}"
        ),
        columns=("strategy", "less", "queries", "difference", "low", "high"),
        rows=tuple(
            (best.name, line.other.name, queries, *(round(each, 6) for each in values))
            for line in lines
            for queries, *values in zip(*(part.tolist() for part in line[2:]), strict=True)
        ),
        paint=lambda: _paint_differences(lines, panel.common_budget),
    )


def _difference(best: Series, other: Series, budget: int) -> Lead | None:
    both = common_runs(best.runs, other.runs)
    if not len(both[0]):
        return None
    curves, images = paired_curves(both, budget), np.unique(both[0].image)
    first, second = (successes_by_image(runs, images, curves.queries) for runs in both)
    ahead, behind = (first > second).sum(axis=0, dtype=float), (first < second).sum(axis=0, dtype=float)
    drawn, repeated = interval(curves.drawn[0] - curves.drawn[1]), len(both[0]) > len(images)
    ends = paired_band(drawn, ahead, behind, len(images), repeated=repeated)
    return Lead(other, len(images), curves.queries, curves.observed[0] - curves.observed[1], *ends)


def _paint_differences(lines: Sequence[Lead], budget: int) -> "Figure":
    figure, (axes,) = panels(1)
    handles = []
    axes.axhline(0, color=INK, linewidth=0.8)
    for line in lines:
        style = line.other.style
        axes.fill_between(
            line.queries, line.low, line.high, step="post", color=style.colour, alpha=band(len(lines)), lw=0
        )
        handles += axes.step(line.queries, line.value, where="post", **style.line)
    query_scale(axes, budget)
    label(axes, "queries", "difference (percentage points)")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:+g}" if round(value, 9) else "0")
    legend(figure, handles, [f"ahead of {line.other.name}" for line in lines])
    return figure


def scatter_figure(panel: Panel, first: Series, second: Series) -> ReportFigure | None:
    """Queries to success of one condition against those of another, a dot for each image.

    None where they have no run in common.
    """
    one, other = common_runs(first.runs, second.runs)
    if not len(one):
        return None
    (cases, across), (_, up) = (lower_median(runs, panel.every_target) for runs in (one, other))
    budgets = first.method.budget, second.method.budget
    known = [np.where(each <= min(budgets), each, np.inf) for each in (across, up)]  # of both
    better, worse = int((known[0] < known[1]).sum()), int((known[0] > known[1]).sum())
    within = f" within {number_of(min(budgets), 'query', 'queries')}" * (budgets[0] != budgets[1])
    repeated, by_case = len(one) > len(across), f"{panel.case} by {panel.case}"
    image = f"{panel.case} of the images" if panel.every_target else "image"
    return ReportFigure(
        name=f"scatter-{panel.stem}",
        kind="scatter",
        title=f"{short(first.name)} against {short(second.name)}, {by_case}, {panel.subject}",
        sentence=(
            f"Of {number_of(len(across), panel.case)}, {first.name} needs fewer queries on {better:,},"
            f" {second.name} on {worse:,}; on {len(across) - better - worse:,} they need the same or both"
            f" fail{within}."
        ),
        caption=(
            f"A dot for each {image} that both attack: queries to success"
            f"{', the lower median of its runs' * repeated}. Failures within the budget, the dashed lines,"
            " stand on the rim, scattered so that they are seen. Above the diagonal the strategy named below"
            " is better, below it the one named at the left." + left_out(panel)
        ),
        columns=(*CASE[panel.case], "queries_first", "queries_second", "first", "second"),
        rows=tuple(
            (
                *case[: len(CASE[panel.case])],
                *(int(each) if np.isfinite(each) else None for each in pair),
                first.name,
                second.name,
            )
            for case, *pair in zip(cases.T.tolist(), across, up, strict=True)
        ),
        paint=lambda: _paint_scatter((first, second), (across, up)),
    )


def lower_median(runs: Columns, every_target: bool) -> tuple[NDArray[np.int64], Reals]:
    """Images ``(2, n)``, and the queries to success of each, the lower median of its runs.

    Infinite where that is a failure. Where every other class is a target, each of an image stands apart.
    """
    cost = _within(runs, int(runs.budget.max()))
    cases = np.stack([runs.image, runs.target * every_target])
    order = np.lexsort((cost, *cases[::-1]))
    cases = cases[:, order]
    start = np.flatnonzero(np.concatenate([[True], (np.diff(cases) != 0).any(axis=0)]))
    count = np.diff(start, append=len(order))
    return cases[:, start], np.asarray(cost[order][start + (count - 1) // 2])


def _paint_scatter(pair: tuple[Series, Series], queries: tuple[Reals, Reals]) -> "Figure":
    figure, (axes,) = panels(1, (5.4, 5.2))
    budgets = [one.method.budget for one in pair]
    shift = np.random.default_rng(0).uniform(-0.09, 0.09, (2, len(queries[0])))
    places = [
        np.where(np.isfinite(each), each, budget * RIM * np.exp(move))
        for each, budget, move in zip(queries, budgets, shift, strict=True)
    ]
    few = len(places[0]) < MANY_DOTS
    size, opacity = (14, 0.75) if few else (5, 0.3)
    axes.scatter(
        places[0],
        places[1],
        s=size,
        alpha=opacity,
        linewidths=0,
        color=pair[0].style.colour,
        rasterized=not few,
    )
    lowest, highest = 1.0, max(budgets) * RIM**1.6
    axes.plot([lowest, highest], [lowest, highest], color=INK, linewidth=0.8)
    for budget, line in zip(budgets, (axes.axvline, axes.axhline), strict=True):
        line(budget, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    for budget, vertical in zip(budgets, (False, True), strict=True):
        query_scale(axes, budget, vertical=vertical)
    label(axes, f"queries of {short(pair[0].name)}", f"queries of {short(pair[1].name)}")
    axes.set_xlim(0.9, highest)
    axes.set_ylim(0.9, highest)
    axes.text(budgets[0] * RIM, 0.93, "failed", ha="center", va="bottom", rotation=90, fontsize=8)
    axes.text(0.93, budgets[1] * RIM, "failed", ha="left", va="center", fontsize=8)
    return figure


def profile_figure(panel: Panel) -> ReportFigure | None:
    """Performance profile of a panel: share of images solved within a factor of the best on that image."""
    profiles = _profiles(panel)
    if profiles is None:
        return None
    factors, shares, images = profiles
    lead = max(each[0] for each in shares)
    names = [one.name for one in panel.whole]
    first = [name for name, each in zip(names, shares, strict=True) if each[0] == lead]
    none, of = ("reaches", "the targets of ") if panel.every_target else ("fools", "")
    solved, same = ("reached", "image, target") if panel.every_target else ("fooled", "image")
    return ReportFigure(
        name=f"profile-{panel.stem}",
        kind="profile",
        title=f"Performance profile, {panel.subject}",
        sentence=(
            f"{tied(first)} {'is' if len(first) == 1 else 'are each'} the first, or as fast as the"
            f" first, on {percent(float(lead))} of {of}{number_of(images, 'image')}."
            if lead
            else f"None of them {none} any of {of}{number_of(images, 'image')} within"
            f" {number_of(panel.common_budget, 'query', 'queries')}."
        ),
        caption=(
            f"Share of {of}{number_of(images, 'image')} {solved} with at most so many times the queries of"
            f" the strategy that was fastest on the same {same} and seed (Dolan and Moré, 2002). Failures"
            f" count as infinitely many queries. It depends on which strategies take part, here {len(names)};"
            " at 1 stands how often each was the fastest." + left_out(panel)
        ),
        columns=("strategy", "factor", "share"),
        rows=tuple(
            (one.name, round(float(factor), 6), round(float(share), 6))
            for one, curve in zip(panel.whole, shares, strict=True)
            for factor, share in zip(factors, curve, strict=True)
        ),
        paint=lambda: _paint_profile(panel, factors, shares),
    )


def _profiles(panel: Panel) -> tuple[Reals, list[Reals], int] | None:
    """Factors, the share solved within each by every method, and the number of images; None without two."""
    series = panel.whole
    if len(series) < len(("one", "another")):
        return None
    ordered = common_to_all([one.runs for one in series])
    if not len(ordered[0]):
        return None
    costs = [_within(each, panel.common_budget) for each in ordered]
    fastest, each_weight = np.min(costs, axis=0), weights(ordered[0])
    factors = np.geomspace(1, min(FACTORS, max(panel.common_budget, 2)), POINTS)
    shares: list[Reals] = []
    for cost in costs:
        ratio = np.divide(cost, fastest, out=np.full(len(cost), np.inf), where=np.isfinite(cost))
        place = np.searchsorted(factors * (1 + 1e-12), ratio)
        counted = np.bincount(place, each_weight, minlength=POINTS + 1)[:POINTS]
        shares.append(np.asarray(np.cumsum(counted), float))
    return factors, shares, len(np.unique(ordered[0].image))


def _within(runs: Columns, budget: int) -> Reals:
    """Queries to success within a budget; infinite for a failure."""
    return np.where(runs.success & (runs.first_fooled <= budget), runs.first_fooled, np.inf)


def _paint_profile(panel: Panel, factors: Reals, shares: Sequence[Reals]) -> "Figure":
    figure, (axes,) = panels(1)
    handles = []
    for one, curve in zip(panel.whole, shares, strict=True):
        handles += axes.step(factors, curve, where="post", **one.style.line)
    axes.set_xscale("log", base=2)
    axes.set_xlim(1, factors[-1])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    label(axes, f"times the queries of the fastest on the same {panel.case}", panel.share)
    percent_scale(axes)
    legend(figure, handles, [one.name for one in panel.whole])
    return figure
