"""An attack holds two numbers for each image beside the images, and nothing else that grows with them."""

from functools import wraps
from typing import Any

import pytest
import torch
from peak_memory import Peak
from problems import outcomes_of, random_images
from torch import Tensor

from sparseattack import Edits, Problem, Search, Space, load, rgb, spent


class Cheap:
    """Gives all images the same scores; answers edits as well."""

    name = "cheap"

    def __init__(self, classes: int = 2, batch: int = 16) -> None:
        self.scores, self.batch = torch.tensor([2.0] + [0.0] * (classes - 1)), batch

    def __call__(self, images: Tensor) -> Tensor:
        return self.scores.repeat(len(images), 1)

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        return self.scores.repeat(len(rows), 1)


def peak(strategy: str, count: int, pixels: int, *, sparse: bool) -> int:
    """Bytes that an attack on so many images holds at most, these not counted."""
    images, labels = random_images(count), torch.zeros(count, dtype=torch.int64)
    held = Peak(images, labels)
    with held:
        problem = Problem(Cheap(), rgb(pixels=pixels), images, labels, until=spent, sparse=sparse)
        for _ in outcomes_of(problem, load("strategies", strategy), 30):
            pass
    return held.most


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize(
    ("strategy", "pixels"), [("de(popsize=10)", 1), ("random(popsize=30)", 20), ("sparse-rs", 5)]
)
def test_it_does_not_grow_with_the_images(strategy: str, pixels: int, sparse: bool) -> None:
    few, many = (peak(strategy, count, pixels, sparse=sparse) for count in (100, 300))
    numbers = 16 * (300 - 100)  # the index and the label of each image that is searched
    assert 10_000 < many < 1.05 * few + numbers


def held_by_search(strategy: str, count: int, pixels: int, budget: int) -> int:
    """Bytes that the searches of an attack on so many images hold at most, all that are open together."""
    held, inner = Peak(), load("strategies", strategy)

    @wraps(inner)
    def measured(space: Space) -> Search:
        values: Any = None
        with held:
            search = inner(space)
        while True:
            with held:
                candidates = search.send(values)
            values = yield candidates

    images, labels = random_images(count, (3, 32, 32)), torch.zeros(count, dtype=torch.int64)
    problem = Problem(Cheap(10, 256), rgb(pixels=pixels), images, labels, until=spent)
    for _ in outcomes_of(problem, measured, budget):
        pass
    return held.most


def test_additive_gp_holds_as_many_images_as_its_memory_allows() -> None:
    assert 40e6 < held_by_search("additive-gp", 1024, 3, budget=1) < 256e6
    held = held_by_search("additive-gp(memory=20, window=20)", 12, 3, budget=22)
    assert 2e6 < held < 20e6


def test_edits_of_many_pixels_take_no_more_for_each() -> None:
    def held(pixels: int) -> int:
        edits = Edits(torch.arange(pixels).expand(8, -1), torch.zeros(8, pixels, 3, dtype=torch.uint8))
        peak = Peak(*edits)
        with peak:
            edits.paint(random_images(8, (3, 50, 50)))
        return peak.most

    assert held(2000) < 2 * held(1000)
