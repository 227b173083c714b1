"""When a search may stop: the rules before an oracle whose probabilities are scripted."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import attack, edit
from scripted_strategy import ScriptedScores, one_pixel_problem, scripted_candidates

from sparseattack import (
    Fitness,
    InputError,
    Outcome,
    Queries,
    confident,
    fooled,
    margin,
    probability,
    spent,
)
from sparseattack.problem.criteria import fewest, rule

ABOVE, BELOW = torch.tensor(2.0), torch.tensor(-2.0)


def beside(percent: int, side: torch.Tensor) -> float:
    """The float32 next to so many per cent."""
    return torch.nextafter(torch.tensor(percent / 100), side).item()


def run(
    *rows: list[float], level: float, targeted: bool = False, popsize: int = 1, fitness: Fitness = probability
) -> Outcome:
    """An attack that is answered with these probabilities; the shade of a candidate is its place, from 1.

    Class 0 is the true one, class 1 the one to be reached.
    """
    oracle = ScriptedScores(*rows, scale="probabilities")
    genes = [[0.0, 0.0, (place + 1.5) / 256] for place in range(len(rows))]
    label = torch.tensor([int(targeted)])
    posed = one_pixel_problem(
        oracle, labels=label, targeted=targeted, until=confident(level), fitness=(fitness,)
    )
    return attack(posed, scripted_candidates(*genes, popsize=popsize), len(rows))[0]


def account(outcome: Outcome) -> tuple[int, int, bool, int]:
    """First success, queries, whether the rule was met, and the place of what was kept."""
    return outcome.first_fooled, outcome.queries, outcome.met, int(outcome.colours[0, 0])


@pytest.mark.parametrize("percent", [90, 50])
def test_a_target_must_have_more_than_the_level(percent: int) -> None:
    level, above = percent / 100, beside(percent, ABOVE)
    at = [(1 - level) / 2, level, (1 - level) / 2]
    assert account(run(at, [0.0, above, 0.0], [0.0, 1.0, 0.0], level=level, targeted=True)) == (1, 2, True, 2)


@pytest.mark.parametrize("percent", [90, 95])
def test_a_true_class_must_have_less_than_the_rest(percent: int) -> None:
    below, lead = beside(100 - percent, BELOW), percent / 100
    at = [(100 - percent) / 100, lead, 0.0]
    assert account(run(at, [below, lead, 0.0], [0.0, 1.0, 0.0], level=lead)) == (1, 2, True, 2)


def test_at_half_a_lead_is_not_missed_and_a_tie_is_none() -> None:
    below = beside(50, BELOW)
    assert account(run([0.5, 0.5, 0.0], [below, 0.5, 0.0], level=0.5)) == (2, 2, True, 2)


def test_a_search_continues_while_its_target_is_below_the_level() -> None:
    rows = [0.6, 0.4, 0.0], [0.3, 0.4, 0.3], [0.2, 0.8, 0.0], [0.3, 0.7, 0.0]
    assert account(run(*rows, level=0.9, targeted=True)) == (2, 4, False, 3)  # the likeliest is kept


@pytest.mark.parametrize(
    ("row", "level", "targeted"), [([0.4, 0.3, 0.3], 0.5, False), ([0.2, 0.35, 0.45], 0.3, True)]
)
def test_enough_is_no_success_where_another_class_leads(
    row: list[float], level: float, targeted: bool
) -> None:
    assert account(run(row, row, level=level, targeted=targeted)) == (0, 2, False, 1)


def test_a_candidate_that_met_the_criterion_is_best_though_another_has_a_lower_fitness() -> None:
    """The margin of the first success is the wider one, the true class of the second has less than 5 %."""
    rows = [[0.06, 0.94, 0.0], [0.04, 0.5, 0.46], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    for popsize in (1, 2, 4):
        outcome = run(*rows, level=0.95, popsize=popsize, fitness=margin)
        assert account(outcome) == (1, max(2, popsize), True, 2)


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted), min_size=1, max_size=9),
    st.sampled_from([50, 90, 95]),
    st.booleans(),
    st.integers(1, 4),
)
def test_criteria_in_whole_per_cent_are_exact(
    cuts: list[list[int]], percent: int, targeted: bool, popsize: int
) -> None:
    odds = [(low, high - low, 100 - high) for low, high in cuts]  # true, to be reached, third
    leads = [b > max(a, c) if targeted else a < max(b, c) for a, b, c in odds]
    enough = [b > percent if targeted else a < 100 - percent for a, b, _ in odds]
    hits = [place for place, lead in enumerate(leads, 1) if lead]
    stops = [place for place in hits if enough[place - 1]]
    rows = [[one / 100 for one in three] for three in odds]
    outcome = run(*rows, level=percent / 100, targeted=targeted, popsize=popsize)
    asked = min(-(-stops[0] // popsize) * popsize, len(odds)) if stops else len(odds)
    values = [-b if targeted else a for a, b, _ in odds]
    best = min(hits or range(1, len(odds) + 1), key=lambda place: values[place - 1])
    kept = stops[0] if stops else best
    assert account(outcome) == (hits[0] if hits else 0, asked, bool(stops), kept)


def test_a_candidate_that_met_the_criterion_is_best_over_a_success_with_fewer_pixels() -> None:
    oracle = ScriptedScores([0.2, 0.8], [0.05, 0.95], scale="probabilities")
    genes = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.5]]
    outcome = attack(
        one_pixel_problem(oracle, until=confident(0.9)), scripted_candidates(*genes, popsize=1), 9
    )[0]
    assert (outcome.first_fooled, outcome.queries, outcome.pixels) == (1, 2, 1)


def test_confidence_does_not_stop_where_an_unlikely_true_class_leads() -> None:
    """Of thirty classes one may lead with less than 5 %."""
    unlikely, led = [0.04] + [0.96 / 29] * 29, [0.03] + [0.97 / 29] * 29
    outcome = attack(
        one_pixel_problem(ScriptedScores(unlikely, led, scale="probabilities"), until=confident(0.95)),
        scripted_candidates([0.0, 0.0, 0.1], [0.0, 0.0, 0.2], popsize=1),
        2,
    )[0]
    assert (outcome.first_fooled, outcome.queries) == (2, 2)


def test_criteria_are_parsed() -> None:
    assert rule("fooled") is fooled and rule("budget") is spent and rule("fewest") is fewest
    asked = Queries(
        torch.zeros(1, 1, 1, 1), torch.tensor([0, 0]), edit((0, (1,))),
        torch.tensor([[0.2, 0.8], [0.02, 0.98]]), torch.tensor([0, 0]), False, "probabilities",
    )  # fmt: skip
    assert rule("confidence:0.95")(asked).tolist() == [False, True]
    assert rule("confidence:0.7")(asked).tolist() == [True, True]


@pytest.mark.parametrize(
    "text",
    ["", "Fooled", "confidence", "confidence:", "confidence:0", "confidence:1", "confidence:nan", "c:0.5"],
)
def test_unknown_criteria_are_refused(text: str) -> None:
    with pytest.raises(
        InputError, match="only success, budget, fewest or confidence:LEVEL with 0 < LEVEL < 1"
    ):
        rule(text)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda queries: queries.margin[:, None] < 0, r"returned torch.bool \(1, 1\), not torch.bool \(1,\)"),
        (lambda queries: queries.margin, r"returned torch.float32 \(1,\), not .*test_criteria.py, line"),
        (lambda queries: True, "returned bool, not"),
        (lambda queries: torch.tensor(True), r"returned torch.bool \(\), not"),
        (lambda queries: 1 // 0, "failed: ZeroDivisionError.*test_criteria.py, line"),
    ],
)
def test_a_criterion_that_fails_or_returns_something_else_is_refused(returned: Any, said: str) -> None:
    posed = one_pixel_problem(ScriptedScores([1.0, 0.0]), until=returned)
    with pytest.raises(InputError, match=f"stopping criterion .*lambda.* {said}"):
        attack(posed, scripted_candidates([0.0, 0.0, 0.5], popsize=1), 1)


@pytest.mark.parametrize("level", [0, 1, 2, -0.5, True, "0.9", None])
def test_a_level_that_is_no_confidence_is_refused(level: Any) -> None:
    with pytest.raises(InputError, match="is above 0 and below 1, not"):
        confident(level)
