"""Run a comparison with a progress display, and print its tables."""

import os
import re
import shlex
import sys
from collections.abc import Collection
from contextlib import redirect_stdout
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import typer
from rich.console import Console

from sparseattack import Experiment, InputError, SparseattackError
from sparseattack.cli.terminal import INTERRUPTED, stderr
from sparseattack.errors import number_of
from sparseattack.experiment.file import ExperimentFile, read_experiment
from sparseattack.experiment.prepare import Setup, prepare
from sparseattack.plugins.registry import load
from sparseattack.plugins.spec import Plugin
from sparseattack.report.progress import ProgressDisplay, conditions_of
from sparseattack.report.results import results
from sparseattack.study.executors.division import Division
from sparseattack.study.executors.shard import Shard, finish_shard, shard_files, shard_of, share_of
from sparseattack.study.merge import merge
from sparseattack.study.run import Plan, plan
from sparseattack.study.store import Study, check_folder, check_writable

from .tables import print_results

LONGEST_NAME = 40  # letters of an oracle in the name of a file


class Place(NamedTuple):
    """Where the runs of a comparison are made; by default all of them in this process."""

    shard: Shard | None = None  # the share that is made here
    executor: Plugin | None = None  # settings bound

    @classmethod
    def of(cls, jobs: str, shard: str, executor: str) -> Self:
        """As three options say, of which one at most is given; InputError for two."""
        chosen = {"--jobs": jobs, "--shard": shard, "--executor": executor}
        if len(given := [name for name, value in chosen.items() if value]) > 1:
            raise InputError(
                f"{' and '.join(given)} exclude each other: for more processes, divide into more shards"
            )
        local = load("executors", "local", {"jobs": jobs}) if jobs else None
        return cls(Shard.parse(shard) if shard else None, load("executors", executor) if executor else local)


HERE = Place()


class Hardware(NamedTuple):
    """Options about where the oracle is computed, which may stand beside a file; fields of an experiment."""

    device: str
    sparse_inference: bool
    backend: str


def compare(
    experiment: Experiment, path: Path | None, output: str, place: Place = HERE, *, strict: bool = False
) -> None:
    """Run what the study at ``path`` lacks, then print the experiment as ``output``: table, json or csv.

    Without a ``path`` the study is a file named after the oracle and the question, in which all experiments
    about that question are stored. Of a shard, no results are printed. ``strict`` refuses to print runs that
    were not made alike.
    """
    console = stderr()
    if path:
        check_writable(path)
    else:
        check_folder(_folder(), "the study", "Name a file with --study", create=False)
    plugins_print = redirect_stdout(sys.stderr)  # what is printed to stdout may be JSON
    with console.status("loading the oracle and the images"), plugins_print:
        setup = prepare(experiment)
    if not path:
        check_writable(path := _default_path(setup, place.shard))
    with Study.create(path) as study:
        if not place.shard:
            _add_shards(study, console)
        planned = plan(setup, study)
        _print_remote(planned, console)
        try:
            with plugins_print:
                whole = _run(planned, place, console)
        except KeyboardInterrupt:
            _print_stopped(study, console, "stopped")
            raise typer.Exit(INTERRUPTED) from None
        except InputError:  # the same command would not resume
            raise
        except SparseattackError:
            _print_stopped(study, console, "failed")
            raise
        if whole:
            print_results(
                results(study, planned.request, records=False, courses=False), output, strict=strict
            )
    if whole:
        if remote := setup.clean.oracle.remote:
            console.print(f"{remote.statement()}.")
        again = f"sparseattack report {shlex.quote(str(path))}"
        console.print(f"Study: {path}. Show it again, or make a page of it, with:\n  {again}")
        console.print(f"  {again} --html report.html")


def read_file(path: Path, given: Collection[str], here: Hardware) -> ExperimentFile:
    """The experiment of a file; InputError where an option was ``given`` that stands in the file.

    What is compared is all in the file; where and how the oracle is computed may be given, too.
    """
    what = {field.name for field in fields(Experiment)} - {*Hardware._fields} | {"protocol"}
    if both := sorted(f"--{name.replace('_', '-')}" for name in what & set(given)):
        raise InputError(
            f"{', '.join(both)} cannot stand beside {path}: what is compared is all in the file, so write it"
            " there (options about where it runs, and what is printed, can)"
        )
    held = read_experiment(path)
    chosen: dict[str, Any] = {name: value for name, value in here._asdict().items() if name in given}
    return held._replace(experiment=replace(held.experiment, **chosen))


def _folder() -> Path:
    """Where studies are that no option names."""
    return Path(os.environ.get("SPARSEATTACK_STUDIES", "")).expanduser()


def _default_path(setup: Setup, shard: Shard | None) -> Path:
    """A file for one question: other strategies, images, seeds, budgets are added to the same file."""
    name = re.sub(r"[^\w.-]+", "-", setup.clean.oracle.name)[:LONGEST_NAME].strip("-.")
    path = _folder() / f"sparseattack-{name}-{setup.question.key[:8]}.study"
    return shard.file(path) if shard else path


def _add_shards(study: Study, console: Console) -> None:
    """Add the runs of shards beside the study, which an earlier command left when it was stopped."""
    for reason in merge(study, shard_files(study.path)).damaged.values():
        console.print(f"left out: {reason}")


def _run(planned: Plan, place: Place, console: Console) -> bool:
    """Run what the study lacks, and show how far it is; whether all runs are in the study now."""
    if place.shard:
        planned = share_of(planned, place.shard)
    if planned.done:
        console.print(f"{number_of(planned.done, 'run')} already in {planned.study.path}")
    with ProgressDisplay(conditions_of(planned), console) as display:
        if place.executor:
            division = Division(planned, display.advance, console.print)
            with division.taking_back():
                whole: bool = place.executor(division)
            return whole
        for step in planned.advances():
            display.advance(step)
    if place.shard:
        _print_shard(planned, place.shard, console)
    return place.shard is None


def _print_remote(planned: Plan, console: Console) -> None:
    """Before anything is sent: how many queries there may be, and how much was sent so far."""
    if remote := planned.setup.clean.oracle.remote:
        most = sum(len(task.todo) * task.condition.budget for task in planned.tasks)
        console.print(
            f"At most {most:,} queries of {number_of(planned.left, 'run')} are left, and verifications of"
            f" successes; {remote.statement()}"
        )


def _print_shard(planned: Plan, shard: Shard, console: Console) -> None:
    """Say where the shard is, and how all are united."""
    path = planned.study.path
    if not finish_shard(planned, shard):
        console.print(f"Another process makes the rest of shard {shard} in {path}")
        return
    name = str(path).rpartition(".shard-")[0] if shard_of(path) else ""
    unite = ["sparseattack", "merge", *([name] if name else ["OUT.study"])]
    files = f"{shlex.quote(name)}.shard-*-of-{shard.count}" if name else shlex.quote(str(path))
    runs = number_of(planned.done + planned.left, "run")
    console.print(
        f"Shard {shard}: {runs}, all in {path}. When all {shard.count} shards are there, unite them with:\n"
        f"  {shlex.join(unite)} {files}"
    )


def _print_stopped(study: Study, console: Console, how: str) -> None:
    again = shlex.join(["sparseattack", *sys.argv[1:]])
    stored = f"{number_of(len(study.keys()), 'finished run')} stored in {study.path}"
    console.print(f"{how}: {stored}; the same command resumes:\n  {again}")
