"""A comparison is run before the eyes of a person.

How far a comparison has come: a line per condition.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn

from sparseattack import Experiment, SparseattackError
from sparseattack.provenance import digest
from sparseattack.report.results import results
from sparseattack.study.prepare import Setup, labelled, prepare
from sparseattack.study.run import Step, Task, open_study, plan, run
from sparseattack.study.store import Study

from .study_tables import show
from .terminal import stderr, text_column


class Line:
    """The progress of one condition."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task, self.fooled, self.queries = progress, task, 0, 0

    def advance(self, step: Step) -> None:
        """More queries were put, and perhaps images are done."""
        self.fooled += sum(record.success for record in step.records)
        self.queries += step.queries
        said = f"{self.fooled} fooled, {self.queries:,} queries"
        self.progress.update(self.task, advance=len(step.records), said=said)


class Display:
    """Bars on a terminal; elsewhere a sentence per finished condition."""

    def __init__(self, console: Console, tasks: list[Task]) -> None:
        self.console = console
        name, said = text_column("{task.description}"), text_column("images, {task.fields[said]}")
        columns = (name, BarColumn(20), MofNCompleteColumn(), said)
        self.progress = Progress(
            *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self.lines = {id(task): self._add(task) for task in tasks}

    def _add(self, task: Task) -> Line:
        done, name = task.done, _name(task)
        added = self.progress.add_task(name, start=False, total=task.runs, completed=done, said="")
        return Line(self.progress, added)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    @contextmanager
    def watch(self, task: Task) -> Iterator[Line]:
        """The line of a condition while it runs."""
        line = self.lines[id(task)]
        self.progress.start_task(line.task)
        yield line
        self.progress.stop_task(line.task)
        if self.progress.disable and task.todo:
            said = f"{_name(task)}: {len(task.todo)} images, {line.fooled} fooled, {line.queries:,} queries"
            self.console.print(said)


def _name(task: Task) -> str:
    one = task.condition
    return f"{one.strategy} {one.encoding} k={one.pixels}" + (f" seed={one.seed}" if one.seed else "")


def compare(experiment: Experiment, path: Path | None, form: str) -> None:
    """Run what the study does not hold yet, and show it all."""
    console = stderr()
    with console.status("loading the oracle and the images"):
        setup = labelled(prepare(experiment))
    path = path or _named(experiment)
    with Study.create(path) as study:
        open_study(setup, study)
        tasks = plan(setup, study)
        try:
            _run(setup, tasks, study, console)
        except KeyboardInterrupt:
            _stopped(study, console, "stopped")
            raise typer.Exit(130) from None
        except SparseattackError:
            _stopped(study, console, "failed")
            raise
        show(results(study), form)
    if form == "table":
        console.print(f"Kept in {path}; show it again with: sparseattack report {shlex.quote(str(path))}")


def _named(experiment: Experiment) -> Path:
    """A file for these settings and no others, so that the same command finds it again."""
    folder = Path(os.environ.get("SPARSEATTACK_STUDIES", ""))
    return folder / f"sparseattack-{digest(experiment.to_json())[:8]}.study"


def _run(setup: Setup, tasks: list[Task], study: Study, console: Console) -> None:
    held = sum(task.done for task in tasks)
    if held:
        console.print(f"{held} runs are in {study.path} already")
    with Display(console, tasks) as display:
        for task in tasks:
            with display.watch(task) as line:
                for step in run(setup, task, study):
                    line.advance(step)


def _stopped(study: Study, console: Console, how: str) -> None:
    again = shlex.join(["sparseattack", *sys.argv[1:]])
    kept = f"{len(study.keys())} finished runs are kept in {study.path}"
    console.print(f"{how}: {kept}; the same command goes on from there:\n  {again}")
