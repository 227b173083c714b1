"""The command: measures the parts that are chosen, and writes them after every line."""

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from benchmarks.peer_comparison import DUELS, SHIPPED
from benchmarks.results import Part, Record, circumstances, write
from benchmarks.strategy_time import THINKING
from sparseattack import InputError, SparseattackError

from .options import QUICK, Options
from .scaling import SCALING
from .throughput import THROUGHPUT

PARTS = {"a": (THROUGHPUT,), "b": (DUELS, SHIPPED), "c": (SCALING,), "d": (THINKING,)}


def parser() -> argparse.ArgumentParser:
    """The options; those that are absent are chosen by ``Options``."""
    made = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    made.add_argument("--parts", type=_words, default=tuple(PARTS), help="of a, b, c, d: all unless told")
    made.add_argument("--out", type=Path, default=Path("benchmark-results"), help="folder for the tables")
    made.add_argument("--quick", action="store_true", help="only see whether all works, in a minute or two")
    chosen = made.add_argument_group("what is measured", argument_default=argparse.SUPPRESS)
    chosen.add_argument("--networks", type=_words, help="oracles that are networks of torch, and resnet20")
    chosen.add_argument("--strategies", type=_words)
    chosen.add_argument("--pixels", type=_numbers, help="such as 1,3,5")
    chosen.add_argument("--repeats", type=int, help="paired runs of everything")
    chosen.add_argument("--seconds", type=float, help="that each dense attack of part a takes, roughly")
    chosen.add_argument("--together", type=int, help="images side by side in part a, 100 at most")
    chosen.add_argument("--images", type=int, help="attacked in part b")
    chosen.add_argument("--budget", type=int, help="queries for each of them")
    chosen.add_argument("--threads", type=int, help="of torch")
    chosen.add_argument("--device", help="of parts a and d")
    return made


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def main(arguments: list[str]) -> None:
    """Measure; a part that cannot be measured says why."""
    told: dict[str, Any] = vars(parser().parse_args(arguments))
    parts, folder, quick = (told.pop(name) for name in ("parts", "out", "quick"))
    options = Options(**((QUICK if quick else {}) | told))
    if unknown := [part for part in parts if part not in PARTS]:
        parser().error(f"there is no part {unknown[0]}, only {', '.join(PARTS)}")
    try:
        options.check()
    except InputError as error:
        parser().error(str(error))
    if options.threads:
        torch.set_num_threads(options.threads)
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other libraries
        measure([part for letter in parts for part in PARTS[letter]], options, folder)


def measure(parts: list[Part], options: Options, folder: Path) -> None:
    """Write after every line: what was measured outlives what fails later."""
    known, results = circumstances(options), list[tuple[Part, list[Record], str]]()
    for part in parts:
        records, reason = list[Record](), ""
        try:
            for record in part.measure(options):
                records.append(record)
                print(" | ".join(show(record) for show in part.columns.values()), flush=True)
                write(folder, known, [*results, (part, records, "")])
        except SparseattackError as error:
            reason = f"{error}.\n"
            print(reason, file=sys.stderr)
        results.append((part, records, reason))
        write(folder, known, results)


if __name__ == "__main__":
    main(sys.argv[1:])
