"""How far a reproduction has come: all of it, the part that is run now, and the time that may be left."""

from time import perf_counter
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn

from sparseattack.reproduction.forecast import Forecast
from sparseattack.reproduction.part import Part
from sparseattack.reproduction.reproduction import Reproduction
from sparseattack.reproduction.run import Stage

from .durations import spoken
from .terminal import text_column

SILENCE = 60.0  # seconds between sentences where nobody sees the bars


class Display:
    """Two bars on a terminal; elsewhere a sentence now and then."""

    def __init__(self, console: Console, asked: Reproduction) -> None:
        self.console, self.forecast = console, Forecast.of(asked.parts, asked.choices)
        columns = (text_column("{task.description}"), BarColumn(20), MofNCompleteColumn())
        said = text_column("{task.fields[said]}")
        self.progress = Progress(
            *columns, said, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self.whole = self.progress.add_task("all parts", total=len(asked.parts), said="")
        self.bar: TaskID | None = None  # of the part that is run
        self.refused: set[str] = set()  # sentences
        self.last = self.spoke = perf_counter()

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def refuse(self, part: Part, why: str) -> None:
        """A part is left out; where it is for the network, that is said once."""
        self.forecast.drop(part)
        self.progress.advance(self.whole)
        if (said := f"{part.network} is left out: {why}") not in self.refused:
            self.console.print(said)
            self.refused.add(said)

    def advance(self, part: Part, stage: Stage) -> bool:
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

    def _finish(self, part: Part) -> None:
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
