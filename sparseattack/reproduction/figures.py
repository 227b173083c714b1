"""Figures are drawn with matplotlib, without a window, and saved as PNG.

Classes reached, success against pixels, success against queries.

Attacked images with what the network says before and after, the changed pixels ringed.

Original-target class pairs as heat-maps, ours and the paper's.

Which figures go with a table: those of its finished parts.
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

from sparseattack.data.images import Images
from sparseattack.data.load import load_images
from sparseattack.errors import InputError
from sparseattack.problem.edits import Edits
from sparseattack.study.record import Record

from . import paper
from .metrics import Measure, class_pairs, histogram, success_rate
from .paper import KAGGLE_PAIRS, ORIGINAL_PAIRS
from .part import Finding, Part
from .tables import Table, column

DOTS = 120  # an inch
COLOURS = ("#1f5fa8", "#d9731a", "#2d8a57", "#8a4fae", "#b3364a", "#5b6470")
PAPER = "#9aa3ad"  # colour of what the paper prints


def panels(count: int, size: tuple[float, float], columns: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels of ``size`` inches, at most so many side by side; the rest is blank."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    axes: list[Any] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[count:]:
        spare.set_axis_off()
    return figure, axes[:count]


def plain(axes: Axes, title: str, labels: tuple[str, str]) -> None:
    """Title, names of the axes, light lines behind."""
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def percents(axes: Axes) -> None:
    """A scale from 0 in percent."""
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")


def save(figure: Figure, path: Path) -> None:
    """As PNG."""
    figure.savefig(path, dpi=DOTS)


def short(names: Sequence[str]) -> list[str]:
    """Names of classes, their numbers where they have none."""
    return [name or str(number) for number, name in enumerate(names)]


WIDTH = 0.8  # of the bars of one number, together
LEAST, ROOM = 0.01, 1.1  # of a scale; what it is beyond the highest
APART = 0.04  # by which marks at the same number of pixels are moved, to be seen


def classes_reached(findings: Mapping[str, Finding], printed: Mapping[str, Sequence[float]]) -> Figure:
    """Share of the images moved to 0, 1, ... classes, by network; ``printed`` are the paper's."""
    bars = [(name, histogram(finding.records)) for name, finding in findings.items()]
    bars += [(f"{name}, the paper's", list(shares)) for name, shares in printed.items()]
    colours = [*islice(cycle(COLOURS), len(findings)), *(PAPER,) * len(printed)]
    figure, (axes,) = panels(1, (7.5, 4))
    wide = WIDTH / len(bars)
    for place, ((name, shares), colour) in enumerate(zip(bars, colours, strict=True)):
        left = np.arange(len(shares)) - WIDTH / 2 + (place + 0.5) * wide
        axes.bar(left, shares, wide, label=name, color=colour)
    plain(axes, "To how many other classes can an image be moved?", ("classes", "share of the images"))
    axes.set_xticks(range(max(len(shares) for _, shares in bars)))
    percents(axes)
    axes.legend(frameon=False)
    return figure


def against_pixels(findings: Mapping[str, Mapping[int, Finding]], printed: Mapping[str, Measure]) -> Figure:
    """Untargeted success, by network and number of pixels; ``printed`` are the paper's, with one pixel."""
    figure, (axes,) = panels(1, (6.5, 4))
    for place, (network, by_pixels) in enumerate(findings.items()):
        colour, beside = COLOURS[place % len(COLOURS)], 2 * place * APART
        rates = {k + beside: success_rate(finding.records) for k, finding in by_pixels.items()}
        _line(axes, rates, network, {"color": colour, "marker": "o"})
        if network in printed:
            style = {"color": colour, "marker": "D", "fillstyle": "none", "linestyle": "none"}
            _line(axes, {1 + beside + APART: printed[network]}, f"{network}, the paper's", style)
    plain(axes, "Success against pixels, with 95 % intervals", ("pixels", "share of the images fooled"))
    axes.set_xticks(sorted({k for by_pixels in findings.values() for k in by_pixels}))
    percents(axes)
    axes.legend(frameon=False)
    return figure


def _line(axes: Axes, rates: Mapping[float, Measure], name: str, style: Mapping[str, Any]) -> None:
    """Rates at their places, with their intervals."""
    values = np.array([rate.value for rate in rates.values()])
    ends = np.array([rate.interval or (rate.value, rate.value) for rate in rates.values()]).T
    axes.errorbar(list(rates), values, yerr=abs(ends - values), capsize=3, label=name, **style)


def against_queries(findings: Mapping[str, Mapping[str, Finding]]) -> Figure:
    """Share of the runs that succeed within so many queries, by network and strategy."""
    figure, panel = panels(len(findings), (5, 3.8))
    most = max(success_rate(one.records).value for some in findings.values() for one in some.values())
    for axes, (network, by_strategy) in zip(panel, findings.items(), strict=True):
        for colour, (strategy, finding) in zip(cycle(COLOURS), by_strategy.items(), strict=False):
            steps = sorted(record.first_fooled for record in finding.records if record.success)
            shares = np.arange(len(steps) + 1) / len(finding.records)
            ends = [1, *steps, finding.experiment["budget"]]
            axes.step(ends, [*shares, shares[-1]], where="post", label=strategy, color=colour)
        axes.set_xscale("log")
        plain(axes, network, ("queries", "share of the runs that succeeded"))
        percents(axes)
        axes.set_ylim(0, max(most, LEAST) * ROOM)
        axes.legend(frameon=False, loc="upper left")
    return figure


SHOWN, COLUMNS = 12, 4
RINGS = ((13, "black"), (11, "white"))  # diameters in points, seen on any ground


def gallery(finding: Finding, title: str) -> Figure | None:
    """The first successes; None where there is none, or the images are not there."""
    try:
        images = load_images(finding.experiment["images"])
    except InputError:
        return None
    known = [record for record in finding.records if record.success and _is(images, record)][:SHOWN]
    if not known:
        return None
    figure, axes = panels(len(known), (2.5, 2.75), COLUMNS)
    figure.suptitle(title)
    for each, record in zip(axes, known, strict=True):
        _draw_gallery(each, images, record, finding.classes)
    return figure


def _is(images: Images, record: Record) -> bool:
    """Whether the image of a run is in its place."""
    return record.image < len(images) and images.ids[record.image] == record.image_id


def _draw_gallery(axes: Axes, images: Images, record: Record, classes: Sequence[str]) -> None:
    image = images[record.image : record.image + 1].floats()
    axes.imshow(_painted(image, record).permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=1)
    width = image.shape[3]
    for position in set(record.positions):
        for size, colour in RINGS:
            place = [position % width], [position // width]
            (ring,) = axes.plot(*place, "o", markersize=size, markerfacecolor="none", clip_on=False)
            ring.set_markeredgecolor(colour)
    before = _called(classes, record.before_class, record.before_confidence)
    after = _called(classes, record.after_class, record.after_confidence)
    axes.set_title(f"{before}\nnow {after}", fontsize=9)
    axes.set_axis_off()


def _painted(image: Tensor, record: Record) -> Tensor:
    """The image ``(C, H, W)`` of a success."""
    colours = torch.tensor([record.colours], dtype=torch.uint8)
    return Edits(torch.tensor([record.positions]), colours).paint(image)[0]


def _called(classes: Sequence[str], number: int, confidence: float) -> str:
    name = classes[number] if number < len(classes) and classes[number] else f"class {number}"
    return f"{name} {100 * confidence:.0f} %"


Pairs = Sequence[Sequence[int]]
DARK = 0.55  # of the highest count, from which its number is white


def heat_map(finding: Finding, title: str, paper: Pairs | None) -> Figure:
    """Successes from each class to each, and beside them the paper's, if it has any."""
    ours: Pairs = class_pairs(finding.records)
    names = short(finding.classes)[: len(ours)] or [str(number) for number in range(len(ours))]
    runs = len(finding.records)
    both = {f"{title}\n{_successes(ours)} in {runs:,} runs": ours}
    if paper and len(paper) == len(ours):
        both[f"the paper's\n{_successes(paper)}"] = paper
    figure, axes = panels(len(both), (5.2, 5.1))
    for each, (name, pairs) in zip(axes, both.items(), strict=True):
        _draw_heat_map(each, name, pairs, names)
    return figure


def _successes(pairs: Pairs) -> str:
    return f"{sum(map(sum, pairs))} successes"


def _draw_heat_map(axes: Axes, title: str, pairs: Pairs, names: Sequence[str]) -> None:
    counts = np.array(pairs)
    most = max(1, int(counts.max()))
    axes.imshow(counts, cmap="Blues", vmin=0, vmax=most)
    for (row, across), count in np.ndenumerate(counts):
        if count:
            ink = "white" if count > DARK * most else "black"
            axes.text(across, row, str(count), ha="center", va="center", fontsize=8, color=ink)
    places = range(len(names))
    axes.set_xticks(places, names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(places, names, fontsize=8)
    axes.set_xlabel("class after the attack")
    axes.set_ylabel("class before")
    axes.set_title(title, fontsize=10)


Found = Mapping[Part, Finding]
Named = tuple[str, Figure]


def illustrations(table: Table, found: Found) -> Iterator[Named]:
    """Figures, and what to call them; none for Table VI, whose runs are those of Table IV."""
    mine = {part: found[part] for part in table.parts() if part in found}
    evolved = {part: finding for part, finding in mine.items() if not part.strategy}
    if not mine or table.name == "6":
        return
    yield from _maps(table, evolved)
    yield from _charts(table, mine, evolved)
    for part, finding in evolved.items():
        if figure := gallery(finding, part.title):
            yield f"gallery-{part.stem}", figure


def _maps(table: Table, evolved: Found) -> Iterator[Named]:
    for part, finding in evolved.items():
        if part.protocol != "imagenet":
            theirs = _printed(part).get(column(table.name, part.network))
            yield f"pairs-{part.stem}", heat_map(finding, part.title, theirs)


def _printed(part: Part) -> Mapping[str, Pairs]:
    """The paper's heat-maps of the same attack, by network."""
    one = part.targeted and part.pixels == 1
    printed = {"kaggle-like": KAGGLE_PAIRS, "original-cifar10": ORIGINAL_PAIRS}
    return printed.get(part.protocol, {}) if one else {}


def _charts(table: Table, mine: Found, evolved: Found) -> Iterator[Named]:
    """What is drawn of all networks together."""
    targeted = {part.network: finding for part, finding in evolved.items() if part.targeted}
    if targeted and table.name != "7":
        printed = paper.REACHED if table.name == "4" else {}
        yield f"classes-table-{table.name}", classes_reached(targeted, printed)
    by_pixels: dict[str, dict[int, Finding]] = defaultdict(dict)
    for part, finding in evolved.items():
        if not part.targeted:
            by_pixels[part.network][part.pixels] = finding
    if any(len(some) > 1 for some in by_pixels.values()):
        theirs = paper.TABLES["8"][paper.UNTARGETED]
        names = {network: column(table.name, network) for network in by_pixels}
        marks = {network: theirs[name] for network, name in names.items() if name in theirs}
        yield f"pixels-table-{table.name}", against_pixels(by_pixels, marks)
    if by_strategy := _by_strategy(mine, targeted=table.name == "7"):
        yield f"queries-table-{table.name}", against_queries(by_strategy)


def _by_strategy(mine: Found, *, targeted: bool) -> dict[str, dict[str, Finding]]:
    """One pixel: by network, then by strategy."""
    chosen: dict[str, dict[str, Finding]] = defaultdict(dict)
    for part, finding in mine.items():
        if part.pixels == 1 and part.targeted == targeted:
            chosen[part.network][part.strategy or "de"] = finding
    return chosen
