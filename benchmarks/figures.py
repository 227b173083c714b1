"""Attacks beside the raw forward pass, in figures."""

from collections.abc import Callable
from statistics import median

from benchmarks.results import Record, entry, percent

from .spread import Spread
from .timing import Run

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
