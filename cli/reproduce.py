"""Reproduce a paper's tables with a progress display, and print them beside the paper's figures."""

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
from sparseattack.errors import number_of
from sparseattack.reproduction.forecast import Forecast
from sparseattack.reproduction.one_pixel import Reproduction
from sparseattack.reproduction.page import write_reproduction
from sparseattack.reproduction.render import CellText, FilledTable, draw, grid, publish
from sparseattack.reproduction.run import StudyProgress
from sparseattack.reproduction.studies import PlannedStudy
from sparseattack.study.store import check_folder

from .terminal import INTERRUPTED, stderr, stdout, text_column

MINUTE, HOUR = 60, 3600  # seconds
SILENCE = 60.0  # seconds between lines of progress where no terminal shows the bars
STYLES = {"inside": "green", "overlap": "yellow", "outside": "red"}  # of our interval and the paper's


def reproduce(chosen: Reproduction, *, run: bool) -> None:
    """Run what is missing if ``run``, write tables and figures, print the tables.

    InputError where no network can be attacked; after Ctrl-C or a failure the finished runs are shown.
    """
    console = stderr()
    check_folder(chosen.folder, "studies and tables", "Name another folder with --out")
    if run:
        chosen.check()
        if not _run_until_stopped(chosen, console):
            raise InputError("none of the networks can be attacked")
    _publish(chosen, console)


def _run_until_stopped(chosen: Reproduction, console: Console) -> bool:
    """Run; if that is stopped, show what is there and how to resume. Whether there was any network."""
    try:
        return _run(chosen, console)
    except InputError:  # the same command would not resume
        raise
    except (KeyboardInterrupt, SparseattackError) as ended:
        _publish(chosen, console)
        console.print(f"stopped; all finished runs are stored, and the same command resumes:\n  {_command()}")
        if isinstance(ended, KeyboardInterrupt):
            raise typer.Exit(INTERRUPTED) from None
        raise


def _command() -> str:
    """The one that was typed, with which what is lacking is run."""
    return shlex.join(["sparseattack", *(word for word in sys.argv[1:] if word != "--no-run")])


def _run(chosen: Reproduction, console: Console) -> bool:
    """Whether there was any network to attack."""
    if any(part.experiment(chosen.options).images == "sample" for part in chosen.planned):
        console.print(
            "images: the 100 CIFAR-10 test images in the package; `sparseattack download cifar10` downloads"
            " all 10,000"
        )
    with StudyBars(console, chosen) as display:
        for part, event in chosen.run():
            if isinstance(event, str):
                display.skip(part, event)
            elif display.advance(part, event):
                publish(chosen)
        return bool(display.forecast.costs)


def _publish(chosen: Reproduction, console: Console) -> None:
    """Draw the figures, write and print the tables, name the folder."""
    paths: dict[str, list[str]] = {}
    try:
        with console.status("drawing figures"):
            paths = draw(chosen)
    except InputError as error:
        console.print(str(error))
    filled = publish(chosen, paths)
    for printed in filled:
        print_table(printed)
    console.print(f"Tables, figures and studies are in {chosen.folder}")
    try:
        page = write_reproduction(chosen, filled, _command())
        console.print(f"A page for any browser is {page}", soft_wrap=True)
    except InputError as error:
        console.print(str(error))


class StudyBars:
    """Two bars on a terminal, for all studies and for the current one; elsewhere a line now and then."""

    def __init__(self, console: Console, chosen: Reproduction) -> None:
        self.console, self.forecast = console, Forecast.of(chosen.planned, chosen.options)
        columns = (text_column("{task.description}"), BarColumn(20), MofNCompleteColumn())
        note = text_column("{task.fields[note]}")
        self.progress = Progress(
            *columns, note, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self.whole = self.progress.add_task("all studies", total=len(chosen.planned), note="")
        self.bar: TaskID | None = None  # of the current study
        self.skipped: set[str] = set()  # sentences printed
        self.last = self.printed = perf_counter()  # the last stage, and the last line

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def skip(self, part: PlannedStudy, reason: str) -> None:
        """Leave a study out; the reason is printed once per network."""
        self.forecast.drop(part)
        self.progress.advance(self.whole)
        if (sentence := f"{part.network} is left out: {reason}") not in self.skipped:
            self.console.print(sentence)
            self.skipped.add(sentence)

    def advance(self, part: PlannedStudy, stage: StudyProgress) -> bool:
        """Show the progress of a study; whether it is finished."""
        now = perf_counter()
        self.forecast.note(part, stage, now - self.last)
        self.last = now
        if self.bar is None:
            self.bar = self.progress.add_task(part.stem, total=stage.left, note="runs")
        self.progress.advance(self.bar, len(stage.step.records))
        self.progress.update(self.whole, note=self._time_left())
        if not stage.left:
            self._finish(part)
        elif self.progress.disable and now - self.printed > SILENCE:
            self._print(f"{part.stem}: {number_of(stage.left, 'run')} left")
        return not stage.left

    def _finish(self, part: PlannedStudy) -> None:
        if self.bar is not None:
            self.progress.remove_task(self.bar)
        self.bar = None
        self.progress.advance(self.whole)
        self._print(f"{part.stem}: finished")

    def _print(self, sentence: str) -> None:
        self.printed = self.last
        left = self._time_left() if self.progress.disable else ""
        self.console.print(", ".join(filter(None, (sentence, left))))

    def _time_left(self) -> str:
        seconds = self.forecast.seconds
        return "" if seconds is None else f"about {duration(seconds)} left in all"


def print_table(printed: FilledTable) -> None:
    """Title, a row per metric, notes."""
    console = stdout()
    table = Table(title=printed.table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    headings, rows = grid(printed.cells)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", overflow="fold")
    for name, entries in rows:
        table.add_row(Text(name), *map(_cell, entries))
    console.print(table)
    for note in printed.notes:
        console.print(note, style="dim")


def _cell(entry: CellText) -> Text:
    """A figure with its detail below."""
    detail = f"\n{entry.detail}" if entry.detail else ""
    return Text(entry.value).append(detail, STYLES.get(entry.detail, "dim"))


def duration(seconds: float) -> str:
    """``40 s``, ``12 min``, ``2 h 10 min``."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    hours, rest = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hours} h {rest} min"
