"""Cost of an attack by images, population, pixels and image size, each point in a process of its own.

``python -m benchmarks.scaling POINT`` measures one point, a JSON object, in this process and prints JSON.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.networks import random_network, torch_network
from benchmarks.options import BenchmarkOptions
from benchmarks.results import Benchmark, flat
from benchmarks.timing import Spread, TimedRun, fastest, in_turn, three_digits, timed
from sparseattack import Classifier, Problem, SparseattackError, load, spent
from sparseattack.data.images import levels
from sparseattack.oracles.dense_inference.forward import Forward
from sparseattack.problem.inference import PAD


@dataclass(frozen=True)
class ScalingPoint:
    """An attack whose cost is measured."""

    images: int = 10
    popsize: int = 50
    k: int = 1
    side: int = 32
    budget: int = 100
    network: str = "allconv-small"
    mode: str = "dense"  # or sparse
    repeats: int = 1


@dataclass(frozen=True)
class PointCosts:
    """The cost of an attack."""

    rows: int
    memory: int  # bytes, the peak of the attack above what was in use before
    process: int  # bytes, the peak of the process
    time: Spread  # of a row, in rows of the raw forward pass


@dataclass(frozen=True)
class ScalingRow:
    """The costs of a point on an axis."""

    axis: str
    value: int | str
    point: ScalingPoint
    costs: PointCosts
    against_first: float | None = None  # time of a row / that of the first row of the axis

    def record(self) -> dict[str, Any]:
        """The row as one JSON object."""
        return flat(self, "point", "costs")


AXES: dict[str, tuple[int, ...]] = {
    "images": (10, 30, 100, 300, 1000),
    "popsize": (50, 100, 200, 400, 800),
    "k": (1, 3, 10, 30, 50),
    "side": (32, 64, 96, 128, 224),
}
OF_AXIS = {
    "images": ScalingPoint(budget=50),
    "popsize": ScalingPoint(images=2, budget=800),
    "k": ScalingPoint(),
    "side": ScalingPoint(images=4),
}
LARGE = ScalingPoint(images=1000, popsize=400, k=5, side=224, budget=400, network="pooling")
MAX_REPEATS = 3

POOLED = 16  # pixels
PROCESS = Path("/proc/self")
RESET = "5"  # makes Linux forget the peak


def measure(options: BenchmarkOptions) -> Iterator[ScalingRow]:
    """A row for every axis, dense and sparse; then the largest attack, on the cheapest network."""
    for axis, mode in product(options.axes, ("dense", "sparse")):
        rows = [_row(axis, value, mode, options) for value in AXES[axis][: options.points]]
        first = rows[0].costs.time.median
        yield from (replace(row, against_first=row.costs.time.median / first) for row in rows)
    if set(options.axes) == set(AXES):
        yield ScalingRow("all", "largest", LARGE, _in_a_process(LARGE, options.threads))


def _row(axis: str, value: int, mode: str, options: BenchmarkOptions) -> ScalingRow:
    changes: dict[str, Any] = {axis: value, "mode": mode, "repeats": min(MAX_REPEATS, options.repeats)}
    point = replace(OF_AXIS[axis], **changes)
    return ScalingRow(axis, value, point, _in_a_process(point, options.threads))


def _in_a_process(point: ScalingPoint, threads: int) -> PointCosts:
    """Measure a point in a process with a memory peak of its own; SparseattackError if it fails."""
    text = json.dumps(asdict(point) | {"threads": threads})
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling", text], capture_output=True, text=True, check=False
    )
    if child.returncode:
        raise SparseattackError(f"{text} failed: {child.stderr.strip().splitlines()[-1]}")
    found = json.loads(child.stdout)
    return PointCosts(**(found | {"time": Spread(**found["time"])}))


def measure_point(point: ScalingPoint) -> PointCosts:
    """Measure an attack beside the raw forward pass, in this process."""
    oracle = pooling() if point.network == "pooling" else random_network(point.network, "cpu")
    strategy = load("strategies", f"de(popsize={point.popsize})")
    oracle(noise(oracle.batch, point.side))  # the memory of a forward pass is no part of it
    before = current_memory()
    problem = problem_of(oracle, point)
    run, _ = timed(problem, strategy, point.budget)
    after = peak_memory()
    raw = fastest(torch_network(oracle), problem.images[:1], oracle.batch)
    results: dict[str, list[TimedRun]] = in_turn(
        {"raw": lambda: raw.run(run.rows), "attack": lambda: timed(problem, strategy, point.budget)[0]},
        point.repeats,
    )
    pairs = zip(results["raw"], results["attack"], strict=True)
    time = Spread.of(raw.rate / attack.rate for raw, attack in pairs)
    return PointCosts(run.rows, memory=after - before, process=after, time=time)


def problem_of(oracle: Classifier, point: ScalingPoint) -> Problem:
    """An attack that spends the whole budget."""
    images = noise(point.images, point.side)
    encoding = load("encodings", "rgb", {"pixels": point.k})()
    labels = torch.zeros(len(images), dtype=torch.int64)
    return Problem(oracle, encoding, images, labels, until=spent, sparse=point.mode == "sparse")


def noise(count: int, side: int) -> Tensor:
    """Images of uniform noise ``(count, 3, side, side)``."""
    random = torch.Generator().manual_seed(0)
    return levels(torch.randint(256, (count, 3, side, side), generator=random, dtype=torch.uint8))


def pooling() -> Classifier:
    """A classifier that costs next to nothing: means of squares of pixels."""
    network = nn.Sequential(nn.AvgPool2d(POOLED), nn.Flatten())
    return Classifier("pooling", Forward(nn.Identity(), network, "cpu"), "", "logits", block=PAD)


def current_memory() -> int:
    """Bytes in use, after the peak was reset; the peak on other systems than Linux."""
    try:
        (PROCESS / "clear_refs").write_text(RESET)
        return _status("VmRSS")
    except OSError:
        return peak_memory()


def peak_memory() -> int:
    """The peak in bytes; on other systems than Linux ``ru_maxrss``, which starts at that of the parent."""
    try:
        return _status("VmHWM")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _status(name: str) -> int:
    lines = (PROCESS / "status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


SCALING = Benchmark[ScalingRow](
    "Costs along images, population, pixels and side",
    "`de` on images of noise and a small network with random weights; the whole budget is spent. *Time per"
    " row* is in rows of the raw forward pass on images of that size; *in the first* is relative to the first"
    " row of its axis: 1 is flat. *Memory* is the peak of the process during the attack minus its memory"
    " before, images included. *largest* is 1,000 images of 224x224, five pixels, populations of 400, on a"
    " network that only pools: its time means nothing.",
    measure,
    {
        "axis": lambda row: row.axis,
        "value": lambda row: row.value,
        "mode": lambda row: row.point.mode,
        "rows": lambda row: row.costs.rows,
        "time per row": lambda row: row.costs.time,
        "in the first": lambda row: None if row.against_first is None else three_digits(row.against_first),
        "memory, MiB": lambda row: f"{row.costs.memory / 2**20:.0f}",
        "per row, KiB": lambda row: three_digits(row.costs.memory / 2**10 / row.costs.rows),
        "whole process, MiB": lambda row: f"{row.costs.process / 2**20:.0f}",
    },
)

if __name__ == "__main__":
    chosen: dict[str, Any] = json.loads(sys.argv[1])
    if threads := chosen.pop("threads"):
        torch.set_num_threads(threads)
    print(json.dumps(asdict(measure_point(ScalingPoint(**chosen)))))
