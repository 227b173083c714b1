"""Results as files: JSON with all that was measured, Markdown to be read."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.results import Part, Record
from sparseattack.provenance import hardware

from .options import Options

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
