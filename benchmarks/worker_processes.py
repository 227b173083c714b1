"""What it gains that searches of CPU libraries think on a core of their own, while the oracle answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch

from benchmarks.networks import Subject, subject
from benchmarks.options import Options
from benchmarks.results import Part, Record, entry
from benchmarks.strategy_time import share
from benchmarks.throughput import posed
from benchmarks.timing import Spread, in_turn, timed
from sparseattack import Problem, load, spent
from sparseattack.search.workers import spare

LIBRARIES = ("cmaes", "nevergrad", "nsga2")
NETWORK, IMAGES, LEAST = "allconv", 64, 200  # queries for each


def measure(options: Options) -> Iterator[Record]:
    """Every adapter, the same attack with and without processes; none where there is one core."""
    with one_thread_less():
        chosen = subject(NETWORK if NETWORK in options.networks else options.networks[0], options.device)
        cores = spare(chosen.images.device)
        for name in (name for name in LIBRARIES if cores and name in options.strategies):
            problem = _problem(chosen, name)
            attack = partial(timed, problem, load("strategies", name), group=IMAGES)
            attack(1)  # what is made ready once
            runs = {"alone": partial(attack, LEAST, cores=0), "beside": partial(attack, LEAST, cores=cores)}
            results = {way: [run for run, _ in each] for way, each in in_turn(runs, options.repeats).items()}
            pairs = list(zip(results["alone"], results["beside"], strict=True))
            about = {"network": chosen.name, "strategy": name, "threads": torch.get_num_threads()}
            yield about | {
                "cores": cores,
                "rows": pairs[0][0].rows,
                "thinking": Spread.of(alone.strategy / alone.seconds for alone, _ in pairs),
                "gain": Spread.of(alone.seconds / beside.seconds for alone, beside in pairs),
            }


def _problem(chosen: Subject, name: str) -> Problem:
    images, labels = chosen.images[:IMAGES], chosen.labels[:IMAGES]
    return replace(posed(chosen, name, 1), until=spent, images=images, labels=labels)


@contextmanager
def one_thread_less() -> Iterator[None]:
    """Torch leaves one core free, if it has more than one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - 1))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


BESIDE = Part(
    "Searches that think while the oracle answers others",
    "The same attack, with sparse answers, by the time it takes with the searches in the oracle's process in"
    " the time it takes with processes on the cores that torch leaves free: above 1 they gain."
    " *Thinking* is the strategy's share of the former time.",
    measure,
    {
        "network": entry("network"),
        "strategy": entry("strategy"),
        "torch's threads": entry("threads"),
        "cores left": entry("cores"),
        "rows": entry("rows"),
        "thinking": share("thinking"),
        "gain": entry("gain"),
    },
)
