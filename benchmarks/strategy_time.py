"""What a strategy itself costs for each query, and what is spent around it."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from benchmarks.networks import Subject, subject
from benchmarks.options import Options
from benchmarks.results import Part, Record, entry, percent
from benchmarks.timing import Run, Spread, fastest, in_turn, timed
from sparseattack import Classifier, Problem, load, spent
from sparseattack.plugins.spec import extra_objectives

YARDSTICK = "allconv"
IMAGES, LEAST = 32, 800  # queries for each


def measure(options: Options) -> Iterator[Record]:
    """Every number of pixels and strategy, before an oracle that answers at once."""
    chosen = subject(YARDSTICK if YARDSTICK in options.networks else options.networks[0], options.device)
    raw = fastest(chosen.network, chosen.images)
    for k in options.pixels:
        names = [name for name in options.strategies if k == 1 or name != "exhaustive"]
        runs: dict[str, Callable[[], Run]] = {name: _run(chosen, name, k) for name in names}
        runs["raw"] = lambda: raw.run(round(raw.rate * min(options.seconds, 1)))
        results = in_turn(runs, options.repeats)
        for name in names:
            about = {"network": chosen.name, "strategy": name, "k": k, "rows": results[name][0].rows}
            yield about | costs(results[name], results["raw"])


def costs(runs: list[Run], raw: list[Run]) -> Record:
    """Per query, in rows of the raw forward pass."""
    pairs = list(zip(runs, raw, strict=True))
    strategy = Spread.of(run.strategy / run.rows * raw.rate for run, raw in pairs)
    rest = [(run.seconds - run.inside - run.strategy) / run.rows * raw.rate for run, raw in pairs]
    microseconds = Spread.of(1e6 * run.strategy / run.rows for run in runs)
    return {"strategy_time": strategy, "rest": Spread.of(rest), "microseconds": microseconds}


def _run(chosen: Subject, name: str, k: int) -> Callable[[], Run]:
    strategy, images = load("strategies", name), chosen.images[:IMAGES]
    more = tuple(load("fitness", one) for one in extra_objectives(strategy))
    problem = Problem(
        Classifier("none", _answered, ""),
        load("encodings", "rgb", {"pixels": k})(),
        images,
        torch.zeros(len(images), dtype=torch.int64, device=images.device),
        fitness=(load("fitness", "margin"), *more),
        until=spent,
    )
    timed(problem, strategy, 1)  # imports
    return lambda: timed(problem, strategy, LEAST)[0]


def _answered(images: Tensor) -> Tensor:
    """Scores of which some are better than others."""
    return torch.stack([images[:, 0, 0, 0] + 1, images[:, 1].mean((1, 2))], dim=1)


def share(name: str) -> Callable[[Record], str]:
    """A cost in hundredths of a row."""

    def show(record: Record) -> str:
        cost: Spread = record[name]
        return f"{percent(cost.median)} ({percent(cost.low)} - {percent(cost.high)})"

    return show


THINKING = Part(
    "Time of the strategies themselves",
    "Per query, as a share of one row of the raw forward pass of the network named, before an oracle that"
    " answers at once; 32 images side by side. *The rest* is all that is neither strategy nor oracle:"
    " decoding, painting, selection, counting.",
    measure,
    {
        "network": entry("network"),
        "k": entry("k"),
        "strategy": entry("strategy"),
        "rows": entry("rows"),
        "strategy's time": share("strategy_time"),
        "the rest": share("rest"),
    },
)
