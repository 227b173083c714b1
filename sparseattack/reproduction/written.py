"""Tables as text: Markdown for people, CSV and JSON for machines."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from .grid import grid
from .table import Cell, Table


def markdown(table: Table, cells: Sequence[Cell], notes: Sequence[str], figures: Sequence[str]) -> str:
    """Title, notes, a row per metric, and pictures by the paths of ``figures``."""
    headings, rows = grid(cells)
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    lines += [[label, *(", ".join(filter(None, entry)) for entry in entries)] for label, entries in rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    parts = [f"## {table.title}", *notes, body, *(f"![{Path(path).stem}]({path})" for path in figures)]
    return "\n\n".join(parts) + "\n"


def as_csv(cells: Sequence[Cell]) -> str:
    """A line per cell; rates and shares as numbers in [0, 1]."""
    rows = [cell.to_dict() for cell in cells]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json(table: Table, cells: Sequence[Cell], notes: Sequence[str]) -> str:
    """The same, with title and notes."""
    told = {"table": table.name, "title": table.title, "notes": list(notes)}
    return json.dumps(told | {"cells": [cell.to_dict() for cell in cells]}, indent=2) + "\n"
