"""Our searches and other libraries' on the same images, with the same number of pixels and queries."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np

from benchmarks.meter import Meter, OverError
from benchmarks.networks import BATCH, Subject
from benchmarks.options import Options
from benchmarks.peers import FOREVER, Peer
from benchmarks.timing import timed
from sparseattack import Problem, load
from sparseattack.search.fence import Fence

ALONE, TOGETHER = ("dense", "sparse"), "side by side"


class Case(NamedTuple):
    """What one image cost until it was fooled, or the budget was spent."""

    first: int  # position of the first success, from 1; 0 is none
    rows: int
    calls: int  # of the oracle
    seconds: float
    saved: bool = True  # whether the success holds when rounded to 8 bits


def metered(chosen: Subject, place: int, peer: Peer, seed: int, *, k: int, budget: int) -> Case:
    """Another library's attack on one image, ended by the meter, whose own time is taken off."""
    meter = meter_of(chosen, place, k).stop(budget)
    with Fence(np.random.default_rng(seed)).inside():
        attack = peer.start(meter, FOREVER)
        start = perf_counter()
        with suppress(OverError):
            attack()
        seconds = perf_counter() - start - meter.own
    saved = meter.found is not None and meter.holds(meter.found, rounded=True)
    return Case(meter.first, meter.queries, meter.calls, seconds, saved)


def meter_of(chosen: Subject, place: int, k: int) -> Meter:
    """A meter before a network, for one of the images."""
    image, forward = chosen.images[place : place + 1], chosen.oracle.scores
    most = min(getattr(forward, "most", BATCH), BATCH)  # as ours
    return Meter(chosen.network, image, int(chosen.labels[place]), k, most)


def alone(problem: Problem, place: int, strategy: str, seed: int, *, budget: int) -> Case:
    """Ours on one image."""
    part = slice(place, place + 1)
    one = replace(problem, images=problem.images[part], labels=problem.labels[part])
    return together(one, strategy, seed, budget=budget)[0]


def together(problem: Problem, strategy: str, seed: int, *, budget: int) -> list[Case]:
    """Ours on all images side by side; each one's time and calls are its share of all."""
    run, outcomes = timed(problem, load("strategies", strategy), budget, seed)
    calls, count = sum(run.sizes.values()), len(outcomes)
    return [Case(each.first_fooled, each.queries, calls // count, run.seconds / count) for each in outcomes]


def rounds(chosen: Subject, peer: Peer, k: int, options: Options) -> Iterator[dict[str, list[Case]]]:
    """For each seed, the cases of all images: of the library, and of ours in three ways."""
    problem = posed(chosen, k, options.images)
    alone(problem, 0, peer.ours, 0, budget=1)  # makes ready
    for seed in range(options.repeats):
        cases: dict[str, list[Case]] = {name: [] for name in ("library", *ALONE)}
        runs: dict[str, Callable[[int], Case]] = {
            mode: _ours(replace(problem, sparse=mode == "sparse"), peer, seed, options) for mode in ALONE
        }
        runs["library"] = lambda place, seed=seed: metered(  # type: ignore[misc]
            chosen, place, peer, seed, k=k, budget=options.budget
        )
        for place in range(len(problem.images)):
            for name in sorted(runs, reverse=bool(place % 2)):
                cases[name].append(runs[name](place))
        cases[TOGETHER] = together(problem, peer.ours, seed, budget=options.budget)
        yield cases


def _ours(problem: Problem, peer: Peer, seed: int, options: Options) -> Callable[[int], Case]:
    return partial(alone, problem, strategy=peer.ours, seed=seed, budget=options.budget)


def posed(chosen: Subject, k: int, count: int) -> Problem:
    """The problem as the libraries pose it: any colour, and the probability of the true class."""
    encoding, fitness = load("encodings", "rgb", {"pixels": k})(), load("fitness", "probability")
    images, labels = chosen.images[:count], chosen.labels[:count]
    return Problem(chosen.oracle, encoding, images, labels, fitness=(fitness,))
