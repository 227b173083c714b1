"""The figures of a reproduction: the paper's, with its numbers beside ours, drawn like those of a report."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from sparseattack.errors import number_of
from sparseattack.report.figures.figure import Cell, ReportFigure
from sparseattack.report.figures.heat_maps import HeatMap, class_names, draw_maps
from sparseattack.report.figures.style import COLOURS, LineStyle, label, panels, percent_scale, query_scale
from sparseattack.report.tables import percent

from . import paper
from .gallery import gallery_figure
from .metrics import Measure, class_pairs, histogram, success_rate
from .paper import KAGGLE_PAIRS, ORIGINAL_PAIRS
from .studies import FinishedStudy, PlannedStudy
from .tables import PaperTable, paper_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_COLOUR = "#8a939c"
BARS_WIDTH = 0.8  # of all bars at one number of classes
MARK_SHIFT = 0.04  # between marks at the same number of pixels, so that all are seen
LOWEST_TOP, HEADROOM = 0.01, 1.1  # of the axis of a rate

Finished = Mapping[PlannedStudy, FinishedStudy]
PairCounts = Sequence[Sequence[int]]
BAND = "95 % intervals (Wilson), each image one trial."


def figures_of(table: PaperTable, finished: Finished) -> Iterator[ReportFigure]:
    """The figures of a table; none for Table VI, which has the runs of Table IV."""
    mine = {planned: finished[planned] for planned in table.studies() if planned in finished}
    evolved = {planned: study for planned, study in mine.items() if not planned.strategy}
    if not mine or table.name == "6":
        return
    for planned, study in evolved.items():
        if not planned.on_photographs:
            printed = _printed_pairs(planned).get(paper_column(table.name, planned.network))
            yield _pairs_figure(planned, study, printed)
    yield from _charts(table, mine, evolved)
    for planned, study in evolved.items():
        if figure := gallery_figure(planned, study):
            yield figure


def _printed_pairs(planned: PlannedStudy) -> Mapping[str, PairCounts]:
    """The paper's heat-maps of the same attack, by network."""
    printed = {"kaggle-like": KAGGLE_PAIRS, "original-cifar10": ORIGINAL_PAIRS}
    return printed.get(planned.protocol, {}) if planned.targeted and planned.pixels == 1 else {}


def _charts(table: PaperTable, mine: Finished, evolved: Finished) -> Iterator[ReportFigure]:
    """Figures that have all networks in one."""
    targeted = {planned.network: study for planned, study in evolved.items() if planned.targeted}
    if targeted and table.name != "7":
        printed = paper.REACHED if table.name == "4" else {}
        yield _classes_figure(table, targeted, printed)
    by_pixels: dict[str, dict[int, FinishedStudy]] = defaultdict(dict)
    for planned, study in evolved.items():
        if not planned.targeted:
            by_pixels[planned.network][planned.pixels] = study
    if any(len(studies) > 1 for studies in by_pixels.values()):
        rates = paper.TABLES["8"][paper.UNTARGETED]
        columns = {network: paper_column(table.name, network) for network in by_pixels}
        marks = {network: rates[column] for network, column in columns.items() if column in rates}
        yield _pixels_figure(table, by_pixels, marks)
    if by_strategy := _by_strategy(mine, targeted=table.name == "7"):
        yield _queries_figure(table, by_strategy)


def _by_strategy(mine: Finished, *, targeted: bool) -> dict[str, dict[str, FinishedStudy]]:
    """The studies with one pixel, by network, then by strategy."""
    chosen: dict[str, dict[str, FinishedStudy]] = defaultdict(dict)
    for planned, study in mine.items():
        if planned.pixels == 1 and planned.targeted == targeted:
            chosen[planned.network][planned.strategy or "de"] = study
    return chosen


def _pairs_figure(planned: PlannedStudy, study: FinishedStudy, printed: PairCounts | None) -> ReportFigure:
    maps, names = _maps(study, printed)
    return ReportFigure(
        name=f"pairs-{planned.stem}",
        kind="classes",
        title=f"From which class to which: {planned.title}",
        sentence=f"{_successes(maps[0])} in {number_of(len(study.records), 'run')} on {planned.network}.",
        caption="Successes by true class and class after the attack, with one scale for all maps.",
        columns=("source", "before", "after", "successes"),
        rows=tuple(
            (source, names[row], names[column], int(count))
            for source, each in zip(("measured", "paper"), maps, strict=False)
            for (row, column), count in np.ndenumerate(each.counts)
            if count
        ),
        paint=lambda: heat_map(study, printed),
    )


def heat_map(study: FinishedStudy, printed: PairCounts | None) -> "Figure":
    """Successes from each class to each, and beside them the paper's if it has any."""
    maps, names = _maps(study, printed)
    return draw_maps(maps, names, ("class after the attack", "class before"), "successes")


def _maps(study: FinishedStudy, printed: PairCounts | None) -> tuple[list[HeatMap], list[str]]:
    """Our counts and the paper's, and the names of classes."""
    ours = np.array(class_pairs(study.records))
    successes = number_of(int(ours.sum()), "success", "successes")
    maps = [HeatMap(f"measured: {successes} in {number_of(len(study.records), 'run')}", ours)]
    if printed and len(printed) == len(ours):
        theirs = np.array(printed)
        maps.append(HeatMap(f"the paper's: {int(theirs.sum())} successes", theirs))
    return maps, class_names(study.request.classes, len(ours))


def _successes(found: HeatMap) -> str:
    return number_of(int(found.counts.sum()), "success", "successes")


def _classes_figure(
    table: PaperTable, studies: Mapping[str, FinishedStudy], printed: Mapping[str, Sequence[float]]
) -> ReportFigure:
    shares = _shares(studies, printed)
    none = [f"{percent(each[0])} with {name}" for name, each in shares.items()]
    return ReportFigure(
        name=f"classes-table-{table.name}",
        kind="classes reached",
        title="How many other classes can an image reach?",
        sentence=f"Images that reach no other class: {', '.join(none)}.",
        caption="Share of the attacked images that reach so many of the other classes as targets.",
        columns=("network", "classes", "share"),
        rows=tuple(
            (name, count, round(share, 6))
            for name, each in shares.items()
            for count, share in enumerate(each)
        ),
        paint=lambda: classes_reached(studies, printed),
    )


def _shares(
    studies: Mapping[str, FinishedStudy], printed: Mapping[str, Sequence[float]]
) -> dict[str, list[float]]:
    bars = {name: histogram(study.records) for name, study in studies.items()}
    return bars | {f"{name}, the paper's": list(shares) for name, shares in printed.items()}


def classes_reached(studies: Mapping[str, FinishedStudy], printed: Mapping[str, Sequence[float]]) -> "Figure":
    """Bars: share of the images that reach 0, 1, ... targets, by network; ``printed`` are the paper's."""
    bars = _shares(studies, printed)
    colours = [*islice(cycle(COLOURS), len(studies)), *(PAPER_COLOUR,) * len(printed)]
    figure, (axes,) = panels(1, (7.5, 4))
    width = BARS_WIDTH / len(bars)
    for place, ((name, shares), colour) in enumerate(zip(bars.items(), colours, strict=True)):
        left = np.arange(len(shares)) - BARS_WIDTH / 2 + (place + 0.5) * width
        axes.bar(left, shares, width, label=name, color=colour)
    label(axes, "other classes reached", "share of the images")
    axes.set_xticks(range(max(map(len, bars.values()))))
    percent_scale(axes)
    axes.legend(frameon=False)
    return figure


def _pixels_figure(
    table: PaperTable, studies: Mapping[str, Mapping[int, FinishedStudy]], printed: Mapping[str, Measure]
) -> ReportFigure:
    rates = [
        (network, "measured", k, success_rate(study.records))
        for network, by_pixels in studies.items()
        for k, study in by_pixels.items()
    ]
    rates += [(network, "paper", 1, rate) for network, rate in printed.items()]
    said = [
        f"{percent(rate.value)} with k = {k} on {name}" for name, who, k, rate in rates if who == "measured"
    ]
    return ReportFigure(
        name=f"pixels-table-{table.name}",
        kind="pixels",
        title="Success by number of pixels",
        sentence=f"Attack success rates: {', '.join(said)}.",
        caption=f"Untargeted attack success rate with {BAND}",
        columns=("network", "source", "pixels", "rate", "low", "high"),
        rows=tuple(_rate_row(*each) for each in rates),
        paint=lambda: success_by_pixels(studies, printed),
    )


def _rate_row(network: str, source: str, k: int, rate: Measure) -> tuple[Cell, ...]:
    low, high = rate.interval or (None, None)
    return network, source, k, rate.value, low, high


def success_by_pixels(
    studies: Mapping[str, Mapping[int, FinishedStudy]], printed: Mapping[str, Measure]
) -> "Figure":
    """Lines: untargeted success rate by pixels, by network; ``printed`` are the paper's, with one pixel."""
    figure, (axes,) = panels(1, (6.5, 4))
    for place, (network, by_pixels) in enumerate(studies.items()):
        style, shift = LineStyle.of(place), 2 * place * MARK_SHIFT
        rates = {k + shift: success_rate(study.records) for k, study in by_pixels.items()}
        _rates(axes, rates, network, style.line | {"marker": "o"})
        if network in printed:
            mark = {"color": style.colour, "marker": "D", "fillstyle": "none", "linestyle": "none"}
            _rates(axes, {1 + shift + MARK_SHIFT: printed[network]}, f"{network}, the paper's", mark)
    label(axes, "pixels", "attack success rate")
    axes.set_xticks(sorted({k for by_pixels in studies.values() for k in by_pixels}))
    percent_scale(axes)
    axes.legend(frameon=False)
    return figure


def _rates(axes: "Axes", rates: Mapping[float, Measure], name: str, style: Mapping[str, Any]) -> None:
    """A line through rates, with their intervals."""
    values = np.array([rate.value for rate in rates.values()])
    ends = np.array([rate.interval or (rate.value, rate.value) for rate in rates.values()]).T
    axes.errorbar(list(rates), values, yerr=abs(ends - values), capsize=3, label=name, **style)


def _queries_figure(table: PaperTable, studies: Mapping[str, Mapping[str, FinishedStudy]]) -> ReportFigure:
    every = [(network, name, study) for network, some in studies.items() for name, study in some.items()]
    said = [
        f"{percent(success_rate(study.records).value)} by {name} on {network}"
        for network, name, study in every
    ]
    return ReportFigure(
        name=f"queries-table-{table.name}",
        kind="success",
        title="Success within a number of queries",
        sentence=f"Runs that succeed: {', '.join(said)}.",
        caption="Share of the runs that succeed within so many queries; failures are never dropped.",
        columns=("network", "strategy", "queries", "share"),
        rows=tuple(
            (network, name, queries, round(share, 6))
            for network, name, study in every
            for queries, share in zip(*_steps(study), strict=True)
        ),
        paint=lambda: success_by_queries(studies),
    )


def _steps(study: FinishedStudy) -> tuple[list[int], list[float]]:
    """Numbers of queries, and the share of the runs that succeeds within each."""
    steps = sorted(record.first_fooled for record in study.records if record.success)
    shares = [place / len(study.records) for place in range(len(steps) + 1)]
    return [1, *steps, study.experiment.budget], [*shares, shares[-1]]


def success_by_queries(studies: Mapping[str, Mapping[str, FinishedStudy]]) -> "Figure":
    """Steps: share of the runs that succeed within a number of queries, by network and strategy."""
    figure, panel = panels(len(studies), (5, 3.8), 3)
    highest = max(success_rate(one.records).value for some in studies.values() for one in some.values())
    for axes, (network, by_strategy) in zip(panel, studies.items(), strict=True):
        for place, (strategy, study) in enumerate(by_strategy.items()):
            axes.step(*_steps(study), where="post", label=strategy, **LineStyle.of(place).line)
        query_scale(axes, max(study.experiment.budget for study in by_strategy.values()))
        axes.set_title(network, fontsize=10)
        label(axes, "queries", "share of the runs that succeeded")
        percent_scale(axes)
        axes.set_ylim(0, max(highest, LOWEST_TOP) * HEADROOM)
        axes.legend(frameon=False)
    return figure
