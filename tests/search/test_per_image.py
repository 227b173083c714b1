"""Per-image searches: isolated random states, any population, and errors that end one image only."""

import inspect
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import mtrand
from problems import attack, outcome_facts, scripted_problem

from sparseattack import ImageSearch, InputError, Space, StrategyError, per_image, spent
from sparseattack.search.isolation import IsolatedRandomState


@contextmanager
def untouched(normals: int = 0) -> Iterator[None]:
    """Everything global that is drawn within is drawn as if nothing had happened."""

    def chance() -> tuple[float, ...]:
        return np.random.standard_normal(), np.random.rand(), random.gauss(0, 1), float(torch.rand(()))

    def seed() -> None:
        np.random.seed(5)
        random.seed(5)
        torch.manual_seed(5)
        for _ in range(normals):  # an odd number leaves half of a pair for later
            np.random.standard_normal()
            random.gauss(0, 1)

    with IsolatedRandomState(np.random.default_rng(0)).active():
        seed()
        expected = chance()
        seed()
        yield
        assert chance() == expected


@per_image
def global_draws(space: Space, generator: np.random.RandomState, *, popsize: int = 3) -> ImageSearch:
    """Draws from wherever there is chance."""
    while True:
        columns = [generator.rand(popsize), np.random.rand(popsize), torch.rand(popsize).numpy()]
        columns += [np.abs(np.sin(np.random.standard_normal(popsize)))]
        columns += [np.array([random.random() for _ in range(popsize)])]
        yield np.stack(columns, axis=1)


@per_image
def reseeding(space: Space, generator: np.random.RandomState) -> ImageSearch:
    """Seeds what is global."""
    np.random.seed(0)
    random.seed(0)
    torch.manual_seed(0)
    while True:
        yield np.random.rand(3, space.dims)


@per_image
def failing(space: Space, generator: np.random.RandomState, *, at: int = 4) -> ImageSearch:
    """Fails, in one image of three or so, in the midst of using what is global."""
    for turn in range(10**6):
        yield np.random.rand(2, space.dims)
        if turn == at and space.streams[0].random() < 0.3:
            np.random.seed(turn)
            raise ArithmeticError("no such matrix")


@pytest.mark.parametrize("normals", [0, 1, 2])
@pytest.mark.parametrize("strategy", [global_draws, reseeding, failing])
def test_global_random_state_is_isolated(strategy: Any, normals: int) -> None:
    with untouched(normals):
        attack(scripted_problem(count=5), strategy, 40)


def test_global_random_state_is_isolated_where_the_start_fails() -> None:
    @per_image
    def stillborn(space: Space, generator: np.random.RandomState) -> ImageSearch:
        np.random.rand()
        random.random()
        raise LookupError("no optimizer")
        yield np.zeros((1, 1))

    with untouched(), pytest.raises(StrategyError, match="strategy stillborn failed: LookupError: no opt"):
        attack(scripted_problem(), stillborn, 40)


def test_global_random_state_is_isolated_before_the_search_begins() -> None:
    @per_image
    def eager(space: Space, generator: np.random.RandomState) -> ImageSearch:
        np.random.rand()

        def search() -> ImageSearch:
            while True:
                yield np.random.rand(2, space.dims)

        return search()

    with untouched():
        attack(scripted_problem(), eager, 40)


def test_another_global_generator_of_numpy_is_restored() -> None:
    usual = mtrand.get_bit_generator()
    try:
        mtrand.set_bit_generator(np.random.PCG64(3))
        expected = np.random.RandomState(np.random.PCG64(3)).rand(2)
        first = np.random.rand()
        attack(scripted_problem(), global_draws, 20)
        assert [first, np.random.rand()] == expected.tolist()
    finally:
        mtrand.set_bit_generator(usual)


@pytest.mark.parametrize("strategy", [global_draws, reseeding, failing])
def test_a_search_does_not_depend_on_other_images(strategy: Any) -> None:
    together = [outcome_facts(each) for each in attack(scripted_problem(count=5), strategy, 40, group=5)]
    assert [
        outcome_facts(each) for each in attack(scripted_problem(count=5), strategy, 40, group=1)
    ] == together
    np.random.rand()
    assert [
        outcome_facts(each) for each in attack(scripted_problem(count=5), strategy, 40, group=2)
    ] == together


def test_random_streams_continue_between_generations() -> None:
    turns: list[list[float]] = []

    @per_image
    def recording(space: Space, generator: np.random.RandomState) -> ImageSearch:
        while True:
            drawn = [generator.rand(), np.random.rand(), random.random(), float(torch.rand(())), 0.5]
            turns.append(drawn)
            yield np.array([drawn])

    attack(scripted_problem(count=1), recording, 6)
    assert [len(set(column)) for column in zip(*turns, strict=True)] == [6, 6, 6, 6, 1]


def test_each_image_has_its_own_random_stream() -> None:
    outcomes = attack(scripted_problem(count=5), global_draws, 40)
    assert len({outcome.trace for outcome in outcomes}) == 5


def test_a_failing_search_ends_its_image_only() -> None:
    outcomes = attack(scripted_problem(count=16), failing, 40)
    given_up = [outcome for outcome in outcomes if outcome.error]
    assert 0 < len(given_up) < 16
    for outcome in outcomes:
        assert outcome.error in ("", "ArithmeticError: no such matrix")
        assert outcome.queries == (10 if outcome.error else 40)
        assert np.isfinite(outcome.values[0])


def test_a_search_that_returns_ends_its_image_with_an_error() -> None:
    @per_image
    def short(space: Space, generator: np.random.RandomState) -> ImageSearch:
        for _ in range(1 + space.streams[0].integers(30)):
            yield generator.rand(1, space.dims)

    outcomes = attack(scripted_problem(count=8), short, 20)
    error = "StrategyError: its search returned; it must restart and let the budget end it"
    assert {outcome.error for outcome in outcomes} == {"", error}
    assert all((outcome.queries == 20) == (outcome.error == "") for outcome in outcomes)


@pytest.mark.parametrize(
    "wrong", [np.zeros(5), np.zeros((2, 4)), np.full((2, 5), np.nan), np.zeros((1, 2, 5)), None]
)
def test_invalid_candidates_end_their_image_only(wrong: Any) -> None:
    @per_image
    def wavers(space: Space, generator: np.random.RandomState) -> ImageSearch:
        yield generator.rand(2, space.dims)
        while True:
            yield wrong

    outcome = attack(scripted_problem(count=1), wavers, 20)[0]
    assert outcome.queries == 2
    assert outcome.error.startswith("StrategyError: it asked with shape")


def test_invalid_candidates_in_the_first_generation_are_raised() -> None:
    @per_image
    def wrong(space: Space, generator: np.random.RandomState) -> ImageSearch:
        while True:
            yield np.zeros((2, 3))

    with pytest.raises(StrategyError, match=r"strategy wrong: it asked with shape \(2, 3\), not \(P, 5\)"):
        attack(scripted_problem(), wrong, 20)


def test_settings_refused_at_the_start_are_raised() -> None:
    @per_image
    def choosy(space: Space, generator: np.random.RandomState, *, popsize: int = 0) -> ImageSearch:
        if popsize < 1:
            raise InputError("choosy needs a popsize of at least 1")
        yield np.zeros((popsize, space.dims))

    with pytest.raises(InputError, match=r"^choosy needs a popsize of at least 1$"):
        attack(scripted_problem(), choosy, 20)


def test_populations_may_differ() -> None:
    sizes: list[tuple[int, int]] = []

    @per_image
    def growing(space: Space, generator: np.random.RandomState) -> ImageSearch:
        while True:
            size = int(space.streams[0].integers(1, 6))
            values = yield generator.rand(size, space.dims)
            sizes.append((size, int(np.isfinite(values).sum())))

    outcomes = attack(scripted_problem(count=4), growing, 23)
    assert [outcome.queries for outcome in outcomes] == [23] * 4
    assert all(candidates == values for candidates, values in sizes) and len(set(sizes)) == 5


def test_a_generation_cut_by_the_budget_returns_no_values() -> None:
    sizes: list[int] = []

    @per_image
    def counting(space: Space, generator: np.random.RandomState) -> ImageSearch:
        while True:
            sizes.append(len((yield generator.rand(4, space.dims))))

    assert attack(scripted_problem(count=1), counting, 10)[0].queries == 10
    assert sizes == [4, 4]


def test_candidates_outside_the_cube_are_moved_to_its_border() -> None:
    @per_image
    def beyond(space: Space, generator: np.random.RandomState) -> ImageSearch:
        while True:
            yield np.full((1, space.dims), 1.0 + 1e-9) * generator.choice([1.0, -7.0])

    outcomes = attack(scripted_problem(count=2, until=spent), beyond, 8)
    assert all(outcome.queries == 8 and not outcome.error for outcome in outcomes)


def test_restarts_are_counted_for_each_image() -> None:
    @per_image
    def restless(space: Space, generator: np.random.RandomState) -> ImageSearch:
        while True:
            yield generator.rand(2, space.dims)
            if space.streams[0].random() < 0.5:
                space.journal.restarted()

    for group in (1, 4):
        outcomes = attack(scripted_problem(count=4), restless, 40, group=group)
        counts = [outcome.restarts for outcome in outcomes]
        assert all(0 < count < 20 for count in counts) and len(set(counts)) > 1


def test_per_image_preserves_settings_and_name() -> None:
    assert global_draws.__name__ == "global_draws"
    assert inspect.signature(global_draws).parameters["popsize"].default == 3
