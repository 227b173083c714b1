"""Timed attacks, the raw forward pass they are measured against, and ratios of paired runs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter, process_time
from typing import Literal, Self, TypeVar

import torch
from torch import Tensor

from sparseattack import Classifier, Outcome, Problem, Strategy, attack
from sparseattack.problem.oracle import EAGER

Result = TypeVar("Result")


@dataclass(frozen=True)
class Spread:
    """The median of paired ratios, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The spread of at least one value."""
        known = sorted(values)
        return cls(median(known), known[0], known[-1])

    def __str__(self) -> str:
        """As in a table: 1.23 (1.2 - 1.31)."""
        return f"{three_digits(self.median)} ({three_digits(self.low)} - {three_digits(self.high)})"


def three_digits(number: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{float(f'{number:.3g}'):.10g}"


def in_turn(runs: Mapping[str, Callable[[], Result]], repeats: int) -> dict[str, list[Result]]:
    """The results of ``repeats`` rounds of all runs, in alternating order: slow phases hit all alike."""
    results: dict[str, list[Result]] = {name: [] for name in runs}
    for turn in range(repeats):
        for name in list(runs)[:: -1 if turn % 2 else 1]:
            results[name].append(runs[name]())
    return results


Clock = Literal["wall", "processor"]
COUNTERS: dict[Clock, Callable[[], float]] = {"wall": perf_counter, "processor": process_time}
COUNTED: ContextVar[Callable[[], float]] = ContextVar("counted", default=perf_counter)


@contextmanager
def counted_by(name: Clock) -> Iterator[None]:
    """Within, time is that of a clock, or of this process, which other programs disturb less."""
    token = COUNTED.set(COUNTERS[name])
    try:
        yield
    finally:
        COUNTED.reset(token)


def clock(device: str = "cpu") -> float:
    """Seconds, after an accelerator has finished its work."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return COUNTED.get()()


Answer = TypeVar("Answer", bound=Tensor | None)


@dataclass(frozen=True)
class TimedRun:
    """The rows and seconds of an attack or a forward pass."""

    rows: int  # evaluated by the network
    seconds: float
    inside: float = 0.0  # seconds in the oracle
    strategy: float = 0.0  # seconds in the strategy
    sizes: Counter[int] = field(default_factory=Counter)  # calls of the oracle, by their number of rows
    repeats: int = 0  # queries charged, but not evaluated a second time

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds

    @property
    def outside(self) -> float:
        """Share of the time spent outside the oracle."""
        return 1 - self.inside / self.seconds


@dataclass
class OracleTimer:
    """Measures an oracle: seconds, and the number of rows of its calls."""

    seconds: float = 0.0
    sizes: Counter[int] = field(default_factory=Counter)

    def measure(self, oracle: Classifier) -> Classifier:
        """The oracle, measured."""
        edits = oracle.answer_edits
        return replace(
            oracle,
            scores=self._timed(oracle.scores, 0),
            answer_edits=edits and self._timed(edits, 1),
        )

    def _timed(self, answer: Callable[..., Answer], argument: int) -> Callable[..., Answer]:
        def measured(*arguments: Tensor) -> Answer:
            device = str(arguments[0].device)
            start = clock(device)
            scores = answer(*arguments)
            self.seconds += clock(device) - start
            self.sizes[len(arguments[argument])] += scores is not None  # None is no answer
            return scores

        return measured


def timed(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    group: int = 32,
) -> tuple[TimedRun, list[Outcome]]:
    """Attack all images; the timed run and the outcomes."""
    assert isinstance(problem.oracle, Classifier)
    timer, device = OracleTimer(), str(problem.images.device)
    problem = replace(problem, oracle=timer.measure(problem.oracle))
    start = clock(device)
    every = attack(problem, strategy, budget, seed, group=group, clean="keep")  # shown candidates only
    seconds = clock(device) - start
    outcomes = [outcome for outcome in every if isinstance(outcome, Outcome)]
    repeats = sum(outcome.repeats for outcome in outcomes)
    rows = sum(outcome.queries for outcome in outcomes) - repeats
    strategy_seconds = sum(outcome.strategy_seconds for outcome in outcomes)
    return TimedRun(rows, seconds, timer.seconds, strategy_seconds, timer.sizes, repeats), outcomes


BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048)
LAYOUTS = (torch.contiguous_format, torch.channels_last)
WORSE = 0.8  # of the best rate: then larger batches are not tried
LONG = 0.5  # seconds of a batch: then neither
TRIALS, LEAST = 3, 0.05  # timings of a batch, and seconds of each


@dataclass(frozen=True)
class ForwardPass:
    """A network and a batch of images, of the size and memory layout that is fastest."""

    network: Callable[[Tensor], Tensor]
    batch: Tensor
    rate: float  # rows per second when it was chosen
    library: str = EAGER  # that evaluates it: eager is torch itself

    @torch.inference_mode()
    def run(self, rows: int) -> TimedRun:
        """Run about ``rows`` images through the network, in whole batches."""
        passes, device = max(1, round(rows / len(self.batch))), str(self.batch.device)
        start = clock(device)
        for _ in range(passes):
            self.network(self.batch)
        return TimedRun(passes * len(self.batch), clock(device) - start)


def fastest(
    network: Callable[[Tensor], Tensor], images: Tensor, most: int = BATCHES[-1], library: str = EAGER
) -> ForwardPass:
    """The network with the fastest batch, of at most ``most`` images."""
    best: ForwardPass | None = None
    for size in (size for size in BATCHES if size <= most):
        here = max((_tried(network, images, size, layout) for layout in LAYOUTS), key=lambda raw: raw.rate)
        best = max((best or here, here), key=lambda raw: raw.rate)
        if here.rate < WORSE * best.rate or size / here.rate > LONG:
            break
    assert best
    return replace(best, library=library)


def _tried(
    network: Callable[[Tensor], Tensor], images: Tensor, size: int, layout: torch.memory_format
) -> ForwardPass:
    """The network with one batch of random noise, which no kernel can shortcut."""
    batch = torch.rand(size, *images.shape[1:]).to(images.device).contiguous(memory_format=layout)
    raw = ForwardPass(network, batch, 1.0)
    raw.run(size)  # warms up
    rows = max(size, round(LEAST * raw.run(size).rate))
    return ForwardPass(network, batch, median(raw.run(rows).rate for _ in range(TRIALS)))
