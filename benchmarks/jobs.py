"""Two processes against one with two threads, for every strategy: ``python -m benchmarks.jobs --help``.

Both commands start from nothing and load the oracle and the images themselves; they take turns (abba). What
they store must be the same in every column but times and machines.
"""

import argparse
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.commands import Cost, measure
from sparseattack.plugins.catalogue import entries
from sparseattack.study.executors.local import cores
from sparseattack.study.store import Study

BESIDE = {"oracle_seconds", "strategy_seconds", "environment"}  # columns that may differ


def differing(one: Path, other: Path) -> set[str]:
    """The columns in which the runs of two studies differ, though they should not."""
    tables = []
    for path in (one, other):
        with Study.read(path) as study:
            tables.append([record.to_dict() for record in study.records()])
    if len(tables[0]) != len(tables[1]):
        return {"number of runs"}
    pairs = zip(*tables, strict=True)
    return {name for before, now in pairs for name in before if before[name] != now[name]} - BESIDE


def _measured() -> list[str]:
    """The strategies that are installed and search by code of this project or an optimizer's ask and tell."""
    every = entries("strategies")
    return [one.name for one in every if one.state == "installed" and "external" not in (one.uses or ())]


def main(arguments: list[str]) -> None:
    """Measure every strategy, and print a line for each."""
    parser = argparse.ArgumentParser("python -m benchmarks.jobs", description=__doc__)
    parser.add_argument("--jobs", type=int, default=cores())
    parser.add_argument("--strategies", default=",".join(_measured()))
    parser.add_argument("--oracle", default="allconv-small")
    parser.add_argument("--images", default="sample[0:60]")
    parser.add_argument("--budget", default="1000")
    parser.add_argument("--repeats", type=int, default=1, help="each is two runs of either way")
    chosen = parser.parse_args(arguments)
    common = ("compare", "--oracle", chosen.oracle, "--images", chosen.images, "--budget", chosen.budget)
    ways = {"one": (), "jobs": ("--jobs", str(chosen.jobs))}
    for strategy in chosen.strategies.split(","):
        costs: dict[str, list[Cost]] = {way: [] for way in ways}
        with TemporaryDirectory() as name:
            folder = Path(name)
            for way in ("one", "jobs", "jobs", "one") * chosen.repeats:
                (folder / way).unlink(missing_ok=True)
                words = (*common, "-s", strategy, *ways[way], "--study", way)
                threads = chosen.jobs if way == "one" else 0
                costs[way].append(measure(*words, folder=folder, threads=threads))
            differ = differing(folder / "one", folder / "jobs")
        one, jobs = (median(cost.seconds for cost in costs[way]) for way in ways)
        busy = [sum(cost.processor for cost in costs[way]) / len(costs[way]) for way in ways]
        print(
            f"{strategy}: {one:.1f} s in one process, {jobs:.1f} s in {chosen.jobs}: ratio {one / jobs:.2f};"
            f" processor time {busy[0]:.1f} s and {busy[1]:.1f} s;"
            f" {'other values in ' + ', '.join(sorted(differ)) if differ else 'the same in every column'}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
