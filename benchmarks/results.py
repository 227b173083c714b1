"""A benchmark, its rows, and the files they are written to: JSON for machines, Markdown for people."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from benchmarks.options import BenchmarkOptions
from sparseattack.provenance import Environment
from sparseattack.provenance import environment as machine


class ResultRow(Protocol):
    """One row of a table: a frozen dataclass of its subject and its measurements."""

    def record(self) -> dict[str, Any]:
        """The row as it is written to results.json: one object of JSON values."""
        ...


def flat(row: Any, *parts: str) -> dict[str, Any]:
    """The fields of a dataclass as one object, with the fields of its ``parts`` in place of the parts."""
    fields = dict[str, Any]()
    for name, value in asdict(row).items():
        fields |= value if name in parts else {name: value}
    return fields


Row = TypeVar("Row", bound=ResultRow)


@dataclass(frozen=True)
class Benchmark(Generic[Row]):
    """A measurement that makes one table, and the columns of that table."""

    title: str
    note: str
    measure: Callable[[BenchmarkOptions], Iterator[Row]]
    columns: dict[str, Callable[[Row], object]]  # by heading

    def cells(self, row: Row) -> list[str]:
        """The text of every column; a dash for None."""
        values = [value(row) for value in self.columns.values()]
        return ["-" if value is None else str(value) for value in values]

    def markdown(self, rows: list[Row]) -> str:
        """The table in Markdown."""
        lines = [list(self.columns), ["---"] * len(self.columns), *map(self.cells, rows)]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


@dataclass(frozen=True)
class BenchmarkResults(Generic[Row]):
    """The rows of a benchmark, or the reason why it has none."""

    benchmark: Benchmark[Row]
    rows: list[Row]
    reason: str = ""


def percent(share: float) -> str:
    """A share as in 4.2 %."""
    return f"{100 * share:.1f} %"


PACKAGES = (
    "sparseattack", "torch", "numpy", "scipy", "cma", "nevergrad", "pymoo", "torchattacks",
    "adversarial-robustness-toolbox",
)  # fmt: skip


@dataclass(frozen=True)
class BenchmarkEnvironment:
    """Date, machine with versions, load and options of a run."""

    date: str
    machine: Environment
    load: float  # of other processes, before the run
    options: BenchmarkOptions


def environment(options: BenchmarkOptions) -> BenchmarkEnvironment:
    """The environment now."""
    versions = {name: found for name in PACKAGES if (found := _version(name))}
    return BenchmarkEnvironment(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=replace(machine(options.device, ()), versions=versions),
        load=os.getloadavg()[0],
        options=options,
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def write(folder: Path, known: BenchmarkEnvironment, results: list[BenchmarkResults[Any]]) -> None:
    """Write the results so far to results.json and results.md."""
    tables = {each.benchmark.title: each.reason or [row.record() for row in each.rows] for each in results}
    whole = json.dumps(asdict(known) | {"results": tables}, indent=2)
    (folder / "results.json").write_text(f"{whole}\n", "utf-8")
    (folder / "results.md").write_text(markdown(known, results), "utf-8")


def markdown(known: BenchmarkEnvironment, results: list[BenchmarkResults[Any]]) -> str:
    """The tables, below the hardware and versions they were measured with."""
    place = known.machine
    versions = ", ".join(f"{name} {number}" for name, number in place.versions.items())
    head = (
        f"{place.processor}, {place.cores} cores, {place.threads} threads of torch,"
        f" {place.device}; load {known.load:.2f} before; {known.date}; {versions}. Medians of"
        f" {known.options.repeats} paired runs, made in turn in one process, with the least and the"
        " greatest.\n"
    )
    texts = [
        f"\n## {each.benchmark.title}\n\n{each.benchmark.note}\n\n"
        f"{each.reason or each.benchmark.markdown(each.rows)}"
        for each in results
    ]
    return "".join(["# Benchmarks\n\n", head, *texts])
