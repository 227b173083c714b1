"""Differential evolution as a whole."""

from functools import partial

import torch
from spaces import all_candidates, generations, space
from torch import Tensor

from sparseattack.conformance.problems import sphere
from sparseattack.strategies.de import de


def test_the_default_asks_four_hundred_at_a_time() -> None:
    here = space(0, 1)
    asked = generations(de(here), 1.0, 1.0)
    assert [each.shape for each in asked] == [(2, 400, 5)] * 3


def test_without_crossover_no_gene_of_a_parent_stays_but_by_chance() -> None:
    first, children = generations(de(space(0)), 1.0)
    assert (first == children).double().mean() < 0.01


def test_a_child_competes_with_the_parent_of_its_own_index() -> None:
    """At crossover 0 a child has one gene of its mutant, so its parent can be recognised."""
    search = de(space(0), popsize=20, crossover=0.0)
    first = next(search)
    children = search.send(torch.full((1, 20, 1), 5.0))
    assert ((first != children).sum(2) == 1).all()
    better = torch.arange(20).view(1, 20, 1) % 3 == 0
    grandchildren = search.send(torch.where(better, 4.0, 6.0))
    parents = torch.where(better, children, first)
    assert ((parents != grandchildren).sum(2) == 1).all()


def test_a_population_that_has_become_one_edit_starts_anew_alone() -> None:
    here, budget = space(0, 1, budget=600), 600

    def answer(turn: int, candidates: Tensor) -> Tensor:
        values = sphere(turn, candidates)
        values[1] = 0.0  # nothing survives in the second image: it stays as wide as it was
        return values

    together = all_candidates(lambda here: de(here, popsize=6, base="best"), here, answer)
    assert here.journal.restarts[0] >= 1 and 1 not in here.journal.restarts
    alone = all_candidates(
        lambda here: de(here, popsize=6, base="best"), space(1, budget=budget), lambda turn, c: c[..., 0] * 0
    )
    assert torch.equal(together[1], alone[0])


def test_after_a_restart_the_population_is_as_wide_as_at_first() -> None:
    here = space(0, budget=600)
    asked = all_candidates(lambda here: de(here, popsize=6, base="best"), here)[0].view(-1, 6, 5)
    spread = asked.std(1).mean(1)
    assert here.journal.restarts[0] >= 1
    narrow = int((spread < 0.02).nonzero()[0, 0])
    assert spread[narrow:].max() > 0.2


def test_without_restart_a_population_that_has_become_one_edit_goes_on_as_the_papers() -> None:
    """Both search alike up to there; then only one of them is wide again."""

    def asked(restart: bool) -> tuple[Tensor, dict[int, int]]:
        here = space(0, budget=600)
        search = partial(de, popsize=6, base="best", restart=restart)
        return all_candidates(search, here)[0].view(-1, 6, 5), here.journal.restarts

    (anew, restarts), (onward, none) = asked(True), asked(False)
    assert restarts[0] >= 1 and none == {}
    parted = int((anew != onward).flatten(1).any(1).nonzero()[0, 0])
    assert parted > 1 and onward.isfinite().all()
    assert anew[parted].std(0).mean() > 0.1 and onward[parted:].std(1).mean() < 0.01


def test_jde_makes_other_children_of_the_same_first_population() -> None:
    plain = all_candidates(lambda here: de(here, popsize=20, crossover=0.9), space(0, budget=100))[0]
    jde = all_candidates(lambda here: de(here, popsize=20, crossover=0.9, adapt="jde"), space(0, budget=100))[
        0
    ]
    assert torch.equal(plain[:20], jde[:20]) and not torch.equal(plain[20:], jde[20:])
