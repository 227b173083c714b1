"""The tables and curves of a comparison as HTML, as Jupyter shows results; every text in it is escaped."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from sparseattack.report.tables import Section
from sparseattack.study.facts import Method

CURVE_WIDTH = 640  # pixels of a screen


class Curve(NamedTuple):
    """A figure as a PNG file, and its result in a sentence."""

    png: bytes
    sentence: str


def html(sentences: Sequence[str], parts: Sequence[Section], curves: Sequence[Curve] = ()) -> str:
    """A paragraph of ``sentences``, a table for each part, and the curves, each with its sentence below."""
    shown = "<br>".join(map(escape, sentences))
    return "\n".join([f"<p>{shown}</p>", *map(_table, parts), *map(_picture, curves)])


def _picture(curve: Curve) -> str:
    source, words = b64encode(curve.png).decode(), escape(curve.sentence)
    style = f"width: {CURVE_WIDTH}px; max-width: 100%"
    return f'<p><img src="data:image/png;base64,{source}" alt="{words}" style="{style}"><br>{words}</p>'


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
