"""How far a comparison is: what each step adds, in numbers that any display, or another process, can read.

The unit of progress is a query of the budget: a run that ends early spares the rest of its budget, which then
counts as done. So the share that is done grows evenly, although most failures end at the same time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple, Protocol, Self


class FinishedRun(Protocol):
    """What the progress needs to know of a run that is finished; a `Record` has it."""

    @property
    def success(self) -> bool: ...

    @property
    def queries(self) -> int: ...


class Advance(NamedTuple):
    """What one step adds to the progress of a condition."""

    condition: int  # its place in the plan
    queries: int
    runs: int  # finished
    successes: int  # of these
    spared: int  # queries of the budget that the finished runs did not use
    elsewhere: int = 0  # of the finished runs, those that another process made: their results are not known

    @classmethod
    def of(cls, condition: int, queries: int, finished: Sequence[FinishedRun], budget: int) -> Self:
        """The step of a condition with a ``budget`` per run: ``queries`` made, and the runs ``finished``."""
        return cls(
            condition,
            queries,
            len(finished),
            sum(run.success for run in finished),
            sum(budget - run.queries for run in finished),
        )


@dataclass
class ConditionProgress:
    """How far one condition is."""

    name: str  # as it is printed
    budget: int  # queries per run
    todo: int  # runs that the study lacked at the start
    done: int = 0  # runs that it held
    runs: int = 0  # finished since
    successes: int = 0  # of these
    queries: int = 0  # since the start
    spared: int = 0
    elsewhere: int = 0  # of the runs finished since, those of other processes
    started: float | None = None  # seconds of a clock that never goes back
    seconds: float = 0.0  # from its first step to its last

    def add(self, step: Advance) -> None:
        """Count a step."""
        now = monotonic()
        self.started = now if self.started is None else self.started
        self.seconds = now - self.started
        self.runs += step.runs
        self.successes += step.successes
        self.queries += step.queries
        self.spared += step.spared
        self.elsewhere += step.elsewhere

    @property
    def finished(self) -> bool:
        """Whether no run is left."""
        return self.runs >= self.todo

    @property
    def work(self) -> int:
        """Queries of the budget that are done, at most those of all runs."""
        whole = self.todo * self.budget
        return whole if self.finished else min(self.queries + self.spared, whole)

    @property
    def note(self) -> str:
        """Successes and queries in words, of the runs that this process made."""
        if self.elsewhere and self.elsewhere == self.runs:
            return "by another process"
        others = f"{self.elsewhere:,} by another process, of the others " * (self.elsewhere > 0)
        return (
            f"{others}{self.successes:,} success{'es' * (self.successes != 1)},"
            f" {self.queries:,} quer{'y' if self.queries == 1 else 'ies'}"
        )


@dataclass
class ComparisonProgress:
    """How far all conditions are, and how long the rest takes."""

    conditions: list[ConditionProgress]
    began: float = field(default_factory=monotonic)

    def add(self, step: Advance) -> ConditionProgress:
        """Count a step; the condition that it belongs to."""
        condition = self.conditions[step.condition]
        condition.add(step)
        return condition

    @property
    def runs(self) -> int:
        """Runs that are finished, those before the start included."""
        return sum(each.done + each.runs for each in self.conditions)

    @property
    def planned(self) -> int:
        """Runs in all."""
        return sum(each.done + each.todo for each in self.conditions)

    @property
    def running(self) -> list[ConditionProgress]:
        """The conditions that have begun and are not finished."""
        return [each for each in self.conditions if each.started is not None and not each.finished]

    @property
    def share(self) -> float:
        """The share of the work since the start that is done, 0 to 1."""
        whole = sum(each.todo * each.budget for each in self.conditions)
        return sum(each.work for each in self.conditions) / whole if whole else 1.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return monotonic() - self.began

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at the speed until now; None before anything is done."""
        return self.elapsed * (1 - self.share) / self.share if self.share else None
