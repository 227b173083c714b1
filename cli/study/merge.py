"""Unite studies: shards of one, or those of several people."""

import shlex
from pathlib import Path

import typer

from sparseattack import InputError
from sparseattack.cli.terminal import stderr
from sparseattack.errors import number_of
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
    console.print(f"{out}: {number_of(runs, 'run')}, {merged.added:,} of them new{larger}")
    for reason in merged.damaged.values():
        console.print(f"left out: {reason}")
    for count, numbers in missing.items():
        console.print(f"missing or unfinished shards of {count}: --array={number_ranges(numbers)}")
    console.print(f"Show it with:\n  sparseattack report {shlex.quote(str(out))}")
    if merged.damaged:
        raise typer.Exit(1)
