"""The loop: rounds, shared batches, groups, and outcomes in whatever way an attack ends."""

from typing import Any

import pytest
import torch
from problems import ScriptedOracle, attack, flat_images, outcomes_of, scripted_problem, uniform
from torch import Tensor

from sparseattack import (
    OracleError,
    Outcome,
    Problem,
    Search,
    Space,
    StrategyError,
    rgb,
    spent,
)
from sparseattack.search.group import AttackSettings
from sparseattack.search.loop import run_rounds
from sparseattack.search.scheduler import OPEN


def test_outcomes_come_as_soon_as_they_are_known() -> None:
    problem = scripted_problem(lambda place, query: place == 2 and query == 1, count=3)
    assert isinstance(problem.oracle, ScriptedOracle)
    outcomes = outcomes_of(problem, uniform, 70)
    assert next(outcomes).image == 2
    assert problem.oracle.seen[0] == 7
    assert [outcome.image for outcome in outcomes] == [0, 1]
    assert problem.oracle.seen[0] == 70


def test_rounds_report_queries_and_outcomes() -> None:
    problem = scripted_problem(lambda place, query: query == 10 * (place + 1), count=4)
    assert isinstance(problem.oracle, ScriptedOracle)
    told = list(run_rounds(problem, uniform, AttackSettings(50, group=2)))
    assert sum(each.queries for each in told) == sum(problem.oracle.calls)
    assert sorted(outcome.image for each in told for outcome in each.outcomes) == [0, 1, 2, 3]


def test_outcomes_are_sorted_by_image() -> None:
    problem = scripted_problem(lambda place, query: query > 40 - 10 * place, count=4)
    outcomes = attack(problem, uniform, 70, group=2)
    assert [outcome.image for outcome in outcomes] == [0, 1, 2, 3]
    assert [outcome.first_fooled for outcome in outcomes] == [41, 31, 21, 11]


def test_no_images_have_no_outcomes() -> None:
    empty = Problem(ScriptedOracle(), rgb(), torch.zeros(0, 3, 4, 4), torch.zeros(0, dtype=torch.int64))
    assert attack(empty, uniform, 10) == []


@pytest.mark.parametrize("group", [1, 2, 3])
def test_several_groups_share_a_call(group: int) -> None:
    problem = scripted_problem(count=3)
    assert isinstance(problem.oracle, ScriptedOracle)
    attack(problem, lambda space: uniform(space, popsize=5), 5, group=group)
    assert problem.oracle.calls == [15]


def test_a_group_follows_when_the_batch_has_room() -> None:
    oracle = ScriptedOracle(batch=10)
    attack(scripted_problem(count=4, oracle=oracle), lambda space: uniform(space, popsize=5), 15, group=1)
    assert oracle.calls == [10] * 6  # two images at a time


def stopped(outcomes: Any, error: type[BaseException]) -> list[Outcome]:
    """What came before the error."""
    known: list[Outcome] = []
    with pytest.raises(error):
        for outcome in outcomes:
            known.append(outcome)
    return known


def test_finished_outcomes_come_before_the_error_of_an_oracle() -> None:
    def script(place: int, query: int) -> bool:
        if place == 2 and query == 20:
            raise ConnectionError("gone")
        return place == 0 and query == 3

    known = stopped(outcomes_of(scripted_problem(script), uniform, 70), OracleError)
    assert [(outcome.image, outcome.first_fooled) for outcome in known] == [(0, 3)]


def test_finished_outcomes_come_before_the_error_of_a_strategy() -> None:
    """Both groups are answered by one call; the second gives up on hearing its answers."""

    def tires(space: Space) -> Search:
        yield space.uniform(7)
        raise ArithmeticError("tired")

    problem = scripted_problem(lambda place, query: place == 0, count=2)
    known = stopped(outcomes_of(problem, tires, 70, group=1), StrategyError)
    assert [outcome.image for outcome in known] == [0]


def test_what_fails_before_a_call_counts_no_queries() -> None:
    """The second group refuses to start, after the call that ended the first."""
    starts = iter([True, False])

    def once(space: Space) -> Search:
        if not next(starts):
            raise ArithmeticError("tired")
        yield from uniform(space)

    oracle, queries = ScriptedOracle(batch=7), list[int]()
    with pytest.raises(StrategyError):
        queries.extend(
            each.queries
            for each in run_rounds(scripted_problem(count=2, oracle=oracle), once, AttackSettings(7, group=1))
        )
    assert oracle.calls == [7] and sum(queries) == 7


def test_finished_outcomes_come_before_an_interruption() -> None:
    def script(place: int, query: int) -> bool:
        if place == 2 and query == 20:
            raise KeyboardInterrupt
        return place == 0

    known = stopped(outcomes_of(scripted_problem(script), uniform, 70), KeyboardInterrupt)
    assert [outcome.image for outcome in known] == [0]


def test_time_is_shared_out() -> None:
    outcomes = attack(scripted_problem(lambda place, query: place == 0 and query == 7), uniform, 70)
    assert all(outcome.oracle_seconds > 0 and outcome.strategy_seconds > 0 for outcome in outcomes)
    assert outcomes[0].oracle_seconds < outcomes[1].oracle_seconds == outcomes[2].oracle_seconds


class Recording:
    """Keeps what it is shown."""

    rounding = 0

    def __init__(self) -> None:
        self.shown: list[Tensor] = []

    def __call__(self, images: Tensor) -> Tensor:
        self.shown.append(images.clone())
        return torch.tensor([2.0, 0.0]).expand(len(images), -1)


def test_the_oracle_evaluates_candidates_in_their_order() -> None:
    def sweep(space: Space) -> Search:
        for row in range(3):
            genes = torch.tensor([[(row + 0.5) / 3, 0.0, shade, 0.0, 0.0] for shade in (0.2, 0.8)])
            yield genes.expand(space.batch, -1, -1)

    oracle, images = Recording(), flat_images(2, (3, 3, 1))
    labels = torch.zeros(2, dtype=torch.int64)
    problem = Problem(oracle, rgb(), images, labels, until=spent, checked=True)
    attack(problem, sweep, 6)
    shown = torch.cat(oracle.shown)
    expected = [(place, row, shade) for row in range(3) for place in range(2) for shade in (51, 204)]
    for image, (place, row, shade) in zip(shown, expected, strict=True):
        painted = images[place].clone()
        painted[:, row, 0] = torch.tensor([shade / 255, 0, 0])
        assert torch.equal(image, painted)


@pytest.mark.parametrize("popsize", [1, 3, 25, 40, 1000])
def test_batches_are_full_until_the_last_images(popsize: int) -> None:
    oracle = ScriptedOracle(lambda place, query: query > 10 * (place % 10), batch=13)
    attack(scripted_problem(count=250, oracle=oracle), lambda space: uniform(space, popsize=popsize), 70)
    assert sum(oracle.calls) > 13 * 500
    assert set(oracle.calls[:450]) == {13}


def test_images_with_large_populations_are_searched_a_few_at_a_time() -> None:
    searched: list[int] = []

    def greedy(space: Space) -> Search:
        searched.append(space.batch)
        yield from uniform(space, popsize=50)

    attack(scripted_problem(count=9, oracle=ScriptedOracle(batch=26)), greedy, 300)
    assert searched == [1, 2, 2, 2, 2, 1]  # a trial of one first: 4 batches are 104 questions


@pytest.mark.parametrize(("count", "group"), [(20, 100), (20, 6), (30, 8), (100, 100), (100, 32)])
def test_blocks_are_filled_by_other_groups(count: int, group: int) -> None:
    oracle = ScriptedOracle(batch=64)
    problem = scripted_problem(count=count, oracle=oracle, pad=8)
    attack(problem, lambda space: uniform(space, popsize=1), 70, group=group)
    assert all(size % 8 == 0 for size in oracle.calls)
    assert sum(oracle.calls) < 1.02 * 70 * count  # nearly nothing is shown to fill a block


@pytest.mark.parametrize(("batch", "together"), [(13, 13), (64, 256), (100, 200), (300, 300)])
def test_several_small_calls_make_one_round(batch: int, together: int) -> None:
    oracle = ScriptedOracle(batch=batch)
    told = list(
        run_rounds(
            scripted_problem(count=100, oracle=oracle),
            lambda space: uniform(space, popsize=40),
            AttackSettings(70),
        )
    )
    assert {each.queries for each in told[1:11]} == {together}
    assert set(oracle.calls[:10]) == {batch}


def test_a_slow_oracle_has_one_call_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparseattack.search.loop.PATIENCE", 0.0)
    problem = scripted_problem(count=100, oracle=ScriptedOracle(batch=64))
    told = list(run_rounds(problem, lambda space: uniform(space, popsize=40), AttackSettings(70)))
    assert {each.queries for each in told[:10]} == {64}


def test_a_trial_search_costs_no_query_and_is_made_for_several_images() -> None:
    started: list[int] = []

    def counting(space: Space) -> Search:
        started.append(space.batch)
        yield from uniform(space)

    for count, group in ((1, 1024), (2, 1)):
        outcomes = attack(scripted_problem(count=count), counting, 10, group=group)
        assert [outcome.queries for outcome in outcomes] == [10] * count
    assert started == [1, 1, 1]


def test_groups_of_small_generations_are_limited() -> None:
    most: list[int] = []
    live = 0

    def few(space: Space) -> Search:
        nonlocal live
        live += 1
        most.append(live)
        try:
            yield from uniform(space, popsize=1)
        finally:
            live -= 1

    attack(scripted_problem(count=40), few, 5, group=1)
    assert max(most) == OPEN
