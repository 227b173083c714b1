"""One table of measurements.

Results as files: JSON with all that was measured, Markdown to be read.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.options import Options
from sparseattack.provenance import hardware

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


PACKAGES = (
    "sparseattack", "torch", "numpy", "scipy", "cma", "nevergrad", "pymoo", "torchattacks",
    "adversarial-robustness-toolbox",
)  # fmt: skip


def circumstances(options: Options) -> dict[str, Any]:
    """Where, when and with what something is measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware(options.device),
        "load": os.getloadavg()[0],  # before: what else the machine does
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "options": asdict(options),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def write(folder: Path, known: dict[str, Any], results: list[tuple[Part, list[Record], str]]) -> None:
    """All there is so far: every part's lines, or the reason why it has none."""
    tables = {part.title: reason or records for part, records, reason in results}
    whole = json.dumps(known | {"results": tables}, indent=2, default=asdict)
    (folder / "results.json").write_text(f"{whole}\n", "utf-8")
    (folder / "results.md").write_text(markdown(known, results), "utf-8")


def markdown(known: dict[str, Any], results: list[tuple[Part, list[Record], str]]) -> str:
    """The tables, beneath where they were measured."""
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
