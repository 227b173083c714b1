"""How figures look: colours and dashes of strategies, axes, legends.

The colours are those of Okabe and Ito (2008) without yellow, which is not seen on white, and black, which is
not seen on a dark ground; those of the highest contrast to both come first. No line is told from another by
its colour only.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sparseattack.report.figures.figure import INK, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5, 2),
    (1.5, 1.5),
    (7, 2, 1.5, 2),
    (3, 1, 1, 1, 1, 1),
    (9, 3),
    (4, 4),
)
LONGEST = 44  # letters of a name in a legend
WIDTH, HEIGHT = 6.4, 3.8  # inches, of one panel
ROW = 0.19  # inches, of a line of a legend
TWO_COLUMNS = 26  # letters of the longest name with which a legend has two columns
BAND = 0.14  # opacity
FEW_BANDS = 5  # that may have the whole of it
LIGHT = 0.25  # opacity of a grid


class LineStyle(NamedTuple):
    """How the line of a strategy is told from others."""

    colour: str
    dash: tuple[float, ...]  # points drawn and left out by turns; none is a solid line

    @classmethod
    def of(cls, place: int) -> "LineStyle":
        """The one of the strategy at a place in the study; the first 42 differ."""
        return cls(COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)])

    @property
    def line(self) -> dict[str, Any]:
        """As matplotlib takes it."""
        return {"color": self.colour, "linestyle": (0, self.dash) if self.dash else "-", "linewidth": 1.7}


def band(count: int) -> float:
    """Opacity of each of so many bands, which lie upon each other."""
    return BAND * min(1.0, FEW_BANDS / count)


def short(name: str) -> str:
    """A name as a legend shows it: the middle of a long one is left out, so that its end is seen."""
    name = printable(name)
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[-half + 1 :]}"


def panels(
    count: int, size: tuple[float, float] = (WIDTH, HEIGHT), columns: int = 1
) -> tuple["Figure", list["Axes"]]:
    """A figure of ``count`` panels of ``size`` inches in at most so many columns; the rest is blank."""
    from matplotlib.figure import Figure

    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    axes: list[Any] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[count:]:
        spare.set_axis_off()
    return figure, axes[:count]


def label(axes: "Axes", across: str, up: str) -> None:
    """Name both axes, and draw a light grid behind."""
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=LIGHT, color=INK, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def percent_scale(axes: "Axes", lowest: float | None = 0) -> None:
    """Make the vertical axis one of percent, from ``lowest``."""
    axes.set_ylim(bottom=lowest)
    axes.yaxis.set_major_formatter(lambda value, _: f"{round(100 * value, 9):g} %")


def query_scale(axes: "Axes", budget: int, *, vertical: bool = False) -> None:
    """Make an axis one of numbers of queries, logarithmic from 1 to the budget."""
    from matplotlib.ticker import NullFormatter

    axis = axes.yaxis if vertical else axes.xaxis
    (axes.set_yscale if vertical else axes.set_xscale)("log")
    (axes.set_ylim if vertical else axes.set_xlim)(1, max(budget, 2))
    axis.set_ticks([*_tens(budget), max(budget, 2)])
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.set_minor_formatter(NullFormatter())


def _tens(budget: int) -> list[int]:
    """The powers of ten well below a budget, whose label would stand in theirs."""
    return [10**power for power in range(19) if 10**power * 1.9 < budget]


def legend(figure: "Figure", handles: Sequence[Any], names: Sequence[str]) -> None:
    """Name what is drawn below a figure, which grows by as much as that needs."""
    shown = [short(name) for name in names]
    shown = [f"\u200b{name}" if name.startswith("_") else name for name in shown]  # else it is left out
    columns = 2 if len(shown) > 1 and max(map(len, shown)) <= TWO_COLUMNS else 1
    rows = -(-len(shown) // columns)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + ROW * rows)
    figure.legend(
        handles,
        shown,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        handlelength=3.2,
        fontsize=8.5,
    )
