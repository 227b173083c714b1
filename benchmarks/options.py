"""The options of the benchmarks: what is measured, and for how long."""

from dataclasses import dataclass
from typing import Any

from benchmarks.timing import COUNTERS, Clock
from sparseattack import InputError
from sparseattack.plugins.registry import names
from sparseattack.problem.oracle import EAGER

OWN = "resnet20", "resnet56", "mobilenetv2"  # networks of benchmarks.networks

RAW = (BEST := "best", EAGER)  # the raw pass: of the fastest library that is here, or of torch


@dataclass(frozen=True)
class BenchmarkOptions:
    """The options of the command line."""

    networks: tuple[str, ...] = ("allconv", "nin", "vgg16", "resnet20", "efficientnet-lite0", "allconv-small")
    strategies: tuple[str, ...] = ("random", "de", "sparse-rs", "exhaustive", "cmaes", "nevergrad", "nsga2")
    pixels: tuple[int, ...] = (1, 3, 5)
    repeats: int = 3
    seconds: float = 5.0  # length of a dense attack, roughly
    together: int = 0  # images at once in part a; 0 fills the oracle's batch twice
    images: int = 6  # attacked in the comparison with other libraries
    budget: int = 2000  # queries an image; an ART attack costs at least 802
    axes: tuple[str, ...] = ("images", "popsize", "k", "side")  # along which costs are measured
    points: int = 5  # an axis
    threads: int = 0  # of torch; 0 is its default
    raw: str = BEST  # what parts a and e compare with: or eager, torch itself
    clock: Clock = "wall"  # of parts a and e: or processor
    device: str = "cpu"

    def check(self) -> None:
        """Raise InputError for unknown names, and for numbers below 1."""
        known = [*names("oracles"), *OWN]
        if unknown := [name for name in self.networks if name not in known]:
            raise InputError(f"there is no network {unknown[0]!r}, only {', '.join(known)}")
        if unknown := [name for name in self.strategies if name not in names("strategies")]:
            raise InputError(f"there is no strategy {unknown[0]!r}, only {', '.join(names('strategies'))}")
        if min(*self.pixels, self.repeats, self.images, self.budget) < 1 or self.seconds <= 0:
            raise InputError("pixels, repeats, images, budget and seconds are above 0")
        if self.raw not in RAW:
            raise InputError(f"there is no raw pass {self.raw!r}, only {', '.join(RAW)}")
        if self.clock not in COUNTERS:
            raise InputError(f"there is no clock {self.clock!r}, only {', '.join(COUNTERS)}")


QUICK: dict[str, Any] = {
    "networks": ("allconv-small",),
    "strategies": ("random", "de", "sparse-rs", "cmaes", "nsga2"),
    "pixels": (1,),
    "repeats": 3,
    "seconds": 0.7,
    "threads": 1,
    "clock": "processor",
    "raw": EAGER,  # of what everybody has, as the shipped ratios
    "images": 2,
    "budget": 900,
    "axes": ("images",),
    "points": 2,
}
"""The options of ``--quick``, where they differ."""
