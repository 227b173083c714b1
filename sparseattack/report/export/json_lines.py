"""Every run as a JSON object on a line of its own: numbers, lists and null as they are, no NaN."""

import json
from pathlib import Path

from sparseattack.report.results import Results


def write(found: Results, out: Path) -> None:
    """Write ``out``, UTF-8, a line per run."""
    with out.open("w", encoding="utf-8") as file:
        for row in found.rows():
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
