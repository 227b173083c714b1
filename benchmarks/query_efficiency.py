"""How many queries each search needs: ``python -m benchmarks.query_efficiency resnet20 --study FILE``.

The comparison of docs/query-efficiency.md on one network, as a study that an interrupted command goes on
with; without a network, the table of all that a study holds. Success is counted as a share of all attacked
images, and of those that *any* run of the study fools: exhaustive search for one pixel, and for more a search
of 10,000 queries on whatever no other run fooled.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log10
from pathlib import Path
from statistics import mean

from benchmarks.networks import resnet20_oracle, shared_folder
from benchmarks.studies import unpacked
from sparseattack import Configuration, Experiment, compare
from sparseattack.errors import InputError, require
from sparseattack.report.results import Results, results
from sparseattack.report.statistics.comparisons import comparisons
from sparseattack.report.statistics.paired import LEVEL
from sparseattack.study.facts import ImageList, Method
from sparseattack.study.record import Record
from sparseattack.study.store import Study

MARKS = 10, 30, 100, 300, 1000
BUDGET, LONG = 1000, 10_000
EVERY_PIXEL = 8192  # candidates of one pixel in corner colours at 32 x 32
SEARCHES = "additive-gp", "sparse-rs", "brusle", "de"


@dataclass(frozen=True)
class EfficiencyOptions:
    """What is compared: the images of a file from ``start`` on, ``stop`` excluded."""

    oracle: str
    images: str  # without a selection
    start: int
    stop: int
    target: str = "none"  # none or random
    strategies: tuple[str, ...] = SEARCHES
    corners: tuple[str, ...] = ("random",)  # strategies in corner colours, beside those
    pixels: tuple[int, ...] = (5, 3, 1)
    seeds: tuple[int, ...] = (0, 1, 2)
    budget: int = BUDGET
    backend: str = "eager"

    def experiment(self) -> Experiment:
        """Every strategy on all images; exhaustive search in corner colours beside them."""
        corners = ("corners",)
        more = [Configuration(strategy, encodings=corners) for strategy in self.corners]
        if 1 in self.pixels:
            more += [
                Configuration(
                    "exhaustive", encodings=corners, pixels=(1,), seeds=self.seeds[:1], budget=EVERY_PIXEL
                )
            ]
        return Experiment(
            strategies=(*self.strategies, *more),
            pixels=self.pixels,
            seeds=self.seeds,
            oracle=resnet20_oracle() if self.oracle == "resnet20" else self.oracle,
            images=f"{self.images}[{self.start}:{self.stop}]",
            budget=self.budget,
            target=self.target,
            correct_only=self.target != "none",
            backend=self.backend,
        )

    def longer(self, left: Sequence[int], pixels: int) -> Experiment:
        """Sparse-RS with 10,000 queries on the images at the places ``left`` of those that were attacked."""
        chosen = ",".join(str(self.start + image) for image in left)
        return replace(
            self.experiment(),
            strategies=("sparse-rs",),
            pixels=(pixels,),
            seeds=self.seeds[:1],
            images=f"{self.images}[{chosen}]",
            budget=LONG,
        )


@dataclass(frozen=True)
class EfficiencyLine:
    """One strategy with one number of pixels, over all images and seeds."""

    method: Method
    runs: list[Record]
    union: frozenset[int]  # images that any run of the study fools with as many pixels
    images: int  # attacked

    def within(self, mark: int) -> float:
        """Share of the runs with a success in so many queries; each image has as many runs."""
        return mean(run.success and run.first_fooled <= mark for run in self.runs)

    def log_queries(self, budget: int) -> float:
        """Mean of log10(queries to success), a failure within so many queries counted as twice as many."""
        return mean(
            log10(run.first_fooled if run.success and run.first_fooled <= budget else 2 * budget)
            for run in self.runs
        )

    def cells(self, budget: int) -> list[str]:
        """The cells of the line: shares of all images, of the union, and log10 of the queries."""
        shares = [self.within(mark) for mark in MARKS if mark <= budget]
        reachable = len(self.union) / self.images
        of_union = [
            f"{self.within(mark) / reachable:.3f}" if reachable else ""
            for mark in (100, 300)
            if mark <= budget
        ]
        seeds = len({run.seed for run in self.runs})
        return [
            f"{self.method.k}",
            self.method.strategy,
            self.method.encoding,
            f"{seeds}",
            *(f"{share:.3f}" for share in shares),
            *of_union,
            f"{self.log_queries(budget):.3f}",
        ]


def lines(results: Results, union: dict[int, frozenset[int]]) -> Iterable[EfficiencyLine]:
    """A line for each method of which every run is there."""
    for line in results.lines:
        method = line.method
        runs = [run for run in results.records if (run.method, run.budget) == (method.key, method.budget)]
        yield EfficiencyLine(method, runs, union[method.k], len({run.image for run in runs}))


def fooled(several: Iterable[Results], pixels: int) -> frozenset[int]:
    """The images that any run with so many pixels fools."""
    return frozenset(run.image for each in several for run in each.records if run.k == pixels and run.success)


def ranks(results: Results) -> dict[Method, tuple[int, int]]:
    """How many other methods each is ahead of, and how many are ahead of it, by the log-rank test.

    Pairs have the same images, seeds, pixels and budget; p is adjusted by Holm over all tests of all pairs. A
    method that is in no pair is left out.
    """
    found: Counter[tuple[Method, str]] = Counter()
    paired = set[Method]()
    for pair in comparisons(results):
        paired |= {pair.first, pair.second}
        if pair.logrank_adjusted < LEVEL:
            found.update([(pair.first, "ahead"), (pair.second, "behind")])
    return {method: (found[method, "ahead"], found[method, "behind"]) for method in paired}


def table(results: Results, union: dict[int, frozenset[int]], budget: int, ranking: bool = False) -> str:
    """Markdown; a ranking is in order of the queries, and says of how many methods each is ahead."""
    marks = [mark for mark in MARKS if mark <= budget]
    heads = ["k", "strategy", "encoding", "seeds", *(f"@{mark}" for mark in marks)]
    heads += [*(f"of the union @{mark}" for mark in (100, 300) if mark <= budget), "log q"]
    measured = [(line, line.cells(budget)) for line in lines(results, union)]
    if ranking:
        heads += ["ahead of", "behind"]
        places = ranks(results)
        measured.sort(key=lambda each: (each[0].method.k, each[0].log_queries(budget)))
        measured = [
            (line, [*cells, *map(str, places.get(line.method, ("", "")))]) for line, cells in measured
        ]
    rows = [heads, ["---"] * len(heads), *(cells for _, cells in measured)]
    shared = ", ".join(f"{len(images)} with k = {pixels}" for pixels, images in sorted(union.items()))
    return (
        "".join(f"| {' | '.join(row)} |\n" for row in rows)
        + f"\nOf {results.subject.attacked} images any run fools {shared}.\n"
    )


def places(results: Results, study: Path) -> dict[int, int]:
    """The place of each image in the selection that was asked for, by its number in the study."""
    with Study.read(study) as held:
        keys, numbers = held.facts(ImageList)[results.requests[-1].images].keys, held.image_numbers()
    return {numbers[key]: place for place, key in enumerate(keys)}


def measure(options: EfficiencyOptions, study: Path, reach: bool, ranking: bool = False) -> str:
    """Run what the study lacks, and return the table."""
    results = compare(options.experiment(), study, progress=True)
    every, union = [results], dict[int, frozenset[int]]()
    attacked, place = {run.image for run in results.records}, places(results, study)
    for pixels in options.pixels:
        left = sorted(place[image] for image in attacked - fooled(every, pixels))
        if reach and left and pixels > 1:
            every.append(compare(options.longer(left, pixels), study, progress=True))
        union[pixels] = fooled(every, pixels)
    return table(results, union, options.budget, ranking)


def shown(study: Path, budget: int, chosen: str = "", ranking: bool = False) -> str:
    """The table of all that a study holds, or of a chosen part, of whatever experiments; nothing is run."""
    with unpacked(study) as path, Study.read(path) as held:
        found = results(held, chosen=chosen)
    usual = [line for line in found.lines if line.method.budget in (budget, EVERY_PIXEL)]
    union = {line.method.k: fooled([found], line.method.k) for line in usual}
    return table(replace(found, lines=usual), union, budget, ranking)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and print the table."""
    usual = EfficiencyOptions("", "", 0, 0)
    made = argparse.ArgumentParser("python -m benchmarks.query_efficiency", description=__doc__)
    made.add_argument("oracle", nargs="?", default="", help="an oracle, or resnet20: the shared ONNX file")
    made.add_argument("images", nargs="?", default=str(shared_folder() / "cifar10_test_first5000.npz"))
    made.add_argument("--start", type=int, default=0)
    made.add_argument("--stop", type=int, default=230)
    made.add_argument("--target", choices=("none", "random"), default="none")
    for name in ("strategies", "corners"):
        names = lambda text: tuple(filter(None, text.split(",")))  # noqa: E731
        made.add_argument(f"--{name}", type=names, default=getattr(usual, name))
    for name in ("pixels", "seeds"):
        numbers = lambda text: tuple(map(int, text.split(",")))  # noqa: E731
        made.add_argument(f"--{name}", type=numbers, default=getattr(usual, name))
    made.add_argument("--budget", type=int, default=BUDGET)
    made.add_argument("--backend", default="eager", help="library of the network, as `compare` has it")
    made.add_argument("--no-reach", action="store_true", help="no runs of 10,000 queries for the union")
    made.add_argument(
        "--study", type=Path, required=True, help="file of the runs; an interrupted one goes on"
    )
    made.add_argument("--only", default="", help="without an oracle: a part of the study, as `report` has it")
    made.add_argument("--ranking", action="store_true", help="in order of queries, with significant places")
    given = vars(made.parse_args(arguments))
    study, reach = given.pop("study"), not given.pop("no_reach")
    chosen, ranking = given.pop("only"), given.pop("ranking")
    try:
        if given["oracle"]:
            require(not chosen, "--only shows a part of a study; it goes without an oracle")
            print(measure(EfficiencyOptions(**given), study, reach, ranking))
        else:
            print(shown(study, given["budget"], chosen, ranking))
    except InputError as error:
        made.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
