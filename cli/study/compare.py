"""Run a comparison with a progress display, and print its tables."""

import os
import shlex
import sys
from pathlib import Path

import typer
from rich.console import Console

from sparseattack import Experiment, InputError, SparseattackError
from sparseattack.cli.terminal import INTERRUPTED, stderr
from sparseattack.experiment.prepare import prepare
from sparseattack.provenance import digest
from sparseattack.report.progress import ProgressDisplay
from sparseattack.report.results import results
from sparseattack.study.progress import Advance, ConditionProgress
from sparseattack.study.run import Plan, Task, plan
from sparseattack.study.store import Study, check_writable

from .tables import print_results


def compare(experiment: Experiment, path: Path | None, output: str) -> None:
    """Run what the study at ``path`` lacks, then print all of it as ``output``: table, json or csv.

    Without a ``path`` the study is a file named after the settings.
    """
    console, path = stderr(), path or _default_path(experiment)
    check_writable(path)
    with console.status("loading the oracle and the images"):
        setup = prepare(experiment)
    with Study.create(path) as study:
        planned = plan(setup, study)
        try:
            _run(planned, console)
        except KeyboardInterrupt:
            _print_stopped(study, console, "stopped")
            raise typer.Exit(INTERRUPTED) from None
        except InputError:  # the same command would not resume
            raise
        except SparseattackError:
            _print_stopped(study, console, "failed")
            raise
        print_results(results(study), output)
    console.print(f"Study: {path}. Show it again with:\n  sparseattack report {shlex.quote(str(path))}")


def _default_path(experiment: Experiment) -> Path:
    """A file for exactly these settings, whatever the labels: the same command finds it again."""
    folder = Path(os.environ.get("SPARSEATTACK_STUDIES", "")).expanduser()
    return folder / f"sparseattack-{digest(experiment.without_labels().to_json())[:8]}.study"


def _run(planned: Plan, console: Console) -> None:
    """Run what the study lacks, and show how far it is."""
    if planned.done:
        console.print(f"{planned.done} runs are already in {planned.study.path}")
    budget = planned.setup.experiment.budget
    places = {id(task): place for place, task in enumerate(planned.tasks)}
    with ProgressDisplay(_conditions(planned), console) as display:
        for task, step in planned.run():
            display.advance(Advance.of(places[id(task)], step.queries, step.records, budget))


def _print_stopped(study: Study, console: Console, how: str) -> None:
    again = shlex.join(["sparseattack", *sys.argv[1:]])
    stored = f"{len(study.keys())} finished runs are stored in {study.path}"
    console.print(f"{how}: {stored}; the same command resumes:\n  {again}")


def _conditions(planned: Plan) -> list[ConditionProgress]:
    """What is planned of every condition, by the name that it is printed with."""
    experiment = planned.setup.experiment
    return [
        ConditionProgress(_name(task, experiment.labels), experiment.budget, len(task.todo), task.done)
        for task in planned.tasks
    ]


def _name(task: Task, labels: dict[str, str]) -> str:
    one = task.condition
    strategy = labels.get(one.strategy, one.strategy)
    return f"{strategy}/{one.encoding} k={one.pixels}" + (f" seed={one.seed}" if one.seed else "")
