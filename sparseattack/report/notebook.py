"""The tables and curves of a comparison as HTML, as Jupyter shows results; every text in it is escaped."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from importlib.util import find_spec

from sparseattack.report.figures.figure import ReportFigure
from sparseattack.report.figures.panels import panels_of
from sparseattack.report.figures.success import success_figure
from sparseattack.report.results import Results
from sparseattack.report.tables import Section, generations, headline, sections
from sparseattack.study.facts import Method

CURVE_WIDTH = 640  # pixels of a screen


def html(found: Results) -> str:
    """What was compared, a table for each group of columns, and curves of success, each with its sentence."""
    told = [*headline(found.subject), *found.notes, *generations(found.methods), *found.mixtures]
    parts = sections(found.subject, found.lines, found.unfinished)
    shown = "<br>".join(map(escape, told))
    return "\n".join([f"<p>{shown}</p>", *map(_table, parts), *map(_picture, _curves(found))])


def _curves(found: Results) -> list[ReportFigure]:
    """Success against queries, a figure for each k and encoding; none without matplotlib."""
    if find_spec("matplotlib") is None:
        return []
    return [success_figure(panel) for panel in panels_of(found)]


def _picture(figure: ReportFigure) -> str:
    source, words = b64encode(figure.png()).decode(), escape(figure.sentence)
    style = f"width: {CURVE_WIDTH}px; max-width: 100%"
    shown = f'<img src="data:image/png;base64,{source}" alt="{words}" style="{style}">'
    return f"<p><b>{escape(figure.title)}</b><br>{shown}<br>{words}</p>"


def _table(part: Section) -> str:
    """One table under its title; encoding, k and budget have a column each, as in a data frame."""
    headings = ["strategy", "encoding", "k", "budget", *part.headings]
    rows = [_row("th", ' scope="col"', headings)]
    for method, cells in part.rows.items():
        rows.append(_row("td", "", [*_condition(method), *cells]))
    return f"<table><caption>{escape(part.title)}</caption>{''.join(rows)}</table>"


def _condition(method: Method) -> list[str]:
    return [method.name, method.encoding, str(method.k), f"{method.budget:,}"]


def _row(cell: str, attributes: str, texts: Sequence[str]) -> str:
    inside = "".join(f"<{cell}{attributes}>{escape(' '.join(text.split()))}</{cell}>" for text in texts)
    return f"<tr>{inside}</tr>"
