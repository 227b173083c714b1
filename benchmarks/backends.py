"""How fast attacks are with other libraries than torch: ``python -m benchmarks.backends NETWORK...``.

Whole attacks by ``de`` with one pixel, in turns within one process, by processor time: whole images by the
oracle itself, by each backend, and sparse inference. What is made ready once is left out.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from time import process_time

import torch
from torch import Tensor, nn

from benchmarks.networks import BATCH, load_network
from sparseattack import Classifier, InputError, Problem, attack, load, rgb, spent
from sparseattack.problem.oracle import EAGER
from sparseattack.search.inference import with_backend

SPARSE = "sparse"
NETWORKS = ("resnet20", "allconv-small", "allconv", "vgg16", "efficientnet-lite0", "mobilenet")
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """An expansion, a depthwise convolution and a projection beside a shortcut where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, factor: int) -> None:
        super().__init__()
        inner = inputs * factor
        self.shortcut = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            *_normed(nn.Conv2d(inputs, inner, 1, bias=False)),
            nn.ReLU6(),
            *_normed(nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False)),
            nn.ReLU6(),
            *_normed(nn.Conv2d(inner, outputs, 1, bias=False)),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """``(n, inputs, H, W) -> (n, outputs, H / stride, W / stride)``."""
        inside: Tensor = self.layers(maps)
        return maps + inside if self.shortcut else inside


def mobilenet() -> nn.Module:
    """A network like MobileNetV2 (Sandler et al., 2018) for images of 32x32, with random weights."""
    layers: list[nn.Module] = [*_normed(nn.Conv2d(3, 32, 3, 1, 1, bias=False)), nn.ReLU6()]
    inputs = 32
    for factor, outputs, count, stride in STAGES:
        for place in range(count):
            layers.append(InvertedResidual(inputs, outputs, 1 if place else stride, factor))
            inputs = outputs
    layers += [*_normed(nn.Conv2d(inputs, 1280, 1, bias=False)), nn.ReLU6()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10))


def _normed(convolution: nn.Conv2d) -> tuple[nn.Module, nn.Module]:
    return convolution, nn.BatchNorm2d(convolution.out_channels)


def problem_of(name: str, images: int) -> Problem:
    """The attack on the first ``images`` of the sample, which are searched to the end of their budget."""
    if name == "mobilenet":
        torch.manual_seed(0)
        settings = {"module": "benchmarks.backends:mobilenet", "batch": BATCH}
        oracle: Classifier = load("oracles", "torch", settings)()
        shown = load_network("allconv-small", "cpu").images[:images]
        labels = oracle(shown).argmax(1)
    else:
        network = load_network(name, "cpu")
        oracle, shown, labels = network.oracle, network.images[:images], network.labels[:images]
    return Problem(oracle, rgb(pixels=1), shown, labels, until=spent, sparse=False)


def ways_of(problem: Problem) -> dict[str, Problem]:
    """The problem, evaluated by everything that there is here; what is missing is printed."""
    ways = {EAGER: problem}
    for name in problem.classifier.backends:
        try:
            ways[name] = replace(problem, oracle=with_backend(problem.classifier, name, problem.images))
        except InputError as error:
            print(f"  {name}: {error}")
    return ways | {SPARSE: replace(problem, sparse=True)}


def seconds(problem: Problem, budget: int) -> float:
    """Processor time of an attack."""
    start = process_time()
    attack(problem, load("strategies", "de"), budget)
    return process_time() - start


def measure(name: str, images: int, budget: int, turns: int) -> None:
    """Print, for every way, how many times as fast it is as the oracle itself: median, least and greatest."""
    ways = ways_of(problem_of(name, images))
    for problem in ways.values():
        seconds(problem, 100)  # what is made ready once
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(turns):
        order = list(ways) if turn % 2 == 0 else list(ways)[::-1]
        for way in order:
            taken[way].append(seconds(ways[way], budget))
    rows = images * budget
    print(
        f"{name}: {rows} queries, eager {rows / median(taken[EAGER]):.0f} a second of processor time",
        flush=True,
    )
    for way, times in taken.items():
        ratios = sorted(own / time for own, time in zip(taken[EAGER], times, strict=True))
        print(f"  {way}: {median(ratios):.2f} ({ratios[0]:.2f} - {ratios[-1]:.2f})", flush=True)


def main(given: Sequence[str] | None = None) -> None:
    """Measure the networks that are named, or all."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.backends", description=(__doc__ or "").split(":")[0]
    )
    made.add_argument("networks", nargs="*", default=NETWORKS)
    made.add_argument("--images", type=int, default=4)
    made.add_argument("--budget", type=int, default=400)
    made.add_argument("--turns", type=int, default=3)
    made.add_argument("--threads", type=int, default=1)
    chosen = made.parse_args(given)
    torch.set_num_threads(chosen.threads)
    for name in chosen.networks:
        measure(name, chosen.images, chosen.budget, chosen.turns)


if __name__ == "__main__":
    main()
