"""How fast attacks are with other libraries than torch: ``python -m benchmarks.backends NETWORK...``.

Whole attacks by ``de`` with one pixel, in turns within one process, by processor time: whole images by the
oracle itself, by each backend, and sparse inference. What is made ready once is left out.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from time import process_time

import torch

from benchmarks.networks import load_network
from benchmarks.timing import Spread, in_turn
from sparseattack import InputError, Problem, attack, load, rgb, spent
from sparseattack.problem.oracle import EAGER
from sparseattack.search.inference import with_backend

SPARSE = "sparse"
NETWORKS = ("resnet20", "allconv-small", "allconv", "vgg16", "efficientnet-lite0", "mobilenetv2", "resnet56")


def problem_of(name: str, images: int) -> Problem:
    """The attack on the first ``images`` of the sample, which are searched to the end of their budget."""
    network = load_network(name, "cpu")
    oracle, shown, labels = network.oracle, network.images[:images], network.labels[:images]
    return Problem(oracle, rgb(pixels=1), shown, labels, until=spent, sparse=False)


def ways_of(problem: Problem) -> dict[str, Problem]:
    """The problem, evaluated by everything that there is here; what is missing is printed."""
    ways = {EAGER: problem}
    for name in problem.classifier.backends:
        try:
            ways[name] = replace(problem, oracle=with_backend(problem.classifier, name, problem.images))
        except InputError as error:
            print(f"  {name}: {error}")
    return ways | {SPARSE: replace(problem, sparse=True)}


def seconds(problem: Problem, budget: int) -> float:
    """Processor time of an attack."""
    start = process_time()
    attack(problem, load("strategies", "de"), budget)
    return process_time() - start


def measure(name: str, images: int, budget: int, turns: int) -> None:
    """Print, for every way, how many times as fast it is as the oracle itself: median, least and greatest."""
    ways = ways_of(problem_of(name, images))
    for problem in ways.values():
        seconds(problem, 100)  # what is made ready once
    taken = in_turn({way: partial(seconds, problem, budget) for way, problem in ways.items()}, turns)
    rows = images * budget
    print(
        f"{name}: {rows} queries, eager {rows / median(taken[EAGER]):.0f} a second of processor time",
        flush=True,
    )
    for way, times in taken.items():
        spread = Spread.of(own / time for own, time in zip(taken[EAGER], times, strict=True))
        print(f"  {way}: {spread}", flush=True)


def main(given: Sequence[str] | None = None) -> None:
    """Measure the networks that are named, or all."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.backends", description=(__doc__ or "").split(":")[0]
    )
    made.add_argument("networks", nargs="*", default=NETWORKS)
    made.add_argument("--images", type=int, default=4)
    made.add_argument("--budget", type=int, default=400)
    made.add_argument("--turns", type=int, default=3)
    made.add_argument("--threads", type=int, default=1)
    chosen = made.parse_args(given)
    torch.set_num_threads(chosen.threads)
    for name in chosen.networks:
        measure(name, chosen.images, chosen.budget, chosen.turns)


if __name__ == "__main__":
    main()
