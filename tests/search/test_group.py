"""Duplicates in a generation are charged and evaluated once; nothing else changes."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from problems import attack, outcome_facts, random_images, uniform
from registered import registered
from torch import Tensor

from sparseattack import Edits, Problem, Strategy, corners, load, spent
from sparseattack.plugins import registry
from sparseattack.plugins.spec import extra_objectives, settings_of
from sparseattack.problem.evaluations import QueryBatch
from sparseattack.problem.fitness import margin
from sparseattack.search import group
from sparseattack.search.group import AttackSettings, deduplicate
from sparseattack.search.loop import run_rounds

SLOT = st.tuples(st.integers(0, 3), st.tuples(st.integers(0, 2), st.integers(0, 2)))


class Shown:
    """Answers edits of tiny images, and keeps what it is shown."""

    name = "shown"

    def __init__(self) -> None:
        self.seen: list[tuple[int, bytes]] = []

    def __call__(self, images: Tensor) -> Tensor:
        inputs = images.flatten(1).double()
        return torch.stack([2 + inputs.sin().sum(1), inputs.cos().sum(1)], dim=1)

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        painted = edits.paint(images, rows)
        self.seen += [(row, each.numpy().tobytes()) for row, each in zip(rows.tolist(), painted, strict=True)]
        return self(painted)


def problem(**others: Any) -> Problem:
    """Images of 2 x 3 pixels in two classes, with 48 candidates each."""
    labels = torch.zeros(5, dtype=torch.int64)
    return Problem(
        Shown(),
        corners(),
        random_images(5, (3, 2, 3)),
        labels,
        until=spent,
        sparse=True,
        checked=True,
        **others,
    )


@given(st.integers(1, 3).flatmap(
    lambda k: st.lists(st.tuples(st.integers(0, 2), *[SLOT] * k), min_size=1, max_size=40)
))  # fmt: skip
@example([(0, (0, (0, 0)), (1, (1, 2))), (0, (1, (1, 2)), (1, (1, 2)))])  # pixel 0 black, and not painted
def test_queries_are_equal_if_they_leave_the_same_colours_at_the_same_pixels(rows: Any) -> None:
    kinds = [(row, frozenset(dict(slots).items())) for row, *slots in rows]
    positions = torch.tensor([[position for position, _ in slots] for _, *slots in rows])
    colours = torch.tensor([[colour for _, colour in slots] for _, *slots in rows], dtype=torch.uint8)
    distinct, places = deduplicate(
        QueryBatch(torch.tensor([row for row, *_ in rows]), Edits(positions, colours))
    )
    firsts = [place for place, kind in enumerate(kinds) if kind not in kinds[:place]]
    assert torch.equal(distinct.edits.positions, positions[firsts])
    assert torch.equal(distinct.edits.colours, colours[firsts])
    assert distinct.rows.tolist() == [kinds[place][0] for place in firsts]
    assert distinct.duplicates == len(rows) - len(firsts)
    assert [kinds[firsts[place]] for place in torch.arange(len(firsts))[places].tolist()] == kinds


def test_colours_that_change_places_make_another_query() -> None:
    edits = Edits(torch.tensor([[1, 2], [2, 1]]), torch.tensor([[[5], [6]], [[5], [6]]], dtype=torch.uint8))
    assert deduplicate(QueryBatch(torch.zeros(2, dtype=torch.int64), edits))[0].duplicates == 0


def test_queries_of_one_hash_stay_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_factors", lambda count, device: torch.zeros(count, dtype=torch.int64))
    colours = torch.tensor([[[5]], [[6]], [[5]], [[7]]], dtype=torch.uint8)
    queries = QueryBatch(torch.zeros(4, dtype=torch.int64), Edits(torch.ones(4, 1).long(), colours))
    distinct, places = deduplicate(queries)
    assert torch.equal(distinct.edits.colours[places], colours)


@pytest.mark.parametrize("slots", [2, 3])
def test_no_success_is_lost_on_tiny_images_where_black_pixels_are_frequent(slots: int) -> None:
    def make(repeat: bool) -> Problem:
        images, labels = random_images(40, (1, 1, 3)), torch.zeros(40, dtype=torch.int64)
        return Problem(Shown(), corners(pixels=slots), images, labels, until=spent, repeat=repeat)

    strategy: Strategy = partial(uniform, popsize=20)
    once, twice = (attack(make(repeat), strategy, 60) for repeat in (False, True))
    assert [replaced(each) for each in once] == [replaced(each) for each in twice]


def test_ten_thousand_different_queries_stay_distinct() -> None:
    chance = torch.Generator().manual_seed(0)
    positions = torch.randint(224 * 224, (10_000, 5), generator=chance)
    colours = torch.randint(256, (10_000, 5, 3), generator=chance, dtype=torch.uint8)
    rows = torch.randint(1000, (10_000,), generator=chance)
    again = QueryBatch(rows.repeat(2), Edits(positions.repeat(2, 1), colours.repeat(2, 1, 1)))
    distinct, _ = deduplicate(again)
    assert distinct.duplicates == 10_000 and torch.equal(distinct.rows, rows)


@pytest.mark.parametrize("name", registered(any_colours=True))
def test_every_registered_strategy_has_the_same_outcomes(name: str) -> None:
    plugin = registry.find("strategies", name)
    strategy = partial(plugin, **({"popsize": 20} if "popsize" in settings_of(plugin) else {}))
    fitness = (margin, *(load("fitness", objective) for objective in extra_objectives(strategy)))
    once, twice = problem(fitness=fitness), problem(fitness=fitness, repeat=True)
    outcomes = attack(once, strategy, 90)
    assert [replaced(each) for each in outcomes] == [replaced(each) for each in attack(twice, strategy, 90)]
    assert isinstance(once.oracle, Shown) and isinstance(twice.oracle, Shown)
    assert len(once.oracle.seen) == sum(each.queries - each.repeats for each in outcomes)
    assert len(twice.oracle.seen) == sum(each.queries for each in outcomes)
    assert set(once.oracle.seen) == set(twice.oracle.seen)


def replaced(outcome: Any) -> Any:
    return outcome_facts(replace(outcome, repeats=0))


def test_rounds_report_the_queries_charged() -> None:
    told = list(run_rounds(problem(), partial(uniform, popsize=200), AttackSettings(300)))
    outcomes = [outcome for each in told for outcome in each.outcomes]
    assert all(outcome.repeats > 200 for outcome in outcomes)
    assert sum(each.queries for each in told) == 5 * 300


def test_within_a_generation_nothing_is_evaluated_twice() -> None:
    here = problem()
    strategy: Strategy = partial(uniform, popsize=200)
    outcomes = attack(here, strategy, 200)
    assert isinstance(here.oracle, Shown)
    assert len(set(here.oracle.seen)) == len(here.oracle.seen) < 5 * 49
    assert all(outcome.queries == 200 and outcome.repeats > 150 for outcome in outcomes)


def test_a_converged_population_is_mostly_evaluated_once() -> None:
    strategy = load("strategies", "de(popsize=10,restart=no)")
    outcome = attack(problem(), strategy, 3000)[0]
    assert outcome.queries == 3000 and outcome.repeats > 1500
