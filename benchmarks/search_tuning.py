"""Variants of additive-gp on the same training images: ``python -m benchmarks.search_tuning``.

Each variant changes one constant or setting; the spec of any strategy is a variant, too. It is told apart
from the first by the paired difference of log10(queries to success), a failure counted as twice the budget,
which sees more than success at one budget. Images are training images only, so that nothing is tuned on those
that an evaluation judges by.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from statistics import mean, stdev
from time import process_time
from typing import NamedTuple

import torch

from benchmarks.networks import load_network, training_images
from sparseattack import InputError, Outcome, Problem, attack, load
from sparseattack.data.images import eight_bit
from sparseattack.plugins.spec import split
from sparseattack.problem.encodings.pixels import corners
from sparseattack.provenance import digest, digest_image, digest_source

MARKS = 1, 10, 30, 100, 300, 1000
HOME = "sparseattack.strategies.additive_gp"


class Variant(NamedTuple):
    """A strategy, and constants of ``additive_gp`` that are others: module, name and value."""

    strategy: str = "additive-gp"
    constants: tuple[tuple[str, str, object], ...] = ()


VARIANTS = {
    "additive-gp": Variant(),
    "fitness alone": Variant("additive-gp(scores=fitness)"),
    "4 classes": Variant(constants=(("answers", "CLASSES", 4),)),
    "lengths and noise fixed": Variant(constants=(("posterior", "LEARNT", ()),)),
    "bound only": Variant(constants=(("strategy", "PROBABLE", 0.0),)),
    "probability only": Variant(constants=(("strategy", "PROBABLE", 1.0),)),
    "half the optimism": Variant(constants=(("strategy", "MOST", 2.0), ("proposals", "MOST", 2.0))),
    "5 whole sets at first": Variant(constants=(("strategy", "FIRST", 5),)),
    "whole sets 6 apart": Variant(constants=(("proposals", "SPREAD", 6),)),
    "new pixels 0 apart": Variant(constants=(("proposals", "GAP", 0),)),
    "2 colours": Variant(constants=(("strategy", "SHADES", 2),)),
    "8 colours": Variant(constants=(("strategy", "SHADES", 8),)),
    "same amplitude everywhere": Variant(constants=(("arms", "EDGE", 1.0), ("arms", "MIDDLE", 0.0))),
    "no effect of grey": Variant(constants=(("arms", "GREY", 0.0),)),
    "no effect of chroma": Variant(constants=(("arms", "CHROMA", 0.0),)),
    "no mean effect": Variant(constants=(("strategy", "DOWNHILL", 0.0),)),
    "twice the mean effect": Variant(constants=(("strategy", "DOWNHILL", 0.5),)),
    "window of 30": Variant("additive-gp(window=30)"),
    "sparse-rs": Variant("sparse-rs"),
    "brusle": Variant("brusle"),
}
"""The ablation, each row against the first, and the two searches to beat."""


def variant_of(name: str) -> Variant:
    """The variant of that name, or else the strategy of that spec."""
    return VARIANTS.get(name) or Variant(name)


@dataclass(frozen=True)
class TuningOptions:
    """What is measured: networks, training images, pixels, queries and seeds."""

    networks: tuple[str, ...] = ("resnet20", "allconv-small")
    variants: tuple[str, ...] = tuple(VARIANTS)
    pixels: tuple[int, ...] = (3, 5)
    count: int = 100  # correctly classified images
    start: int = 20_000  # number of the first training image
    budget: int = 100
    seeds: tuple[int, ...] = (0, 1)
    encoding: str = "corners"


@dataclass(frozen=True)
class TuningRuns:
    """One variant on all images with one seed."""

    network: str
    pixels: int
    variant: str
    seed: int
    budget: int
    seconds: float  # of the processor, network included, for each query
    queries: list[int]  # to the first success of each image; 0 is none
    encoding: str = "corners"

    @property
    def logarithms(self) -> list[float]:
        """log10 of the queries to success of each image; twice the budget for a failure."""
        counted = torch.tensor([query or 2 * self.budget for query in self.queries])
        logarithms: list[float] = counted.double().log10().tolist()
        return logarithms

    def within(self, mark: int) -> float:
        """Share of the images with a success in so many queries."""
        return mean(0 < query <= mark for query in self.queries)


def measure(options: TuningOptions, folder: Path) -> Iterator[TuningRuns]:
    """All runs; those that are in ``folder`` are read, so that an interrupted sweep goes on."""
    for name in options.networks:
        problem = training_problem(name, options)
        for pixels in options.pixels:
            here = replace(problem, encoding=load("encodings", options.encoding, {"pixels": pixels})())
            for variant in options.variants:
                for seed in options.seeds:
                    runs = TuningRuns(name, pixels, variant, seed, options.budget, 0, [], options.encoding)
                    yield _stored(folder, here, runs)


def training_problem(network: str, options: TuningOptions) -> Problem:
    """The first ``count`` training images from ``start`` on that a network classifies correctly."""
    images = training_images(f"[{options.start}:{options.start + 2 * options.count}]")
    oracle, labels = load_network(network, "cpu").oracle, torch.as_tensor(images.labels)
    with torch.inference_mode():
        scores = torch.cat([oracle(part) for part in torch.split(images.floats(), 64)])
    chosen = (scores.argmax(1) == labels).nonzero()[: options.count, 0]
    return Problem(oracle, corners(pixels=1), images.floats()[chosen], labels[chosen])


def _stored(folder: Path, problem: Problem, runs: TuningRuns) -> TuningRuns:
    """The runs, from their file if it is there."""
    variant = variant_of(runs.variant)
    code = digest_source(load("strategies", variant.strategy))
    facts = digest([*asdict(runs).values(), digest_image(eight_bit(problem.images)), variant, code])
    file = folder / f"{facts[:16]}.json"
    if file.is_file():
        return TuningRuns(**json.loads(file.read_text("utf-8")))
    begin = process_time()
    with changed(variant.constants):
        outcomes = attack(
            problem,
            load("strategies", variant.strategy),
            runs.budget,
            runs.seed,
            key=variant.strategy,
            clean="keep",
        )
    done = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    seconds = (process_time() - begin) / sum(each.queries for each in done)
    runs = replace(runs, queries=[each.first_fooled for each in done], seconds=seconds)
    file.write_text(json.dumps(asdict(runs)), "utf-8")
    return runs


@contextmanager
def changed(constants: Sequence[tuple[str, str, object]]) -> Iterator[None]:
    """Give constants of the strategy's modules other values for a while."""
    before = [(import_module(f"{HOME}.{module}"), name) for module, name, _ in constants]
    values = [getattr(module, name) for module, name in before]
    try:
        for (module, name), (_, _, value) in zip(before, constants, strict=True):
            setattr(module, name, value)
        yield
    finally:
        for (module, name), value in zip(before, values, strict=True):
            setattr(module, name, value)


def table(runs: list[TuningRuns]) -> str:
    """Markdown: success at marks, and the paired difference from the first variant of each network and k."""
    budget = max(run.budget for run in runs)
    marks = [mark for mark in MARKS if mark <= budget]
    heads = [
        "network",
        "k",
        "variant",
        *(f"@{mark}" for mark in marks),
        "log q",
        "against the first",
        "ms a query",
    ]
    lines = [heads, ["---"] * len(heads)]
    for network, pixels in dict.fromkeys((run.network, run.pixels) for run in runs):
        here = [run for run in runs if (run.network, run.pixels) == (network, pixels)]
        first = [run for run in here if run.variant == here[0].variant]
        for variant in dict.fromkeys(run.variant for run in here):
            some = [run for run in here if run.variant == variant]
            shares = [f"{mean(run.within(mark) for run in some):.2f}" for mark in marks]
            logarithm = mean(mean(run.logarithms) for run in some)
            against = "" if variant == here[0].variant else paired(some, first)
            cost = f"{1000 * mean(run.seconds for run in some):.1f}"
            lines.append([network, f"{pixels}", variant, *shares, f"{logarithm:.3f}", against, cost])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def paired(some: list[TuningRuns], first: list[TuningRuns]) -> str:
    """Mean difference of log10(queries), with its standard error over images; seeds are averaged before."""
    known = {run.seed: run for run in first}
    both = [(run, known[run.seed]) for run in some if run.seed in known]
    columns = [torch.tensor(one.logarithms) - torch.tensor(other.logarithms) for one, other in both]
    differences = torch.stack(columns).mean(0).tolist()
    return f"{mean(differences):+.3f} +- {stdev(differences) / len(differences) ** 0.5:.3f}"


def main() -> None:
    """Run the command; the table grows with every run."""
    made, usual = (
        argparse.ArgumentParser("python -m benchmarks.search_tuning", description=__doc__),
        TuningOptions(),
    )
    made.add_argument("--out", type=Path, default=Path("tuning-results"), help="folder of runs and table")
    for name in ("networks", "variants"):
        made.add_argument(f"--{name}", type=lambda text: tuple(split(text)), default=getattr(usual, name))
    made.add_argument("--encoding", default=usual.encoding)
    for name in ("pixels", "seeds"):
        numbers = lambda text: tuple(map(int, text.split(",")))  # noqa: E731
        made.add_argument(f"--{name}", type=numbers, default=getattr(usual, name))
    for name in ("count", "start", "budget"):
        made.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    given = vars(made.parse_args())
    folder = given.pop("out")
    try:
        for name in given["variants"]:
            load("strategies", variant_of(name).strategy)
    except InputError as error:
        made.error(f"{error}; the variants are {', '.join(VARIANTS)}")
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    runs = list[TuningRuns]()
    for run in measure(TuningOptions(**given), folder):
        runs.append(run)
        (folder / "table.md").write_text(table(runs), "utf-8")
        print(
            f"{run.network} k={run.pixels} {run.variant}, seed {run.seed}: {run.within(run.budget):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
