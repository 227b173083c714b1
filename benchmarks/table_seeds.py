"""Queries of every strategy on a table of answers, over seeds: ``python -m benchmarks.table_seeds STUDY``.

The table of docs/table-format.md, of a study of one number of pixels that several seeds have run on.
"""

import argparse
from collections.abc import Iterable, Sequence
from math import log10
from pathlib import Path
from statistics import mean, stdev

from scipy.stats import t

from benchmarks.studies import unpacked
from sparseattack.errors import InputError
from sparseattack.report.results import Results, results
from sparseattack.study.record import Record
from sparseattack.study.store import Study

MARKS = 10, 30, 100, 1000
LEVEL = 0.95


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of values, and the ends of its 95 % interval by Student's t."""
    half = float(t.ppf((1 + LEVEL) / 2, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return mean(values), mean(values) - half, mean(values) + half


def cost(run: Record) -> int:
    """Queries to success; a failure counts as its budget."""
    return run.first_fooled if run.success else run.budget


def cells(strategy: str, runs: Sequence[Record]) -> tuple[float, str]:
    """The geometric mean of the queries, by which lines are in order, and the line of a strategy."""
    seeds = [[run for run in runs if run.seed == seed] for seed in sorted({run.seed for run in runs})]
    logarithms = interval([mean(log10(cost(run)) for run in each) for each in seeds])
    geometric = [10**each for each in logarithms]
    arithmetic = interval([mean(cost(run) for run in each) for each in seeds])
    shares = [mean(run.success and run.first_fooled <= mark for run in runs) for mark in MARKS]
    means = (f"{one:.1f} ({low:.1f} to {high:.1f})" for one, low, high in (geometric, arithmetic))
    return geometric[0], " | ".join([f"| `{strategy}`", *means, *(f"{share:.2f}" for share in shares)]) + " |"


def rows(found: Results) -> Iterable[str]:
    """A line for each strategy, the one of the fewest queries first."""
    by: dict[str, list[Record]] = {}
    for run in found.records:
        by.setdefault(run.strategy, []).append(run)
    return [line for _, line in sorted(cells(*each) for each in by.items())]


def main(given: Sequence[str] | None = None) -> None:
    """Print the table of a study, packed or not."""
    made = argparse.ArgumentParser("python -m benchmarks.table_seeds", description=__doc__)
    made.add_argument("study", type=Path)
    path = made.parse_args(given).study
    try:
        with unpacked(path) as study, Study.read(study) as held:
            found = results(held)
    except InputError as error:
        made.exit(2, f"{error}\n")
    heads = ["strategy", "queries to success, geometric mean", "arithmetic mean", *(f"@{m}" for m in MARKS)]
    print(f"| {' | '.join(heads)} |\n|---|{'---:|' * (len(heads) - 1)}")
    print("\n".join(rows(found)))


if __name__ == "__main__":
    main()
