"""The tables of a comparison as HTML, as Jupyter shows results; every text in it is escaped."""

from collections.abc import Sequence
from html import escape

from sparseattack.report.tables import Section
from sparseattack.study.facts import Method


def html(sentences: Sequence[str], parts: Sequence[Section]) -> str:
    """A paragraph of ``sentences`` and a table for each part."""
    shown = "<br>".join(map(escape, sentences))
    return "\n".join([f"<p>{shown}</p>", *map(_table, parts)])


def _table(part: Section) -> str:
    """One table under its title; encoding, k and budget have a column each, as in a data frame."""
    headings = ["strategy", "encoding", "k", "budget", *part.headings]
    rows = [_row("th", ' scope="col"', headings)]
    for method, figures in part.rows.items():
        rows.append(_row("td", "", [*_condition(method), *figures]))
    return f"<table><caption>{escape(part.title)}</caption>{''.join(rows)}</table>"


def _condition(method: Method) -> list[str]:
    return [method.name, method.encoding, str(method.k), f"{method.budget:,}"]


def _row(cell: str, attributes: str, texts: Sequence[str]) -> str:
    inside = "".join(f"<{cell}{attributes}>{escape(' '.join(text.split()))}</{cell}>" for text in texts)
    return f"<tr>{inside}</tr>"
