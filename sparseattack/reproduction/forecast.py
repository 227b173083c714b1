"""How long the rest may take. A failure costs the whole budget: the first finished runs tell too little."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from .part import Choices, Part, runs
from .run import Stage

LIVE = 4  # runs that are searched side by side, of a population of hundreds


@dataclass
class Account:
    """What is known of one part's costs."""

    left: int  # runs
    budget: int  # rows that a run may cost
    finished: int = 0  # runs, in this process
    paid: int = 0  # rows of these
    asked: int = 0  # rows of all

    def cost(self, share: float) -> float:
        """Rows that a run is expected to cost: ``share`` of the budget where nothing is known.

        Those that are searched now are taken for failures, as most of them will be.
        """
        live = min(LIVE, self.left)
        if not self.asked or not (self.finished + live):
            return share * self.budget
        return (self.paid + live * self.budget) / (self.finished + live)

    def rows(self, share: float) -> float:
        """That are still to be asked."""
        return max(0.0, self.left * self.cost(share) - (self.asked - self.paid))


class Forecast:
    """Rows a second so far, network by network, and the rows that unfinished runs may cost."""

    def __init__(self, expected: Mapping[Part, tuple[int, int]]) -> None:
        """``expected``: runs and budget of every part."""
        self.accounts = {part: Account(*each) for part, each in expected.items()}
        self.speeds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])  # rows and seconds

    @classmethod
    def of(cls, parts: Iterable[Part], choices: Choices) -> Self:
        """Before anything is run."""
        return cls({part: (runs(part, choices), part.experiment(choices).budget) for part in parts})

    def note(self, part: Part, stage: Stage, seconds: float) -> None:
        """A part has come so far, in so many seconds since the last stage."""
        account = self.accounts[part]
        account.left = stage.left
        account.finished += len(stage.step.records)
        account.paid += sum(record.queries for record in stage.step.records)
        account.asked += stage.step.queries
        if stage.step.queries:  # or else the time went into loading
            speed = self.speeds[part.network]
            speed[0] += stage.step.queries
            speed[1] += seconds

    def drop(self, part: Part) -> None:
        """A part is not run."""
        del self.accounts[part]

    @property
    def seconds(self) -> float | None:
        """That are left; None before anything was asked."""
        known = [account.cost(1) / account.budget for account in self.accounts.values() if account.asked]
        if not known:
            return None
        share = sum(known) / len(known)
        rows, spent = map(sum, zip(*self.speeds.values(), strict=True))
        usual = rows / spent
        speeds = {network: speed[0] / speed[1] for network, speed in self.speeds.items()}
        left = self.accounts.items()
        return sum(account.rows(share) / speeds.get(part.network, usual) for part, account in left)
