"""The raw forward pass of a network, which an attack is measured against.

Runs timed in turn, and what their ratios come to.

An attack timed, and watched from inside its oracle.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter
from typing import Self, TypeVar

import torch
from torch import Tensor, nn

from sparseattack import Classifier, Outcome, Problem, Strategy, attack

Result = TypeVar("Result")


@dataclass(frozen=True)
class Spread:
    """The median of paired ratios, and the least and the greatest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Of at least one value."""
        known = sorted(values)
        return cls(median(known), known[0], known[-1])

    def __str__(self) -> str:
        """As in a table: 1.23 (1.20 - 1.31)."""
        return f"{shown(self.median)} ({shown(self.low)} - {shown(self.high)})"


def shown(number: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{float(f'{number:.3g}'):.10g}"


def in_turn(runs: Mapping[str, Callable[[], Result]], repeats: int) -> dict[str, list[Result]]:
    """The results of all runs, ``repeats`` times each: to and fro, so that a slow spell hits them alike."""
    results: dict[str, list[Result]] = {name: [] for name in runs}
    for turn in range(repeats):
        for name in list(runs)[:: -1 if turn % 2 else 1]:
            results[name].append(runs[name]())
    return results


def clock(device: str = "cpu") -> float:
    """Seconds, once an accelerator has done all that it was told."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return perf_counter()


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
) -> tuple[Run, list[Outcome]]:
    """Attack all images; how long it took, and what became of them."""
    assert isinstance(problem.oracle, Classifier)
    watch, device = Watch(), str(problem.images.device)
    problem = replace(problem, oracle=watch.on(problem.oracle))
    start = clock(device)
    outcomes = attack(problem, strategy, budget, seed, group=group)
    seconds = clock(device) - start
    repeats = sum(outcome.repeats for outcome in outcomes)
    rows = sum(outcome.queries for outcome in outcomes) - repeats
    strategy_seconds = sum(outcome.strategy_seconds for outcome in outcomes)
    return Run(rows, seconds, watch.seconds, strategy_seconds, watch.sizes, repeats), outcomes


BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048)
LAYOUTS = (torch.contiguous_format, torch.channels_last)
WORSE = 0.8  # of the best rate: larger batches are not tried
LONG = 0.5  # seconds of a batch: nor are they after this
TRIALS, LEAST = 3, 0.05  # and seconds of each


@dataclass(frozen=True)
class Raw:
    """A network and a batch of images, of the size and the layout it is fastest with."""

    network: nn.Module
    batch: Tensor
    rate: float  # rows per second when it was tried

    @torch.inference_mode()
    def run(self, rows: int) -> Run:
        """Show it so many images, in whole batches, and nothing else."""
        passes, device = max(1, round(rows / len(self.batch))), str(self.batch.device)
        start = clock(device)
        for _ in range(passes):
            self.network(self.batch)
        return Run(passes * len(self.batch), clock(device) - start)


def fastest(network: nn.Module, images: Tensor, most: int = BATCHES[-1]) -> Raw:
    """The network with the best of a few batches, of ``most`` images at most."""
    best: Raw | None = None
    for size in (size for size in BATCHES if size <= most):
        here = max((_tried(network, images, size, layout) for layout in LAYOUTS), key=lambda raw: raw.rate)
        best = max((best or here, here), key=lambda raw: raw.rate)
        if here.rate < WORSE * best.rate or size / here.rate > LONG:
            break
    assert best
    return best


def _tried(network: nn.Module, images: Tensor, size: int, layout: torch.memory_format) -> Raw:
    """The network with one batch: random noise, in which no kernel finds anything to save."""
    batch = torch.rand(size, *images.shape[1:]).to(images.device).contiguous(memory_format=layout)
    raw = Raw(network, batch, 1.0)
    raw.run(size)  # warms up
    rows = max(size, round(LEAST * raw.run(size).rate))
    return Raw(network, batch, median(raw.run(rows).rate for _ in range(TRIALS)))
