"""How much memory this process holds.

One point of ``scaling``, measured in this process: ``python -m benchmarks.scaling '{...}'`` prints JSON.

Costs along images, population, pixels and the images' side: every point in a process of its own.
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

from benchmarks.networks import drawn, plain
from benchmarks.options import Options
from benchmarks.results import Part, Record, entry
from benchmarks.timing import Run, Spread, fastest, in_turn, shown, timed
from sparseattack import Classifier, Problem, SparseattackError, load, spent
from sparseattack.data.images import levels
from sparseattack.oracles.forward import Forward

PROCESS = Path("/proc/self")
RESET = "5"  # makes Linux forget the peak


def held() -> int:
    """Bytes now, the peak being forgotten; where a system cannot tell, the peak."""
    try:
        (PROCESS / "clear_refs").write_text(RESET)
        return _told("VmRSS")
    except OSError:
        return peak()


def peak() -> int:
    """Bytes at most; ``ru_maxrss``, which begins at what the parent holds, only where nothing else tells."""
    try:
        return _told("VmHWM")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _told(name: str) -> int:
    lines = (PROCESS / "status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


POOLED = 16  # pixels


def measured(point: dict[str, Any]) -> dict[str, Any]:
    """Rows, memory in bytes, and the time per row in raw ones."""
    oracle = pooling() if point["network"] == "pooling" else drawn(point["network"], "cpu")
    strategy = load("strategies", f"de(popsize={point['popsize']})")
    oracle(noise(oracle.batch, point["side"]))  # a forward pass is no part of it
    before = held()
    problem = posed(oracle, point)
    run, _ = timed(problem, strategy, point["budget"])
    after = peak()
    raw = fastest(plain(oracle), problem.images[:1], oracle.batch)
    results: dict[str, list[Run]] = in_turn(
        {"raw": lambda: raw.run(run.rows), "attack": lambda: timed(problem, strategy, point["budget"])[0]},
        point["repeats"],
    )
    pairs = zip(results["raw"], results["attack"], strict=True)
    time = Spread.of(raw.rate / attack.rate for raw, attack in pairs)
    return {"rows": run.rows, "memory": after - before, "process": after, "time": asdict(time)}


def posed(oracle: Classifier, point: dict[str, Any]) -> Problem:
    """An attack that asks all that it may."""
    images = noise(point["images"], point["side"])
    encoding = load("encodings", "rgb", {"pixels": point["k"]})()
    labels = torch.zeros(len(images), dtype=torch.int64)
    return Problem(oracle, encoding, images, labels, until=spent, sparse=point["mode"] == "sparse")


def noise(count: int, side: int) -> Tensor:
    """Images in which nothing is to be seen."""
    random = torch.Generator().manual_seed(0)
    return levels(torch.randint(256, (count, 3, side, side), generator=random, dtype=torch.uint8))


def pooling() -> Classifier:
    """The cheapest classifier there is: means of squares of pixels."""
    network = nn.Sequential(nn.AvgPool2d(POOLED), nn.Flatten())
    return Classifier("pooling", Forward(nn.Identity(), network, "cpu"), "")


if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    if chosen["threads"]:
        torch.set_num_threads(chosen["threads"])
    print(json.dumps(measured(chosen)))

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
        [sys.executable, "-m", "benchmarks.scaling", told], capture_output=True, text=True, check=False
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
