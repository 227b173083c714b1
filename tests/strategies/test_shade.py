"""L-SHADE: its schedule, its memory by hand, and what it finds beside the published algorithm."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from spaces import all_candidates, generations, space

from sparseattack.conformance.problems import run_search, sphere
from sparseattack.strategies.differential_evolution.de import Population
from sparseattack.strategies.differential_evolution.shade import Memory, best_of, members_left, shade


def valley(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """An ellipsoid ``(..., 5) -> (...)``, not along the axes, with its minimum inside the cube."""
    y = x - 0.3
    return np.asarray((np.array([1, 3, 10, 30, 100]) * (y + 0.5 * np.roll(y, 1, axis=-1)) ** 2).sum(-1))


def test_the_population_shrinks_linearly_with_the_queries() -> None:
    assert [members_left(90, spent, 1000) for spent in (0, 90, 500, 999, 1000, 1200)] == [90, 82, 47, 4, 4, 4]
    here = space(0, budget=1000)
    sizes = [each.candidates.shape[1] for each in run_search(shade, here, sphere, 1000)]
    assert sizes[0] == 90 and sizes[-1] <= 8
    spent = 0
    for size, following in pairwise(sizes):
        spent += size
        assert following == round((4 - 90) / 1000 * spent + 90)


def test_the_paper_s_population_is_18_for_each_gene() -> None:
    assert [generations(shade(space(0, pixels=k)))[0].shape[1] for k in (1, 3)] == [90, 270]


def children(f: list[float], cr: list[float]) -> Population:
    f_, cr_ = (torch.tensor([each]).unsqueeze(2) for each in (f, cr))
    return Population(torch.zeros(1, len(f), 5), torch.zeros(1, len(f), 1), f_, cr_)


def test_the_memory_by_hand() -> None:
    """Lehmer means weighted by the gain, written to one place after another."""
    memory = Memory.start(space(0), 2)
    gain = torch.tensor([[[3.0], [1.0], [0.0]]])
    memory = memory.after(children([0.4, 0.8, 0.9], [0.5, 0.1, 1.0]), gain)
    f = (0.75 * 0.16 + 0.25 * 0.64) / (0.75 * 0.4 + 0.25 * 0.8)
    cr = (0.75 * 0.25 + 0.25 * 0.01) / (0.75 * 0.5 + 0.25 * 0.1)
    assert memory.f[0].tolist() == pytest.approx([f, 0.5]) and memory.cr[0].tolist() == pytest.approx(
        [cr, 0.5]
    )
    same = memory.after(children([0.1], [0.1]), torch.zeros(1, 1, 1))
    assert torch.equal(same.f, memory.f) and same.place.item() == 1  # nothing gained, nothing written
    end = memory.after(children([0.3], [0.0]), torch.ones(1, 1, 1))
    assert end.cr[0, 1].isnan() and end.place.item() == 0  # the terminal value
    drawn = Memory(end.f[:, 1:], end.cr[:, 1:], end.place).draw(space(0), 50)[1]
    assert (drawn == 0).all()
    again = end._replace(place=torch.tensor([1])).after(children([0.3], [0.9]), torch.ones(1, 1, 1))
    assert again.cr[0, 1].isnan()  # for good


def test_the_worst_members_go() -> None:
    members = torch.arange(4.0).view(1, 4, 1)
    population = Population(members, torch.tensor([[[2.0], [9], [1], [5]]]), members, members)
    assert best_of(population, 2).members.flatten().tolist() == [0, 2]


def reference(seed: int, first: int, budget: int) -> float:
    """L-SHADE as in the paper's Algorithm 1, member by member."""
    random = np.random.default_rng(seed)
    x, h = random.random((first, 5)), 6
    values, archive, spent = valley(x), list[NDArray[np.float64]](), first
    memory_f, memory_cr, place = [0.5] * h, [0.5] * h, 0
    while spent < budget:
        size, trials, won = len(x), [], []
        top = np.argsort(values)[: max(2, round(0.11 * size))]
        for i in range(size):
            r, f = random.integers(h), 0.0
            cr = 0.0 if memory_cr[r] < 0 else float(np.clip(random.normal(memory_cr[r], 0.1), 0, 1))
            while f <= 0:
                f = min(1.0, memory_f[r] + 0.1 * random.standard_cauchy())
            r1 = random.choice([j for j in range(size) if j != i])
            r2 = random.choice([j for j in range(size + len(archive)) if j not in {i, r1}])
            other = x[r2] if r2 < size else archive[r2 - size]
            v = x[i] + f * (x[random.choice(top)] - x[i]) + f * (x[r1] - other)
            v = np.where(v < 0, x[i] / 2, np.where(v > 1, (x[i] + 1) / 2, v))
            taken = random.random(5) < cr
            taken[random.integers(5)] = True
            trials.append((np.where(taken, v, x[i]), f, cr))
        spent += size
        for i, (u, f, cr) in enumerate(trials):
            if (value := float(valley(u))) < values[i]:
                archive.append(x[i].copy())
                won.append((f, cr, values[i] - value))
            if value <= values[i]:
                x[i], values[i] = u, value
        if won:
            f_, cr_, gain = np.array(won).T
            memory_f[place] = (gain * f_**2).sum() / (gain * f_).sum()
            gone = memory_cr[place] < 0 or cr_.max() == 0
            memory_cr[place] = -1.0 if gone else (gain * cr_**2).sum() / (gain * cr_).sum()
            place = (place + 1) % h
        left = max(4, round((4 - first) / budget * spent + first))
        kept = np.argsort(values)[:left]
        x, values = x[kept], values[kept]
        random.shuffle(archive)
        del archive[round(2.6 * left) :]
    return float(values.min())


def test_it_finds_what_the_paper_s_algorithm_finds() -> None:
    expected = [reference(seed, 20, 300) for seed in range(50)]

    def lowest(reduction: bool) -> NDArray[np.float64]:
        here = space(*range(50), budget=300)
        asked = all_candidates(
            partial(shade, popsize=20, reduction=reduction),
            here,
            lambda turn, x: torch.tensor(valley(x.double().numpy())),
        )
        return np.asarray(valley(torch.stack(asked).double().numpy()).min(1))

    assert ks_2samp(lowest(True), expected).pvalue > 1e-3
    assert ks_2samp(lowest(False), expected).pvalue < 1e-3


def test_a_converged_population_starts_anew() -> None:
    here = space(0, budget=1500)
    (found,) = all_candidates(partial(shade, popsize=8), here)
    assert here.journal.restarts[0] >= 1 and len(found) == 1500
