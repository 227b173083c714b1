"""Exhaustive search evaluates everything once, which gives the best possible pixel."""

from collections import Counter
from typing import Literal

import numpy as np
import pytest
import torch
from problems import attack, random_images
from scipy.stats import chisquare
from spaces import all_candidates, decode, generations, space

from sparseattack import Encoding, InputError, Problem, corners, load, rgb, spent
from sparseattack.strategies.pixel_search.exhaustive import exhaustive


@pytest.mark.parametrize("encoding", ["rgb", "corners"])
@pytest.mark.parametrize("shape", [(1, 4, 3), (3, 2, 5), (4, 1, 2), (3, 1, 1)])
def test_evaluates_every_pixel_in_every_corner_once(
    shape: tuple[int, int, int], encoding: Literal["rgb", "corners"]
) -> None:
    channels, height, width = shape
    here = space(0, 1, shape=shape, encoding=encoding)
    orders = []
    for asked in all_candidates(lambda here: exhaustive(here, popsize=7), here):
        positions, colours = decode(asked, here, encoding)
        orders.append(
            [
                (where, *colour)
                for (where,), (colour,) in zip(positions.tolist(), colours.tolist(), strict=True)
            ]
        )
        assert len(orders[-1]) == len(set(orders[-1])) == height * width * 2**channels
        assert {value for _, *colour in orders[-1] for value in colour} == {0, 255}
    assert set(orders[0]) == set(orders[1]) and orders[0] != orders[1]


def test_has_no_queries_once_everything_is_evaluated() -> None:
    last = generations(exhaustive(space(0, 1, shape=(1, 2, 2)), popsize=5), *[1.0] * 6)
    assert [bool(each.isnan().all()) for each in last] == [False, False, True, True, True, True, True]
    assert last[1].shape == (2, 3, 3)


def test_a_smaller_budget_is_a_uniform_sample() -> None:
    here = space(*range(600), shape=(1, 3, 2), budget=2)
    asked = torch.stack(all_candidates(exhaustive, here))
    positions = decode(asked[:, 0], here)[0]
    assert asked.shape == (600, 2, 3)
    assert chisquare(np.bincount(positions[:, 0], minlength=6)).pvalue > 1e-3
    assert (asked[:, 0] != asked[:, 1]).any(1).all()


@pytest.mark.parametrize(
    ("pixels", "channels", "words"),
    [(3, 3, "exhaustive tries every single pixel: it needs pixels=1, not 3"),
     (1, 17, "exhaustive takes 16 channels at most, not 17")],
)  # fmt: skip
def test_refuses_what_it_cannot_finish(pixels: int, channels: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        next(exhaustive(space(0, shape=(channels, 6, 5), pixels=pixels)))


def test_sixteen_channels_cost_no_more_memory_than_queries() -> None:
    candidates = next(exhaustive(space(0, shape=(16, 512, 512), budget=300)))
    assert candidates.shape == (1, 256, 18)


def lowest_margins(problem: Problem) -> list[float]:
    """Of a linear oracle, by one change of one pixel: each channel adds its weights on its own."""
    scores = problem.oracle(problem.images).double()
    size = problem.images[0].numel()
    weights = torch.stack(
        [problem.oracle(torch.eye(size)[i].view(1, *problem.images.shape[1:]))[0] for i in range(size)]
    )
    weights = weights.double() / 255  # of an input that counts levels
    best = []
    for image, label, clean in zip(problem.images, problem.labels, scores, strict=True):
        lead = (weights[:, [label]] - weights).view(image.shape[0], -1, weights.shape[1])  # over each class
        levels = image.mul(255).round().double().flatten(1).unsqueeze(2)
        change = torch.minimum(-levels * lead, (255 - levels) * lead).sum(0)  # the better end of each channel
        margins = clean[label] - clean + change
        margins[:, label] = torch.inf
        best.append(margins.amin().item())
    return best


@pytest.mark.parametrize("encoding", [rgb(), corners()])
def test_finds_the_best_single_pixel_of_a_linear_oracle(encoding: Encoding) -> None:
    oracle = load("oracles", "linear(classes=4,inputs=90)")()
    images = random_images(5)
    problem = Problem(oracle, encoding, images, oracle(images).argmax(1), until=spent)
    outcomes = attack(problem, exhaustive, budget=240)
    lowest = [min(value for _, value in outcome.trace) for outcome in outcomes]
    assert [outcome.queries for outcome in outcomes] == [240] * 5
    assert lowest == pytest.approx(lowest_margins(problem))
    assert Counter(outcome.fooled for outcome in outcomes) == Counter(value < 0 for value in lowest)
