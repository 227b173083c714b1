"""The operators of differential evolution, against values computed by hand."""

import pytest
import torch
from scipy.stats import kstest
from spaces import space

from sparseattack.strategies.de import Population, adapted, crossed, mutants, unasked
from sparseattack.strategies.draws import others


def population(members: torch.Tensor, values: list[float] | None = None) -> Population:
    """One image's members ``(P, D)``, with F = 0.5 and CR = 1."""
    blank = unasked(members[None], weight=0.5, crossover=1.0)
    return blank if values is None else blank._replace(values=torch.tensor(values).view(1, -1, 1))


def test_rand_1_adds_half_the_difference_of_two_others_to_a_third() -> None:
    members = torch.tensor([[0.0], [0.1], [0.3], [0.7], [1.0]]).expand(-1, 5)
    found = mutants(space(3), population(members), "rand")
    for member, (first, second, third) in enumerate(others(space(3), 5, 3)[0].tolist()):
        by_hand = [0.0, 0.1, 0.3, 0.7, 1.0]
        wanted = by_hand[first] + 0.5 * (by_hand[second] - by_hand[third])
        assert found[0, member].tolist() == pytest.approx([wanted] * 5)


def test_rand_1_on_four_members_by_hand() -> None:
    """Of 0, 1, 10 and 100 the first child is made of the last three."""
    members = torch.tensor([[0.0], [1.0], [10.0], [100.0]]).expand(-1, 5)
    possible = [1 - 45, 1 + 45, 10 - 49.5, 10 + 49.5, 100 - 4.5, 100 + 4.5]
    seen = {mutants(space(seed), population(members), "rand")[0, 0, 0].item() for seed in range(200)}
    assert seen == set(possible)


def test_best_1_starts_from_the_lowest_value() -> None:
    members = torch.tensor([[0.0], [1.0], [10.0], [100.0]]).expand(-1, 5)
    parents = population(members, values=[3.0, 2.0, 1.0, 4.0])
    seen = {mutants(space(seed), parents, "best")[0, 0, 0].item() for seed in range(200)}
    assert seen == {10 + sign * half for sign in (1, -1) for half in (4.5, 45, 49.5)}


def test_a_member_has_its_own_weight() -> None:
    members = torch.tensor([[0.0], [1.0], [10.0], [100.0]]).expand(-1, 5)
    parents = population(members)._replace(weight=torch.tensor([0.0, 0.5, 0.5, 1.0]).view(1, 4, 1))
    found = mutants(space(0), parents, "rand")[0, :, 0]
    assert found[0].item() in (1, 10, 100)
    assert found[3].item() in (0 - 9, 0 + 9, 1 - 10, 1 + 10, 10 - 1, 10 + 1)


def test_the_fitter_of_parent_and_child_at_each_index_survives_and_keeps_its_parameters() -> None:
    parents = unasked(torch.zeros(1, 4, 5), 0.5, 0.9)._replace(values=torch.tensor([[[1.0], [1], [1], [1]]]))
    children = unasked(torch.ones(1, 4, 5), 0.7, 0.2)
    inf = torch.inf  # not asked
    children = children._replace(values=torch.tensor([[[2.0], [0], [1], [inf]]]))
    found = parents.fitter(children)
    assert found.members[0, :, 0].tolist() == [0, 1, 0, 0]  # the parent stays on a tie
    assert found.values[0, :, 0].tolist() == [1, 0, 1, 1]
    assert found.weight[0, :, 0].tolist() == pytest.approx([0.5, 0.7, 0.5, 0.5])
    assert found.crossover[0, :, 0].tolist() == pytest.approx([0.9, 0.2, 0.9, 0.9])


@pytest.mark.parametrize(("rate", "low", "high"), [(0.0, 0.2, 0.2), (0.5, 0.55, 0.65), (1.0, 1.0, 1.0)])
def test_crossover_takes_its_share_of_genes_and_always_one(rate: float, low: float, high: float) -> None:
    parents = unasked(torch.zeros(1, 4000, 5), 0.5, rate)
    child = crossed(space(0), torch.ones(1, 4000, 5), parents).double()
    assert child.sum(2).min() >= 1
    assert low <= round(child.mean().item(), 9) <= high  # 0.5 + 0.5 / 5 of the genes in the middle case
    assert child.mean(1).min() > 0.15  # and every gene in its turn


def test_jde_draws_a_tenth_of_its_parameters_anew() -> None:
    parents = unasked(torch.zeros(1, 20000, 5), 0.5, 0.9)
    found = adapted(space(0), parents)
    for kept, values, low in ((0.5, found.weight, 0.1), (0.9, found.crossover, 0.0)):
        new = values[values != kept]
        assert 0.09 < len(new) / 20000 < 0.11
        assert kstest(new, "uniform", args=(low, 1 - low)).pvalue > 1e-3
    both = (found.weight != 0.5) & (found.crossover != 0.9)
    assert 0.005 < both.double().mean() < 0.02  # independent of each other
    assert torch.equal(found.members, parents.members)
