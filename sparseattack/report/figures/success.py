"""Curves of success: the share of images fooled within a number of queries, and differences of these."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparseattack.report.figures.figure import Cell, ReportFigure
from sparseattack.report.figures.panels import Panel, Series
from sparseattack.report.figures.style import BAND, label, legend, panels, percent_scale, query_scale
from sparseattack.report.results import Results
from sparseattack.report.statistics.curves import SuccessCurve, success_curve, unfinished_curve
from sparseattack.report.tables import number_of, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = 900  # drawn of a curve; its numbers have all
Curves = list[tuple[Series, SuccessCurve]]


def success_figure(found: Results, panel: Panel) -> ReportFigure:
    """Success against queries of the conditions of a panel."""
    curves = [(one, _curve(one)) for one in panel.series]
    return ReportFigure(
        name=f"success-{panel.stem}",
        kind="success",
        title=f"Success against queries, {panel.subject}",
        sentence=_result(panel, curves),
        caption=_caption(found, panel),
        columns=("strategy", "budget", "queries", "success", "low", "high", "finished"),
        rows=tuple(_rows(curves)),
        paint=lambda: _paint(panel, curves),
    )


def _curve(one: Series) -> SuccessCurve:
    if one.bounds is None:
        return success_curve(one.runs, one.method.budget)
    return unfinished_curve(one.runs, one.planned, one.method.budget)


def _rows(curves: Curves) -> Iterator[tuple[Cell, ...]]:
    for one, curve in curves:
        head, end = (one.method.name, one.method.budget), "yes" if one.bounds is None else "no"
        for queries, rate, low, high in zip(*(column.tolist() for column in curve), strict=True):
            yield *head, queries, round(rate, 6), round(low, 6), round(high, 6), end


def _result(panel: Panel, curves: Curves) -> str:
    """Who is first and last, in a sentence."""
    known = [(one, curve) for one, curve in curves if one.bounds is None]
    if not known:
        return (
            f"With {panel.subject}, no condition has all its runs yet: there are bounds of their rates only."
        )
    (best, curve), *others = sorted(known, key=lambda each: -each[1].rate[-1])
    sentence = (
        f"{best.name} fools {percent(float(curve.rate[-1]))} of {number_of(best.images, 'image')} within"
        f" {number_of(best.method.budget, 'query', 'queries')}"
    )
    rates = [(one.name, float(each.rate[-1])) for one, each in others]
    return f"{sentence}{beside(float(curve.rate[-1]), rates)}."


def beside(best: float, others: Sequence[tuple[str, float]]) -> str:
    """End of a sentence about the best rate: the lowest other, unless all are equal; others fall."""
    if not others:
        return ""
    name, lowest = others[-1]
    if len(others) == 1:
        return f"; {name} fools {percent(lowest)}"
    if lowest == best:
        return f"; each of the other {len(others)} fools {percent(lowest)} too"
    return f", the most; {name} fools {percent(lowest)}, the fewest"


def _caption(found: Results, panel: Panel) -> str:
    """What was counted and what the bands mean."""
    counts = sorted({one.images for one in panel.series})
    images = " or ".join(f"{count:,}" for count in counts)
    runs = max(int(one.planned.max()) for one in panel.series)
    cases = "" if runs == 1 else f", with up to {runs} runs each, which count as one trial together"
    sentences = [
        f"Share of the attacked images ({images}{cases}) that were fooled within so many queries.",
        "Band: pointwise 95 % interval (Wilson).",
    ]
    if lacking := [one for one in panel.series if one.bounds]:
        sentences.append(
            f"{', '.join(one.name for one in lacking)}: not finished; the hatched area is between the rate"
            " if all other runs fail and if all succeed."
        )
    return " ".join(sentences)


def _thinned(curve: SuccessCurve) -> SuccessCurve:
    """At most so many steps as can be told apart, evenly spaced on a logarithmic axis."""
    if len(curve.queries) <= STEPS:
        return curve
    wanted = np.geomspace(1, curve.queries[-1], STEPS)
    places = np.unique(np.searchsorted(curve.queries, wanted, side="right") - 1)
    return SuccessCurve(curve.queries[places], curve.rate[places], curve.low[places], curve.high[places])


def _paint(panel: Panel, curves: Curves) -> "Figure":
    figure, (axes,) = panels(1)
    handles, names = [], []
    for one, each in curves:
        curve = _thinned(each)
        axes.fill_between(
            curve.queries,
            curve.low,
            curve.high,
            step="post",
            color=one.style.colour,
            alpha=BAND if one.bounds is None else BAND / 3,
            linewidth=0,
        )
        if one.bounds:
            axes.step(curve.queries, curve.high, where="post", **one.style.line | {"linewidth": 0.8})
        (line,) = axes.step(curve.queries, curve.rate, where="post", **one.style.line)
        handles.append(line)
        names.append(one.name if one.bounds is None else f"{one.name} (unfinished)")
    query_scale(axes, panel.budget)
    label(axes, "queries", "images fooled")
    percent_scale(axes)
    legend(figure, handles, names)
    return figure
