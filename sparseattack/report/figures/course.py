"""The margin over queries: how close searches come, whether or not they succeed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sparseattack.errors import number_of, tied
from sparseattack.report.figures.figure import INK, Cell, ReportFigure
from sparseattack.report.figures.panels import Panel, Series, left_out, same_images
from sparseattack.report.figures.style import band, label, legend, panels, query_scale
from sparseattack.study.columns import Courses, Numbers, Reals

if TYPE_CHECKING:
    from matplotlib.figure import Figure


POINTS = 60  # numbers of queries
THOUSAND = 1000


class Course(NamedTuple):
    """Quartiles of the best value so far, over the runs of a condition; NaN where none is known."""

    one: Series
    queries: Numbers
    lower: Reals
    middle: Reals
    upper: Reals


def margin_figure(panel: Panel, courses: Courses | None) -> ReportFigure | None:
    """Best value so far against queries; None where courses were not read, and without a whole condition."""
    if courses is None:
        return None
    lines = [_course(one, courses, panel.common_budget) for one in panel.whole if len(one.runs)]
    if not lines:
        return None
    runs = sorted({len(line.one.runs) for line in lines})
    return ReportFigure(
        name=f"margin-{panel.stem}",
        kind="margin",
        title=f"Best {panel.fitness} over queries, {panel.subject}",
        sentence=_result(lines, panel, f"median {panel.fitness} of"),
        caption=(
            f"Median over all runs ({' or '.join(f'{count:,}' for count in runs)} each) of the best"
            f" {panel.fitness} so far; band: from the lower to the upper quartile of the runs. Lower is"
            " better"
            + ", and below 0 the oracle is fooled" * (panel.fitness == "margin")
            + ". A run that has ended keeps its last value."
            + left_out(panel)
        ),
        columns=("strategy", "queries", "lower_quartile", "median", "upper_quartile"),
        rows=_rows(lines),
        paint=lambda: _paint(panel, lines, f"best {panel.fitness} so far"),
    )


def fewest_figure(panel: Panel, courses: Courses | None) -> ReportFigure | None:
    """Fewest pixels so far against queries, where searches go on with fewer after each success."""
    if courses is None:
        return None
    lines = [_course(one, courses, panel.common_budget) for one in panel.whole if len(one.runs)]
    if not lines:
        return None
    return ReportFigure(
        name=f"fewest-{panel.stem}",
        kind="fewest",
        title=f"Fewest pixels over queries, {panel.subject}",
        sentence=_result(lines, panel, "median of the fewest pixels,"),
        caption=(
            "Median over all runs of the fewest pixels with which the oracle was fooled so far; band: from"
            " the lower to the upper quartile of the runs. A run that has not fooled it counts as more"
            " pixels than any, so a line begins where half of the runs have. Lower is better."
            + left_out(panel)
        ),
        columns=("strategy", "queries", "lower_quartile", "median", "upper_quartile"),
        rows=_rows(lines),
        paint=lambda: _paint(panel, lines, "fewest pixels so far"),
    )


def _result(lines: Sequence[Course], panel: Panel, what: str) -> str:
    """Who has the lowest median at the smallest budget, where all conditions attack the same images."""
    budget = panel.common_budget
    after = f"After {number_of(budget, 'query', 'queries')}"
    if not same_images(line.one for line in lines):
        return (
            f"{after} the medians of these conditions are of images that are not the same: they rank nobody."
        )
    medians = [float(line.middle[np.searchsorted(line.queries, budget)]) for line in lines]
    if np.isnan(medians).all():
        return f"{after} no strategy has fooled the oracle in half of its runs."
    lowest = np.nanmin(medians)
    names = [line.one.name for line, each in zip(lines, medians, strict=True) if each == lowest]
    has = f"{'has' if len(names) == 1 else 'have'} {'the lowest' if len(lines) > 1 else 'a'}"
    return f"{after} {tied(names)} {has} {what} {_short(lowest)}."


def _rows(lines: Sequence[Course]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        (
            line.one.name,
            queries,
            *(round(each, 6) if np.isfinite(each) else None for each in values),
        )
        for line in lines
        for queries, *values in zip(*(part.tolist() for part in line[1:]), strict=True)
    )


def _short(value: float) -> str:
    """A value with three digits, and no exponent for a large one."""
    return f"{value:,.0f}" if abs(value) >= THOUSAND else f"{value:.3g}"


def _course(one: Series, courses: Courses, common: int) -> Course:
    """Quartiles at numbers of queries that are evenly spaced on a logarithmic axis, and at the ``common``."""
    budget = one.method.budget
    queries = np.unique([*np.geomspace(1, budget, POINTS).round().astype(np.int64), common])
    starts, ends = courses.trace.ends[one.runs.row], courses.trace.ends[one.runs.row + 1]
    steps = (ends - starts) // 2
    first = np.concatenate([[0], np.cumsum(steps)[:-1]])
    taken = np.repeat(starts - 2 * first, steps) + 2 * np.arange(steps.sum())
    asked, values = courses.trace.values[taken], courses.trace.values[taken + 1]
    span = float(budget + 1)  # of one run, so that all are searched at once
    run = np.repeat(np.arange(len(steps)), steps)
    inside = asked <= budget
    keys = run[inside] * span + asked[inside]
    place = np.searchsorted(keys, (np.arange(len(steps))[:, None] * span + queries).ravel(), side="right") - 1
    known = (place >= 0) & (run[inside][place.clip(0)] == np.repeat(np.arange(len(steps)), len(queries)))
    best = np.where(known, values[inside][place.clip(0)] if len(keys) else np.inf, np.inf)
    quartiles = np.quantile(best.reshape(len(steps), -1), [0.25, 0.5, 0.75], axis=0, method="inverted_cdf")
    return Course(one, queries, *np.where(np.isfinite(quartiles), quartiles, np.nan))


def _paint(panel: Panel, lines: list[Course], axis: str) -> "Figure":
    figure, (axes,) = panels(1)
    handles = []
    for line in lines:
        style = line.one.style
        axes.fill_between(
            line.queries,
            line.lower,
            line.upper,
            step="post",
            color=style.colour,
            alpha=band(len(lines)),
            lw=0,
        )
        handles += axes.step(line.queries, line.middle, where="post", **style.line)
    if panel.fitness == "margin" and axis.startswith("best"):
        axes.axhline(0, color=INK, linewidth=0.8)
    query_scale(axes, panel.budget)
    label(axes, "queries", axis)
    legend(figure, handles, [line.one.name for line in lines])
    return figure
