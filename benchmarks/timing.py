"""An attack timed, and watched from inside its oracle."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from torch import Tensor

from sparseattack import Classifier, Outcome, Problem, Strategy, attack

from .spread import clock

Answer = TypeVar("Answer", bound=Tensor | None)


@dataclass(frozen=True)
class Run:
    """So many rows in so many seconds."""

    rows: int  # shown to the network
    seconds: float
    inside: float = 0.0  # seconds in the oracle
    strategy: float = 0.0  # seconds in the strategy
    sizes: Counter[int] = field(default_factory=Counter)  # how many calls of the oracle had so many rows
    repeats: int = 0  # queries that were paid, but not shown a second time

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds

    @property
    def outside(self) -> float:
        """Share of the time that was not spent in the oracle."""
        return 1 - self.inside / self.seconds


@dataclass
class Watch:
    """Stands around an oracle: how long it takes, and how many rows it is shown at once."""

    seconds: float = 0.0
    sizes: Counter[int] = field(default_factory=Counter)

    def on(self, oracle: Classifier) -> Classifier:
        """The same oracle, watched."""
        edits = oracle.answer_edits
        return replace(
            oracle,
            scores=self._around(oracle.scores, 0),
            answer_edits=edits and self._around(edits, 1),
        )

    def _around(self, ask: Callable[..., Answer], argument: int) -> Callable[..., Answer]:
        def watched(*asked: Tensor) -> Answer:
            device = str(asked[0].device)
            start = clock(device)
            scores = ask(*asked)
            self.seconds += clock(device) - start
            self.sizes[len(asked[argument])] += scores is not None  # unless it leaves the answer to others
            return scores

        return watched


def timed(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    group: int = 32,
    cores: int = 0,
) -> tuple[Run, list[Outcome]]:
    """Attack all images; how long it took, and what became of them."""
    assert isinstance(problem.oracle, Classifier)
    watch, device = Watch(), str(problem.images.device)
    problem = replace(problem, oracle=watch.on(problem.oracle))
    start = clock(device)
    outcomes = attack(problem, strategy, budget, seed, group=group, cores=cores)
    seconds = clock(device) - start
    repeats = sum(outcome.repeats for outcome in outcomes)
    rows = sum(outcome.queries for outcome in outcomes) - repeats
    strategy_seconds = sum(outcome.strategy_seconds for outcome in outcomes)
    return Run(rows, seconds, watch.seconds, strategy_seconds, watch.sizes, repeats), outcomes
