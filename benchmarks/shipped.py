"""Other libraries' attacks as they are shipped: with their own stopping, and the image that they return."""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
from torch import Tensor

from benchmarks.networks import Subject
from benchmarks.peer_comparison import meter_of
from benchmarks.results import Part, Record, entry
from sparseattack.search.fence import Fence

from .meter import Meter
from .options import Options
from .peers import PEERS, Attack, one_pixel
from .raw import fastest
from .rivalry import rivals
from .spread import Spread

Start = Callable[[Meter], Attack]
DEFAULT = 10  # steps, and members, of torchattacks


class Gift(NamedTuple):
    """What an attack returned."""

    meter: Meter
    image: Tensor  # (1, C, H, W)
    seconds: float


def measure(options: Options) -> Iterator[Record]:
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
    with Fence(np.random.default_rng(0)).inside():
        attack = start(meter)
        began = perf_counter()
        image = attack()
    return Gift(meter, image, perf_counter() - began - meter.own)


SHIPPED = Part(
    "Other libraries, as they are shipped",
    "Their own stopping, and the image they return; as many generations as the budget pays for. *Met* are the"
    " attacks in which some row fooled the network, whether or not the library noticed. *Time per row* is in"
    " rows of the raw forward pass.",
    measure,
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
