"""The formats of exports by name; one is written completely or not at all, and over no other file."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sparseattack.errors import InputError, near
from sparseattack.report.results import Results

Export = Callable[[Results, Path], None]
"""Writes results to a file or a folder that does not exist yet, and further files beside it."""


class Format(NamedTuple):
    """One format; function ``write`` of its module is an `Export`."""

    module: str  # in this package
    ending: str  # of the file, or of the folder
    content: str


FORMATS = {
    "csv": Format("comma_separated", ".csv", "every run; beside it a description of the columns (CSVW)"),
    "jsonl": Format("json_lines", ".jsonl", "every run as an object on a line of its own"),
    "parquet": Format("parquet", ".parquet", "every run, typed, with units and the experiments"),
    "latex": Format("latex", ".tex", "the table of success rates and costs, with booktabs"),
    "robustness.json": Format("robustness", ".robustness.json", "an entry of a leaderboard per condition"),
    "iohprofiler": Format("iohprofiler", ".iohprofiler", "folder: the course of every run"),
    "images": Format("pictures", ".images", "folder: originals, adversarial images, changed pixels"),
}
"""Every format by its name."""


def check_format(form: str) -> None:
    """Refuse a format that there is not."""
    if form not in FORMATS:
        raise InputError(f"there is no format {form!r}, only {', '.join(FORMATS)}{near(form, FORMATS)}")


def export_results(found: Results, form: str, out: Path) -> list[Path]:
    """Write ``found`` in the format called ``form`` to ``out``; what was written, ``out`` first.

    Raises InputError for an unknown format, where something is in the way, and for results that the format
    cannot hold.
    """
    check_format(form)
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent} for an export: name another place with --out")
    write: Export = import_module(f"{__package__}.{FORMATS[form].module}").write
    try:
        with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            _check_absent(out)
            write(found, Path(folder) / out.name)
            written = sorted(Path(folder).iterdir(), key=lambda path: (path.name != out.name, path.name))
            for path in written:
                _check_absent(out.parent / path.name)
            return [path.rename(out.parent / path.name) for path in written]
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from error


def _check_absent(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} is there already: remove it, or name another place with --out")
