"""The Pareto set of all that was asked, against the definition."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import scripted_problem, uniform
from torch import Tensor

from sparseattack import Queries, attack, corners, l0, l2, margin, spent
from sparseattack.search.ledger import Front, undominated

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
def test_undominated_is_what_the_definition_says(rows: list[tuple[int, ...]]) -> None:
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


def test_a_front_is_that_of_everything_asked() -> None:
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
