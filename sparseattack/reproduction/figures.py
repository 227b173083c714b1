"""Figures are drawn with matplotlib, without a window, and saved as PNG."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
