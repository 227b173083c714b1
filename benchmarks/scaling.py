"""Costs along images, population, pixels and the images' side: every point in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

from benchmarks.results import Part, Record, entry
from sparseattack import SparseattackError

from .options import Options
from .spread import Spread, shown

USUAL = {"images": 10, "popsize": 50, "k": 1, "side": 32, "budget": 100, "network": "allconv-small"}
AXES: dict[str, tuple[int, ...]] = {
    "images": (10, 30, 100, 300, 1000),
    "popsize": (50, 100, 200, 400, 800),
    "k": (1, 3, 10, 30, 50),
    "side": (32, 64, 96, 128, 224),
}
OTHERWISE = {"images": {"budget": 50}, "popsize": {"images": 2, "budget": 800}, "side": {"images": 4}}
LARGE = {"images": 1000, "popsize": 400, "k": 5, "side": 224, "budget": 400, "network": "pooling"}
MOST = 3  # repeats


def measure(options: Options) -> Iterator[Record]:
    """Every axis, dense and sparse; then the largest attack that is promised, before the cheapest network."""
    for axis, mode in product(options.axes, ("dense", "sparse")):
        records = [_point(axis, value, mode, options) for value in AXES[axis][: options.points]]
        first = records[0]["time"].median
        yield from (record | {"against_first": record["time"].median / first} for record in records)
    if set(options.axes) == set(AXES):
        told = {"axis": "all", "value": "largest", "against_first": None}
        yield told | _measured(LARGE | {"mode": "dense", "repeats": 1}, options)


def _point(axis: str, value: int, mode: str, options: Options) -> Record:
    chosen = USUAL | OTHERWISE.get(axis, {}) | {axis: value, "mode": mode}
    repeats = {"repeats": min(MOST, options.repeats)}
    return {"axis": axis, "value": value} | _measured(chosen | repeats, options)


def _measured(chosen: dict[str, Any], options: Options) -> Record:
    """One point, in a process whose peak of memory is its own."""
    told = json.dumps(chosen | {"threads": options.threads})
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.point", told], capture_output=True, text=True, check=False
    )
    if child.returncode:
        raise SparseattackError(f"{told} failed: {child.stderr.strip().splitlines()[-1]}")
    found: Record = json.loads(child.stdout)
    return chosen | found | {"time": Spread(**found["time"])}


SCALING = Part(
    "Costs along images, population, pixels and side",
    "`de` on images of noise before a small network with random weights; the whole budget is asked. *Time per"
    " row* is in rows of the raw forward pass of images of that size; *in the first* is against the first of"
    " its axis: 1 is flat. *Memory* is the most that the process held during the attack beyond what it held"
    " before, images included. *largest* is 1,000 images of 224x224, five pixels, populations of 400, before"
    " a network that only pools: its time says nothing.",
    measure,
    {
        "axis": entry("axis"),
        "value": entry("value"),
        "mode": entry("mode"),
        "rows": entry("rows"),
        "time per row": entry("time"),
        "in the first": lambda record: (
            "-" if record["against_first"] is None else shown(record["against_first"])
        ),
        "memory, MiB": lambda record: f"{record['memory'] / 2**20:.0f}",
        "per row, KiB": lambda record: shown(record["memory"] / 2**10 / record["rows"]),
        "whole process, MiB": lambda record: f"{record['process'] / 2**20:.0f}",
    },
)
