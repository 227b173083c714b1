"""Curves of success: the share of images fooled within a number of queries, and differences of these."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparseattack.errors import number_of, tied
from sparseattack.report.figures.figure import Cell, ReportFigure
from sparseattack.report.figures.panels import Panel, Series, pooled, same_images
from sparseattack.report.figures.style import band, label, legend, panels, percent_scale, query_scale
from sparseattack.report.statistics.curves import (
    SuccessCurve,
    kaplan_meier,
    success_curve,
    unfinished_curve,
)
from sparseattack.report.tables import listed_numbers, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS, FEWEST = 900, 150  # drawn of one curve at most, and of each of many; its numbers have all
EVERY = 6000  # of all curves together
Curves = list[tuple[Series, SuccessCurve]]


def success_figure(panel: Panel) -> ReportFigure:
    """Success against queries of the conditions of a panel; those that differ in budget are one curve."""
    curves = [(one, _curve(one)) for one in pooled(panel.series)]
    return ReportFigure(
        name=f"success-{panel.stem}",
        kind="success",
        title=f"Success against queries, {panel.subject}",
        sentence=_result(panel, curves),
        caption=_caption(panel, [one for one, _ in curves]),
        columns=("strategy", "budget", "queries", "success", "low", "high", "finished"),
        rows=tuple(_rows(curves)),
        paint=lambda: _paint(panel, curves),
    )


def _curve(one: Series) -> SuccessCurve:
    if one.bounds is not None:
        return unfinished_curve(one.runs, one.planned, one.method.budget)
    return success_curve(one.runs, one.method.budget) if len(one.budgets) == 1 else kaplan_meier(one.runs)


def _rows(curves: Curves) -> Iterator[tuple[Cell, ...]]:
    for one, curve in curves:
        budget: Cell = "+".join(map(str, one.budgets)) if one.budgets[1:] else one.method.budget
        head = one.method.name, budget
        for queries, rate, low, high in zip(*(column.tolist() for column in curve), strict=True):
            yield *head, queries, round(rate, 6), round(low, 6), round(high, 6), one.finished


def _result(panel: Panel, curves: Curves) -> str:
    """Who is first and last, in a sentence."""
    known = [(one, curve) for one, curve in curves if one.bounds is None]
    if not known:
        return (
            f"With {panel.subject}, no condition has all its runs yet: there are bounds of their rates only."
        )
    budget = min(one.method.budget for one, _ in known)
    within = f"within {number_of(budget, 'query', 'queries')}"
    rates = [round(float(curve.rate[curve.queries <= budget][-1]), 9) for _, curve in known]
    verb, does, of = ("reach", "reaches", "the targets of ") if panel.every_target else ("fool", "fools", "")
    if not same_images(one for one, _ in known):
        return (
            f"These conditions {verb} between {percent(min(rates))} and {percent(max(rates))} of {of}their"
            f" images {within}; the images are not the same, so that the rates rank nobody."
        )
    best = [one for (one, _), rate in zip(known, rates, strict=True) if rate == max(rates)]
    estimated = "an estimated " * any(budget > one.budgets[0] for one in best)
    sentence = (
        f"{tied([one.name for one in best])} {does if len(best) == 1 else f'each {verb}'}"
        f" {estimated}{percent(max(rates))} of {of}{number_of(best[0].images, 'image')} {within}"
    )
    named = [(one.name, rate) for (one, _), rate in zip(known, rates, strict=True)]
    return f"{sentence}{beside(named, verb, does)}."


def beside(rates: Sequence[tuple[str, float]], verb: str = "fool", does: str = "fools") -> str:
    """End of a sentence about the best of some rates: the lowest one, and whose that is."""
    lowest = min(rate for _, rate in rates)
    names = [name for name, rate in rates if rate == lowest]
    if len(names) == len(rates):
        return ""
    last = f"{tied(names)} {does if len(names) == 1 else f'each {verb}'} {percent(lowest)}"
    return f"; {last}" if len(rates) == len(("best", "other")) else f", the most; {last}, the fewest"


def _caption(panel: Panel, shown: Sequence[Series]) -> str:
    """What was counted and what the bands mean."""
    counts = sorted({one.images for one in shown})
    images = " or ".join(f"{count:,}" for count in counts)
    runs = max(int(one.planned.max()) for one in shown)
    cases = "" if runs == 1 else f", with up to {runs} runs each, which count as one trial together"
    sentences = [
        f"Share of the {'targets of the ' * panel.every_target}attacked images ({images}{cases}) that were"
        f" {'reached' if panel.every_target else 'fooled'} within so many queries.",
        *["Band: pointwise 95 % interval (Wilson)."] * any(one.bounds is None for one in shown),
        *_budgets_in_words(panel, shown),
    ]
    if lacking := [one for one in shown if one.bounds]:
        sentences.append(
            f"{', '.join(one.name for one in lacking)}: not finished; the lower line is the rate if all"
            " other runs fail, the thin one above it the rate if all succeed."
        )
    return " ".join(sentences)


def _budgets_in_words(panel: Panel, shown: Sequence[Series]) -> Iterator[str]:
    """How curves of several budgets are estimated, and which strategies have none."""
    several = [one for one in shown if len(one.budgets) > 1]
    for one in several:
        far = len(np.unique(one.runs.image[one.runs.budget > one.budgets[0]]))
        yield (
            f"{one.method.name}: Kaplan-Meier estimate of runs with budgets of {listed_numbers(one.budgets)}"
            f" queries, each censored at its own; {far:,} of {one.images:,} images have more than"
            f" {one.budgets[0]:,}."
        )
    if several:
        yield (
            "Its band is Wilson's interval with the effective number of images, by Greenwood's variance. It"
            " holds where the budget of an image does not depend on how hard the image is."
        )
    apart = [one.method for one in panel.series if "budget" in one.method.uses]
    names = [each.name for each in apart]
    if listed := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        yield f"The search of {', '.join(listed)} depends on the budget, so that each budget has a curve."


def _thinned(curve: SuccessCurve, most: int) -> SuccessCurve:
    """So many steps at most, evenly spaced on a logarithmic axis."""
    if len(curve.queries) <= most:
        return curve
    wanted = np.geomspace(1, curve.queries[-1], most)
    places = np.unique(np.searchsorted(curve.queries, wanted, side="right") - 1)
    return SuccessCurve(curve.queries[places], curve.rate[places], curve.low[places], curve.high[places])


def _paint(panel: Panel, curves: Curves) -> "Figure":
    figure, (axes,) = panels(1)
    handles, names = [], []
    most = min(STEPS, max(FEWEST, EVERY // len(curves)))
    for one, each in curves:
        curve = _thinned(each, most)
        axes.fill_between(
            curve.queries,
            curve.low,
            curve.high,
            step="post",
            color=one.style.colour,
            alpha=band(len(curves)) / (1 if one.bounds is None else 3),
            linewidth=0,
        )
        if one.bounds:
            axes.step(curve.queries, curve.high, where="post", **one.style.line | {"linewidth": 0.8})
        (line,) = axes.step(curve.queries, curve.rate, where="post", **one.style.line)
        handles.append(line)
        names.append(one.shown)
    query_scale(axes, panel.budget)
    label(axes, "queries", panel.share)
    percent_scale(axes)
    legend(figure, handles, names)
    return figure
