"""Time of the strategies themselves, and of the loop, for each query."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.networks import BenchmarkNetwork, load_network
from benchmarks.options import BenchmarkOptions
from benchmarks.results import Benchmark, flat, percent
from benchmarks.timing import Spread, TimedRun, fastest, in_turn, timed
from sparseattack import Classifier, Problem, load, spent
from sparseattack.plugins.spec import extra_objectives
from sparseattack.problem.inference import PAD

YARDSTICK = "allconv"
IMAGES, QUERIES = 32, 800  # an image


@dataclass(frozen=True)
class StrategyCosts:
    """The time of a query outside the oracle."""

    strategy_time: Spread  # of the strategy, in rows of the raw forward pass
    rest: Spread  # of everything else, in the same unit
    microseconds: Spread  # of the strategy


@dataclass(frozen=True)
class StrategyTimeRow:
    """The costs of a strategy with k pixels, relative to a network."""

    network: str
    strategy: str
    k: int
    rows: int
    costs: StrategyCosts

    def record(self) -> dict[str, Any]:
        """The row as one JSON object."""
        return flat(self, "costs")


def measure(options: BenchmarkOptions) -> Iterator[StrategyTimeRow]:
    """A row for every number of pixels and strategy, on an oracle that costs nothing."""
    chosen = load_network(YARDSTICK if YARDSTICK in options.networks else options.networks[0], options.device)
    raw = fastest(chosen.network, chosen.images)
    for k in options.pixels:
        names = [name for name in options.strategies if k == 1 or name != "exhaustive"]
        runs: dict[str, Callable[[], TimedRun]] = {name: _run(chosen, name, k) for name in names}
        runs["raw"] = lambda: raw.run(round(raw.rate * min(options.seconds, 1)))
        results = in_turn(runs, options.repeats)
        for name in names:
            found = costs(results[name], results["raw"])
            yield StrategyTimeRow(chosen.name, name, k, results[name][0].rows, costs=found)


def costs(runs: list[TimedRun], raw: list[TimedRun]) -> StrategyCosts:
    """The time of a query, in rows of the raw forward pass."""
    pairs = list(zip(runs, raw, strict=True))
    strategy = Spread.of(run.strategy / run.rows * raw.rate for run, raw in pairs)
    rest = [(run.seconds - run.inside - run.strategy) / run.rows * raw.rate for run, raw in pairs]
    microseconds = Spread.of(1e6 * run.strategy / run.rows for run in runs)
    return StrategyCosts(strategy, Spread.of(rest), microseconds)


def _run(chosen: BenchmarkNetwork, name: str, k: int) -> Callable[[], TimedRun]:
    strategy, images = load("strategies", name), chosen.images[:IMAGES]
    more = tuple(load("fitness", one) for one in extra_objectives(strategy))
    problem = Problem(
        Classifier("none", _scores, "", "logits", block=PAD),
        load("encodings", "rgb", {"pixels": k})(),
        images,
        torch.zeros(len(images), dtype=torch.int64, device=images.device),
        fitness=(load("fitness", "margin"), *more),
        until=spent,
    )
    timed(problem, strategy, 1)  # imports
    return lambda: timed(problem, strategy, QUERIES)[0]


def _scores(images: Tensor) -> Tensor:
    """Scores that differ between images, at no cost."""
    return torch.stack([images[:, 0, 0, 0] + 1, images[:, 1].mean((1, 2))], dim=1)


def share(cost: Spread) -> str:
    """A cost in percent of a row."""
    return f"{percent(cost.median)} ({percent(cost.low)} - {percent(cost.high)})"


STRATEGY_TIME = Benchmark[StrategyTimeRow](
    "Time of the strategies themselves",
    "Per query, as a share of one row of the raw forward pass of the network named, on an oracle that costs"
    " nothing; 32 images at once. *The rest* is everything but strategy and oracle: decoding, painting,"
    " selection, counting.",
    measure,
    {
        "network": lambda row: row.network,
        "k": lambda row: row.k,
        "strategy": lambda row: row.strategy,
        "rows": lambda row: row.rows,
        "strategy's time": lambda row: share(row.costs.strategy_time),
        "the rest": lambda row: share(row.costs.rest),
    },
)
