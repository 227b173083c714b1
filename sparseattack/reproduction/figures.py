"""The figures of a reproduction, drawn by matplotlib without a window and saved as PNG.

The only module that imports matplotlib: import it inside a function.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from sparseattack.data.images import ImageGroups, levels
from sparseattack.data.load import load_images_by_size
from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.study.record import Record

from . import paper
from .metrics import Measure, class_pairs, histogram, success_rate
from .paper import KAGGLE_PAIRS, ORIGINAL_PAIRS
from .studies import FinishedStudy, PlannedStudy
from .tables import PaperTable, paper_column

DOTS = 120  # an inch
COLOURS = ("#1f5fa8", "#d9731a", "#2d8a57", "#8a4fae", "#b3364a", "#5b6470")
PAPER_COLOUR = "#9aa3ad"
BARS_WIDTH = 0.8  # of all bars at one number of classes
MARK_SHIFT = 0.04  # between marks at the same number of pixels, so that all are seen
LOWEST_TOP, HEADROOM = 0.01, 1.1  # of the axis of a rate
SHOWN, COLUMNS = 12, 4  # images of a gallery
RINGS = ((13, "black"), (11, "white"))  # diameters in points; one of them is seen on any ground
DARK = 0.55  # of the highest count, from which on a cell's number is white

Finished = Mapping[PlannedStudy, FinishedStudy]
PairCounts = Sequence[Sequence[int]]


def figures_of(table: PaperTable, finished: Finished) -> Iterator[tuple[str, Figure]]:
    """The names and figures of a table; none for Table VI, which has the runs of Table IV."""
    mine = {planned: finished[planned] for planned in table.studies() if planned in finished}
    evolved = {planned: study for planned, study in mine.items() if not planned.strategy}
    if not mine or table.name == "6":
        return
    yield from _heat_maps(table, evolved)
    yield from _charts(table, mine, evolved)
    for planned, study in evolved.items():
        if figure := gallery(study, planned.title):
            yield f"gallery-{planned.stem}", figure


def save(figure: Figure, path: Path) -> None:
    """Save a figure as PNG."""
    figure.savefig(path, dpi=DOTS)


def _heat_maps(table: PaperTable, evolved: Finished) -> Iterator[tuple[str, Figure]]:
    """Class pairs of each study on CIFAR-10."""
    for planned, study in evolved.items():
        if not planned.on_photographs:
            printed = _printed_pairs(planned).get(paper_column(table.name, planned.network))
            yield f"pairs-{planned.stem}", heat_map(study, planned.title, printed)


def _printed_pairs(planned: PlannedStudy) -> Mapping[str, PairCounts]:
    """The paper's heat-maps of the same attack, by network."""
    printed = {"kaggle-like": KAGGLE_PAIRS, "original-cifar10": ORIGINAL_PAIRS}
    return printed.get(planned.protocol, {}) if planned.targeted and planned.pixels == 1 else {}


def _charts(table: PaperTable, mine: Finished, evolved: Finished) -> Iterator[tuple[str, Figure]]:
    """Figures that have all networks in one."""
    targeted = {planned.network: study for planned, study in evolved.items() if planned.targeted}
    if targeted and table.name != "7":
        printed = paper.REACHED if table.name == "4" else {}
        yield f"classes-table-{table.name}", classes_reached(targeted, printed)
    by_pixels: dict[str, dict[int, FinishedStudy]] = defaultdict(dict)
    for planned, study in evolved.items():
        if not planned.targeted:
            by_pixels[planned.network][planned.pixels] = study
    if any(len(studies) > 1 for studies in by_pixels.values()):
        rates = paper.TABLES["8"][paper.UNTARGETED]
        columns = {network: paper_column(table.name, network) for network in by_pixels}
        marks = {network: rates[column] for network, column in columns.items() if column in rates}
        yield f"pixels-table-{table.name}", success_by_pixels(by_pixels, marks)
    if by_strategy := _by_strategy(mine, targeted=table.name == "7"):
        yield f"queries-table-{table.name}", success_by_queries(by_strategy)


def _by_strategy(mine: Finished, *, targeted: bool) -> dict[str, dict[str, FinishedStudy]]:
    """The studies with one pixel, by network, then by strategy."""
    chosen: dict[str, dict[str, FinishedStudy]] = defaultdict(dict)
    for planned, study in mine.items():
        if planned.pixels == 1 and planned.targeted == targeted:
            chosen[planned.network][planned.strategy or "de"] = study
    return chosen


def classes_reached(studies: Mapping[str, FinishedStudy], printed: Mapping[str, Sequence[float]]) -> Figure:
    """Bars: share of the images that reach 0, 1, ... targets, by network; ``printed`` are the paper's."""
    bars = [(name, histogram(study.records)) for name, study in studies.items()]
    bars += [(f"{name}, the paper's", list(shares)) for name, shares in printed.items()]
    colours = [*islice(cycle(COLOURS), len(studies)), *(PAPER_COLOUR,) * len(printed)]
    figure, (axes,) = panels(1, (7.5, 4))
    width = BARS_WIDTH / len(bars)
    for place, ((name, shares), colour) in enumerate(zip(bars, colours, strict=True)):
        left = np.arange(len(shares)) - BARS_WIDTH / 2 + (place + 0.5) * width
        axes.bar(left, shares, width, label=name, color=colour)
    label(axes, "How many other classes can an image reach?", ("classes", "share of the images"))
    axes.set_xticks(range(max(len(shares) for _, shares in bars)))
    percent_scale(axes)
    axes.legend(frameon=False)
    return figure


def success_by_pixels(
    studies: Mapping[str, Mapping[int, FinishedStudy]], printed: Mapping[str, Measure]
) -> Figure:
    """Lines: untargeted success rate by pixels, by network; ``printed`` are the paper's, with one pixel."""
    figure, (axes,) = panels(1, (6.5, 4))
    for place, (network, by_pixels) in enumerate(studies.items()):
        colour, shift = COLOURS[place % len(COLOURS)], 2 * place * MARK_SHIFT
        rates = {k + shift: success_rate(study.records) for k, study in by_pixels.items()}
        _rates(axes, rates, network, {"color": colour, "marker": "o"})
        if network in printed:
            style = {"color": colour, "marker": "D", "fillstyle": "none", "linestyle": "none"}
            _rates(axes, {1 + shift + MARK_SHIFT: printed[network]}, f"{network}, the paper's", style)
    label(axes, "Success by number of pixels, with 95 % intervals", ("pixels", "attack success rate"))
    axes.set_xticks(sorted({k for by_pixels in studies.values() for k in by_pixels}))
    percent_scale(axes)
    axes.legend(frameon=False)
    return figure


def _rates(axes: Axes, rates: Mapping[float, Measure], name: str, style: Mapping[str, Any]) -> None:
    """A line through rates, with their intervals."""
    values = np.array([rate.value for rate in rates.values()])
    ends = np.array([rate.interval or (rate.value, rate.value) for rate in rates.values()]).T
    axes.errorbar(list(rates), values, yerr=abs(ends - values), capsize=3, label=name, **style)


def success_by_queries(studies: Mapping[str, Mapping[str, FinishedStudy]]) -> Figure:
    """Steps: share of the runs that succeed within a number of queries, by network and strategy."""
    figure, panel = panels(len(studies), (5, 3.8))
    highest = max(success_rate(one.records).value for some in studies.values() for one in some.values())
    for axes, (network, by_strategy) in zip(panel, studies.items(), strict=True):
        for colour, (strategy, study) in zip(cycle(COLOURS), by_strategy.items(), strict=False):
            steps = sorted(record.first_fooled for record in study.records if record.success)
            shares = np.arange(len(steps) + 1) / len(study.records)
            ends = [1, *steps, study.experiment.budget]
            axes.step(ends, [*shares, shares[-1]], where="post", label=strategy, color=colour)
        axes.set_xscale("log")
        label(axes, network, ("queries", "share of the runs that succeeded"))
        percent_scale(axes)
        axes.set_ylim(0, max(highest, LOWEST_TOP) * HEADROOM)
        axes.legend(frameon=False, loc="upper left")
    return figure


def heat_map(study: FinishedStudy, title: str, printed: PairCounts | None) -> Figure:
    """Successes from each class to each, and beside them the paper's if it has any."""
    ours: PairCounts = class_pairs(study.records)
    names = [name or str(number) for number, name in enumerate(study.request.classes)][: len(ours)]
    names = names or [str(number) for number in range(len(ours))]
    maps = {f"{title}\n{_successes(ours)} in {len(study.records):,} runs": ours}
    if printed and len(printed) == len(ours):
        maps[f"the paper's\n{_successes(printed)}"] = printed
    figure, axes = panels(len(maps), (5.2, 5.1))
    for each, (name, pairs) in zip(axes, maps.items(), strict=True):
        _heat_map(each, name, pairs, names)
    return figure


def _successes(pairs: PairCounts) -> str:
    return f"{sum(map(sum, pairs))} successes"


def _heat_map(axes: Axes, title: str, pairs: PairCounts, names: Sequence[str]) -> None:
    counts = np.array(pairs)
    highest = max(1, int(counts.max()))
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=highest)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if count > DARK * highest else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=ink)
    places = range(len(names))
    axes.set_xticks(places, names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(places, names, fontsize=8)
    axes.set_xlabel("class after the attack")
    axes.set_ylabel("class before")
    axes.set_title(title, fontsize=10)


def gallery(study: FinishedStudy, title: str) -> Figure | None:
    """The first successes, changed pixels ringed; None without a success or without the images."""
    try:
        images = load_images_by_size(study.experiment.images, study.experiment.resize)
    except InputError:
        return None
    chosen = [record for record in study.records if record.success and _has(images, record)][:SHOWN]
    if not chosen:
        return None
    figure, axes = panels(len(chosen), (2.5, 2.75), COLUMNS)
    figure.suptitle(title)
    for each, record in zip(axes, chosen, strict=True):
        _success(each, images, record, study.request.classes)
    return figure


def _has(images: ImageGroups, record: Record) -> bool:
    """Whether the image of a run is still at its index."""
    return record.image < len(images) and images.ids[record.image] == record.image_id


def _success(axes: Axes, images: ImageGroups, record: Record, classes: Sequence[str]) -> None:
    """The image of a success, and its class before and after."""
    image = levels(images.pixels[record.image])[None]
    axes.imshow(_painted(image, record).permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=1)
    width = image.shape[3]
    for position in set(record.positions):
        for size, colour in RINGS:
            place = [position % width], [position // width]
            (ring,) = axes.plot(*place, "o", markersize=size, markerfacecolor="none", clip_on=False)
            ring.set_markeredgecolor(colour)
    before = _prediction(classes, record.before_class, record.before_confidence)
    after = _prediction(classes, record.after_class, record.after_confidence)
    axes.set_title(f"{before}\nnow {after}", fontsize=9)
    axes.set_axis_off()


def _painted(image: Tensor, record: Record) -> Tensor:
    """The image ``(C, H, W)`` of a success."""
    colours = torch.tensor([record.colours], dtype=torch.uint8)
    return Edits(torch.tensor([record.positions]), colours).paint(image)[0]


def _prediction(classes: Sequence[str], number: int, confidence: float) -> str:
    name = classes[number] if number < len(classes) and classes[number] else f"class {number}"
    return f"{name} {100 * confidence:.0f} %"


def panels(count: int, size: tuple[float, float], columns: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels of ``size`` inches in at most ``columns`` columns; the rest is blank."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    axes: list[Any] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[count:]:
        spare.set_axis_off()
    return figure, axes[:count]


def label(axes: Axes, title: str, names: tuple[str, str]) -> None:
    """Set the title and the ``names`` of both axes, and draw a light grid behind."""
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def percent_scale(axes: Axes) -> None:
    """Make the vertical axis one of percent, from 0."""
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
