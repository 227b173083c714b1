"""A table as people read it: a row per metric, ours and the paper's figure of every network side by side."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from .measure import Measure
from .table import Cell

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
