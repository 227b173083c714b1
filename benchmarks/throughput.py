"""Throughput of an attack, relative to the raw forward pass of the same network."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

from benchmarks.networks import BenchmarkNetwork, load_network
from benchmarks.options import BenchmarkOptions
from benchmarks.results import Benchmark, ResultRow, cell, percent
from benchmarks.timing import ForwardPass, Spread, TimedRun, fastest, in_turn, timed
from sparseattack import Problem, load
from sparseattack.plugins.spec import extra_objectives

SPARSE = {
    ("allconv", 1): 4.0, ("allconv", 5): 2.0, ("nin", 1): 4.0, ("nin", 5): 2.0, ("resnet20", 1): 2.0,
    ("vgg16", 1): 1.3, ("efficientnet-lite0", 1): 3.0,
}  # fmt: skip

DENSE = 0.95
"""The target ratios, on a CPU."""


def ratios(results: dict[str, list[TimedRun]], network: str, k: int) -> ResultRow:
    """Ratios, share of time outside the oracle and sizes of calls; None for a mode without runs."""
    record: ResultRow = {"rows": results["dense"][0].rows, "repeats": results["dense"][0].repeats}
    wanted = {"dense": DENSE, "sparse": SPARSE.get((network, k))}
    for mode in ("dense", "sparse"):
        runs = results.get(mode)
        pairs = zip(runs or (), results["raw"], strict=bool(runs))
        ratio = Spread.of(run.rate / raw.rate for run, raw in pairs) if runs else None
        record[mode] = ratio
        record[f"{mode}_target"] = wanted[mode]
        record[f"{mode}_outside"] = median(run.outside for run in runs) if runs else None
        record[f"{mode}_sizes"] = dict(sorted((+runs[0].sizes).items())) if runs else None
    return record


def shares(sizes: dict[int, int] | None) -> str:
    """The three sizes of calls that have most rows, with their shares of the rows."""
    if sizes is None:
        return "-"
    rows = sum(size * calls for size, calls in sizes.items())
    largest = sorted(((size * calls / rows, size) for size, calls in sizes.items()), reverse=True)[:3]
    return ", ".join(f"{size}: {percent(share)}" for share, size in largest)


def against_target(mode: str) -> Callable[[ResultRow], str]:
    """A column with a ratio, and the target if the ratio misses it."""

    def show(record: ResultRow) -> str:
        ratio, target = record[mode], record[f"{mode}_target"]
        missed = ratio and target and ratio.median < target
        return f"{ratio or '-'}{f' below {target}' if missed else ''}"

    return show


def share(name: str) -> Callable[[ResultRow], str]:
    """A column with a share; a dash for None."""
    return lambda record: "-" if record[name] is None else percent(record[name])


COLUMNS = {
    "network": lambda record: f"{record['network']}{'' if record['weights'] == 'trained' else ' (random)'}",
    "k": cell("k"),
    "strategy": cell("strategy"),
    "images": cell("images"),
    "rows": cell("rows"),
    "dense": against_target("dense"),
    "sparse": against_target("sparse"),
    "outside, dense": share("dense_outside"),
    "outside, sparse": share("sparse_outside"),
    "rows at once, dense": lambda record: shares(record["dense_sizes"]),
    "rows at once, sparse": lambda record: shares(record["sparse_sizes"]),
}

POPSIZES = {"sparse-rs": 1, "cmaes": 8, "nevergrad": 20, "nsga2": 40, "random": 100, "exhaustive": 256}
"""Candidates of an image at once."""

POPSIZE = 400  # of the other strategies
LEAST = 8  # batches in a run, and images at once


def measure(options: BenchmarkOptions) -> Iterator[ResultRow]:
    """A row for every network, number of pixels and strategy."""
    for name in options.networks:
        chosen = load_network(name, options.device)
        raw = fastest(chosen.network, chosen.images)
        for k in options.pixels:
            for strategy in options.strategies:
                if k == 1 or strategy != "exhaustive":
                    yield _line(chosen, raw, problem_of(chosen, strategy, k), strategy, options)


def problem_of(chosen: BenchmarkNetwork, strategy: str, k: int) -> Problem:
    """The problem of a strategy, with the margin as first objective."""
    more = (load("fitness", name) for name in extra_objectives(load("strategies", strategy)))
    fitness = (load("fitness", "margin"), *more)
    encoding = load("encodings", "rgb", {"pixels": k})()
    return Problem(chosen.oracle, encoding, chosen.images, chosen.labels, fitness=fitness)


def _line(
    chosen: BenchmarkNetwork, raw: ForwardPass, problem: Problem, name: str, options: BenchmarkOptions
) -> ResultRow:
    rows = max(round(raw.rate * options.seconds), LEAST * problem.sizes.chunk)
    enough = options.together or images_at_once(problem.sizes.round, POPSIZES.get(name, POPSIZE))
    images = min(enough, len(problem.images))
    problem = replace(problem, images=problem.images[:images], labels=problem.labels[:images])
    strategy, budget = load("strategies", name), max(1, rows // images)
    runs: dict[str, Callable[[], TimedRun]] = {"raw": lambda: raw.run(rows)}
    ready: dict[str, float] = {}
    for mode in ("dense", "sparse")[: 1 + bool(chosen.oracle.answer_edits)]:
        attacked = replace(problem, sparse=mode == "sparse")
        ready[mode] = round(timed(attacked, strategy, 1)[0].seconds * raw.rate)
        runs[mode] = lambda attacked=attacked: timed(attacked, strategy, budget)[0]  # type: ignore[misc]
    results, k = in_turn(runs, options.repeats), problem.encoding.slots
    about = _about(chosen, raw, images) | {"strategy": name, "k": k, "ready_in_rows": ready}
    return about | ratios(results, chosen.name, k)


def images_at_once(together: int, popsize: int) -> int:
    """Images whose candidates fill a batch of ``together`` rows twice."""
    return max(LEAST, 2 * together // popsize)


def _about(chosen: BenchmarkNetwork, raw: ForwardPass, images: int) -> ResultRow:
    return {
        "network": chosen.name,
        "weights": chosen.weights,
        "images": images,
        "raw_batch": len(raw.batch),
        "raw_rows_per_second": round(raw.rate, 1),
    }


THROUGHPUT = Benchmark(
    "Rows per second of an attack, in rows per second of the raw forward pass",
    "The raw pass is the same network alone, on batches of the fastest size and memory layout. An attack is"
    " everything: search, painting, selection, counting, to the first success or the end of the budget."
    " *Outside* is the share of its time outside the oracle; in sparse mode the oracle paints. *Rows at once*"
    " are those of one call, with their shares. A median below its target is marked.",
    measure,
    COLUMNS,
)
