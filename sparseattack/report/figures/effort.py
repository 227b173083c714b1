"""What success costs beside queries: changed pixels, length of the change, time of oracle and strategy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparseattack.report.figures.figure import INK, Cell, ReportFigure
from sparseattack.report.figures.panels import Panel, Series, in_part, known_sizes, unknown_edits
from sparseattack.report.figures.style import COLOURS, WIDTH, label, legend, panels, short
from sparseattack.study.columns import Columns, Flags

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR = 0.26  # inches, of a condition
EDGES = 0.8  # inches, of axes above and below
MILLION = 1e6
Row = tuple[Cell, ...]


def size_figure(conditions: Sequence[tuple[Panel, Series]]) -> ReportFigure | None:
    """Changed pixels and length of the change of successes; None where they are not known."""
    known = [
        (one, _size_row(panel, one, each))
        for panel, one in conditions
        if len(each := one.runs.at(_known(one.runs)))
    ]
    if not known:
        return None
    series, rows = [one for one, _ in known], [row for _, row in known]
    shortest = min(_finished(known), key=lambda row: float(row[6] or 0))
    return ReportFigure(
        name="size",
        kind="size",
        title="How much is changed, and length of the change",
        sentence=(
            f"The smallest median length of a change{_of_these(series)} is {float(shortest[6] or 0):.2f}, of"
            f" {shortest[0]} with {shortest[1]}."
        ),
        caption=(
            "Of the best edits of successful runs. Left: pixels that really change, mean (coordinates where"
            " the encoding counts these). Right: Euclidean length of the change, colours in [0, 1] (L2); the"
            " line is the median, the box from the lower to the upper quartile, the whiskers from the 5th to"
            " the 95th percentile."
        )
        + unknown_edits([(f"{one.name} with {panel.subject}", one.runs) for panel, one in conditions], _known)
        + in_part(series),
        columns=(
            "strategy",
            "condition",
            "successes",
            "mean_pixels",
            "l2_5",
            "l2_25",
            "l2_50",
            "l2_75",
            "l2_95",
            "finished",
        ),
        rows=tuple(rows),
        paint=lambda: _paint_sizes(rows, series),
    )


def _finished(known: Sequence[tuple[Series, Row]]) -> list[Row]:
    """The rows of conditions that lack no run, or all where each does."""
    return [row for one, row in known if one.bounds is None] or [row for _, row in known]


def _of_these(series: Sequence[Series]) -> str:
    """What a sentence about finished conditions adds where others are drawn."""
    some = {one.bounds is None for one in series}
    return ", of the finished conditions," * (len(some) > 1)


def _names(series: Sequence[Series], rows: Sequence[Row]) -> list[str]:
    """What stands beside the bars: strategy and condition."""
    return [f"{short(one.shown)}, {row[1]}" for one, row in zip(series, rows, strict=True)]


def _known(runs: Columns) -> Flags:
    """Which runs are successes of which size and length are known."""
    return known_sizes(runs) & ~np.isnan(runs.l2)


def _size_row(panel: Panel, one: Series, known: Columns) -> Row:
    lengths = np.quantile(known.l2, [0.05, 0.25, 0.5, 0.75, 0.95])
    sizes = [round(float(each), 6) for each in (known.pixels.mean(), *lengths)]
    return one.name, panel.subject, len(known), *sizes, one.finished


def _paint_sizes(rows: Sequence[Row], series: Sequence[Series]) -> "Figure":
    figure, (left, right) = panels(2, (WIDTH / 2, EDGES + BAR * len(rows)), 2)
    places = np.arange(len(rows))
    colours = [one.style.colour for one in series]
    left.barh(places, [float(row[3] or 0) for row in rows], 0.7, color=colours, edgecolor=INK, linewidth=0.4)
    boxes = [
        dict(zip(("whislo", "q1", "med", "q3", "whishi"), map(float, row[4:-1]), strict=True))  # type: ignore[arg-type]
        for row in rows
    ]
    drawn = right.bxp(
        boxes, places, widths=0.7, orientation="horizontal", showfliers=False, patch_artist=True,
        medianprops={"color": INK, "linewidth": 1.6}, boxprops={"edgecolor": INK, "linewidth": 0.8},
        whiskerprops={"color": INK, "linewidth": 0.8}, capprops={"color": INK, "linewidth": 0.8},
    )  # fmt: skip
    for box, colour in zip(drawn["boxes"], colours, strict=True):
        box.set_facecolor(colour)
    left.set_yticks(places, _names(series, rows))
    right.set_yticks(places, [""] * len(rows))
    for axes, name in ((left, "changed, mean"), (right, "L2 length of the change")):
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(left=0)
        label(axes, name, "")
        axes.grid(visible=False, axis="y")
    return figure


def time_figure(conditions: Sequence[tuple[Panel, Series]]) -> ReportFigure | None:
    """Time of oracle and strategy per query; None where it is not known of any condition."""
    known = [(one, row) for panel, one in conditions if (row := _times(panel, one))]
    if not known:
        return None
    series, rows = [one for one, _ in known], [row for _, row in known]
    slowest = max(_finished(known), key=lambda row: float(row[4] or 0))
    share = float(slowest[4] or 0) / max(float(slowest[3] or 0) + float(slowest[4] or 0), 1e-12)
    return ReportFigure(
        name="time",
        kind="time",
        title="Time per query, of oracle and strategy",
        sentence=(
            f"The strategy that takes longest itself{_of_these(series)} is {slowest[0]} with {slowest[1]}:"
            f" {float(slowest[4] or 0):,.0f} microseconds per query, {100 * share:.0f} % of its time."
        ),
        caption=(
            "Time of all runs divided by all their queries, as they were run, many images side by side. The"
            " oracle's time is that of its calls; the strategy's is all else of the search. Conditions whose"
            " times are not known are left out."
        )
        + in_part(series),
        columns=(
            "strategy",
            "condition",
            "queries",
            "oracle_microseconds",
            "strategy_microseconds",
            "finished",
        ),
        rows=tuple(rows),
        paint=lambda: _paint_times(rows, series),
    )


def _times(panel: Panel, one: Series) -> Row:
    """A row of the figure; empty where the times are not known."""
    queries = int(one.runs.queries.sum())
    times = [float(one.runs.oracle_seconds.sum()), float(one.runs.strategy_seconds.sum())]
    if not queries or np.isnan(times).any():
        return ()
    return (
        one.name,
        panel.subject,
        queries,
        *(round(MILLION * each / queries, 3) for each in times),
        one.finished,
    )


def _paint_times(rows: Sequence[Row], series: Sequence[Series]) -> "Figure":
    figure, (axes,) = panels(1, (WIDTH, EDGES + BAR * len(rows)))
    places = np.arange(len(rows))
    oracle, strategy = (np.array([row[column] for row in rows], float) for column in (3, 4))
    first = axes.barh(places, oracle, 0.7, color=COLOURS[0], edgecolor=INK, linewidth=0.4)
    second = axes.barh(
        places, strategy, 0.7, left=oracle, color=COLOURS[4], hatch="///", edgecolor=INK, linewidth=0.4
    )
    axes.set_yticks(places, _names(series, rows))
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    label(axes, "microseconds per query", "")
    axes.grid(visible=False, axis="y")
    legend(figure, [first, second], ["oracle", "strategy"])
    return figure
