"""Runs timed in turn, and what their ratios come to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Self, TypeVar

import torch

Result = TypeVar("Result")


@dataclass(frozen=True)
class Spread:
    """The median of paired ratios, and the least and the greatest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Of at least one value."""
        known = sorted(values)
        return cls(median(known), known[0], known[-1])

    def __str__(self) -> str:
        """As in a table: 1.23 (1.20 - 1.31)."""
        return f"{shown(self.median)} ({shown(self.low)} - {shown(self.high)})"


def shown(number: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{float(f'{number:.3g}'):.10g}"


def in_turn(runs: Mapping[str, Callable[[], Result]], repeats: int) -> dict[str, list[Result]]:
    """The results of all runs, ``repeats`` times each: to and fro, so that a slow spell hits them alike."""
    results: dict[str, list[Result]] = {name: [] for name in runs}
    for turn in range(repeats):
        for name in list(runs)[:: -1 if turn % 2 else 1]:
            results[name].append(runs[name]())
    return results


def clock(device: str = "cpu") -> float:
    """Seconds, once an accelerator has done all that it was told."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return perf_counter()
