"""What success costs beside queries: changed pixels, length of the change, time of oracle and strategy."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparseattack.report.figures.figure import INK, Cell, ReportFigure
from sparseattack.report.figures.panels import Panel, Series
from sparseattack.report.figures.style import COLOURS, WIDTH, label, legend, panels, short
from sparseattack.report.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR = 0.26  # inches, of a condition
EDGES = 0.8  # inches, of axes above and below
MILLION = 1e6


def time_figure(found: Results, conditions: Sequence[tuple[Panel, Series]]) -> ReportFigure | None:
    """Time of oracle and strategy per query; None where it is not known of any condition."""
    rows = list(_times(conditions))
    if not rows:
        return None
    slowest = max(rows, key=lambda row: float(row[4] or 0))
    share = float(slowest[4] or 0) / max(float(slowest[3] or 0) + float(slowest[4] or 0), 1e-12)
    return ReportFigure(
        name="time",
        kind="time",
        title="Time per query, of oracle and strategy",
        sentence=(
            f"The strategy that takes longest itself is {slowest[0]} with {slowest[1]}:"
            f" {float(slowest[4] or 0):,.0f} microseconds per query, {100 * share:.0f} % of its time."
        ),
        caption=(
            "Time of all runs divided by all their queries, as they were run, many images side by side. The"
            " oracle's time is that of its calls; the strategy's is all else of the search. Conditions whose"
            " times are not known are left out."
        ),
        columns=("strategy", "condition", "queries", "oracle_microseconds", "strategy_microseconds"),
        rows=tuple(rows),
        paint=lambda: _paint_times(rows),
    )


def _times(conditions: Sequence[tuple[Panel, Series]]) -> Iterator[tuple[Cell, ...]]:
    for panel, one in conditions:
        queries = int(one.runs.queries.sum())
        times = [float(one.runs.oracle_seconds.sum()), float(one.runs.strategy_seconds.sum())]
        if queries and not np.isnan(times).any():
            yield one.name, panel.subject, queries, *(round(MILLION * each / queries, 3) for each in times)


def _paint_times(rows: Sequence[tuple[Cell, ...]]) -> "Figure":
    figure, (axes,) = panels(1, (WIDTH, EDGES + BAR * len(rows)))
    places = np.arange(len(rows))
    oracle, strategy = (np.array([row[column] for row in rows], float) for column in (3, 4))
    first = axes.barh(places, oracle, 0.7, color=COLOURS[0], edgecolor=INK, linewidth=0.4)
    second = axes.barh(
        places, strategy, 0.7, left=oracle, color=COLOURS[4], hatch="///", edgecolor=INK, linewidth=0.4
    )
    axes.set_yticks(places, [f"{short(str(row[0]))}, {row[1]}" for row in rows])
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    label(axes, "microseconds per query", "")
    axes.grid(visible=False, axis="y")
    legend(figure, [first, second], ["oracle", "strategy"])
    return figure
