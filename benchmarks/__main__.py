"""The command ``python -m benchmarks``: run the chosen benchmarks, and write the results after every row."""

import argparse
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.peer_comparison import PEER_DEFAULTS, PEER_SEARCHES
from benchmarks.results import Benchmark, BenchmarkResults, environment, write
from benchmarks.strategy_time import STRATEGY_TIME
from sparseattack import InputError, SparseattackError

from .options import QUICK, BenchmarkOptions
from .scaling import SCALING
from .shipped import COMPARISON
from .throughput import THROUGHPUT
from .timing import counted_by

PARTS: dict[str, tuple[Benchmark[Any], ...]] = {
    "a": (THROUGHPUT,),
    "b": (PEER_SEARCHES, PEER_DEFAULTS),
    "c": (SCALING,),
    "d": (STRATEGY_TIME,),
    "e": (COMPARISON,),
}
USUAL, SHORT = ("a", "b", "c", "d"), ("e",)  # parts by default, and with --quick


def parser() -> argparse.ArgumentParser:
    """The options of the command; those not given have the defaults of ``BenchmarkOptions``."""
    made = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    made.add_argument("--parts", type=_words, help="of a, b, c, d, e: a to d by default, with --quick e")
    made.add_argument("--out", type=Path, default=Path("benchmark-results"), help="folder for the tables")
    made.add_argument(
        "--quick",
        action="store_true",
        help="a few ratios beside those shipped, in processor time: three minutes",
    )
    chosen = made.add_argument_group("what is measured", argument_default=argparse.SUPPRESS)
    chosen.add_argument("--networks", type=_words, help="oracles that are torch networks, and resnet20")
    chosen.add_argument("--strategies", type=_words)
    chosen.add_argument("--pixels", type=_numbers, help="such as 1,3,5")
    chosen.add_argument("--repeats", type=int, help="paired runs of each measurement")
    chosen.add_argument("--seconds", type=float, help="length of each dense attack of part a, roughly")
    chosen.add_argument("--together", type=int, help="images attacked at once in part a, 100 at most")
    chosen.add_argument("--images", type=int, help="attacked in part b")
    chosen.add_argument("--budget", type=int, help="queries an image in part b")
    chosen.add_argument("--threads", type=int, help="threads of torch")
    chosen.add_argument("--raw", help="best or eager: of which library the raw pass of parts a and e is")
    chosen.add_argument("--clock", help="wall or processor: what time is in parts a and e")
    chosen.add_argument("--device", help="device of parts a and d")
    return made


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def main(arguments: list[str]) -> None:
    """Run the command; the results have the reason in place of a benchmark that cannot run."""
    given: dict[str, Any] = vars(parser().parse_args(arguments))
    parts, folder, quick = (given.pop(name) for name in ("parts", "out", "quick"))
    parts = parts or (SHORT if quick else USUAL)
    options = BenchmarkOptions(**((QUICK if quick else {}) | given))
    if unknown := [part for part in parts if part not in PARTS]:
        parser().error(f"there is no part {unknown[0]}, only {', '.join(PARTS)}")
    try:
        options.check()
    except InputError as error:
        parser().error(str(error))
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), counted_by(options.clock), threads(options.threads):
        warnings.simplefilter("ignore")  # other libraries warn
        measure([part for letter in parts for part in PARTS[letter]], options, folder)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within, torch has ``count`` threads; as many as before for 0."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def measure(parts: list[Benchmark[Any]], options: BenchmarkOptions, folder: Path) -> None:
    """Run benchmarks, and write the results after every row, so that a later failure loses none."""
    known, results = environment(options), list[BenchmarkResults[Any]]()
    for part in parts:
        rows, reason = [], ""
        try:
            for row in part.measure(options):
                rows.append(row)
                print(" | ".join(part.cells(row)), flush=True)
                write(folder, known, [*results, BenchmarkResults(part, rows)])
        except SparseattackError as error:
            reason = f"{error}.\n"
            print(reason, file=sys.stderr)
        results.append(BenchmarkResults(part, rows, reason))
        write(folder, known, results)


if __name__ == "__main__":
    main(sys.argv[1:])
