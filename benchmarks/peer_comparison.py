"""Comparison with the few-pixel attacks of other libraries, on the same images, pixels and queries.

One table compares the searches, stopped at the first success; the other shows the attacks with their own
stopping, and the images they return.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from benchmarks.networks import BenchmarkNetwork, load_network
from benchmarks.options import BenchmarkOptions
from benchmarks.peers import FOREVER, PEERS, Attack, AttackEndedError, Meter, Peer, check_installed, one_pixel
from benchmarks.results import Benchmark, flat
from benchmarks.timing import Spread, fastest, timed
from sparseattack import Problem, load
from sparseattack.problem.inference import PAD
from sparseattack.search.isolation import IsolatedRandomState

ONE_BY_ONE, TOGETHER = ("dense", "sparse"), "side by side"


class AttackCost(NamedTuple):
    """The cost of an attack on one image, until its first success or its budget."""

    first: int  # query of the first success, from 1; 0 is none
    rows: int
    calls: int  # of the oracle
    seconds: float
    saved: bool = True  # whether the success holds when rounded to 8 bits


def attack_by_peer(
    chosen: BenchmarkNetwork, place: int, peer: Peer, seed: int, *, k: int, budget: int
) -> AttackCost:
    """The attack of another library on one image, ended by the meter, whose own time is subtracted."""
    meter = meter_of(chosen, place, k).stop(budget)
    with IsolatedRandomState(np.random.default_rng(seed)).active():
        attack = peer.start(meter, FOREVER)
        start = perf_counter()
        with suppress(AttackEndedError):
            attack()
        seconds = perf_counter() - start - meter.own
    saved = meter.found is not None and meter.holds(meter.found, rounded=True)
    return AttackCost(meter.first, meter.queries, meter.calls, seconds, saved)


def meter_of(chosen: BenchmarkNetwork, place: int, k: int) -> Meter:
    """The meter of a network and one of its images."""
    image = chosen.images[place : place + 1]
    return Meter(chosen.network, image, int(chosen.labels[place]), k, PAD)  # the same batch as ours


def attack_one(problem: Problem, place: int, strategy: str, seed: int, *, budget: int) -> AttackCost:
    """Our attack on one image."""
    part = slice(place, place + 1)
    one = replace(problem, images=problem.images[part], labels=problem.labels[part])
    return attack_together(one, strategy, seed, budget=budget)[0]


def attack_together(problem: Problem, strategy: str, seed: int, *, budget: int) -> list[AttackCost]:
    """Our attack on all images at once; time and calls are shared out equally."""
    run, outcomes = timed(problem, load("strategies", strategy), budget, seed)
    calls, count = sum(run.sizes.values()), len(outcomes)
    return [
        AttackCost(each.first_fooled, each.queries, calls // count, run.seconds / count) for each in outcomes
    ]


def paired_attacks(
    chosen: BenchmarkNetwork, peer: Peer, k: int, options: BenchmarkOptions
) -> Iterator[dict[str, list[AttackCost]]]:
    """The costs of all images for each seed: of the library, and of ours in three modes."""
    problem = problem_of(chosen, k, options.images)
    attack_one(problem, 0, peer.ours, 0, budget=1)  # imports and compiles
    for seed in range(options.repeats):
        costs: dict[str, list[AttackCost]] = {name: [] for name in ("library", *ONE_BY_ONE)}
        runs: dict[str, Callable[[int], AttackCost]] = {
            mode: _ours(replace(problem, sparse=mode == "sparse"), peer, seed, options) for mode in ONE_BY_ONE
        }
        runs["library"] = lambda place, seed=seed: attack_by_peer(  # type: ignore[misc]
            chosen, place, peer, seed, k=k, budget=options.budget
        )
        for place in range(len(problem.images)):
            for name in sorted(runs, reverse=bool(place % 2)):
                costs[name].append(runs[name](place))
        costs[TOGETHER] = attack_together(problem, peer.ours, seed, budget=options.budget)
        yield costs


def _ours(problem: Problem, peer: Peer, seed: int, options: BenchmarkOptions) -> Callable[[int], AttackCost]:
    return partial(attack_one, problem, strategy=peer.ours, seed=seed, budget=options.budget)


def problem_of(chosen: BenchmarkNetwork, k: int, count: int) -> Problem:
    """The problem of the other libraries: any colour, and the probability of the true class."""
    encoding, fitness = load("encodings", "rgb", {"pixels": k})(), load("fitness", "probability")
    images, labels = chosen.images[:count], chosen.labels[:count]
    return Problem(chosen.oracle, encoding, images, labels, fitness=(fitness,))


TRAINED = ("allconv", "resnet20")  # small networks, whose weights are trained


def compared_networks(options: BenchmarkOptions) -> list[BenchmarkNetwork]:
    """The chosen networks that are small and trained, or else all chosen ones."""
    check_installed()
    names = [name for name in options.networks if name in TRAINED] or options.networks
    return [load_network(name, "cpu") for name in names]


@dataclass(frozen=True)
class CostRatios:
    """Costs of a library / ours; None where no image has such a cost in both."""

    attacks: int
    solved_by_library: int
    solved_by_ours: int
    solved_by_both: int
    library_saved: int  # successes of the library that hold in 8 bits
    rows: Spread | None  # to the first success, of common successes
    time: Spread | None  # of common successes
    total_time: Spread  # of all attacks
    rate: Spread  # time per row
    calls: Spread


@dataclass(frozen=True)
class PeerSearchRow:
    """The search of a library and ours in one mode, to the same success."""

    network: str
    k: int
    library: str
    ours: str
    mode: str
    costs: CostRatios

    def record(self) -> dict[str, Any]:
        """The row as one JSON object."""
        return flat(self, "costs")


def measure_searches(options: BenchmarkOptions) -> Iterator[PeerSearchRow]:
    """A row for every network, number of pixels, library and mode of ours."""
    for chosen in compared_networks(options):
        for k in options.pixels:
            for peer in PEERS:
                costs = list(paired_attacks(chosen, peer, k, options))
                for mode in (*ONE_BY_ONE, TOGETHER):
                    found = compare_costs(costs, mode)
                    yield PeerSearchRow(chosen.name, k, peer.name, peer.ours, mode=mode, costs=found)


def compare_costs(every: list[dict[str, list[AttackCost]]], mode: str) -> CostRatios:
    """Costs of the library relative to ours in one ``mode``, rows and time for common successes only."""
    pairs = [list(zip(costs["library"], costs[mode], strict=True)) for costs in every]
    both = [[pair for pair in some if pair[0].first and pair[1].first] for some in pairs]
    theirs = [their for some in pairs for their, _ in some]
    solved = [their for their in theirs if their.first]
    timed = [
        some for some in both if some and mode != TOGETHER
    ]  # side by side no image has a time of its own
    return CostRatios(
        attacks=len(theirs),
        solved_by_library=len(solved),
        solved_by_ours=sum(bool(our.first) for some in pairs for _, our in some),
        solved_by_both=sum(map(len, both)),
        library_saved=sum(their.saved for their in solved),
        rows=Spread.of(_ratio(some, "first") for some in both if some) if any(both) else None,
        time=Spread.of(_ratio(some, "seconds") for some in timed) if timed else None,
        total_time=Spread.of(_ratio(some, "seconds") for some in pairs),
        rate=Spread.of(_ratio(some, "seconds") / _ratio(some, "rows") for some in pairs),
        calls=Spread.of(_ratio(some, "calls") for some in pairs),
    )


def _ratio(pairs: list[tuple[AttackCost, AttackCost]], what: str) -> float:
    """Total of the library / our total."""
    theirs, ours = (sum(getattr(case, what) for case in side) for side in zip(*pairs, strict=True))
    return float(theirs) / max(float(ours), 1.0 if what == "calls" else 1e-9)


PEER_SEARCHES = Benchmark[PeerSearchRow](
    "Other libraries, to the same success",
    "Same network, images, pixels and budget; a ratio is the library / ours: above 1 ours is faster. A meter"
    " around the network ends an attack at its first success or at the budget, one image at a time; its own"
    " time is subtracted, and the network gets its fastest batch, whatever the library evaluates at once."
    " *Rows* are those up to the first success, if both succeed; *time* is that of the same attacks; *all"
    " attacks* counts failures too; *per row* is free of luck. Ours finishes the generation of its success,"
    " which the meter spares a library. docs/performance.md says how the searches differ.",
    measure_searches,
    {
        "network": lambda row: row.network,
        "k": lambda row: row.k,
        "library": lambda row: row.library,
        "ours": lambda row: f"{row.ours}, {row.mode}",
        "solved by library, ours, both": lambda row: (
            f"{row.costs.solved_by_library}, {row.costs.solved_by_ours}, {row.costs.solved_by_both}"
            f" of {row.costs.attacks}"
        ),
        "library's that hold in 8 bits": lambda row: row.costs.library_saved,
        "rows": lambda row: row.costs.rows,
        "time": lambda row: row.costs.time,
        "time, all attacks": lambda row: row.costs.total_time,
        "time per row": lambda row: row.costs.rate,
        "calls of the network": lambda row: row.costs.calls,
    },
)

Start = Callable[[Meter], Attack]
DEFAULT = 10  # steps and population of torchattacks


class ReturnedImage(NamedTuple):
    """The image that an attack returned, and its cost."""

    meter: Meter
    image: Tensor  # (1, C, H, W)
    seconds: float


@dataclass(frozen=True)
class ReturnedCosts:
    """How many images returned by a library fool the network, and their cost."""

    attacks: int
    fools: int
    saved: int  # fool the network in 8 bits
    met: int  # attacks in which any row fooled the network
    rows: float  # median
    calls: float  # median
    time: Spread  # of a row, in rows of the raw forward pass


@dataclass(frozen=True)
class PeerDefaultsRow:
    """A library with its own stopping, and the images it returns."""

    network: str
    k: int
    library: str
    settings: str
    costs: ReturnedCosts

    def record(self) -> dict[str, Any]:
        """The row as one JSON object."""
        return flat(self, "costs")


def measure_defaults(options: BenchmarkOptions) -> Iterator[PeerDefaultsRow]:
    """A row for every network, number of pixels and library; torchattacks with its defaults, too."""
    for chosen in compared_networks(options):
        raw = fastest(chosen.network, chosen.images).rate
        for k in options.pixels:
            for (name, settings), start in _starts(options.budget, k).items():
                found = _returned(chosen, start, k, options.images, raw)
                yield PeerDefaultsRow(chosen.name, k, name, settings, costs=found)


def _starts(budget: int, k: int) -> dict[tuple[str, str], Start]:
    """The attacks by name and settings."""
    usual = partial(one_pixel, steps=DEFAULT, popsize=DEFAULT)
    starts: dict[tuple[str, str], Start] = {(PEERS[0].name, f"its defaults, {DEFAULT} and {DEFAULT}"): usual}
    for peer in PEERS:
        steps = max(1, peer.generations(budget, k))
        starts[peer.name, f"generations: {steps}"] = lambda meter, peer=peer, steps=steps: (  # type: ignore[misc]
            peer.start(meter, steps)
        )
    return starts


def _returned(chosen: BenchmarkNetwork, start: Start, k: int, count: int, raw: float) -> ReturnedCosts:
    """How many returned images fool, as they are and in 8 bits, and their cost."""
    returned = [_run(meter_of(chosen, place, k), start) for place in range(min(count, len(chosen.images)))]
    return ReturnedCosts(
        attacks=len(returned),
        fools=sum(image.meter.holds(image.image, rounded=False) for image in returned),
        saved=sum(image.meter.holds(image.image, rounded=True) for image in returned),
        met=sum(bool(image.meter.first) for image in returned),
        rows=median(image.meter.queries for image in returned),
        calls=median(image.meter.calls for image in returned),
        time=Spread.of(image.seconds / image.meter.queries * raw for image in returned),
    )


def _run(meter: Meter, start: Start) -> ReturnedImage:
    with IsolatedRandomState(np.random.default_rng(0)).active():
        attack = start(meter)
        began = perf_counter()
        image = attack()
    return ReturnedImage(meter, image, perf_counter() - began - meter.own)


PEER_DEFAULTS = Benchmark[PeerDefaultsRow](
    "Other libraries, as they are shipped",
    "Their own stopping, and the image they return, with as many generations as the budget allows. *Met* are"
    " the attacks in which any row fooled the network, whether or not the library noticed. *Time per row* is"
    " in rows of the raw forward pass.",
    measure_defaults,
    {
        "network": lambda row: row.network,
        "k": lambda row: row.k,
        "library": lambda row: row.library,
        "settings": lambda row: row.settings,
        "fools, in 8 bits, met": lambda row: (
            f"{row.costs.fools}, {row.costs.saved}, {row.costs.met} of {row.costs.attacks}"
        ),
        "rows, median": lambda row: row.costs.rows,
        "calls, median": lambda row: row.costs.calls,
        "time per row": lambda row: row.costs.time,
    },
)
