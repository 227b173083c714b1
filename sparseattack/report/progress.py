"""Show the progress of a comparison in a terminal, in a notebook, or as lines where there is neither.

A bar for the whole, with the time left; below it a line with the conditions that are running; above it a line
for each finished one.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sparseattack.errors import number_of
from sparseattack.report.console import VisibleConsole
from sparseattack.study.progress import Advance, ComparisonProgress, ConditionProgress
from sparseattack.study.run import Plan, Task

BAR = 20  # columns
REFRESHES = 4  # per second
MINUTE, HOUR = 60, 3600  # seconds


class ProgressDisplay:
    """Prints what `advance` counts; to be entered before the first step and left after the last.

    Where nothing can be redrawn, in a file, a pipe, or a notebook without ipywidgets, there is one line for
    each finished condition and nothing else.
    """

    def __init__(self, conditions: Sequence[ConditionProgress], console: Console | None = None) -> None:
        self.progress = ComparisonProgress(list(conditions))
        self.console = console or VisibleConsole(stderr=True)
        widgets = self.console.is_jupyter and find_spec("ipywidgets") is not None
        self.live = Live(
            get_renderable=self._shown, console=self.console, refresh_per_second=REFRESHES, transient=True
        )
        self.redraws = self.console.is_terminal or widgets

    def __enter__(self) -> Self:
        if self.redraws:
            self.live.start()
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if self.redraws:
            self.live.stop()
        if failure is None:  # another process may have had the rest of a condition
            for each in self.progress.running:
                self._print_line(each)

    def advance(self, step: Advance) -> None:
        """Count a step, and print a line where it finishes its condition."""
        condition = self.progress.conditions[step.condition]
        before = condition.finished
        condition.add(step)
        if condition.finished and not before:
            self._print_line(condition)

    def _print_line(self, condition: ConditionProgress) -> None:
        runs = number_of(condition.runs, "run")
        took = f", {duration(condition.seconds)}" if self.redraws else ""
        self.console.print(f"{condition.name}: {runs}, {condition.note}{took}", soft_wrap=True)

    def _shown(self) -> RenderableType:
        """The bar and the line below it, each cut at the width of the terminal."""
        progress = self.progress
        counted = f"{100 * progress.share:3.0f} %  {progress.runs:,} of {progress.planned:,} runs"
        times = f"{duration(progress.elapsed)}, {remaining(progress.left)}"
        line = Table.grid(padding=(0, 1))
        line.add_row(ProgressBar(1.0, progress.share, BAR), _cut(f"{counted}  {times}"))
        return Group(line, _cut(running(progress.running)))


def conditions_of(planned: Plan) -> list[ConditionProgress]:
    """What is planned of every condition, by the name that it is printed with."""
    return [
        ConditionProgress(_name(task), task.condition.budget, len(task.todo), task.done)
        for task in planned.tasks
    ]


def _name(task: Task) -> str:
    one = task.condition
    seed = f" seed={one.seed}" if one.seed else ""
    return f"{one.label or one.strategy}/{one.encoding} k={one.pixels}{seed}"


def running(conditions: Sequence[ConditionProgress]) -> str:
    """The conditions that are running, in one line: one in full, several with their runs only."""
    if len(conditions) == 1:
        (one,) = conditions
        return f"{one.name}: {one.runs:,} of {one.todo:,} runs, {one.note}"
    return ", ".join(f"{one.name} {one.runs:,} of {one.todo:,}" for one in conditions)


def _cut(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def remaining(seconds: float | None) -> str:
    """``about 0:12:33 left``, or that it is not known yet."""
    return "time left not known yet" if seconds is None else f"about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Seconds as ``1:02:03``, without days: ``49:00:00``."""
    whole = round(seconds)
    return f"{whole // HOUR}:{whole % HOUR // MINUTE:02}:{whole % MINUTE:02}"
