"""First success, best candidate, trace and Pareto front of an image, in the order of its queries."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import ScriptedOracle, attack, scripted_problem, uniform
from scripted_strategy import ScriptedScores, one_pixel_problem, scripted_candidates
from torch import Tensor

from sparseattack import Problem, Queries, corners, cross_entropy, l0, l2, margin, rgb, spent
from sparseattack.search.ledger import Front, undominated


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 40))
def test_first_fooled_is_the_position_of_the_first_fooling_row(first: int, popsize: int, budget: int) -> None:
    problem = scripted_problem(lambda place, query: query == first + place, count=2, until=spent)
    outcomes = attack(problem, lambda space: uniform(space, popsize=popsize), budget)
    for place, outcome in enumerate(outcomes):
        assert outcome.first_fooled == (first + place if first + place <= budget else 0)
        assert outcome.queries == budget


def test_after_the_generation_of_a_success_there_are_no_queries() -> None:
    problem = scripted_problem(lambda place, query: query == (5, 12, 99)[place])
    outcomes = attack(problem, uniform, 20)
    assert [outcome.first_fooled for outcome in outcomes] == [5, 12, 0]
    assert [outcome.queries for outcome in outcomes] == [7, 14, 20]
    assert isinstance(problem.oracle, ScriptedOracle)
    assert problem.oracle.seen == {0: 7, 1: 14, 2: 20}


def test_a_finished_image_has_no_queries_while_others_continue() -> None:
    alone = attack(scripted_problem(lambda place, query: query == 1, count=1), uniform, 50)
    beside = attack(scripted_problem(lambda place, query: query == 1 and place == 0), uniform, 50)
    assert alone[0].queries == beside[0].queries == 7
    assert [outcome.queries for outcome in beside[1:]] == [50, 50]


def test_queries_after_the_stop_are_charged_and_ignored() -> None:
    """The second success of the generation changes fewer pixels, the third row has a lower margin."""
    scores = ScriptedScores([1.0, 0.0], [-1.0, 0.0], [-9.0, 0.0], [-9.0, 0.0])
    genes = [[0.0, 0.0, shade] for shade in (0.25, 0.5, 0.75, 0.0)]
    outcome = attack(one_pixel_problem(scores), scripted_candidates(*genes, popsize=4), 10)[0]
    assert (outcome.queries, outcome.first_fooled, outcome.values) == (4, 2, (-1.0,))
    assert outcome.colours.tolist() == [[128]]
    assert outcome.trace == ((1, 1.0), (2, -1.0))


def test_the_success_with_fewest_pixels_and_then_the_lowest_is_best() -> None:
    margins = [5.0, -1.0, -3.0, -2.0, -9.0, -4.0]
    genes = [
        [0.0, 0.0, 0.25],
        [0.0, 0.0, 0.5],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.5],
        [0.0, 0.0, 0.9],
    ]
    problem = one_pixel_problem(ScriptedScores(*([m, 0.0] for m in margins)), until=spent)
    outcome = attack(problem, scripted_candidates(*genes, popsize=4), 6)[0]
    assert (outcome.first_fooled, outcome.queries, outcome.pixels) == (2, 6, 0)
    assert outcome.values == (-3.0,)  # of the two that change nothing
    assert [query for query, _ in outcome.trace] == [1, 2, 3, 5]


def test_without_a_success_the_first_lowest_is_best() -> None:
    genes = [[0.0, 0.0, shade] for shade in (0.1, 0.2, 0.3, 0.4)]
    problem = one_pixel_problem(ScriptedScores(*([m, 0.0] for m in (3.0, 1.0, 1.0, 2.0))))
    outcome = attack(problem, scripted_candidates(*genes, popsize=2), 4)[0]
    assert not outcome.fooled and outcome.values == (1.0,) and outcome.colours.tolist() == [[51]]
    assert outcome.trace == ((1, 3.0), (2, 1.0))


def test_a_success_is_better_than_a_lower_value_without_success() -> None:
    """With cross-entropy as fitness the true class may be unlikely and lead."""
    likely = [[2.0, 1.9, -9.0, -9.0], [0.0, -0.5, -0.5, -0.5], [2.0, 2.1, -9.0, -9.0]]
    problem = one_pixel_problem(ScriptedScores(*likely), fitness=(cross_entropy,), until=spent)
    genes = [[0.0, 0.0, shade] for shade in (0.1, 0.2, 0.3)]
    outcome = attack(problem, scripted_candidates(*genes, popsize=1), 3)[0]
    assert outcome.first_fooled == 3
    assert outcome.colours.tolist() == [[76]]


def test_a_budget_may_end_within_a_generation() -> None:
    problem = scripted_problem(lambda place, query: query == 10, count=1)
    for budget, expected in ((9, 0), (10, 10)):
        outcome = attack(problem, uniform, budget)[0]
        assert (outcome.queries, outcome.first_fooled) == (budget, expected)
        problem.oracle.seen.clear()  # type: ignore[attr-defined]


def test_targeted_success_is_the_target_only() -> None:
    rows = [[0.0, 9.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 2.0]]
    targeted = Problem(
        ScriptedScores(*rows), rgb(), torch.zeros(1, 1, 1, 1), torch.tensor([2]), targeted=True, checked=True
    )
    genes = [[0.0, 0.0, shade] for shade in (0.1, 0.2, 0.3)]
    outcome = attack(targeted, scripted_candidates(*genes, popsize=1), 3)[0]
    assert (outcome.first_fooled, outcome.queries, outcome.values) == (3, 3, (-1.0,))


def test_with_several_objectives_the_first_decides_success_and_all_are_stored() -> None:
    problem = one_pixel_problem(ScriptedScores([1.0, 0.0], [-1.0, 0.0]), fitness=(margin, l0))
    outcome = attack(problem, scripted_candidates([0.0, 0.0, 0.0], [0.0, 0.0, 1.0], popsize=1), 5)[0]
    assert outcome.values == (-1.0, 1.0) and outcome.first_fooled == 2
    assert [point.values for point in outcome.front] == [(1.0, 0.0), (-1.0, 1.0)]


def test_a_rule_that_stops_without_a_success_does_not_hide_one() -> None:
    """The edit that is kept fools the oracle, if any did."""

    def third(queries: Queries) -> Tensor:
        return queries.edits.colours.flatten(1).sum(1) > 70

    problem = one_pixel_problem(ScriptedScores([-1.0, 0.0], [2.0, 0.0], [1.0, 0.0]), until=third)
    genes = [[0.0, 0.0, shade] for shade in (0.1, 0.2, 0.3)]
    outcome = attack(problem, scripted_candidates(*genes, popsize=1), 9)[0]
    assert (outcome.queries, outcome.first_fooled, outcome.values) == (3, 1, (-1.0,))


ROWS = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(0, 4)] * width), min_size=1, max_size=60)
)


def best(rows: list[tuple[float, ...]]) -> list[int]:
    """By the definition, the first of equals."""

    def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        return one != other and all(a <= b for a, b in zip(one, other, strict=True))

    return [
        place
        for place, row in enumerate(rows)
        if row not in rows[:place] and not any(dominates(other, row) for other in rows)
    ]


@given(ROWS)
def test_undominated_follows_the_definition(rows: list[tuple[int, ...]]) -> None:
    assert undominated(torch.tensor(rows).float()).nonzero()[:, 0].tolist() == best(list(rows))


@given(ROWS, st.integers(1, 60), st.integers(1, 4))
def test_a_front_does_not_depend_on_how_it_was_filled(
    rows: list[tuple[int, ...]], size: int, copies: int
) -> None:
    every = rows * copies
    values, genes = torch.tensor(every).float(), torch.arange(len(every)).unsqueeze(1).float()
    front = Front.empty(1, values.shape[1])
    for some_genes, some_values in zip(torch.split(genes, size), torch.split(values, size), strict=True):
        front.add(some_genes, some_values)
    assert front.genes[:, 0].long().tolist() == best(list(rows))
    assert torch.equal(front.values, values[front.genes[:, 0].long()])


def test_many_candidates_at_once_are_compared_in_parts() -> None:
    values = torch.rand(3000, 2, generator=torch.Generator().manual_seed(0))
    front = Front.empty(1, 2)
    front.add(torch.arange(3000).unsqueeze(1).float(), values)
    assert torch.equal(front.values, values[undominated(values)])


def test_a_front_is_that_of_all_evaluated_candidates() -> None:
    asked: list[tuple[float, ...]] = []

    def watched(queries: Queries) -> Tensor:
        columns = margin(queries), l0(queries), l2(queries)
        asked.extend(zip(*(column.tolist() for column in columns), strict=True))
        return columns[0]

    problem = scripted_problem(count=1, fitness=(watched, l0, l2), encoding=corners(pixels=3), until=spent)
    outcome = attack(problem, uniform, 40)[0]
    assert len(asked) == 40
    assert [point.values for point in outcome.front] == [asked[place] for place in best(asked)]
    for point in outcome.front:
        assert point.positions.shape == (3,) and point.colours.shape == (3, 3)


def test_a_front_ends_at_the_stop() -> None:
    problem = scripted_problem(
        lambda place, query: query >= 3, count=1, fitness=(margin, l0), encoding=corners()
    )
    outcome = attack(problem, uniform, 40)[0]
    assert outcome.queries == 7
    assert outcome.values in [point.values for point in outcome.front]
    assert sum(point.values[0] < 0 for point in outcome.front) == 1  # four rows that fooled follow


def test_one_objective_has_no_front() -> None:
    assert attack(scripted_problem(), uniform, 20)[0].front == ()
