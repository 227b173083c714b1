"""Differential evolution: the whole search, its operators against values computed by hand, its draws."""

from functools import partial
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest
from spaces import all_candidates, generations, space
from torch import Tensor

from sparseattack import Space
from sparseattack.conformance.problems import sphere
from sparseattack.strategies.differential_evolution.de import (
    Population,
    adapt_jde,
    cross,
    de,
    initial_population,
    mutate,
    others,
    repair,
    select,
)


def test_the_default_population_has_four_hundred_members() -> None:
    here = space(0, 1)
    asked = generations(de(here), 1.0, 1.0)
    assert [each.shape for each in asked] == [(2, 400, 5)] * 3


def test_without_crossover_no_gene_of_a_parent_stays_but_by_chance() -> None:
    first, children = generations(de(space(0)), 1.0)
    assert (first == children).double().mean() < 0.01


def test_a_child_competes_with_the_parent_of_its_own_index() -> None:
    """At crossover 0 a child has one gene of its mutant, so its parent can be recognised."""
    search = de(space(0), popsize=20, cr=0.0)
    first = next(search)
    children = search.send(torch.full((1, 20, 1), 5.0))
    assert ((first != children).sum(2) == 1).all()
    better = torch.arange(20).view(1, 20, 1) % 3 == 0
    grandchildren = search.send(torch.where(better, 4.0, 6.0))
    parents = torch.where(better, children, first)
    assert ((parents != grandchildren).sum(2) == 1).all()


def test_a_converged_population_restarts_without_the_others() -> None:
    here, budget = space(0, 1, budget=600), 600

    def answer(turn: int, candidates: Tensor) -> Tensor:
        values = sphere(turn, candidates)
        values[1] = 0.0  # nothing survives in the second image: it stays as wide as it was
        return values

    together = all_candidates(lambda here: de(here, popsize=6, variant="best1"), here, answer)
    assert here.journal.restarts[0] >= 1 and 1 not in here.journal.restarts
    alone = all_candidates(
        lambda here: de(here, popsize=6, variant="best1"),
        space(1, budget=budget),
        lambda turn, c: c[..., 0] * 0,
    )
    assert torch.equal(together[1], alone[0])


def test_after_a_restart_the_population_is_as_wide_as_at_first() -> None:
    here = space(0, budget=600)
    asked = all_candidates(lambda here: de(here, popsize=6, variant="best1"), here)[0].view(-1, 6, 5)
    spread = asked.std(1).mean(1)
    assert here.journal.restarts[0] >= 1
    narrow = int((spread < 0.02).nonzero()[0, 0])
    assert spread[narrow:].max() > 0.2


def test_without_restart_a_converged_population_continues_as_in_the_paper() -> None:
    """Both searches are equal up to convergence; then only the restarted one is diverse again."""

    def asked(restart: bool) -> tuple[Tensor, dict[int, int]]:
        here = space(0, budget=600)
        search = partial(de, popsize=6, variant="best1", restart=restart)
        return all_candidates(search, here)[0].view(-1, 6, 5), here.journal.restarts

    (anew, restarts), (onward, none) = asked(True), asked(False)
    assert restarts[0] >= 1 and none == {}
    parted = int((anew != onward).flatten(1).any(1).nonzero()[0, 0])
    assert parted > 1 and onward.isfinite().all()
    assert anew[parted].std(0).mean() > 0.1 and onward[parted:].std(1).mean() < 0.01


def test_jde_makes_other_children_of_the_same_first_population() -> None:
    plain = all_candidates(lambda here: de(here, popsize=20, cr=0.9), space(0, budget=100))[0]
    jde = all_candidates(lambda here: de(here, popsize=20, cr=0.9, adapt="jde"), space(0, budget=100))[0]
    assert torch.equal(plain[:20], jde[:20]) and not torch.equal(plain[20:], jde[20:])


def population(members: torch.Tensor, values: list[float] | None = None) -> Population:
    """One image's members ``(P, D)``, with F = 0.5 and CR = 1."""
    blank = Population.unevaluated(members[None], f=0.5, cr=1.0)
    return blank if values is None else blank._replace(values=torch.tensor(values).view(1, -1, 1))


def test_rand_1_adds_half_the_difference_of_two_others_to_a_third() -> None:
    members = torch.tensor([[0.0], [0.1], [0.3], [0.7], [1.0]]).expand(-1, 5)
    found = mutate(space(3), population(members), "rand1")
    for member, (first, second, third) in enumerate(others(space(3), 5, 3)[0].tolist()):
        by_hand = [0.0, 0.1, 0.3, 0.7, 1.0]
        wanted = by_hand[first] + 0.5 * (by_hand[second] - by_hand[third])
        assert found[0, member].tolist() == pytest.approx([wanted] * 5)


def test_rand_1_on_four_members_by_hand() -> None:
    """Of 0, 1, 10 and 100 the first child is made of the last three."""
    members = torch.tensor([[0.0], [1.0], [10.0], [100.0]]).expand(-1, 5)
    possible = [1 - 45, 1 + 45, 10 - 49.5, 10 + 49.5, 100 - 4.5, 100 + 4.5]
    seen = {mutate(space(seed), population(members), "rand1")[0, 0, 0].item() for seed in range(200)}
    assert seen == set(possible)


def test_best_1_starts_from_the_lowest_value() -> None:
    members = torch.tensor([[0.0], [1.0], [10.0], [100.0]]).expand(-1, 5)
    parents = population(members, values=[3.0, 2.0, 1.0, 4.0])
    seen = {mutate(space(seed), parents, "best1")[0, 0, 0].item() for seed in range(200)}
    assert seen == {10 + sign * half for sign in (1, -1) for half in (4.5, 45, 49.5)}


def test_current_to_best_1_moves_the_parent_towards_the_lowest_value() -> None:
    members = torch.tensor([[0.0], [1.0], [10.0], [100.0]]).expand(-1, 5)
    parents = population(members, values=[3.0, 2.0, 1.0, 4.0])
    found = [mutate(space(seed), parents, "currenttobest1")[0, :, 0] for seed in range(200)]
    assert {each[0].item() for each in found} == {
        5 + sign * half for sign in (1, -1) for half in (4.5, 45, 49.5)
    }
    assert {each[3].item() for each in found} == {
        55 + sign * half for sign in (1, -1) for half in (0.5, 4.5, 5)
    }
    some = mutate(space(7), parents, "currenttobest1", slice(1, 3))[0, :, 0]
    assert abs(some[0] - 5.5) in (5, 45, 50) and abs(some[1] - 10) in (0.5, 49.5, 50)


def test_a_member_has_its_own_weight() -> None:
    members = torch.tensor([[0.0], [1.0], [10.0], [100.0]]).expand(-1, 5)
    parents = population(members)._replace(f=torch.tensor([0.0, 0.5, 0.5, 1.0]).view(1, 4, 1))
    found = mutate(space(0), parents, "rand1")[0, :, 0]
    assert found[0].item() in (1, 10, 100)
    assert found[3].item() in (0 - 9, 0 + 9, 1 - 10, 1 + 10, 10 - 1, 10 + 1)


def test_the_fitter_of_parent_and_child_at_each_index_survives_and_keeps_its_parameters() -> None:
    parents = Population.unevaluated(torch.zeros(1, 4, 5), 0.5, 0.9)._replace(
        values=torch.tensor([[[1.0], [1], [1], [1]]])
    )
    children = Population.unevaluated(torch.ones(1, 4, 5), 0.7, 0.2)
    inf = torch.inf  # not evaluated
    children = children._replace(values=torch.tensor([[[2.0], [0], [1], [inf]]]))
    found = select(parents, children)
    assert found.members[0, :, 0].tolist() == [0, 1, 0, 0]  # the parent stays on a tie
    assert found.values[0, :, 0].tolist() == [1, 0, 1, 1]
    assert found.f[0, :, 0].tolist() == pytest.approx([0.5, 0.7, 0.5, 0.5])
    assert found.cr[0, :, 0].tolist() == pytest.approx([0.9, 0.2, 0.9, 0.9])


@pytest.mark.parametrize(("rate", "low", "high"), [(0.0, 0.2, 0.2), (0.5, 0.55, 0.65), (1.0, 1.0, 1.0)])
def test_crossover_takes_its_share_of_genes_and_always_one(rate: float, low: float, high: float) -> None:
    parents = Population.unevaluated(torch.zeros(1, 4000, 5), 0.5, rate)
    child = cross(space(0), torch.ones(1, 4000, 5), parents).double()
    assert child.sum(2).min() >= 1
    assert low <= round(child.mean().item(), 9) <= high  # 0.5 + 0.5 / 5 of the genes in the middle case
    assert child.mean(1).min() > 0.15  # and every gene in its turn


def test_jde_draws_a_tenth_of_its_parameters() -> None:
    parents = Population.unevaluated(torch.zeros(1, 20000, 5), 0.5, 0.9)
    found = adapt_jde(space(0), parents)
    for kept, values, low in ((0.5, found.f, 0.1), (0.9, found.cr, 0.0)):
        new = values[values != kept]
        assert 0.09 < len(new) / 20000 < 0.11
        assert kstest(new, "uniform", args=(low, 1 - low)).pvalue > 1e-3
    both = (found.f != 0.5) & (found.cr != 0.9)
    assert 0.005 < both.double().mean() < 0.02  # independent of each other
    assert torch.equal(found.members, parents.members)


def test_others_are_all_different_and_none_is_oneself() -> None:
    picks = others(space(0, 1), popsize=4, count=3)
    for member in range(4):
        rest = sorted({0, 1, 2, 3} - {member})
        assert picks[:, member].sort(1).values.tolist() == [rest, rest]


def test_every_choice_of_others_is_equally_likely() -> None:
    here = space(*range(50))
    picks = torch.cat([others(here, popsize=5, count=3)[:, 2] for _ in range(96)])
    counts = [(picks == torch.tensor(each)).all(1).sum().item() for each in permutations((0, 1, 3, 4), 3)]
    assert sum(counts) == 4800  # nothing else is drawn
    assert chisquare(counts).pvalue > 1e-3


def test_reflection_and_clipping_by_hand() -> None:
    genes = torch.tensor([[[-0.25, 0.0, 0.5, 1.0, 1.25], [-1.0, -0.75, 1.75, 2.0, 2.25]]])
    reflected = [[0.25, 0.0, 0.5, 1.0, 0.75], [1.0, 0.75, 0.25, 0.0, 0.25]]
    assert repair(space(0), genes, "reflect")[0].tolist() == reflected
    assert repair(space(0), genes, "clip")[0].tolist() == [[0, 0, 0.5, 1, 1], [0, 0, 1, 1, 1]]


def test_redrawing_is_uniform_and_leaves_the_rest() -> None:
    genes = torch.full((1, 2000, 5), 0.5)
    genes[..., 1], genes[..., 3] = -0.01, 1.01
    found = repair(space(0), genes, "redraw")
    assert (found[..., [0, 2, 4]] == 0.5).all()
    assert kstest(found[..., [1, 3]].flatten(), "uniform").pvalue > 1e-3


def first_population(here: Space, popsize: int, init: str) -> Tensor:
    members: Tensor = initial_population(here, popsize=popsize, f=0.5, cr=1.0, init=init).members
    return members


def test_the_paper_s_first_population() -> None:
    here = space(0)
    members = first_population(here, 20000, "paper")
    positions, colours = members[..., ~here.mask("colour")], members[..., here.mask("colour")]
    assert kstest(positions.flatten(), "uniform").pvalue > 1e-3
    levels = colours.double() * 255
    assert (levels == 0).double().mean().item() == pytest.approx(0.157, abs=0.01)  # N(128, 127) below 0
    assert (levels == 255).double().mean().item() == pytest.approx(0.159, abs=0.01)
    inside = levels[(levels > 0) & (levels < 255)]
    assert np.median(inside) == pytest.approx(128, abs=3)


def test_other_first_populations() -> None:
    here = space(0)
    assert kstest(first_population(here, 5000, "uniform").flatten(), "uniform").pvalue > 1e-3
    members = first_population(here, 5000, "corners")
    assert set(members[..., here.mask("colour")].flatten().tolist()) == {0.0, 1.0}
    assert kstest(members[..., here.mask("row")].flatten(), "uniform").pvalue > 1e-3
