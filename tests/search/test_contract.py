"""A strategy that breaks its contract is named, with what it did."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from problems import attack, scripted_problem, uniform
from torch import Tensor

from sparseattack import InputError, Search, Space, StrategyError


def asking(make: Callable[[Space], object]) -> Any:
    """A strategy that asks with whatever is made."""

    def stern(space: Space, *, popsize: int = 3) -> Search:
        while True:
            yield make(space)  # type: ignore[misc]

    return stern


def partly_nan(space: Space) -> Tensor:
    candidates = space.uniform(3)
    candidates[0, 2, 0] = torch.nan
    return candidates


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda space: None, "strategy stern asked with NoneType, not a float32 tensor"),
        (lambda space: space.uniform(3).numpy(), "asked with ndarray, not a float32 tensor"),
        (lambda space: space.uniform(3).double(), "asked with torch.float64, not a float32 tensor"),
        (lambda space: space.uniform(3)[0], r"asked with shape \(3, 5\), not \(1, P, 5\)"),
        (lambda space: space.uniform(3)[:2], r"asked with shape \(2, 3, 5\), not \(3, P, 5\)"),
        (lambda space: space.uniform(3, 4), r"asked with shape \(1, 3, 4\), not \(1, P, 5\)"),
        (lambda space: space.uniform(3) + 0.9, "asked with a candidate outside the unit cube"),
        (lambda space: space.uniform(3) - 0.9, "asked with a candidate outside the unit cube"),
        (lambda space: space.uniform(3) * torch.inf, "asked with a candidate outside the unit cube"),
        (lambda space: space.uniform(3).to("meta"), "asked with candidates on meta, not on cpu"),
        (partly_nan, "asked with a candidate that is NaN in some genes: it is no query only if all are NaN"),
        (lambda space: 1 // 0, "strategy stern failed: ZeroDivisionError: integer division"),
    ],
)
def test_invalid_candidates_are_refused(make: Callable[[Space], object], said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        attack(scripted_problem(), asking(make), 10)


def test_a_search_that_returns_is_refused() -> None:
    def short(space: Space) -> Search:
        yield space.uniform(3)

    with pytest.raises(StrategyError, match="strategy short: its search returned; it must restart and let"):
        attack(scripted_problem(), short, 10)


def test_what_is_no_generator_function_is_refused() -> None:
    with pytest.raises(StrategyError, match="strategy <lambda> is no generator function: it returned Tensor"):
        attack(scripted_problem(), lambda space: space.uniform(3), 10)  # type: ignore[arg-type, return-value]


def test_a_strategy_that_cannot_be_started_is_refused() -> None:
    def greedy(space: Space, more: int) -> Search:
        yield space.uniform(more)

    with pytest.raises(StrategyError, match=r"strategy greedy failed: TypeError: .*'more'"):
        attack(scripted_problem(), greedy, 10)  # type: ignore[arg-type]


def test_a_strategys_own_message_about_its_settings_is_unchanged() -> None:
    def choosy(space: Space) -> Search:
        raise InputError("choosy needs a popsize above 3")
        yield space.uniform(3)

    with pytest.raises(InputError, match=r"^choosy needs a popsize above 3$"):
        attack(scripted_problem(), choosy, 10)


def test_a_failure_while_cleaning_up_is_its_own() -> None:
    def untidy(space: Space) -> Search:
        try:
            yield from uniform(space)
        finally:
            raise OSError("cannot clean up")

    with pytest.raises(StrategyError, match="strategy untidy failed: OSError: cannot clean up"):
        attack(scripted_problem(), untidy, 10)


def test_errors_name_a_strategy_by_its_key_or_function_name() -> None:
    wrong = asking(lambda space: None)
    with pytest.raises(StrategyError, match="strategy mine asked"):
        attack(scripted_problem(), wrong, 10, key="mine")
    with pytest.raises(StrategyError, match="strategy stern asked"):
        attack(scripted_problem(), partial(wrong, popsize=5), 10)


def test_a_strategy_cleans_up_when_all_images_are_done() -> None:
    closed: list[bool] = []

    def tidy(space: Space) -> Search:
        try:
            yield from uniform(space)
        finally:
            closed.append(True)

    attack(scripted_problem(count=3), tidy, 10, group=2)
    assert closed == [True] * 3  # two groups, and a trial that shows how much is asked


def test_candidates_are_not_written_to_and_values_may_be() -> None:
    """A strategy may change its candidates and its values in place."""

    def reuses(space: Space) -> Search:
        candidates = space.uniform(4)
        while True:
            values = yield candidates
            values.zero_()
            candidates.copy_(space.uniform(4))

    def fresh(space: Space) -> Search:
        while True:
            yield space.uniform(4)

    expected = [outcome.trace for outcome in attack(scripted_problem(), fresh, 30)]
    assert [outcome.trace for outcome in attack(scripted_problem(), reuses, 30)] == expected


def test_candidates_that_were_not_evaluated_have_infinite_values() -> None:
    received: list[Tensor] = []

    def recording(space: Space) -> Search:
        while True:
            candidates = space.uniform(4)
            candidates[0, 1] = torch.nan
            received.append((yield candidates)[..., 0].clone())

    attack(scripted_problem(lambda place, query: place == 1, count=2), recording, 5)
    assert received[0].isfinite().tolist() == [[True, False, True, True], [False] * 4]  # the second is over
    assert len(received) == 1  # the second generation spent the budget


def test_an_image_without_candidates_is_finished() -> None:
    def tires(space: Space) -> Search:
        yield space.uniform(3)
        while True:
            candidates = space.uniform(2)
            candidates[1] = torch.nan
            yield candidates

    outcomes = attack(scripted_problem(count=3), tires, 11)
    assert [outcome.queries for outcome in outcomes] == [11, 3, 11]
    assert outcomes[1].error == "" and not outcomes[1].fooled


def test_an_image_without_any_query_has_an_outcome() -> None:
    def mute(space: Space) -> Search:
        while True:
            yield torch.empty(space.batch, 0, space.dims)

    outcome = attack(scripted_problem(count=1), mute, 11)[0]
    assert (outcome.queries, outcome.first_fooled, outcome.pixels, outcome.trace) == (0, 0, 0, ())
    assert outcome.values == (float("inf"),)
