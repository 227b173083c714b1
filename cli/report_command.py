"""``sparseattack report``: the table of a stored study."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    study: Annotated[Path, typer.Argument(help="A file that `sparseattack compare` has kept.")],
    json_: Annotated[bool, typer.Option("--json", help="The table and the manifest as JSON.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="The table as CSV.")] = False,
    runs: Annotated[bool, typer.Option("--runs", help="Every single run as CSV.")] = False,
) -> None:
    """Show a stored study again; nothing is run."""
    from sparseattack.report.results import results
    from sparseattack.study.store import Study

    from .options import one_of
    from .study_tables import show

    form = one_of({"json": json_, "csv": csv, "runs": runs})
    with Study.read(study) as opened:
        show(results(opened), form)
