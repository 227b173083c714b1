"""A benchmark, its rows, and the files they are written to: JSON for machines, Markdown for people."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.options import BenchmarkOptions
from sparseattack.provenance import hardware

ResultRow = dict[str, Any]
"""One row of a table: its subject and its measurements, JSON values or ``Spread``."""


@dataclass(frozen=True)
class Benchmark:
    """A measurement that makes one table, and the columns of that table."""

    title: str
    note: str
    measure: Callable[[BenchmarkOptions], Iterator[ResultRow]]
    columns: dict[str, Callable[[ResultRow], str]]  # by heading

    def markdown(self, records: list[ResultRow]) -> str:
        """The table in Markdown."""
        lines = [list(self.columns), ["---"] * len(self.columns)]
        lines += [[show(record) for show in self.columns.values()] for record in records]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(name: str) -> Callable[[ResultRow], str]:
    """A column with the value ``name`` of a row; a dash for None."""
    return lambda record: "-" if record[name] is None else str(record[name])


def percent(share: float) -> str:
    """A share as in 4.2 %."""
    return f"{100 * share:.1f} %"


PACKAGES = (
    "sparseattack", "torch", "numpy", "scipy", "cma", "nevergrad", "pymoo", "torchattacks",
    "adversarial-robustness-toolbox",
)  # fmt: skip


def environment(options: BenchmarkOptions) -> dict[str, Any]:
    """Date, hardware, load, versions and options of a run."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": asdict(hardware(options.device)),
        "load": os.getloadavg()[0],  # of other processes, before the run
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "options": asdict(options),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def write(folder: Path, known: dict[str, Any], results: list[tuple[Benchmark, list[ResultRow], str]]) -> None:
    """Write the results so far: the rows of every benchmark, or the reason why it has none."""
    tables = {part.title: reason or records for part, records, reason in results}
    whole = json.dumps(known | {"results": tables}, indent=2, default=asdict)
    (folder / "results.json").write_text(f"{whole}\n", "utf-8")
    (folder / "results.md").write_text(markdown(known, results), "utf-8")


def markdown(known: dict[str, Any], results: list[tuple[Benchmark, list[ResultRow], str]]) -> str:
    """The tables, below the hardware and versions they were measured with."""
    place, options = known["hardware"], known["options"]
    versions = ", ".join(f"{name} {number}" for name, number in known["versions"].items())
    head = (
        f"{place['processor']}, {place['cores']} cores, {place['threads']} threads of torch,"
        f" {place['device']}; load {known['load']:.2f} before; {known['date']}; {versions}. Medians of"
        f" {options['repeats']} paired runs, made in turn in one process, with the least and the greatest.\n"
    )
    texts = [
        f"\n## {part.title}\n\n{part.note}\n\n{reason or part.markdown(records)}"
        for part, records, reason in results
    ]
    return "".join(["# Benchmarks\n\n", head, *texts])
