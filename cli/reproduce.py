"""A paper's tables are measured before the eyes of a person.

Durations as people say them.

A paper's table, ours beside theirs, in a terminal.

How far a reproduction has come: all of it, the part that is run now, and the time that may be left.
"""

import shlex
import sys
from time import perf_counter
from typing import Self

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sparseattack import InputError, SparseattackError
from sparseattack.reproduction.forecast import Forecast
from sparseattack.reproduction.one_pixel import Reproduction
from sparseattack.reproduction.render import CellText, FilledTable, draw, grid, publish
from sparseattack.reproduction.run import StudyProgress
from sparseattack.reproduction.studies import PlannedStudy

from .terminal import stderr, stdout, text_column

MINUTE, HOUR = 60, 3600  # seconds


def spoken(seconds: float) -> str:
    """``40 s``, ``12 min``, ``2 h 10 min``."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    hours, rest = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hours} h {rest} min"


STYLES = {"inside": "green", "overlap": "yellow", "outside": "red"}


def show(printed: FilledTable) -> None:
    """Title, a row per metric, what a reader must know."""
    console = stdout()
    table = Table(title=printed.table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    headings, lines = grid(printed.cells)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", overflow="fold")
    for name, entries in lines:
        table.add_row(Text(name), *map(_text, entries))
    console.print(table)
    for note in printed.notes:
        console.print(note, style="dim")


def _text(entry: CellText) -> Text:
    """The figure, and under it what is to be known of it."""
    detail = f"\n{entry.detail}" if entry.detail else ""
    return Text(entry.value).append(detail, STYLES.get(entry.detail, "dim"))


SILENCE = 60.0  # seconds between sentences where nobody sees the bars


class Display:
    """Two bars on a terminal; elsewhere a sentence now and then."""

    def __init__(self, console: Console, asked: Reproduction) -> None:
        self.console, self.forecast = console, Forecast.of(asked.planned, asked.options)
        columns = (text_column("{task.description}"), BarColumn(20), MofNCompleteColumn())
        said = text_column("{task.fields[said]}")
        self.progress = Progress(
            *columns, said, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self.whole = self.progress.add_task("all parts", total=len(asked.planned), said="")
        self.bar: TaskID | None = None  # of the part that is run
        self.refused: set[str] = set()  # sentences
        self.last = self.spoke = perf_counter()

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def refuse(self, part: PlannedStudy, why: str) -> None:
        """A part is left out; where it is for the network, that is said once."""
        self.forecast.drop(part)
        self.progress.advance(self.whole)
        if (said := f"{part.network} is left out: {why}") not in self.refused:
            self.console.print(said)
            self.refused.add(said)

    def advance(self, part: PlannedStudy, stage: StudyProgress) -> bool:
        """A part has come so far; whether it is finished."""
        now = perf_counter()
        self.forecast.note(part, stage, now - self.last)
        self.last = now
        if self.bar is None:
            self.bar = self.progress.add_task(part.stem, total=stage.left, said="runs")
        self.progress.advance(self.bar, len(stage.step.records))
        self.progress.update(self.whole, said=self._left())
        if not stage.left:
            self._finish(part)
        elif self.progress.disable and now - self.spoke > SILENCE:
            self._say(f"{part.stem}: {stage.left} runs to go")
        return not stage.left

    def _finish(self, part: PlannedStudy) -> None:
        if self.bar is not None:
            self.progress.remove_task(self.bar)
        self.bar = None
        self.progress.advance(self.whole)
        self._say(f"{part.stem}: finished")

    def _say(self, sentence: str) -> None:
        self.spoke = self.last
        left = self._left() if self.progress.disable else ""
        self.console.print(", ".join(filter(None, (sentence, left))))

    def _left(self) -> str:
        seconds = self.forecast.seconds
        return "" if seconds is None else f"about {spoken(seconds)} left in all"


def reproduce(asked: Reproduction, *, run: bool) -> None:
    """Run what is not there yet, write tables and figures, show the tables."""
    console = stderr()
    if run:
        asked.check()
        if not _watched(asked, console):
            raise InputError("of these networks none can be attacked")
    _close(asked, console)


def _watched(asked: Reproduction, console: Console) -> bool:
    """Run it; if that is stopped, show what is there and say how to go on. Whether any network was there."""
    try:
        return _run(asked, console)
    except InputError:  # the same command would not go on
        raise
    except (KeyboardInterrupt, SparseattackError) as ended:
        _close(asked, console)
        again = shlex.join(["sparseattack", *sys.argv[1:]])
        console.print(f"stopped; all finished runs are kept, and the same command goes on:\n  {again}")
        if isinstance(ended, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise


def _run(asked: Reproduction, console: Console) -> bool:
    """Whether there was any network to attack."""
    if any(part.experiment(asked.options).images == "sample" for part in asked.planned):
        console.print(
            "attacked are the 100 CIFAR-10 test images in the package; `sparseattack download cifar10` brings"
            " all 10,000"
        )
    with Display(console, asked) as display:
        for part, event in asked.run():
            if isinstance(event, str):
                display.refuse(part, event)
            elif display.advance(part, event):
                publish(asked)
        return bool(display.forecast.costs)


def _close(asked: Reproduction, console: Console) -> None:
    """Figures, tables, and where they are."""
    paths: dict[str, list[str]] = {}
    try:
        with console.status("drawing"):
            paths = draw(asked)
    except InputError as error:
        console.print(str(error))
    for printed in publish(asked, paths):
        show(printed)
    console.print(f"Tables, figures and studies are in {asked.folder}")
