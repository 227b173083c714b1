"""A comparison is run before the eyes of a person."""

import os
import shlex
import sys
from pathlib import Path

import typer
from rich.console import Console

from sparseattack import Experiment
from sparseattack.errors import SparseattackError
from sparseattack.provenance import digest
from sparseattack.report.results import overview
from sparseattack.study.labelling import labelled
from sparseattack.study.plan import Task, open_study, plan
from sparseattack.study.prepare import prepare
from sparseattack.study.prepared import Prepared
from sparseattack.study.run import run
from sparseattack.study.store import Study

from .progress import Display
from .study_tables import show
from .terminal import stderr


def compare(experiment: Experiment, path: Path | None, form: str) -> None:
    """Run what the study does not hold yet, and show it all."""
    console = stderr()
    with console.status("loading the oracle and the images"):
        prepared = labelled(prepare(experiment))
    path = path or _named(experiment)
    with Study.create(path) as study:
        open_study(prepared, study)
        tasks = plan(prepared, study)
        try:
            _run(prepared, tasks, study, console)
        except KeyboardInterrupt:
            _stopped(study, console, "stopped")
            raise typer.Exit(130) from None
        except SparseattackError:
            _stopped(study, console, "failed")
            raise
        show(overview(study), form)
    if form == "table":
        console.print(f"Kept in {path}; show it again with: sparseattack report {shlex.quote(str(path))}")


def _named(experiment: Experiment) -> Path:
    """A file for these settings and no others, so that the same command finds it again."""
    folder = Path(os.environ.get("SPARSEATTACK_STUDIES", ""))
    return folder / f"sparseattack-{digest(experiment.to_json())[:8]}.study"


def _run(prepared: Prepared, tasks: list[Task], study: Study, console: Console) -> None:
    held = sum(task.done for task in tasks)
    if held:
        console.print(f"{held} runs are in {study.path} already")
    with Display(console, tasks) as display:
        for task in tasks:
            with display.watch(task) as line:
                for step in run(prepared, task, study):
                    line.advance(step)


def _stopped(study: Study, console: Console, how: str) -> None:
    again = shlex.join(["sparseattack", *sys.argv[1:]])
    kept = f"{len(study.keys())} finished runs are kept in {study.path}"
    console.print(f"{how}: {kept}; the same command goes on from there:\n  {again}")
