"""Small problems that a strategy is tried on: searches without an oracle, attacks with a counting one."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.plugins.registry import load
from sparseattack.plugins.spec import Use, extra_objectives, uses_of
from sparseattack.problem.edits import Edits
from sparseattack.problem.encodings.pixels import rgb
from sparseattack.problem.fitness import margin
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Space, Strategy
from sparseattack.search.contract import as_declared, ask, is_query, start, within_budget

IMAGES = 3
SHAPE = 3, 12, 12
MARGIN = torch.tensor([1e7, 0, 0], dtype=torch.float64)  # of class 0: no edit of a few pixels succeeds

ObjectiveFunction = Callable[[int, Tensor], Tensor]
"""Objective values ``(B, P)`` of a generation's number, from 0, and its candidates ``(B, P, D)``."""


class ContractError(AssertionError):
    """A strategy breaks a clause of the contract; the text says how, and begins with "it"."""


class Generation(NamedTuple):
    """Candidates that a search yields at once."""

    candidates: Tensor  # (B, P, D)
    evaluated: Tensor  # (B, P) bool, those within the budget


def run_search(
    strategy: Strategy, space: Space, objective: ObjectiveFunction, budget: int
) -> list[Generation]:
    """Run a search without an oracle until every image has spent its budget, or no candidate is yielded.

    Where the strategy uses scores, they are such that the margin of class 0 is the first value.
    """
    scores: Tensor | None = None
    if "scores" in space.known.uses:
        space = replace(space, known=replace(space.known, scores=lambda: scores))
    search, values, generations = start(strategy, space, "it"), None, list[Generation]()
    left = torch.full((space.batch,), budget)
    while left.any():
        candidates = ask(search, values, space, "it")
        evaluated = within_budget(candidates, left)
        if not evaluated.any():
            break
        first, mean = objective(len(generations), candidates), candidates.mean(2)
        values = torch.stack([first, *[mean] * (len(space.objectives) - 1)], 2)
        values = values.masked_fill(~evaluated.unsqueeze(2), torch.inf)
        scores = torch.stack([first, torch.zeros_like(first), -mean], 2)
        scores = scores.masked_fill(values[..., :1].isinf(), torch.nan)
        generations.append(Generation(candidates, evaluated))
        left = left - evaluated.sum(1)
    return generations


READS: dict[str, Use] = {
    "images": "image",
    "labels": "scores",
    "scale": "scores",
    "clean_scores": "scores",
    "scores": "scores",
    "budget": "budget",
    "starts": "start",
}
"""The attributes of a space that a strategy must have declared to read, and by which name."""


@dataclass(frozen=True)
class WatchedSpace(Space):
    """A space that lists which of the attributes ``READS`` are read, also where that is refused."""

    read: set[str] = field(default_factory=set)

    def __getattribute__(self, name: str) -> Any:
        """The attribute, which is listed."""
        if name in READS:
            self.read.add(name)
        return super().__getattribute__(name)


def watched(space: Space) -> WatchedSpace:
    """The same space, watched."""
    return WatchedSpace(**{each.name: getattr(space, each.name) for each in fields(space)})


def candidates_of(generations: list[Generation], image: int) -> Tensor:
    """All evaluated candidates of one image, in order: ``(n, D)``; of a search without any ``(0, 0)``."""
    if not generations:
        return torch.zeros(0, 0)
    return torch.cat([candidates[image, evaluated[image]] for candidates, evaluated in generations])


def sphere(generation: int, candidates: Tensor) -> Tensor:
    """The sphere function, with its minimum at 0.3 in every coordinate: ``(B, P)``."""
    return (candidates - 0.3).square().sum(2)


class CountingOracle:
    """A linear classifier of three classes that no edit fools; ``seen`` counts the queries of every image."""

    name, rounding = "counting", 0

    def __init__(self) -> None:
        self.seen: Counter[int] = Counter()

    def __call__(self, images: Tensor) -> Tensor:
        """Logits ``(n, 3)``, exact in any batch: whole weights and 8-bit inputs."""
        inputs = eight_bit(images).flatten(1).double()
        weights = torch.arange(inputs.shape[1] * 3, dtype=torch.float64).mul(37).remainder(101).view(-1, 3)
        return inputs @ weights + MARGIN

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """Logits ``(n, 3)`` of edited images; each is counted as a query of the image ``rows (n,)``."""
        self.seen.update(rows.tolist())
        return self(edits.paint(images, rows))


def problem(strategy: Strategy, shape: tuple[int, int, int] = SHAPE, pixels: int = 1) -> Problem:
    """Three random images of class 0, with as many objectives as the strategy declares."""
    draw = torch.Generator().manual_seed(1)
    images = levels(torch.randint(256, (IMAGES, *shape), generator=draw))
    labels = torch.zeros(IMAGES, dtype=torch.int64)
    fitness = margin, *(load("fitness", name) for name in extra_objectives(strategy))
    oracle, encoding = CountingOracle(), rgb(pixels=pixels)
    tried = Problem(oracle, encoding, images, labels, fitness=fitness, sparse=True, checked=True)
    return as_declared(tried, uses_of(strategy))


def search_budget(strategy: Strategy) -> int:
    """A budget of a little more than three generations, but at least 60 queries."""
    space = search_space(strategy, budget=1000)
    first = is_query(ask(start(strategy, space, "it"), None, space, "it"))
    return max(60, 3 * int(first.sum(1).max()) + 1)


def search_space(
    strategy: Strategy, shape: tuple[int, int, int] = SHAPE, images: int = IMAGES, budget: int | None = None
) -> Space:
    """The search space of the first ``images`` of the three, as the strategy declares it, fresh streams."""
    budget = budget or search_budget(strategy)
    rows, uses = slice(images), uses_of(strategy)
    return problem(strategy, shape).space(rows, budget, seed=0, key="conformance", uses=uses)
