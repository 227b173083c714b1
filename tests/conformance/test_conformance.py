"""The conformance suite finds every kind of broken strategy, and says what is wrong with it."""

from collections.abc import Callable

import pytest
from broken_strategies import (
    asks_no_numbers,
    asks_nothing,
    asks_the_clock,
    cannot_bear_equal_values,
    counts_its_budget,
    declares_too_much,
    doubles,
    draws_globally,
    forgets_an_image,
    gives_up,
    halves_its_steps_by_the_budget,
    honest,
    knows_two_dimensions,
    looks_at_the_others,
    outside,
    returns,
    seeds_globally,
    sees_all_that_it_declares,
    sees_the_image_undeclared,
    sees_the_images_beside,
    sees_the_scores_beside,
    shares_a_stream,
    tries_to_see_the_budget,
    writes_to_its_questions,
)

from sparseattack import Search, Space
from sparseattack.conformance.clauses import CLAUSES, Finding, check

ASKS, FLAT, LITTLE, COMPANY, REPEAT, OTHERS, GLOBAL, WRITES, BUDGET, GROUPS, KNOWS, TWICE, PIXELS, IMAGES = (
    CLAUSES
)
CASES: list[tuple[Callable[..., Search], str, str]] = [
    (outside, ASKS, "it asked with a candidate outside the unit cube: gene 3 was 1.2"),
    (doubles, ASKS, "it asked with torch.float64, not a float32 tensor"),
    (returns, ASKS, "it: its search returned"),
    (asks_nothing, ASKS, "it ended the search of an image after 0 of 60 queries"),
    (asks_no_numbers, ASKS, "it ended the search of an image after 0 of 60 queries"),
    (returns, LITTLE, "it: its search returned"),
    (forgets_an_image, ASKS, "it ended the search of an image after 5 of 60 queries"),
    (shares_a_stream, COMPANY, "it yielded other candidates for an image alone and beside others"),
    (draws_globally, REPEAT, "it yielded other candidates the second time, with the same seed"),
    (draws_globally, GLOBAL, "it changed the global random state of torch"),
    (seeds_globally, GLOBAL, "it changed the global random state of Python"),
    (asks_the_clock, REPEAT, "it yielded other candidates the second time, with the same seed"),
    (writes_to_its_questions, WRITES, "it wrote to candidates that it had yielded before"),
    (looks_at_the_others, OTHERS, "it yielded other candidates after another image was finished"),
    (shares_a_stream, GROUPS, "it reached other outcomes in groups of one and of three images"),
    (cannot_bear_equal_values, FLAT, "it failed: ValueError: the variance is 0"),
    (gives_up, LITTLE, "it ended with an error: ArithmeticError: converged"),
    (gives_up, BUDGET, "it ended the search of an image of 12 x 12 pixels: ArithmeticError: converged"),
    (sees_the_image_undeclared, KNOWS, "it: it reads space.images, which it has not declared"),
    (sees_the_image_undeclared, ASKS, "it: it reads space.images, which it has not declared"),
    (tries_to_see_the_budget, KNOWS, 'it reads what it has not declared: write @uses("budget") above its'),
    (sees_the_images_beside, COMPANY, "it yielded other candidates for an image alone and beside others"),
    (sees_the_scores_beside, COMPANY, "it yielded other candidates for an image alone and beside others"),
    (sees_the_scores_beside, OTHERS, "it yielded other candidates after another image was finished"),
    (counts_its_budget, TWICE, "it had other values in its first 59 queries with twice the budget"),
    (knows_two_dimensions, IMAGES, "strategy knows_two_dimensions failed: RuntimeError: only colours"),
]  # fmt: skip


def finding(strategy: Callable[..., Search], clause: str) -> Finding:
    return {each.clause: each for each in check(strategy)}[clause]


@pytest.mark.parametrize(("strategy", "clause", "words"), CASES)
def test_finds_what_is_broken(strategy: Callable[..., Search], clause: str, words: str) -> None:
    found = finding(strategy, clause)
    assert not found.ok and found.note.startswith(words), found


@pytest.mark.parametrize("strategy", [honest, halves_its_steps_by_the_budget, sees_all_that_it_declares])
def test_a_correct_strategy_satisfies_every_clause(strategy: Callable[..., Search]) -> None:
    assert check(strategy) == [Finding(clause, True, "") for clause in CLAUSES]


def test_what_is_declared_and_not_read_is_no_fault_but_worth_knowing() -> None:
    note = "it declares scores and did not read it here"
    assert finding(declares_too_much, KNOWS) == Finding(KNOWS, True, note)


def test_one_pixel_only_is_no_fault_but_worth_knowing() -> None:
    assert finding(knows_two_dimensions, PIXELS) == Finding(PIXELS, True, "for k=1 only: it takes one pixel")


def test_a_function_that_is_no_search_breaks_every_clause() -> None:
    def nothing(space: Space) -> int:
        return 7

    findings = check(nothing)  # type: ignore[arg-type]
    assert len(findings) == len(CLAUSES) and not any(each.ok for each in findings)
    assert "it is no generator function" in findings[0].note
