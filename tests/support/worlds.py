"""Small problems: images that an oracle can tell apart, oracles that count and that follow a script."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sparseattack import Edits, Outcome, Problem, Search, Space, levels, rgb

Script = Callable[[int, int], bool]
"""Whether a query fools: by the place of its image, and its position among that image's queries, from 1."""


def flat_images(count: int, shape: tuple[int, int, int] = (3, 6, 5)) -> Tensor:
    """Images of one grey each, which is a different one for each image."""
    greys = torch.arange(1, count + 1).view(-1, 1, 1, 1)
    return levels(greys.expand(-1, *shape))


def places(images: Tensor) -> list[int]:
    """Which of the flat images these are: fewer than half of the pixels are changed, so the median stays."""
    greys: list[int] = images.flatten(1).median(1).values.mul(255).round().long().tolist()
    return [grey - 1 for grey in greys]


def random_images(count: int, shape: tuple[int, int, int] = (3, 6, 5), seed: int = 0) -> Tensor:
    return levels(torch.randint(256, (count, *shape), generator=torch.Generator().manual_seed(seed)))


class Witness:
    """Counts the flat images it is shown, and is fooled where the script says so."""

    name = "witness"

    def __init__(self, script: Script = lambda place, query: False, batch: int = 256) -> None:
        self.script, self.batch, self.seen, self.calls = script, batch, Counter[int](), list[int]()

    def __call__(self, images: Tensor) -> Tensor:
        """Class 0, by more than half or less than that, unless it is fooled."""
        self.calls.append(len(images))
        scores = torch.zeros(len(images), 3)
        scores[:, 0] = 1 + images.flatten(1).sin().mean(1) / 2  # something to be searched
        for row, place in enumerate(places(images)):
            self.seen[place] += 1
            if self.script(place, self.seen[place]):
                scores[row, 0] = -1
        return scores


def witnessed(script: Script = lambda place, query: False, count: int = 3, **others: Any) -> Problem:
    """A problem on flat images before a witness, each row of a call being a query."""
    given: dict[str, Any] = {
        "images": flat_images(count),
        "labels": torch.zeros(count, dtype=torch.int64),
        "oracle": Witness(script),
        "encoding": rgb(),
        "pad": 1,
        "repeat": True,
    }
    return Problem(**(given | others))


def uniform(space: Space, *, popsize: int = 7) -> Search:
    """Uniform random search."""
    while True:
        yield space.uniform(popsize)


def account(outcome: Outcome) -> tuple[object, ...]:
    """Everything in an outcome but its place and its seconds."""
    front = [(p.values, p.positions.tolist(), p.colours.tolist()) for p in outcome.front]
    edit = outcome.positions.tolist(), outcome.colours.tolist(), outcome.values, outcome.pixels
    costs = outcome.queries, outcome.repeats, outcome.first_fooled, outcome.restarts, outcome.trace
    return *edit, *costs, front, outcome.error


def edit(*pixels: tuple[int, tuple[int, ...]]) -> Edits:
    """One edit of the pixels ``(position, colour)``."""
    where, colours = zip(*pixels, strict=True)
    return Edits(torch.tensor([where]), torch.tensor([colours], dtype=torch.uint8))
