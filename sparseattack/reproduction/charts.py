"""Classes reached, success against pixels, success against queries."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .figures import COLOURS, PAPER, panels, percents, plain
from .finding import Finding
from .measure import Measure
from .metrics import histogram, success_rate

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
