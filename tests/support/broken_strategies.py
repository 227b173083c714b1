"""Strategies that break the contract, each in one way, and one that keeps it."""

import random
import time
from itertools import count

import numpy as np
import torch

from sparseattack import ImageSearch, InputError, Search, Space, StrategyError, per_image, uses


def honest(space: Space, *, popsize: int = 5) -> Search:
    while True:
        yield space.uniform(popsize)


def outside(space: Space) -> Search:
    while True:
        candidates = space.uniform(5)
        candidates[1, 2, 3] = 1.2
        yield candidates


def doubles(space: Space) -> Search:
    while True:
        yield space.uniform(5).double()


def returns(space: Space) -> Search:
    for _ in range(3):
        yield space.uniform(5)


def asks_nothing(space: Space) -> Search:
    while True:
        yield space.uniform(5)[:, :0]


def asks_no_numbers(space: Space) -> Search:
    while True:
        yield torch.full_like(space.uniform(5), torch.nan)


def forgets_an_image(space: Space) -> Search:
    for turn in count():
        candidates = space.uniform(5)
        if space.batch > 1 and turn:
            candidates[-1] = torch.nan
        yield candidates


def shares_a_stream(space: Space) -> Search:
    while True:
        yield torch.from_numpy(space.streams[0].random((space.batch, 5, space.dims), np.float32))


def draws_globally(space: Space) -> Search:
    while True:
        yield torch.rand(1, 5, space.dims).expand(space.batch, -1, -1).clone()


def seeds_globally(space: Space) -> Search:
    while True:
        random.seed(0)
        yield space.uniform(5)


def asks_the_clock(space: Space) -> Search:
    while True:
        yield space.uniform(5).add(time.perf_counter_ns() % 997 / 997).remainder(1)


def writes_to_its_questions(space: Space) -> Search:
    candidates = space.uniform(5)
    while True:
        yield candidates
        candidates.copy_(space.uniform(5))


def looks_at_the_others(space: Space) -> Search:
    steps = 0.5
    while True:
        values = yield space.uniform(5).mul(steps)
        steps = 0.25 if values.isfinite().all() else 0.75


def cannot_bear_equal_values(space: Space) -> Search:
    while True:
        values = yield space.uniform(5)
        if values.amin() == values.amax():
            raise ValueError("the variance is 0")


@per_image
def gives_up(space: Space, random: np.random.RandomState) -> ImageSearch:
    for turn in count():
        yield random.rand(5, space.dims)
        if turn > 5:
            raise ArithmeticError("converged")


def knows_two_dimensions(space: Space) -> Search:
    if space.slots > 1:
        raise InputError("it takes one pixel")
    channels = space.dims - 2
    if channels != 3:
        raise RuntimeError(f"only colours, not {channels} channels")
    yield from honest(space)


def sees_the_image_undeclared(space: Space) -> Search:
    yield space.uniform(5)
    while True:
        yield space.uniform(5) * space.images.mean()


def tries_to_see_the_budget(space: Space) -> Search:
    """It is refused, and goes on."""
    try:
        popsize = space.budget // 10
    except StrategyError:
        popsize = 5
    yield from honest(space, popsize=popsize)


@uses("image", "scores")
def declares_too_much(space: Space) -> Search:
    while True:
        yield space.uniform(5) * space.images.mean((1, 2, 3)).view(-1, 1, 1)


@uses("image")
def sees_the_images_beside(space: Space) -> Search:
    while True:
        yield space.uniform(5) * space.images.mean()


@uses("scores")
def sees_the_scores_beside(space: Space) -> Search:
    size = torch.tensor(1.0)
    while True:
        yield space.uniform(5) * size
        size = space.scores.nan_to_num().mean().sigmoid()


@uses("budget")
def halves_its_steps_by_the_budget(space: Space) -> Search:
    for query in count(1):
        yield space.uniform(1) * max(0.1, 1 - query / space.budget)


@uses("image", "scores", "budget")
def sees_all_that_it_declares(space: Space) -> Search:
    size = space.images.mean((1, 2, 3)) * space.clean_scores.softmax(1)[:, 0] / space.budget
    while True:
        yield space.uniform(5) * size.view(-1, 1, 1).sigmoid()
        last = space.scores[torch.arange(space.batch), :, space.labels]  # of the label
        size = last.nan_to_num(0).mean(1) / 1e7


def counts_its_budget(space: Space) -> Search:
    """It knows the budget of another run."""
    left = counts_its_budget.budget  # type: ignore[attr-defined]
    counts_its_budget.budget += 20  # type: ignore[attr-defined]
    while True:
        yield space.uniform(5) * (left % 97 / 97)


counts_its_budget.budget = 10  # type: ignore[attr-defined]
