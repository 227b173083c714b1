"""How far a comparison has come: a line per condition."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn

from sparseattack.study.plan import Task
from sparseattack.study.run import Step

from .terminal import text_column


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
