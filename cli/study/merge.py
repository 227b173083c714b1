"""Unite studies, and list those that are there."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path

import typer
from rich import box
from rich.table import Table

from sparseattack import InputError
from sparseattack.cli.terminal import print_text, stderr, stdout
from sparseattack.report.console import visible
from sparseattack.report.overview import overviews
from sparseattack.study.executors.shard import missing_shards, number_ranges
from sparseattack.study.merge import merge as unite
from sparseattack.study.store import Study, check_writable


def merge(out: Path, files: list[Path]) -> None:
    """Add the studies in files to the one at ``out``; say what was added, and which shards are missing.

    Ends with exit code 1 where a file is damaged: the others are merged.
    """
    console = stderr()
    if lacking := [str(file) for file in files if not file.is_file()]:
        raise InputError(f"there is no study {', '.join(lacking)}: `sparseattack compare` writes one")
    check_writable(out, "Name another file")
    before = out.exists()
    try:
        with Study.create(out) as study:
            merged = unite(study, files)
            runs, missing = len(study.keys()), missing_shards(study, files)
    except InputError:
        if not before:
            out.unlink(missing_ok=True)
        raise
    larger = f", {merged.replaced:,} replaced by the same with a larger budget" if merged.replaced else ""
    console.print(f"{out}: {runs:,} runs, {merged.added:,} of them new{larger}")
    for reason in merged.damaged.values():
        console.print(f"left out: {reason}")
    for count, numbers in missing.items():
        console.print(f"missing or unfinished shards of {count}: --array={number_ranges(numbers)}")
    console.print(f"Show it with:\n  sparseattack report {shlex.quote(str(out))}")
    if merged.damaged:
        raise typer.Exit(1)


def list_studies(folder: Path, *, as_json: bool) -> None:
    """Print a line for each study in a folder."""
    found = overviews(folder)
    if as_json:
        rows = [asdict(each) | {"path": str(each.path)} for each in found]
        print_text(json.dumps(rows, indent=2))
        return
    if not found:
        stderr().print(f"there are no studies in {folder}: `sparseattack compare` writes one")
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("study", "oracle", "attack"):
        table.add_column(heading, overflow="fold")
    for heading in ("images", "conditions", "runs", "done"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in found:
        figures = [f"{each.images:,}", f"{each.conditions:,}", f"{each.runs:,}", f"{100 * each.share:.0f} %"]
        if each.problem:
            figures = ["", "", "", "-"]
        elif not each.planned:
            figures = ["0", "0", "0", "-"]
        table.add_row(visible(each.path.name), visible(each.oracle), visible(each.attack), *figures)
    stdout().print(table)
    for each in found:
        if each.problem:
            print_text(f"sparseattack: {each.problem}", error=True)
