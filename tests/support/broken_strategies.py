"""Strategies that break the contract, each in one way, and one that keeps it."""

import random
import time
from itertools import count

import numpy as np
import torch

from sparseattack import ImageSearch, InputError, Search, Space, per_image


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
