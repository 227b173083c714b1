"""Cost of an attack by images, population, pixels and image size, each point in a process of its own.

``python -m benchmarks.scaling POINT`` measures one point, a JSON object, in this process and prints JSON.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.networks import random_network, torch_network
from benchmarks.options import BenchmarkOptions
from benchmarks.results import Benchmark, ResultRow, cell
from benchmarks.timing import Spread, TimedRun, fastest, in_turn, three_digits, timed
from sparseattack import Classifier, Problem, SparseattackError, load, spent
from sparseattack.data.images import levels
from sparseattack.oracles.forward import Forward
from sparseattack.problem.inference import PAD

DEFAULTS = {"images": 10, "popsize": 50, "k": 1, "side": 32, "budget": 100, "network": "allconv-small"}
AXES: dict[str, tuple[int, ...]] = {
    "images": (10, 30, 100, 300, 1000),
    "popsize": (50, 100, 200, 400, 800),
    "k": (1, 3, 10, 30, 50),
    "side": (32, 64, 96, 128, 224),
}
OF_AXIS = {"images": {"budget": 50}, "popsize": {"images": 2, "budget": 800}, "side": {"images": 4}}
LARGE = {"images": 1000, "popsize": 400, "k": 5, "side": 224, "budget": 400, "network": "pooling"}
MAX_REPEATS = 3

POOLED = 16  # pixels
PROCESS = Path("/proc/self")
RESET = "5"  # makes Linux forget the peak


def measure(options: BenchmarkOptions) -> Iterator[ResultRow]:
    """A row for every axis, dense and sparse; then the largest attack, on the cheapest network."""
    for axis, mode in product(options.axes, ("dense", "sparse")):
        records = [_point(axis, value, mode, options) for value in AXES[axis][: options.points]]
        first = records[0]["time"].median
        yield from (record | {"against_first": record["time"].median / first} for record in records)
    if set(options.axes) == set(AXES):
        largest = {"axis": "all", "value": "largest", "against_first": None}
        yield largest | _measured(LARGE | {"mode": "dense", "repeats": 1}, options)


def _point(axis: str, value: int, mode: str, options: BenchmarkOptions) -> ResultRow:
    chosen = DEFAULTS | OF_AXIS.get(axis, {}) | {axis: value, "mode": mode}
    repeats = {"repeats": min(MAX_REPEATS, options.repeats)}
    return {"axis": axis, "value": value} | _measured(chosen | repeats, options)


def _measured(chosen: dict[str, Any], options: BenchmarkOptions) -> ResultRow:
    """One point, in a process with a memory peak of its own; SparseattackError if it fails."""
    point = json.dumps(chosen | {"threads": options.threads})
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling", point], capture_output=True, text=True, check=False
    )
    if child.returncode:
        raise SparseattackError(f"{point} failed: {child.stderr.strip().splitlines()[-1]}")
    found: ResultRow = json.loads(child.stdout)
    return chosen | found | {"time": Spread(**found["time"])}


def measure_point(point: dict[str, Any]) -> dict[str, Any]:
    """Rows, memory in bytes, and time per row in rows of the raw forward pass."""
    oracle = pooling() if point["network"] == "pooling" else random_network(point["network"], "cpu")
    strategy = load("strategies", f"de(popsize={point['popsize']})")
    oracle(noise(oracle.batch, point["side"]))  # the memory of a forward pass is no part of it
    before = current_memory()
    problem = problem_of(oracle, point)
    run, _ = timed(problem, strategy, point["budget"])
    after = peak_memory()
    raw = fastest(torch_network(oracle), problem.images[:1], oracle.batch)
    results: dict[str, list[TimedRun]] = in_turn(
        {"raw": lambda: raw.run(run.rows), "attack": lambda: timed(problem, strategy, point["budget"])[0]},
        point["repeats"],
    )
    pairs = zip(results["raw"], results["attack"], strict=True)
    time = Spread.of(raw.rate / attack.rate for raw, attack in pairs)
    return {"rows": run.rows, "memory": after - before, "process": after, "time": asdict(time)}


def problem_of(oracle: Classifier, point: dict[str, Any]) -> Problem:
    """An attack that spends the whole budget."""
    images = noise(point["images"], point["side"])
    encoding = load("encodings", "rgb", {"pixels": point["k"]})()
    labels = torch.zeros(len(images), dtype=torch.int64)
    return Problem(oracle, encoding, images, labels, until=spent, sparse=point["mode"] == "sparse")


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


SCALING = Benchmark(
    "Costs along images, population, pixels and side",
    "`de` on images of noise and a small network with random weights; the whole budget is spent. *Time per"
    " row* is in rows of the raw forward pass on images of that size; *in the first* is relative to the first"
    " row of its axis: 1 is flat. *Memory* is the peak of the process during the attack minus its memory"
    " before, images included. *largest* is 1,000 images of 224x224, five pixels, populations of 400, on a"
    " network that only pools: its time means nothing.",
    measure,
    {
        "axis": cell("axis"),
        "value": cell("value"),
        "mode": cell("mode"),
        "rows": cell("rows"),
        "time per row": cell("time"),
        "in the first": lambda record: (
            "-" if record["against_first"] is None else three_digits(record["against_first"])
        ),
        "memory, MiB": lambda record: f"{record['memory'] / 2**20:.0f}",
        "per row, KiB": lambda record: three_digits(record["memory"] / 2**10 / record["rows"]),
        "whole process, MiB": lambda record: f"{record['process'] / 2**20:.0f}",
    },
)

if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    if chosen["threads"]:
        torch.set_num_threads(chosen["threads"])
    print(json.dumps(measure_point(chosen)))
