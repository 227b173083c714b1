"""The tables of a comparison as HTML, as Jupyter shows results; every text in it is escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from sparseattack.report.summary import Method
from sparseattack.report.tables import Section


def html(sentences: Sequence[str], parts: Sequence[Section], names: Mapping[str, str]) -> str:
    """A paragraph of ``sentences`` and a table for each part; ``names`` are those of strategies, by spec."""
    shown = "<br>".join(map(escape, sentences))
    return "\n".join([f"<p>{shown}</p>", *(_table(part, names) for part in parts)])


def _table(part: Section, names: Mapping[str, str]) -> str:
    """One table under its title; encoding and k have a column each, as in a data frame."""
    headings = ["strategy", "encoding", "k", *part.headings]
    rows = [_row("th", ' scope="col"', headings)]
    for method, figures in part.rows.items():
        rows.append(_row("td", "", [*_condition(method, names), *figures]))
    return f"<table><caption>{escape(part.title)}</caption>{''.join(rows)}</table>"


def _condition(method: Method, names: Mapping[str, str]) -> list[str]:
    return [names[method.strategy], method.encoding, str(method.k)]


def _row(cell: str, attributes: str, texts: Sequence[str]) -> str:
    inside = "".join(f"<{cell}{attributes}>{escape(' '.join(text.split()))}</{cell}>" for text in texts)
    return f"<tr>{inside}</tr>"
