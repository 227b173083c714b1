"""The differential evolution that others ship: each preset finds as good values as its source, in law."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import differential_evolution
from scipy.stats import ks_2samp, kstest
from spaces import all_candidates, generations, space
from torch import Tensor

from sparseattack import InputError, Strategy, load
from sparseattack.plugins.spec import setting_values
from sparseattack.strategies.differential_evolution.de import (
    PRESETS,
    Population,
    best_first,
    initial_population,
    sweeps,
)

RUNS, GENERATIONS, MEMBERS = 80, 12, 20
WEIGHTS = np.array([1.0, 3.0, 10.0, 30.0, 100.0])


def valley(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """An ellipsoid ``(..., 5) -> (...)``, not along the axes, with its minimum inside the cube."""
    y = x - 0.3
    return np.asarray((WEIGHTS * (y + 0.5 * np.roll(y, 1, axis=-1)) ** 2).sum(-1))


def lowest(strategy: Strategy, members: int) -> NDArray[np.float64]:
    """The lowest value of many runs of ours, side by side."""
    here = space(*range(RUNS), budget=members * (GENERATIONS + 1))
    asked = torch.stack(
        all_candidates(strategy, here, lambda turn, x: torch.tensor(valley(x.double().numpy())))
    )
    return np.asarray(valley(asked.double().numpy()).min(1))


def ours(settings: str, members: int) -> NDArray[np.float64]:
    return lowest(load("strategies", f"de(restart=no,{settings})"), members)


@cache
def scipy_s(strategy: str = "best1bin") -> NDArray[np.float64]:
    bounds = [(0.0, 1.0)] * 5
    found = [
        differential_evolution(
            valley, bounds, strategy=strategy, popsize=4, maxiter=GENERATIONS, tol=0, polish=False, rng=seed
        )
        for seed in range(RUNS)
    ]
    assert all(each.nfev == MEMBERS * (GENERATIONS + 1) for each in found)
    return np.array([each.fun for each in found])


def test_the_preset_of_scipy_finds_what_scipy_finds() -> None:
    assert ks_2samp(ours("preset=scipy,popsize=20", MEMBERS), scipy_s()).pvalue > 1e-3


@pytest.mark.parametrize("other", ["f=0.5", "variant=rand1"])
def test_and_the_comparison_tells_other_settings_apart(other: str) -> None:
    assert ks_2samp(ours(f"preset=scipy,popsize=20,{other}", MEMBERS), scipy_s()).pvalue < 1e-3


def test_current_to_best_finds_what_that_of_scipy_finds() -> None:
    found, other = (
        ours(f"preset=scipy,popsize=20,variant={name}", MEMBERS) for name in ("currenttobest1", "rand1")
    )
    assert ks_2samp(found, scipy_s("currenttobest1bin")).pvalue > 1e-3
    assert ks_2samp(other, scipy_s("currenttobest1bin")).pvalue < 1e-3


def test_de_efficient_is_the_preset() -> None:
    few, preset, paper = (
        all_candidates(load("strategies", spec), space(3, pixels=3, budget=90))[0]
        for spec in ("de-efficient", "de(preset=efficient)", "de(popsize=10)")
    )
    assert torch.equal(few, preset) and not torch.equal(few, paper)
    colours = few[:10].view(10, 3, 5)[..., 2:]
    assert torch.equal(colours, colours.round())


Start = Callable[[np.random.Generator, int], NDArray[np.float64]]


def old_scipy(seed: int, members: int, initial: Start) -> float:
    """The variant in torchattacks, ART and Hyperparticle, member by member as their code is written.

    It is best/1 of scipy before 1.0 with all trials of a generation made before any is evaluated; a trial
    that is better than the best member replaces that too.
    """
    random = np.random.default_rng(seed)
    population = initial(random, members)
    energies = valley(population)
    best = int(energies.argmin())
    population[[0, best]], energies[[0, best]] = population[[best, 0]], energies[[best, 0]]
    for _ in range(GENERATIONS):
        scale, trials = random.uniform(0.5, 1), []
        for member in range(members):
            first, second = random.choice([m for m in range(members) if m != member], 2, replace=False)
            trial = population[0] + scale * (population[first] - population[second])
            trials.append(np.where((trial < 0) | (trial > 1), random.random(5), trial))
        for member, (energy, trial) in enumerate(zip(valley(np.array(trials)), trials, strict=True)):
            if energy < energies[member]:
                population[member], energies[member] = trial, energy
                if energy < energies[0]:
                    population[0], energies[0] = trial, energy
    return float(energies[0])


def hypercube(random: np.random.Generator, members: int) -> NDArray[np.float64]:
    columns = [(random.permutation(members) + random.random(members)) / members for _ in range(5)]
    return np.stack(columns, 1)


def cube(random: np.random.Generator, members: int) -> NDArray[np.float64]:
    return random.random((members, 5))


@pytest.mark.parametrize(("preset", "initial"), [("art", hypercube), ("torchattacks", cube)])
def test_the_presets_of_attacks_find_what_their_algorithm_finds(preset: str, initial: Start) -> None:
    reference = np.array([old_scipy(seed, MEMBERS, initial) for seed in range(RUNS)])
    assert ks_2samp(ours(f"preset={preset},popsize=20", MEMBERS), reference).pvalue > 1e-3
    assert ks_2samp(ours(f"preset={preset},popsize=20,variant=rand1", MEMBERS), reference).pvalue < 1e-3


@pytest.mark.parametrize(
    ("preset", "module", "initial"),
    [
        ("art", "art.attacks.evasion.pixel_threshold", "latinhypercube"),
        ("torchattacks", "torchattacks.attacks._differential_evolution", "random"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # what the libraries warn of when they are imported
def test_the_presets_of_libraries_find_what_the_code_of_the_library_finds(
    preset: str, module: str, initial: str
) -> None:
    theirs = pytest.importorskip(module, exc_type=ImportError, reason=f"{preset} is not installed")
    found = [library_s(theirs.differential_evolution, initial, seed) for seed in range(RUNS)]
    assert ks_2samp(ours(f"preset={preset},popsize=20", MEMBERS), found).pvalue > 1e-3
    assert ks_2samp(ours(f"preset={preset},popsize=20,variant=rand1", MEMBERS), found).pvalue < 1e-3


def library_s(minimise: Callable[..., object], initial: str, seed: int) -> float:
    """The lowest value that a library's own function evaluates."""
    values = list[NDArray[np.float64]]()

    def counted(x: NDArray[np.float64], *_: object) -> NDArray[np.float64] | float:
        points = x if x.ndim == 2 and x.shape[1] == 5 else x.T
        values.append(np.atleast_1d(valley(points)))
        return values[-1] if x.ndim == 2 else float(values[-1][0])

    before = np.random.get_state()
    try:
        np.random.seed(seed)
        minimise(
            counted, [(0.0, 1.0)] * 5, maxiter=GENERATIONS, popsize=MEMBERS // 5, init=initial,
            recombination=1, atol=-1, tol=0.0, polish=False,
        )  # fmt: skip
    finally:
        np.random.set_state(before)
    assert sum(map(len, values)) == MEMBERS * (GENERATIONS + 1)
    return float(min(each.min() for each in values))


@pytest.mark.parametrize(
    ("preset", "pixels", "members"),
    [
        ("scipy", 1, 75), ("scipy", 3, 225), ("art", 1, 400), ("art", 3, 390), ("hyperparticle", 5, 400),
        ("torchattacks", 1, 10), ("torchattacks", 3, 15), ("torchattacks", 5, 25),
    ],
)  # fmt: skip
def test_the_population_is_as_large_as_the_source_s(preset: str, pixels: int, members: int) -> None:
    """Theirs is a multiple of the genes: max(1, popsize // D) D."""
    (asked,) = generations(load("strategies", f"de(preset={preset})")(space(0, pixels=pixels)))
    assert asked.shape[1] == members


def test_a_preset_is_its_settings_written_out() -> None:
    for name, settings in PRESETS.items():
        assert setting_values(load("strategies", f"de(preset={name})")).items() >= settings.items()
    chosen = setting_values(load("strategies", "de(preset=scipy,cr=0.9)"))
    assert chosen["cr"] == 0.9 and chosen["popsize"] is None and "preset" not in chosen
    with pytest.raises(
        InputError, match="de has no preset 'cma': only scipy, art, torchattacks, hyperparticle, efficient"
    ):
        load("strategies", "de(preset=cma)")
    with pytest.raises(InputError, match="random has no setting preset: only popsize"):
        load("strategies", "random(preset=scipy)")


def test_a_latin_hypercube_has_one_member_in_each_part() -> None:
    members = initial_population(space(0, 1), popsize=50, f=0.5, cr=1.0, init="latin").members
    parts = (members * 50).long().sort(1).values
    assert (parts == torch.arange(50).view(1, 50, 1)).all()
    assert not torch.equal(members[..., 0].argsort(1), members[..., 1].argsort(1))
    inside = (members * 50).remainder(1).flatten()
    assert kstest(inside, "uniform").pvalue > 1e-3


def test_one_child_after_another_sees_those_before() -> None:
    assert [(each.start, each.stop) for each, _ in zip(sweeps(3, True), range(5), strict=False)] == [
        (0, 3), (0, 1), (1, 2), (2, 3), (0, 1),
    ]  # fmt: skip
    search = load("strategies", "de(popsize=5,updating=immediate,variant=best1,restart=no,f=0.001)")(space(0))
    members = next(search)
    values = torch.arange(5.0).view(1, 5, 1) + 10
    child = search.send(values)
    assert child.shape == (1, 1, 5) and (child - members[:, :1]).abs().max() < 0.01  # beside the best
    following = search.send(torch.full((1, 1, 1), 1.0))
    assert (following - child).abs().max() < 0.01


def test_a_range_of_f_is_drawn_for_each_generation_and_image() -> None:
    search = load("strategies", "de(popsize=4,f=[0.2,0.9],variant=best1,bounds=clip,restart=no,init=uniform)")
    drawn = []
    for seed in range(30):
        here = space(seed)
        first, second, third = generations(search(here), 1.0, 2.0)
        base, differences = first[0, 0], (first[0, :, None] - first[0, None]).flatten(0, 1)
        for children in (second, third):  # the parents stay: children have a higher value
            inside = (children[0] > 0) & (children[0] < 1)
            step = (children[0] - base)[:, None] / differences  # (4, 16, 5), one F for the right pair
            spread = torch.where(inside[:, None], step, torch.nan).nan_to_num(torch.inf)
            agreed = [pair[pair.isfinite()] for member in spread for pair in member]
            drawn.append({round(float(each[0]), 3) for each in agreed if len(each) > 2 and each.std() < 1e-3})
    assert all(any(0.2 <= abs(value) <= 0.9 for value in each) for each in drawn if each)
    assert len({max(each) for each in drawn if each}) > 20


def test_the_best_member_is_swapped_at_first_and_copied_later() -> None:
    members = torch.tensor([[[0.1], [0.2], [0.3]]] * 2)
    population = Population(members, torch.tensor([[[3.0], [2.0], [1.0]]] * 2), members + 1, members + 2)
    found = best_first(population, torch.tensor([True, False]).view(2, 1, 1))
    assert found.members[..., 0].tolist() == [pytest.approx([0.3, 0.2, 0.1]), pytest.approx([0.3, 0.2, 0.3])]
    assert found.values[..., 0].tolist() == [[1, 2, 3], [1, 2, 1]]
    again: Tensor = best_first(found, torch.tensor([False, False]).view(2, 1, 1)).values
    assert torch.equal(again, found.values)
