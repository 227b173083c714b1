"""Write the tables of a reproduction as Markdown, CSV and JSON, and its figures, to a folder."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from sparseattack.report.figures.collection import write_all
from sparseattack.report.figures.figure import require_matplotlib

from .figures import figures_of
from .metrics import Measure
from .notes import notes
from .one_pixel import Reproduction
from .tables import PaperTable, TableCell

FIGURES = "figures"  # a folder in the folder of the reproduction
NO_DECIMALS = 100  # numbers from here on are printed without decimals


class CellText(NamedTuple):
    """A number as it is printed."""

    value: str
    detail: str = ""  # our interval and count, or the verdict on the paper's value


TextRow = tuple[str, list[CellText]]
"""The name of a metric, and its numbers under the headings."""


class FilledTable(NamedTuple):
    """A table with its cells and notes."""

    table: PaperTable
    cells: list[TableCell]
    notes: list[str]


def publish(reproduction: Reproduction, figures: Mapping[str, list[str]] | None = None) -> list[FilledTable]:
    """Write every table as Markdown, CSV and JSON, computed from the finished studies.

    ``figures`` are the paths of the figures of each table, by the table's name.
    """
    finished, filled = reproduction.finished(), []
    reproduction.folder.mkdir(parents=True, exist_ok=True)
    for table in reproduction.tables:
        cells, sentences = table.cells(finished), notes(table, finished)
        texts = {
            "md": markdown(table, cells, sentences, (figures or {}).get(table.name, [])),
            "csv": as_csv(cells),
            "json": as_json(table, cells, sentences),
        }
        for suffix, text in texts.items():
            (reproduction.folder / f"table-{table.name}.{suffix}").write_text(text, "utf-8")
        filled.append(FilledTable(table, cells, sentences))
    return filled


def draw(reproduction: Reproduction) -> dict[str, list[str]]:
    """Draw the figures of every table as SVG, PDF and PNG, with their numbers as CSV beside them.

    The paths of the PNG files in the folder, by table. InputError without matplotlib.
    """
    require_matplotlib()
    finished = reproduction.finished()
    paths: dict[str, list[str]] = {}
    for table in reproduction.tables:
        written = write_all(figures_of(table, finished), reproduction.folder / FIGURES)
        paths[table.name] = [f"{FIGURES}/{path.name}" for path in written if path.suffix == ".png"]
    return paths


def grid(cells: Sequence[TableCell]) -> tuple[list[str], list[TextRow]]:
    """Headings and rows; the paper has a column beside each network of which it prints anything."""
    printed = dict.fromkeys((cell.network for cell in cells), False)
    for cell in cells:
        printed[cell.network] |= cell.paper is not None
    both = ([network, "paper"] if known else [network] for network, known in printed.items())
    rows = [
        (name, [text for cell in row for text in _cell_texts(cell, printed[cell.network])])
        for name, row in groupby(cells, key=lambda cell: cell.row)
    ]
    return ["", *(heading for headings in both for heading in headings)], rows


def _cell_texts(cell: TableCell, printed: bool) -> list[CellText]:
    """Our number, and the paper's if it has a column."""
    ours = CellText("-") if cell.ours is None else CellText(_value(cell.ours), _interval(cell.ours))
    paper = CellText("-") if cell.paper is None else CellText(_value(cell.paper), cell.verdict)
    return [ours, paper] if printed else [ours]


def _value(measure: Measure) -> str:
    if measure.kind != "number":
        return f"{100 * measure.value:.1f} %"
    if math.isinf(measure.value):
        return "half fail"
    whole = measure.value >= NO_DECIMALS or measure.value.is_integer()
    return f"{measure.value:,.0f}" if whole else f"{measure.value:.2f}"


def _interval(measure: Measure) -> str:
    """Interval and count."""
    count = f"n {measure.count:,}"
    if measure.interval is None:
        return count
    low, high = (100 * end for end in measure.interval)
    return f"{low:.1f} - {high:.1f}, {count}"


def markdown(
    table: PaperTable, cells: Sequence[TableCell], sentences: Sequence[str], figures: Sequence[str]
) -> str:
    """Title, notes, a row for each metric, and the figures by their paths."""
    headings, rows = grid(cells)
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    lines += [[name, *(", ".join(filter(None, text)) for text in texts)] for name, texts in rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    pictures = [f"![{Path(path).stem}]({path})" for path in figures]
    return "\n\n".join([f"## {table.title}", *sentences, body, *pictures]) + "\n"


def as_csv(cells: Sequence[TableCell]) -> str:
    """A line for each cell; rates and shares as numbers in [0, 1]."""
    rows = [cell.to_dict() for cell in cells]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json(table: PaperTable, cells: Sequence[TableCell], sentences: Sequence[str]) -> str:
    """Title, notes and cells; rates and shares as numbers in [0, 1]."""
    head = {"table": table.name, "title": table.title, "notes": list(sentences)}
    return json.dumps(head | {"cells": [cell.to_dict() for cell in cells]}, indent=2) + "\n"
