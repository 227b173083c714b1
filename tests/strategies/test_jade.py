"""JADE: its draws, its children and its archive as in the paper, and that F and CR are learnt."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import cauchy, ks_2samp, kstest
from spaces import all_candidates, generations, space

from sparseattack.strategies.differential_evolution.current_to_pbest import (
    Archive,
    draw_cr,
    draw_f,
    lehmer_mean,
    mean_of,
    towards_best,
)
from sparseattack.strategies.differential_evolution.de import Population
from sparseattack.strategies.differential_evolution.jade import jade


@pytest.mark.parametrize("location", [0.1, 0.5, 0.9])
def test_f_is_cauchy_above_0_and_at_most_1(location: float) -> None:
    """Draws up to 0 are repeated: the law is the Cauchy distribution, given that it is positive."""
    drawn = draw_f(space(0), torch.full((1, 20_000, 1), location)).flatten().double().numpy()
    law, inside = cauchy(location, 0.1), drawn[drawn < 1]
    assert drawn.min() > 0 and drawn.max() == 1
    share = law.sf(1) / law.sf(0)
    assert (drawn == 1).mean() == pytest.approx(share, abs=4 * (share / 20_000) ** 0.5)
    given = kstest(inside, lambda x: (law.cdf(x) - law.cdf(0)) / (law.cdf(1) - law.cdf(0)))
    assert given.pvalue > 1e-3


def test_cr_is_normal_and_clipped() -> None:
    drawn = draw_cr(space(0), torch.full((1, 20_000, 1), 0.9)).flatten().double()
    assert (drawn == 1).double().mean().item() == pytest.approx(0.1587, abs=0.01)
    assert drawn.median().item() == pytest.approx(0.9, abs=0.005)


def test_the_means_by_hand() -> None:
    values = torch.tensor([[[0.2], [0.8], [0.5]]])
    which = torch.tensor([[[1.0], [1.0], [0.0]]])
    assert mean_of(values, which).item() == pytest.approx(0.5)
    assert lehmer_mean(values, which).item() == pytest.approx((0.04 + 0.64) / 1.0)
    assert lehmer_mean(values, which * 0).item() == 0


def test_a_child_goes_to_the_best_and_along_a_difference_to_the_archive() -> None:
    """Members 0, 1, 10 and 100, archive 1000: all children that the paper allows, and no others."""
    members = torch.tensor([[[0.0], [1.0], [10.0], [100.0]]]).expand(1, 4, 5) / 4000 + 0.3
    one, values = torch.ones(1, 4, 1), torch.tensor([[[4.0], [1], [2], [3]]])
    parents = Population(members, values, one / 2, one)
    archive = Archive(torch.full((1, 3, 5), 1000.0) / 4000 + 0.3, torch.tensor([1]))
    seen = {
        round(float(towards_best(space(seed), parents, archive, 1).members[0, 0, 0] - 0.3) * 4000, 1)
        for seed in range(300)
    }
    others = [1, 10, 100]
    allowed = {0.5 * 1 + 0.5 * (a - b) for a in others for b in [*others, 1000] if a != b}
    assert seen == {round(each, 1) for each in allowed}


def test_a_gene_outside_goes_half_way_to_the_bound() -> None:
    """From 0.9 with F = 1: the best, 0.5, plus 0.6 or minus 0.6, or a difference that stays inside."""
    members = torch.tensor([[0.9] * 5, [0.5] * 5, [0.8] * 5, [0.2] * 5])[None]
    one, values = torch.ones(1, 4, 1), torch.tensor([[[4.0], [1], [2], [3]]])
    parents, empty = Population(members, values, one, one), Archive.empty(members, 0)
    found = {
        round(float(towards_best(space(seed), parents, empty, 1).members[0, 0, 0]), 3) for seed in range(90)
    }
    assert found == {0.95, 0.45, 0.8, 0.2}  # 1.1 and -0.1 are outside


def test_the_archive_keeps_the_replaced_and_no_more_than_its_limit() -> None:
    here, members = space(*range(400)), torch.arange(4.0).view(1, 4, 1).expand(400, 4, 5)
    which = torch.tensor([True, False, True, True]).expand(400, 4)
    archive = Archive.empty(members, 4).after(here, members, which, 4)
    assert (archive.sizes == 3).all()
    assert (archive.members[:, :3, 0].sort(1).values == torch.tensor([0.0, 2, 3])).all()
    fuller = archive.after(here, members + 10, which, 4)
    assert (fuller.sizes == 4).all()
    kept = fuller.members[:, :4, 0]
    for value in (0.0, 2, 3, 10, 12, 13):  # 4 of 6 stay, each as likely
        assert (kept == value).any(1).double().mean().item() == pytest.approx(4 / 6, abs=0.1)


def test_as_many_members_as_in_the_paper() -> None:
    assert [generations(jade(space(0, pixels=k)))[0].shape[1] for k in (1, 3, 10)] == [30, 100, 400]


def reference(seed: int, members: int, generations: int) -> float:
    """JADE with archive as in Table I of the paper, member by member."""
    random = np.random.default_rng(seed)
    x, mean_f, mean_cr = random.random((members, 5)), 0.5, 0.5
    values, archive = valley(x), list[NDArray[np.float64]]()
    for _ in range(generations):
        won, trials = [], []
        top = np.argsort(values)[: max(1, round(0.05 * members))]
        for i in range(members):
            f = 0.0
            while f <= 0:
                f = min(1.0, mean_f + 0.1 * random.standard_cauchy())
            cr = np.clip(random.normal(mean_cr, 0.1), 0, 1)
            r1 = random.choice([j for j in range(members) if j != i])
            r2 = random.choice([j for j in range(members + len(archive)) if j not in {i, r1}])
            other = x[r2] if r2 < members else archive[r2 - members]
            v = x[i] + f * (x[random.choice(top)] - x[i]) + f * (x[r1] - other)
            v = np.where(v < 0, x[i] / 2, np.where(v > 1, (x[i] + 1) / 2, v))
            taken = random.random(5) < cr
            taken[random.integers(5)] = True
            trials.append((np.where(taken, v, x[i]), f, cr))
        for i, (u, f, cr) in enumerate(trials):
            if valley(u) < values[i]:
                archive.append(x[i].copy())
                x[i], values[i] = u, valley(u)
                won.append((f, cr))
        random.shuffle(archive)
        del archive[members:]
        if won:
            f_, cr_ = np.array(won).T
            mean_f, mean_cr = 0.9 * mean_f + 0.1 * (f_**2).sum() / f_.sum(), 0.9 * mean_cr + 0.1 * cr_.mean()
    return float(values.min())


def valley(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """An ellipsoid ``(..., 5) -> (...)``, not along the axes, with its minimum inside the cube."""
    y = x - 0.3
    return np.asarray((np.array([1, 3, 10, 30, 100]) * (y + 0.5 * np.roll(y, 1, axis=-1)) ** 2).sum(-1))


def test_it_finds_what_the_paper_s_algorithm_finds() -> None:
    expected = [reference(seed, 15, 14) for seed in range(50)]

    def lowest(members: int) -> NDArray[np.float64]:
        here = space(*range(50), budget=15 * 15)
        asked = all_candidates(
            partial(jade, popsize=members), here, lambda turn, x: torch.tensor(valley(x.double().numpy()))
        )
        return np.asarray(valley(torch.stack(asked).double().numpy()).min(1))

    assert ks_2samp(lowest(15), expected).pvalue > 1e-3
    assert ks_2samp(lowest(45), expected).pvalue < 1e-2


def test_a_converged_population_starts_anew() -> None:
    here = space(0, budget=1000)
    (found,) = all_candidates(partial(jade, popsize=6, p=0.3), here)
    assert here.journal.restarts[0] >= 1 and len(found) == 1000
