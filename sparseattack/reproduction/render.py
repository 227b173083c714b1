"""Tables and figures are written to a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sparseattack.errors import InputError
from sparseattack.plugins.requirements import advice

from .finding import Finding
from .notes import notes
from .part import Part
from .reproduction import Reproduction
from .table import Cell, Table
from .written import as_csv, as_json, markdown

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
        from .figures import save
        from .illustrations import illustrations
    except ModuleNotFoundError as error:
        raise InputError(f"figures need {error.name}: {advice('sparseattack', 'figures')}") from error
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
