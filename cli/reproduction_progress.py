"""How far a reproduction has come: a line per part, and the time that may be left."""

from time import perf_counter
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn

from sparseattack.reproduction.conduct import Stage
from sparseattack.reproduction.forecast import Forecast
from sparseattack.reproduction.part import Part
from sparseattack.reproduction.reproduction import Reproduction

from .consoles import text_column
from .durations import spoken

SILENCE = 60.0  # seconds between sentences where nobody sees the bars


class Display:
    """Bars on a terminal; elsewhere a sentence now and then."""

    def __init__(self, console: Console, asked: Reproduction) -> None:
        self.console, self.forecast = console, Forecast.of(asked.parts, asked.choices)
        columns = (text_column("{task.description}"), BarColumn(20), MofNCompleteColumn())
        said = text_column("{task.fields[said]}")
        self.progress = Progress(
            *columns, said, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        )
        self.bars = {part: self._bar(part) for part in asked.parts}
        self.refused: set[str] = set()
        self.last = self.spoke = perf_counter()

    def _bar(self, part: Part) -> TaskID:
        left = self.forecast.accounts[part].left
        return self.progress.add_task(part.stem, start=False, total=left, said="")

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def refuse(self, part: Part, why: str) -> None:
        """A part is left out; said once for each network."""
        self.forecast.drop(part)
        if part.network not in self.refused:
            self.console.print(f"{part.network} is left out: {why}")
            self.refused.add(part.network)
        self.progress.remove_task(self.bars[part])

    def advance(self, part: Part, stage: Stage) -> bool:
        """A part has come so far; whether it is finished."""
        now = perf_counter()
        self.forecast.note(part, stage, now - self.last)
        self.last, bar = now, self.bars[part]
        if not stage.step.queries:  # what is left is known only now
            self.progress.start_task(bar)
            self.progress.update(bar, total=stage.left)
        self.progress.update(bar, advance=len(stage.step.records), said=self._left() if stage.left else "")
        if not stage.left:
            self.progress.stop_task(bar)
            self._say(part, "finished")
        elif now - self.spoke > SILENCE:
            self._say(part, f"{stage.left} runs to go")
        return not stage.left

    def _say(self, part: Part, how: str) -> None:
        self.spoke = self.last
        if self.progress.disable:
            self.console.print(", ".join(filter(None, (f"{part.stem}: {how}", self._left()))))

    def _left(self) -> str:
        seconds = self.forecast.seconds
        return "" if seconds is None else f"about {spoken(seconds)} left in all"
