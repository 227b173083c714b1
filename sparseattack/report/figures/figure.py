"""A figure of a report: what it says, the numbers in it, and how it is drawn, by matplotlib without a window.

The same figure has the same bytes every time: nothing in a file depends on clock, process or machine.
"""

import csv
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from sparseattack.errors import InputError
from sparseattack.plugins.requirements import install_command

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#010203"  # of text and axes; currentColor in SVG, which is the colour of the text around it
DOTS = 160  # an inch, in PNG
NO_METADATA = {  # by format: what matplotlib would say of itself and of the time
    "svg": ("Date", "Creator", "Format", "Type"),
    "pdf": ("CreationDate", "Creator", "Producer"),
    "png": ("Software",),
}

Cell = str | int | float | None
"""A number or a text of a table; None where there is no value."""


@dataclass(frozen=True)
class ReportFigure:
    """One figure; ``name`` is that of its files without their ending, and in a page an identifier."""

    name: str  # lower-case letters, digits and hyphens
    kind: str  # what it shows, such as success, difference or time: the same for each number of pixels
    title: str
    sentence: str  # what comes out
    caption: str  # how many images, which budget, what bands and intervals mean
    columns: tuple[str, ...]  # of its numbers
    rows: tuple[tuple[Cell, ...], ...]
    paint: Callable[[], "Figure"] = field(repr=False, compare=False)

    def svg(self) -> str:
        """An ``<svg>`` element, which is a file as it is; its background is transparent, its text text."""
        (text,) = self._saved("svg")
        return self._element(text)

    def pdf(self) -> bytes:
        """A page of PDF on white."""
        (content,) = self._saved("pdf")
        return content

    def png(self) -> bytes:
        """A PNG file on white."""
        (content,) = self._saved("png")
        return content

    def csv(self) -> str:
        """The numbers of the figure below the names of their columns."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        return text.getvalue()

    def files(self) -> dict[str, bytes]:
        """All of these by the ending of their files; it is drawn once."""
        svg, pdf, png = self._saved("svg", "pdf", "png")
        return {"svg": self._element(svg).encode(), "pdf": pdf, "png": png, "csv": self.csv().encode()}

    def _element(self, saved: bytes) -> str:
        """The SVG file of matplotlib as an element, with a label and identifiers of its own."""
        text = saved.decode()
        text = text[text.index("<svg ") + len("<svg ") :].replace(INK, "currentColor")
        text = text.replace('<g id="', f'<g id="{self.name}-')  # else figures in one page share identifiers
        return f'<svg role="img" aria-label={quoteattr(printable(self.sentence))} {text}'

    def _saved(self, *forms: str) -> list[bytes]:
        saved = []
        with drawing(self.name):
            figure = self.paint()
            if layout := figure.get_layout_engine():
                layout.execute(figure)  # once for all forms
            figure.set_layout_engine("none")
            for form in forms:
                nothing: dict[Any, None] = dict.fromkeys(NO_METADATA[form])
                figure.savefig(
                    held := io.BytesIO(), format=form, dpi=DOTS, transparent=form == "svg", metadata=nothing
                )
                saved.append(held.getvalue())
        return saved


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """What holds while a figure is drawn and saved; InputError where matplotlib is not installed.

    Text is shown as it is, without formulas; a letter that the font lacks is no reason for a warning.
    """
    require_matplotlib()
    from matplotlib import rc_context

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": name,  # identifiers of several figures in one page differ
        "pdf.fonttype": 42,
        "text.parse_math": False,
        "axes.formatter.use_mathtext": False,
        "font.size": 9,
        **dict.fromkeys(
            (
                "text.color",
                "axes.labelcolor",
                "axes.edgecolor",
                "xtick.color",
                "ytick.color",
                "patch.edgecolor",
            ),
            INK,
        ),
    }
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*missing from.*font", category=UserWarning)
        yield


def require_matplotlib() -> None:
    """InputError, with the command that installs it, where matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            f"figures need {error.name}: {install_command('sparseattack', 'figures')}"
        ) from error


def printable(text: str) -> str:
    """Text without what no figure can show: control characters are spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
