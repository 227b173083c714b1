"""Attacks beside the raw forward pass, in figures.

Rows per second of a whole attack, against the raw forward pass of the same network.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

from benchmarks.networks import Subject, subject
from benchmarks.options import Options
from benchmarks.results import Part, Record, entry, percent
from benchmarks.timing import Raw, Run, Spread, fastest, in_turn, timed
from sparseattack import Problem, load
from sparseattack.plugins.spec import extra_objectives

SPARSE = {
    ("allconv", 1): 4.0, ("allconv", 5): 2.0, ("nin", 1): 4.0, ("nin", 5): 2.0, ("resnet20", 1): 2.0,
    ("vgg16", 1): 1.3, ("efficientnet-lite0", 1): 3.0,
}  # fmt: skip

DENSE = 0.95
"""Least ratios that are aimed at, on a CPU."""


def figures(results: dict[str, list[Run]], network: str, k: int) -> Record:
    """What the runs come to; none under a mode that there is not."""
    record: Record = {"rows": results["dense"][0].rows, "repeats": results["dense"][0].repeats}
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
    """The sizes of calls, largest first, each with its share of the rows."""
    if sizes is None:
        return "-"
    rows = sum(size * calls for size, calls in sizes.items())
    told = sorted(((size * calls / rows, size) for size, calls in sizes.items()), reverse=True)[:3]
    return ", ".join(f"{size}: {percent(share)}" for share, size in told)


def against(mode: str) -> Callable[[Record], str]:
    """A ratio, and the target where it is missed."""

    def show(record: Record) -> str:
        ratio, target = record[mode], record[f"{mode}_target"]
        missed = ratio and target and ratio.median < target
        return f"{ratio or '-'}{f' below {target}' if missed else ''}"

    return show


def share(name: str) -> Callable[[Record], str]:
    """A share that a record may have."""
    return lambda record: "-" if record[name] is None else percent(record[name])


COLUMNS = {
    "network": lambda record: f"{record['network']}{'' if record['weights'] == 'trained' else ' (random)'}",
    "k": entry("k"),
    "strategy": entry("strategy"),
    "images": entry("images"),
    "rows": entry("rows"),
    "dense": against("dense"),
    "sparse": against("sparse"),
    "outside, dense": share("dense_outside"),
    "outside, sparse": share("sparse_outside"),
    "rows at once, dense": lambda record: shares(record["dense_sizes"]),
    "rows at once, sparse": lambda record: shares(record["sparse_sizes"]),
}

ASKED = {"sparse-rs": 1, "cmaes": 8, "nevergrad": 20, "nsga2": 40, "random": 100, "exhaustive": 256}
"""Candidates of one image at a time; others ask for a population of 400."""

USUAL = 400
LEAST = 8  # batches in a run; and images side by side


def measure(options: Options) -> Iterator[Record]:
    """Every network, number of pixels and strategy."""
    for name in options.networks:
        chosen = subject(name, options.device)
        raw = fastest(chosen.network, chosen.images)
        for k in options.pixels:
            for strategy in options.strategies:
                if k == 1 or strategy != "exhaustive":
                    yield _line(chosen, raw, posed(chosen, strategy, k), strategy, options)


def posed(chosen: Subject, strategy: str, k: int) -> Problem:
    """The problem a strategy is given: its first objective is the margin."""
    more = (load("fitness", name) for name in extra_objectives(load("strategies", strategy)))
    fitness = (load("fitness", "margin"), *more)
    encoding = load("encodings", "rgb", {"pixels": k})()
    return Problem(chosen.oracle, encoding, chosen.images, chosen.labels, fitness=fitness)


def _line(chosen: Subject, raw: Raw, problem: Problem, name: str, options: Options) -> Record:
    rows = max(round(raw.rate * options.seconds), LEAST * problem.sizes.chunk)
    enough = options.together or side_by_side(problem.sizes.round, ASKED.get(name, USUAL))
    images = min(enough, len(problem.images))
    problem = replace(problem, images=problem.images[:images], labels=problem.labels[:images])
    strategy, budget = load("strategies", name), max(1, rows // images)
    runs: dict[str, Callable[[], Run]] = {"raw": lambda: raw.run(rows)}
    ready: dict[str, float] = {}
    for mode in ("dense", "sparse")[: 1 + bool(chosen.oracle.answer_edits)]:
        posed = replace(problem, sparse=mode == "sparse")
        ready[mode] = round(timed(posed, strategy, 1)[0].seconds * raw.rate)
        runs[mode] = lambda posed=posed: timed(posed, strategy, budget)[0]  # type: ignore[misc]
    results, k = in_turn(runs, options.repeats), problem.encoding.slots
    about = _about(chosen, raw, images) | {"strategy": name, "k": k, "ready_in_rows": ready}
    return about | figures(results, chosen.name, k)


def side_by_side(together: int, asked: int) -> int:
    """Images whose strategy asks twice as much as is answered ``together``."""
    return max(LEAST, 2 * together // asked)


def _about(chosen: Subject, raw: Raw, images: int) -> Record:
    return {
        "network": chosen.name,
        "weights": chosen.weights,
        "images": images,
        "raw_batch": len(raw.batch),
        "raw_rows_per_second": round(raw.rate, 1),
    }


THROUGHPUT = Part(
    "Rows per second of an attack, in rows per second of the raw forward pass",
    "The raw pass is the same network on batches of the size and layout it is fastest with, and nothing else."
    " An attack is the whole of it: search, painting, selection, counting; to the first success or the end of"
    " its budget. *Outside* is the share of its time not spent in the oracle; in sparse mode painting is the"
    " oracle's. *Rows at once* are those of one call, with their shares. A median below its target says so.",
    measure,
    COLUMNS,
)
