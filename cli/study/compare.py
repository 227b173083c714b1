"""Run a comparison with a progress display, and print its tables."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn

from sparseattack import Experiment, InputError, SparseattackError
from sparseattack.cli.terminal import INTERRUPTED, stderr, text_column
from sparseattack.experiment.prepare import prepare
from sparseattack.provenance import digest
from sparseattack.report.results import results
from sparseattack.study.run import Plan, Step, Task, plan
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
    if output == "table":
        console.print(f"Study: {path}. Show it again with:\n  sparseattack report {shlex.quote(str(path))}")


def _default_path(experiment: Experiment) -> Path:
    """A file for exactly these settings, whatever the labels: the same command finds it again."""
    folder = Path(os.environ.get("SPARSEATTACK_STUDIES", "")).expanduser()
    return folder / f"sparseattack-{digest(experiment.without_labels().to_json())[:8]}.study"


def _run(planned: Plan, console: Console) -> None:
    """Run what the study lacks, with a bar per condition."""
    if planned.done:
        console.print(f"{planned.done} runs are already in {planned.study.path}")
    with ConditionProgress(console, planned.tasks, planned.setup.experiment.labels) as display:
        for task, steps in groupby(planned.run(), key=itemgetter(0)):
            with display.watch(task) as bar:
                for _, step in steps:
                    bar.advance(step)


def _print_stopped(study: Study, console: Console, how: str) -> None:
    again = shlex.join(["sparseattack", *sys.argv[1:]])
    stored = f"{len(study.keys())} finished runs are stored in {study.path}"
    console.print(f"{how}: {stored}; the same command resumes:\n  {again}")


class ConditionBar:
    """The progress of one condition."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task, self.successes, self.queries = progress, task, 0, 0

    def advance(self, step: Step) -> None:
        """Add the queries and the finished runs of a step."""
        self.successes += sum(record.success for record in step.records)
        self.queries += step.queries
        self.progress.update(self.task, advance=len(step.records), note=self.note)

    @property
    def note(self) -> str:
        """Successes and queries so far."""
        successes = "success" if self.successes == 1 else "successes"
        return (
            f"{self.successes:,} {successes}, {self.queries:,} {'query' if self.queries == 1 else 'queries'}"
        )


class ConditionProgress:
    """A bar per condition on a terminal; elsewhere a line per finished condition."""

    def __init__(self, console: Console, tasks: Sequence[Task], labels: dict[str, str]) -> None:
        self.console, self.labels = console, labels
        name, note = text_column("{task.description}"), text_column("runs, {task.fields[note]}")
        columns = (name, BarColumn(20), MofNCompleteColumn(), note)
        self.progress = Progress(
            *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self.bars = {id(task): self._add(task) for task in tasks}

    def _add(self, task: Task) -> ConditionBar:
        done, name = task.done, _name(task, self.labels)
        added = self.progress.add_task(name, start=False, total=task.runs, completed=done, note="")
        return ConditionBar(self.progress, added)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    @contextmanager
    def watch(self, task: Task) -> Iterator[ConditionBar]:
        """The bar of a condition while it runs."""
        bar = self.bars[id(task)]
        self.progress.start_task(bar.task)
        yield bar
        self.progress.stop_task(bar.task)
        if self.progress.disable and task.todo:
            self.console.print(f"{_name(task, self.labels)}: {len(task.todo)} runs, {bar.note}")


def _name(task: Task, labels: dict[str, str]) -> str:
    one = task.condition
    strategy = labels.get(one.strategy, one.strategy)
    return f"{strategy}/{one.encoding} k={one.pixels}" + (f" seed={one.seed}" if one.seed else "")
