"""Our searches and other libraries' on the same images, with the same number of pixels and queries.

What duels come to, and attacks of other libraries as they are shipped.

Other libraries' attacks as they are shipped: with their own stopping, and the image that they return.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
from torch import Tensor

from benchmarks.networks import BATCH, Subject, subject
from benchmarks.options import Options
from benchmarks.peers import FOREVER, PEERS, Attack, Meter, OverError, Peer, check_installed, one_pixel
from benchmarks.results import Part, Record, entry
from benchmarks.timing import Spread, fastest, timed
from sparseattack import Problem, load
from sparseattack.search.per_image import IsolatedRandomState

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
    with IsolatedRandomState(np.random.default_rng(seed)).active():
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


USUAL = ("allconv", "resnet20")  # small networks, whose weights are trained


def rivals(options: Options) -> list[Subject]:
    """The networks on which libraries are compared: those usual ones that are chosen, or else all chosen."""
    check_installed()
    names = [name for name in options.networks if name in USUAL] or options.networks
    return [subject(name, "cpu") for name in names]


def measure_peers(options: Options) -> Iterator[Record]:
    """Every network, number of pixels, library, and way of ours."""
    for chosen in rivals(options):
        for k in options.pixels:
            for peer in PEERS:
                cases = list(rounds(chosen, peer, k, options))
                about = {"network": chosen.name, "k": k, "library": peer.name, "ours": peer.ours}
                for mode in (*ALONE, TOGETHER):
                    yield about | {"mode": mode} | compared(cases, mode)


def compared(every: list[dict[str, list[Case]]], mode: str) -> Record:
    """The library's cases beside ours in one ``mode``: rows, time, both to the same successes."""
    pairs = [list(zip(cases["library"], cases[mode], strict=True)) for cases in every]
    both = [[pair for pair in some if pair[0].first and pair[1].first] for some in pairs]
    theirs = [their for some in pairs for their, _ in some]
    solved = [their for their in theirs if their.first]
    timed = [
        some for some in both if some and mode != TOGETHER
    ]  # side by side no image has a time of its own
    return {
        "attacks": len(theirs),
        "solved_by_library": len(solved),
        "solved_by_ours": sum(bool(our.first) for some in pairs for _, our in some),
        "solved_by_both": sum(map(len, both)),
        "library_saved": sum(their.saved for their in solved),
        "rows": Spread.of(_ratio(some, "first") for some in both if some) if any(both) else None,
        "time": Spread.of(_ratio(some, "seconds") for some in timed) if timed else None,
        "total_time": Spread.of(_ratio(some, "seconds") for some in pairs),
        "rate": Spread.of(_ratio(some, "seconds") / _ratio(some, "rows") for some in pairs),
        "calls": Spread.of(_ratio(some, "calls") for some in pairs),
    }


def _ratio(pairs: list[tuple[Case, Case]], what: str) -> float:
    """The library's total in ours."""
    theirs, ours = (sum(getattr(case, what) for case in side) for side in zip(*pairs, strict=True))
    return float(theirs) / max(float(ours), 1.0 if what == "calls" else 1e-9)


DUELS = Part(
    "Other libraries, to the same success",
    "Same network, images, pixels and budget; a ratio is the library's in ours: above 1 ours is ahead. A"
    " meter before the network ends an attack at its first success or at the budget, one image at a time; its"
    " own time is taken off, and the network is shown as many rows at once as suit it, whatever is asked."
    " *Rows* are those up to the first success, where both succeed; *time* is that of these attacks; *all"
    " attacks* counts failures too; *per row* that is paid, it is free of luck. Ours finishes the generation"
    " it succeeds in, which the meter spares a library. How searches differ is in docs/performance.md.",
    measure_peers,
    {
        "network": entry("network"),
        "k": entry("k"),
        "library": entry("library"),
        "ours": lambda record: f"{record['ours']}, {record['mode']}",
        "solved by library, ours, both": lambda record: (
            f"{record['solved_by_library']}, {record['solved_by_ours']}, {record['solved_by_both']}"
            f" of {record['attacks']}"
        ),
        "library's that hold in 8 bits": entry("library_saved"),
        "rows": entry("rows"),
        "time": entry("time"),
        "time, all attacks": entry("total_time"),
        "time per row": entry("rate"),
        "calls of the network": entry("calls"),
    },
)
Start = Callable[[Meter], Attack]
DEFAULT = 10  # steps, and members, of torchattacks


class Gift(NamedTuple):
    """What an attack returned."""

    meter: Meter
    image: Tensor  # (1, C, H, W)
    seconds: float


def measure_shipped(options: Options) -> Iterator[Record]:
    """Every network, number of pixels, and library; torchattacks with its defaults as well."""
    for chosen in rivals(options):
        raw = fastest(chosen.network, chosen.images).rate
        for k in options.pixels:
            for (name, settings), start in _starts(options.budget, k).items():
                about = {"network": chosen.name, "k": k, "library": name, "settings": settings}
                yield about | _returned(chosen, start, k, options.images, raw)


def _starts(budget: int, k: int) -> dict[tuple[str, str], Start]:
    """By name and settings."""
    usual = partial(one_pixel, steps=DEFAULT, popsize=DEFAULT)
    starts: dict[tuple[str, str], Start] = {(PEERS[0].name, f"its defaults, {DEFAULT} and {DEFAULT}"): usual}
    for peer in PEERS:
        steps = max(1, peer.generations(budget, k))
        starts[peer.name, f"generations: {steps}"] = lambda meter, peer=peer, steps=steps: (  # type: ignore[misc]
            peer.start(meter, steps)
        )
    return starts


def _returned(chosen: Subject, start: Start, k: int, count: int, raw: float) -> Record:
    """What a user gets: whether the images fool, as they are and in 8 bits, and what they cost."""
    gifts = [_gift(meter_of(chosen, place, k), start) for place in range(min(count, len(chosen.images)))]
    return {
        "attacks": len(gifts),
        "fools": sum(gift.meter.holds(gift.image, rounded=False) for gift in gifts),
        "saved": sum(gift.meter.holds(gift.image, rounded=True) for gift in gifts),
        "met": sum(bool(gift.meter.first) for gift in gifts),
        "rows": median(gift.meter.queries for gift in gifts),
        "calls": median(gift.meter.calls for gift in gifts),
        "time": Spread.of(gift.seconds / gift.meter.queries * raw for gift in gifts),
    }


def _gift(meter: Meter, start: Start) -> Gift:
    with IsolatedRandomState(np.random.default_rng(0)).active():
        attack = start(meter)
        began = perf_counter()
        image = attack()
    return Gift(meter, image, perf_counter() - began - meter.own)


SHIPPED = Part(
    "Other libraries, as they are shipped",
    "Their own stopping, and the image they return; as many generations as the budget pays for. *Met* are the"
    " attacks in which some row fooled the network, whether or not the library noticed. *Time per row* is in"
    " rows of the raw forward pass.",
    measure_shipped,
    {
        "network": entry("network"),
        "k": entry("k"),
        "library": entry("library"),
        "settings": entry("settings"),
        "fools, in 8 bits, met": lambda record: (
            f"{record['fools']}, {record['saved']}, {record['met']} of {record['attacks']}"
        ),
        "rows, median": entry("rows"),
        "calls, median": entry("calls"),
        "time per row": entry("time"),
    },
)
