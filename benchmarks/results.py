"""One table of measurements."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.options import Options

Record = dict[str, Any]
"""One line: what it is about, and what was measured, as JSON or as ``Spread``."""


@dataclass(frozen=True)
class Part:
    """What is measured, and how its lines are shown."""

    title: str
    note: str
    measure: Callable[[Options], Iterator[Record]]
    columns: dict[str, Callable[[Record], str]]  # by heading

    def markdown(self, records: list[Record]) -> str:
        """The table."""
        lines = [list(self.columns), ["---"] * len(self.columns)]
        lines += [[show(record) for show in self.columns.values()] for record in records]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def entry(name: str) -> Callable[[Record], str]:
    """What a record has under ``name``; a dash for nothing."""
    return lambda record: "-" if record[name] is None else str(record[name])


def percent(share: float) -> str:
    """As in 4.2 %."""
    return f"{100 * share:.1f} %"
