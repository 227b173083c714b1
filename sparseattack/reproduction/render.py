"""Tables and figures are written to a folder.

A table as people read it: a row per metric, ours and the paper's figure of every network side by side.

Tables as text: Markdown for people, CSV and JSON for machines.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from sparseattack.errors import InputError
from sparseattack.plugins.requirements import install_command

from .metrics import Measure
from .notes import notes
from .one_pixel import Reproduction
from .part import Finding, Part
from .tables import Cell, Table

ENOUGH = 100  # from which a number has no decimals


class Entry(NamedTuple):
    """A figure as it is printed."""

    value: str
    detail: str = ""  # its interval and count, or where the paper's lies


Line = tuple[str, list[Entry]]
"""A metric, and its figures under the headings."""


def grid(cells: Sequence[Cell]) -> tuple[list[str], list[Line]]:
    """Headings and lines; a network of which the paper has no figure at all has no column for one."""
    printed = dict.fromkeys((cell.network for cell in cells), False)
    for cell in cells:
        printed[cell.network] |= cell.paper is not None
    both = ([network, "paper"] if known else [network] for network, known in printed.items())
    lines = [
        (name, [entry for cell in row for entry in _entries(cell, printed[cell.network])])
        for name, row in groupby(cells, key=lambda cell: cell.row)
    ]
    return ["", *(heading for headings in both for heading in headings)], lines


def _entries(cell: Cell, printed: bool) -> list[Entry]:
    """Ours, and the paper's if there is a column for it."""
    ours = Entry("-") if cell.ours is None else Entry(_value(cell.ours), _detail(cell.ours))
    paper = Entry("-") if cell.paper is None else Entry(_value(cell.paper), cell.verdict)
    return [ours, paper] if printed else [ours]


def _detail(measure: Measure) -> str:
    """Interval and count."""
    count = f"n {measure.count:,}"
    if measure.interval is None:
        return count
    low, high = (100 * end for end in measure.interval)
    return f"{low:.1f} - {high:.1f}, {count}"


def _value(measure: Measure) -> str:
    if measure.kind != "number":
        return f"{100 * measure.value:.1f} %"
    if math.isinf(measure.value):
        return "half fail"
    whole = measure.value >= ENOUGH or measure.value.is_integer()
    return f"{measure.value:,.0f}" if whole else f"{measure.value:.2f}"


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


FIGURES = "figures"


class Printed(NamedTuple):
    """A table as it is shown."""

    table: Table
    cells: list[Cell]
    notes: list[str]


def publish(asked: Reproduction, drawn: Mapping[str, list[str]] | None = None) -> list[Printed]:
    """Write every table as Markdown, CSV and JSON, from the studies that are finished.

    ``drawn`` are the paths of the figures of each table, by its name.
    """
    found, made = asked.found(), []
    asked.folder.mkdir(parents=True, exist_ok=True)
    for table in asked.tables:
        cells, said = table.cells(found), notes(table, found)
        texts = {
            "md": markdown(table, cells, said, (drawn or {}).get(table.name, [])),
            "csv": as_csv(cells),
            "json": as_json(table, cells, said),
        }
        for suffix, text in texts.items():
            (asked.folder / f"table-{table.name}.{suffix}").write_text(text, "utf-8")
        made.append(Printed(table, cells, said))
    return made


def draw(asked: Reproduction) -> dict[str, list[str]]:
    """Draw the figures of every table; their paths in the folder. InputError without matplotlib."""
    try:
        from .figures import illustrations, save
    except ModuleNotFoundError as error:
        raise InputError(
            f"figures need {error.name}: {install_command('sparseattack', 'figures')}"
        ) from error
    (asked.folder / FIGURES).mkdir(parents=True, exist_ok=True)
    paths: dict[str, list[str]] = {}
    found: Mapping[Part, Finding] = asked.found()
    for table in asked.tables:
        paths[table.name] = []
        for name, figure in illustrations(table, found):
            path = Path(FIGURES) / f"{name}.png"
            save(figure, asked.folder / path)
            paths[table.name].append(path.as_posix())
    return paths
