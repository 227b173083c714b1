"""Small problems: images that can be recognised, and an oracle that counts queries and follows a script."""

from collections import Counter
from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor

import sparseattack
from sparseattack import Edits, Outcome, Problem, Search, Space, Strategy, levels, rgb

Script = Callable[[int, int], bool]
"""Whether a query succeeds: by the number of its image and its position among that image's queries."""


def flat_images(count: int, shape: tuple[int, int, int] = (3, 6, 5)) -> Tensor:
    """Images ``(count, C, H, W)`` of one grey each: 1/255, 2/255, ..."""
    greys = torch.arange(1, count + 1).view(-1, 1, 1, 1)
    return levels(greys.expand(-1, *shape))


def image_numbers(images: Tensor) -> list[int]:
    """Numbers of the flat images behind perturbed ones: few pixels are changed, so the median stays."""
    greys: list[int] = images.flatten(1).median(1).values.mul(255).round().long().tolist()
    return [grey - 1 for grey in greys]


def random_images(count: int, shape: tuple[int, int, int] = (3, 6, 5), seed: int = 0) -> Tensor:
    return levels(torch.randint(256, (count, *shape), generator=torch.Generator().manual_seed(seed)))


class ScriptedOracle:
    """Counts queries by flat image, and calls; misclassifies where the script says so."""

    name, scale, rounding = "witness", "logits", 0

    def __init__(self, script: Script = lambda place, query: False, batch: int = 256) -> None:
        self.script, self.batch, self.seen, self.calls = script, batch, Counter[int](), list[int]()

    def __call__(self, images: Tensor) -> Tensor:
        """Scores ``(n, 3)``: class 0 leads by 0.5 to 1.5, unless the script says that the query succeeds."""
        self.calls.append(len(images))
        scores = torch.zeros(len(images), 3)
        scores[:, 0] = 1 + images.flatten(1).sin().mean(1) / 2  # differs between candidates
        for row, place in enumerate(image_numbers(images)):
            self.seen[place] += 1
            if self.script(place, self.seen[place]):
                scores[row, 0] = -1
        return scores


def scripted_problem(script: Script = lambda place, query: False, count: int = 3, **others: Any) -> Problem:
    """A problem on flat images and a scripted oracle, without padding and deduplication."""
    given: dict[str, Any] = {
        "images": flat_images(count),
        "labels": torch.zeros(count, dtype=torch.int64),
        "oracle": ScriptedOracle(script),
        "encoding": rgb(),
        "pad": 1,
        "repeat": True,
        "checked": True,  # its answers are a script, not a function of the image
    }
    return Problem(**(given | others))


def uniform(space: Space, *, popsize: int = 7) -> Search:
    """Uniform random search."""
    while True:
        yield space.uniform(popsize)


def outcome_facts(outcome: Outcome) -> tuple[object, ...]:
    """Everything in an outcome but the image's number and the seconds."""
    front = [(p.values, p.positions.tolist(), p.colours.tolist()) for p in outcome.front]
    edit = outcome.positions.tolist(), outcome.colours.tolist(), outcome.values, outcome.pixels
    costs = outcome.queries, outcome.repeats, outcome.first_fooled, outcome.restarts, outcome.trace
    return *edit, *costs, front, outcome.error


def edit(*pixels: tuple[int, tuple[int, ...]]) -> Edits:
    """One edit of the pixels ``(position, colour)``."""
    where, colours = zip(*pixels, strict=True)
    return Edits(torch.tensor([where]), torch.tensor([colours], dtype=torch.uint8))


def attack(problem: Problem, strategy: Strategy, budget: int, *others: int, **put: Any) -> list[Outcome]:
    """Attack all images, so that the oracle is shown candidates only."""
    return sorted(outcomes_of(problem, strategy, budget, *others, **put), key=lambda outcome: outcome.image)


def outcomes_of(
    problem: Problem, strategy: Strategy, budget: int, *others: int, **put: Any
) -> Generator[Outcome, None, None]:
    """The same, each outcome as soon as its image is finished."""
    for outcome in sparseattack.outcomes_of(problem, strategy, budget, *others, clean="keep", **put):
        assert isinstance(outcome, Outcome)
        yield outcome
