"""The search for the fewest pixels: every query counts, and each stage is the attack with so many pixels."""

from functools import partial

import pytest
import torch
from linear_problem import linear
from linear_problem import problem as linear_problem
from problems import flat_images, outcome_facts
from torch import Tensor

from sparseattack import (
    Experiment,
    InputError,
    Outcome,
    PixelGrid,
    Pixels,
    Problem,
    Search,
    Space,
    attack,
    compare,
    corners,
    fewest,
    fooled,
    load,
    uses,
)
from sparseattack.search.loop import with_pixels

BUDGET = 120


def whites(needed: int, images: Tensor) -> Tensor:
    """Scores of an oracle that is fooled by so many white pixels."""
    count = (images == 1).all(1).flatten(1).sum(1)
    scores = torch.zeros(len(images), 3)
    scores[:, 0] = needed - 0.5 - count
    return scores * 10  # no probabilities


def white_pixels(space: Space) -> Search:
    """As many white pixels as there may be, side by side, after one black image."""
    grid = PixelGrid.of(space)
    positions = torch.arange(space.slots).expand(space.batch, 1, -1)
    colours = torch.full((space.batch, 1, space.slots, 3), 255, dtype=torch.uint8)
    yield grid.candidates(positions, colours * 0)
    while True:
        yield grid.candidates(positions, colours)


def outcomes(problem: Problem, strategy: str, budget: int = BUDGET) -> list[Outcome]:
    found = attack(problem, load("strategies", strategy), budget, key=strategy)
    return [one for one in found if isinstance(one, Outcome)]


@pytest.mark.parametrize(("needed", "trace"), [(1, 5), (3, 3), (5, 1)])
def test_it_finds_the_least_number_that_fools(needed: int, trace: int) -> None:
    problem = Problem(
        partial(whites, needed), corners(pixels=5), flat_images(2), torch.zeros(2).long(), until=fewest
    )
    for one in attack(problem, white_pixels, 30):
        assert isinstance(one, Outcome) and one.fooled
        assert one.pixels == needed and one.first_fooled == 2
        assert one.trace == tuple((2 + 2 * step, 5.0 - step) for step in range(trace))
        assert one.queries == (30 if needed > 1 else 10)  # with one pixel nothing is left to be found


@pytest.mark.parametrize(
    "strategy", ["random(popsize=7)", "sparse-rs", "de(popsize=10)", "one-plus-one", "cmaes"]
)
def test_its_account_is_exact_and_its_first_stage_the_plain_attack(strategy: str) -> None:
    problem = linear_problem(linear, count=4, encoding=corners(pixels=4), until=fewest)
    plain = outcomes(Problem(linear, problem.encoding, problem.images, problem.labels), strategy)
    found = outcomes(problem, strategy)
    assert any(len(one.trace) > 1 for one in found)
    for one, first in zip(found, plain, strict=True):
        assert one.first_fooled == first.first_fooled and one.queries <= BUDGET
        queries, pixels = zip(*one.trace, strict=True) if one.trace else ((), ())
        assert list(queries) == sorted(set(queries)) and list(pixels) == sorted(set(pixels), reverse=True)
        assert one.fooled == bool(one.trace)
        if one.fooled:
            assert one.trace[0] == (first.first_fooled, first.pixels)
            after, before = one.paint(problem.images[one.image]), problem.images[one.image]
            changed = int((after != before).any(0).sum())
            assert changed == one.pixels == pixels[-1]
            assert int(linear(after[None]).argmax()) != int(problem.labels[one.image])


def test_a_later_stage_is_the_attack_with_so_many_pixels_under_what_is_left() -> None:
    problem = linear_problem(linear, count=4, encoding=corners(pixels=3), until=fewest)
    checked = 0
    for place, one in enumerate(outcomes(problem, "random(popsize=1)")):
        for (query, pixels), (then, fewer) in zip(one.trace, one.trace[1:], strict=False):
            alone = Problem(
                linear, corners(pixels=int(pixels) - 1), problem.images[place : place + 1],
                problem.labels[place : place + 1],
            )  # fmt: skip
            (stage,) = outcomes(alone, "random(popsize=1)", BUDGET - query)
            assert (then, fewer) == (query + stage.first_fooled, stage.pixels)
            checked += 1
    assert checked


@pytest.mark.parametrize("strategy", ["sparse-rs", "de(popsize=10)", "one-plus-one"])
def test_an_outcome_does_not_depend_on_the_images_beside_it(strategy: str) -> None:
    problem = linear_problem(linear, count=5, encoding=corners(pixels=4), until=fewest)
    together = outcomes(problem, strategy)
    for place, one in enumerate(together):
        alone = Problem(
            linear, problem.encoding, problem.images[place : place + 1], problem.labels[place : place + 1],
            until=fewest,
        )  # fmt: skip
        (single,) = outcomes(alone, strategy)
        assert outcome_facts(single) == outcome_facts(one)


def test_a_strategy_that_uses_the_budget_is_told_what_is_left() -> None:
    told = set()

    @uses("budget")
    def watching(space: Space) -> Search:
        told.add((space.slots, space.budget))
        yield from white_pixels(space)

    problem = Problem(
        partial(whites, 2), corners(pixels=4), flat_images(3), torch.zeros(3).long(), until=fewest
    )
    for one in attack(problem, watching, 50):
        assert isinstance(one, Outcome) and one.pixels == 2 and one.queries == 50
    assert told == {(4, 50), (3, 48), (2, 46), (1, 44)}


def test_a_smaller_budget_is_the_beginning_of_a_larger_one() -> None:
    problem = linear_problem(linear, count=4, encoding=corners(pixels=4), until=fewest)
    short, long = (outcomes(problem, "random(popsize=6)", budget) for budget in (40, BUDGET))
    for one, more in zip(short, long, strict=True):
        assert one.trace == tuple(step for step in more.trace if step[0] <= 40)


def test_a_search_of_whole_images_has_the_pixels_that_differ_and_no_others() -> None:
    """Of a study, too, which would call a run of more or fewer damaged."""
    chosen = Experiment(
        oracle="allconv-small", images="sample[0:12]", strategies=("sparse-evo",), encodings=("corners",),
        pixels=(20,), budget=120, stop="fewest",
    )  # fmt: skip
    records = compare(chosen).records
    assert len({record.pixels for record in records}) > 2
    assert all(len(record.positions) == record.pixels for record in records)


def test_an_encoding_of_one_size_is_refused() -> None:
    class Fixed:
        slots = 2
        genes = Pixels(2, 2).genes
        decode = Pixels(2, 2).decode

    problem = linear_problem(linear, encoding=Fixed(), until=fewest)
    with pytest.raises(InputError, match="Fixed is no dataclass with slots"):
        with_pixels(problem, 1)
    given = linear_problem(
        linear, encoding=Fixed(), until=fewest, encode=lambda pixels: corners(pixels=pixels)
    )
    assert with_pixels(given, 1).encoding.slots == 1 and with_pixels(given, 1).until is fooled
