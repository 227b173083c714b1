"""Throughput of an attack, relative to the raw forward pass of the same network."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from benchmarks.networks import BenchmarkNetwork, load_network
from benchmarks.options import BEST, BenchmarkOptions
from benchmarks.results import Benchmark, percent
from benchmarks.timing import ForwardPass, Spread, TimedRun, fastest, in_turn, timed
from sparseattack import InputError, Problem, load
from sparseattack.plugins.spec import extra_objectives
from sparseattack.problem.oracle import EAGER
from sparseattack.search.inference import with_backend

SPARSE = {
    ("allconv", 1): 4.0, ("allconv", 5): 2.0, ("nin", 1): 4.0, ("nin", 5): 2.0, ("resnet20", 1): 2.0,
    ("vgg16", 1): 1.3, ("efficientnet-lite0", 1): 3.0,
}  # fmt: skip

DENSE = 0.95
"""The target ratios, on a CPU."""


@dataclass(frozen=True)
class ModeRatio:
    """An attack in one mode; None where the oracle does not have the mode, or no target."""

    ratio: Spread | None  # of its rows per second / those of the raw forward pass
    target: float | None
    outside: float | None  # share of time outside the oracle
    sizes: dict[int, int] | None  # calls of the oracle, by their number of rows


@dataclass(frozen=True)
class ThroughputSubject:
    """The network and the attack that are measured."""

    network: str
    weights: str  # trained or random
    images: int
    raw_library: str  # that is fastest with the network alone
    raw_batch: int
    raw_rows_per_second: float
    strategy: str
    k: int
    ready_in_rows: dict[str, float]  # preparation of each mode, in rows of the raw forward pass


@dataclass(frozen=True)
class ThroughputRow:
    """The throughput of an attack: on whole images by torch, by the fastest other library, and sparse."""

    subject: ThroughputSubject
    rows: int
    repeats: int
    dense: ModeRatio
    library: ModeRatio
    sparse: ModeRatio

    @property
    def modes(self) -> dict[str, Spread]:
        """The ratios that were measured, by the name of their mode."""
        return {name: mode.ratio for name, mode in self._every.items() if mode.ratio}

    @property
    def _every(self) -> dict[str, ModeRatio]:
        return {"dense": self.dense, "library": self.library, "sparse": self.sparse}

    def record(self) -> dict[str, Any]:
        """The row as one JSON object: a ratio under the name of its mode, its other fields with a prefix."""
        modes = dict[str, Any]()
        for name, mode in self._every.items():
            fields = asdict(mode)
            modes |= {name: fields.pop("ratio")} | {f"{name}_{key}": value for key, value in fields.items()}
        return asdict(self.subject) | {"rows": self.rows, "repeats": self.repeats} | modes


def mode_ratio(runs: list[TimedRun] | None, raw: list[TimedRun], target: float | None) -> ModeRatio:
    """The ratio of paired runs of a mode, which has none if ``runs`` is None."""
    if not runs:
        return ModeRatio(None, target, None, None)
    ratio = Spread.of(run.rate / beside.rate for run, beside in zip(runs, raw, strict=True))
    sizes = dict(sorted((+runs[0].sizes).items()))
    return ModeRatio(ratio, target, median(run.outside for run in runs), sizes)


def shares(sizes: dict[int, int] | None) -> str:
    """The three sizes of calls that have most rows, with their shares of the rows."""
    if sizes is None:
        return "-"
    rows = sum(size * calls for size, calls in sizes.items())
    largest = sorted(((size * calls / rows, size) for size, calls in sizes.items()), reverse=True)[:3]
    return ", ".join(f"{size}: {percent(share)}" for share, size in largest)


def against_target(mode: ModeRatio) -> str:
    """A ratio, and the target if the ratio misses it."""
    missed = mode.ratio and mode.target and mode.ratio.median < mode.target
    return f"{mode.ratio or '-'}{f' below {mode.target}' if missed else ''}"


def outside(mode: ModeRatio) -> str | None:
    """The share of time outside the oracle in percent."""
    return None if mode.outside is None else percent(mode.outside)


def named(subject: ThroughputSubject) -> str:
    """The network, and whether its weights are random."""
    return subject.network if subject.weights == "trained" else f"{subject.network} (random)"


COLUMNS: dict[str, Callable[[ThroughputRow], object]] = {
    "network": lambda row: named(row.subject),
    "k": lambda row: row.subject.k,
    "strategy": lambda row: row.subject.strategy,
    "images": lambda row: row.subject.images,
    "rows": lambda row: row.rows,
    "raw by": lambda row: row.subject.raw_library,
    "dense": lambda row: against_target(row.dense),
    "by that library": lambda row: against_target(row.library),
    "sparse": lambda row: against_target(row.sparse),
    "outside, dense": lambda row: outside(row.dense),
    "outside, sparse": lambda row: outside(row.sparse),
    "rows at once, dense": lambda row: shares(row.dense.sizes),
    "rows at once, sparse": lambda row: shares(row.sparse.sizes),
}

POPSIZES = {"sparse-rs": 1, "cmaes": 8, "nevergrad": 20, "nsga2": 40, "random": 100, "exhaustive": 256}
"""Candidates of an image at once."""

POPSIZE = 400  # of the other strategies
LEAST = 8  # batches in a run, and images at once


def measure(options: BenchmarkOptions) -> Iterator[ThroughputRow]:
    """A row for every network, number of pixels and strategy."""
    for name in options.networks:
        chosen = load_network(name, options.device)
        raw = fastest_of_all(chosen) if options.raw == BEST else fastest(chosen.network, chosen.images)
        for k in options.pixels:
            for strategy in options.strategies:
                if k == 1 or strategy != "exhaustive":
                    yield _line(chosen, raw, problem_of(chosen, strategy, k), strategy, options)


def fastest_of_all(chosen: BenchmarkNetwork) -> ForwardPass:
    """The network alone by torch, or by another library that is here and faster."""
    passes = [fastest(chosen.network, chosen.images)]
    for name in chosen.oracle.backends:
        try:
            network = with_backend(chosen.oracle, name, chosen.images).scores
        except InputError as error:
            print(f"{chosen.name} is not evaluated by {name}: {error}", file=sys.stderr)
        else:
            passes.append(fastest(network, chosen.images, library=name))
    return max(passes, key=lambda one: one.rate)


def problem_of(chosen: BenchmarkNetwork, strategy: str, k: int) -> Problem:
    """The problem of a strategy, with the margin as first objective."""
    more = (load("fitness", name) for name in extra_objectives(load("strategies", strategy)))
    fitness = (load("fitness", "margin"), *more)
    encoding = load("encodings", "rgb", {"pixels": k})()
    return Problem(chosen.oracle, encoding, chosen.images, chosen.labels, fitness=fitness)


def _line(
    chosen: BenchmarkNetwork, raw: ForwardPass, problem: Problem, name: str, options: BenchmarkOptions
) -> ThroughputRow:
    rows = max(round(raw.rate * options.seconds), LEAST * problem.sizes.chunk)
    enough = options.together or images_at_once(problem.sizes.round, POPSIZES.get(name, POPSIZE))
    images = min(enough, len(problem.images))
    problem = replace(problem, images=problem.images[:images], labels=problem.labels[:images])
    strategy, budget = load("strategies", name), max(1, rows // images)
    runs: dict[str, Callable[[], TimedRun]] = {"raw": lambda: raw.run(rows)}
    ready: dict[str, float] = {}
    for mode, attacked in _modes(problem, raw.library).items():
        ready[mode] = round(timed(attacked, strategy, 1)[0].seconds * raw.rate)
        runs[mode] = lambda attacked=attacked: timed(attacked, strategy, budget)[0]  # type: ignore[misc]
    results, k = in_turn(runs, options.repeats), problem.encoding.slots
    subject = ThroughputSubject(
        network=chosen.name,
        weights=chosen.weights,
        images=images,
        raw_library=raw.library,
        raw_batch=len(raw.batch),
        raw_rows_per_second=round(raw.rate, 1),
        strategy=name,
        k=k,
        ready_in_rows=ready,
    )
    return throughput_row(subject, results)


def _modes(problem: Problem, library: str) -> dict[str, Problem]:
    """The ways in which an attack evaluates: with ``library`` only where it is another one than torch."""
    modes = {"dense": replace(problem, sparse=False)}
    if library != EAGER:
        oracle = with_backend(problem.classifier, library, problem.images)
        modes["library"] = replace(problem, oracle=oracle, sparse=False)
    if problem.classifier.answer_edits:
        modes["sparse"] = replace(problem, sparse=True)
    return modes


def throughput_row(subject: ThroughputSubject, results: dict[str, list[TimedRun]]) -> ThroughputRow:
    """The row of the runs of the raw pass and of each mode that the oracle has."""
    first, raw = results["dense"][0], results["raw"]
    by_torch = subject.raw_library == EAGER  # to which these targets are
    return ThroughputRow(
        subject,
        rows=first.rows,
        repeats=first.repeats,
        dense=mode_ratio(results["dense"], raw, DENSE if by_torch else None),
        library=mode_ratio(results.get("library"), raw, DENSE),
        sparse=mode_ratio(
            results.get("sparse"), raw, SPARSE.get((subject.network, subject.k)) if by_torch else None
        ),
    )


def images_at_once(together: int, popsize: int) -> int:
    """Images whose candidates fill a batch of ``together`` rows twice."""
    return max(LEAST, 2 * together // popsize)


THROUGHPUT = Benchmark[ThroughputRow](
    "Rows per second of an attack, in rows per second of the raw forward pass",
    "The raw pass is the same network alone, on batches of the fastest size and memory layout, by torch or by"
    " the library of the extra `backends` that is fastest here (*raw by*). *Dense* is an attack that shows"
    " whole images to torch, *by that library* one that shows them to it. An attack is everything: search,"
    " painting, selection, counting, to the first success or the end of the budget."
    " *Outside* is the share of its time outside the oracle; in sparse mode the oracle paints. *Rows at once*"
    " are those of one call, with their shares. A median below its target is marked.",
    measure,
    COLUMNS,
)
