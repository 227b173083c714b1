"""One point of ``scaling``, measured in this process: ``python -m benchmarks.point '{...}'`` prints JSON."""

import json
import sys
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.networks import drawn, plain
from sparseattack import Classifier, Problem, load, spent
from sparseattack.oracles.forward import Forward
from sparseattack.problem.edits import levels

from .memory import held, peak
from .raw import fastest
from .spread import Spread, in_turn
from .timing import Run, timed

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
