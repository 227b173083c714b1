"""Every run as CSV, and beside it a description of the columns as "CSV on the Web" has it (W3C, 2015)."""

import json
from pathlib import Path

from sparseattack.report.columns import RUN_COLUMNS, TableColumn
from sparseattack.report.results import Results

DATATYPES = {"text": "string", "whole": "integer", "real": "double", "flag": "boolean"}  # lists are "json"


def write(found: Results, out: Path) -> None:
    """Write ``out``, UTF-8 with a header, and ``out`` + ``-metadata.json``."""
    out.write_text(found.runs_csv(), encoding="utf-8")
    described = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": out.name,
        "dc:title": f"Runs of a study of sparseattack on {found.requests[-1].oracle}",
        "tableSchema": {"columns": [_described(column) for column in RUN_COLUMNS], "primaryKey": "key"},
    }
    beside = out.with_name(f"{out.name}-metadata.json")
    beside.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _described(column: TableColumn) -> dict[str, object]:
    """A column as CSVW describes it; unit and meaning are one sentence."""
    unit = f" ({column.unit})" if column.unit else ""
    empty = f"; empty where {column.missing}" if column.missing else ""
    boolean = {"datatype": {"base": "boolean", "format": "True|False"}}
    kind = boolean if column.kind == "flag" else {"datatype": DATATYPES.get(column.kind, "json")}
    return {"name": column.name, "dc:description": f"{column.meaning}{unit}{empty}", **kind}
