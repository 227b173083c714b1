"""Searches that need labels only: both papers' algorithms in plain form, a known fewest, what is stored."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from problems import random_images
from torch import Tensor

from sparseattack import (
    Classifier,
    Experiment,
    InputError,
    Outcome,
    Problem,
    Strategy,
    attack,
    corners,
    levels,
    load,
    rgb,
    uses_of,
)
from sparseattack.conformance.problems import CountingOracle
from sparseattack.data.images import eight_bit
from sparseattack.experiment.cases import Case
from sparseattack.experiment.prepare import prepare
from sparseattack.plugins.spec import Use
from sparseattack.problem.space import stream
from sparseattack.search.contract import as_declared
from sparseattack.strategies.decision_based.pointwise import pointwise
from sparseattack.strategies.decision_based.sparse_evo import sparse_evo
from sparseattack.study.run import plan
from sparseattack.study.store import Study

Image = NDArray[np.uint8]  # (H * W, C)
Fools = Callable[[Image], bool]
SHAPE, AREA = (3, 6, 5), 30
IMAGES = random_images(3, SHAPE, 4)
LABELS = torch.zeros(3, dtype=torch.int64)


def rows_of(images: Tensor) -> Image:
    """Colours ``(n, H * W, C)``."""
    found: Image = eight_bit(images).flatten(2).transpose(1, 2).numpy()
    return found


def beginnings(clean: Image, draws: np.random.Generator, densities: int) -> Iterator[Image]:
    """Salt-and-pepper noise, ever denser."""
    tries = 0
    while True:
        drawn, half = draws.random(len(clean), np.float32), np.float32(tries % densities + 1) / densities / 2
        noisy = clean.copy()
        noisy[drawn < half], noisy[drawn >= 1 - half] = 0, 255
        yield noisy
        tries += 1


def plain_pointwise(clean: Image, draws: np.random.Generator, channels: bool) -> Any:
    """The algorithm as a person reads it: yields images, is sent whether they fool."""
    while True:
        for current in beginnings(clean, draws, 4):
            if (yield current):
                break
        improved = True
        while improved:
            differs = (current != clean).ravel() if channels else (current != clean).any(1)
            keys = draws.random(len(differs), np.float32)
            improved = False
            for unit in sorted(np.flatnonzero(differs), key=lambda one: keys[one]):
                trial = current.copy()
                part, whole = (trial.reshape(-1), clean.reshape(-1)) if channels else (trial, clean)
                part[unit] = whole[unit]
                if (yield trial):
                    current, improved = trial, True


def without(mask: Any, count: int, drawn: Any) -> Any:
    ones = sorted(np.flatnonzero(mask), key=lambda one: drawn[one])
    return np.isin(np.arange(AREA), ones[count:])


def plain_child(members: Any, drawn: Any, settings: tuple[float, float]) -> Any:
    """Of members from the best to the worst."""
    (best, *others), (cr, mu) = members, settings
    first = min(int(drawn[0] * np.float32(3)), 2)
    second = min(int(drawn[1] * np.float32(2)), 1)
    second += second >= first
    mask = np.where(drawn[2 : 2 + AREA] < np.float32(cr), others[first], others[second]) & best
    mask = mask if mask.any() else best
    count = min(max(int(np.float32(mask.sum()) * np.float32(mu)), 1), mask.sum() - 1)
    return without(mask, count, drawn[2 + AREA :])


def plain_sparse_evo(  # noqa: C901
    clean: Image, draws: np.random.Generator, cr: float, mu: float
) -> Any:
    """The same for SparseEvo, with four members and at first two pixels removed."""
    while True:
        for start in beginnings(clean, draws, 4):
            if (yield start):
                break
        squares = ((start.astype(int) - clean) ** 2).sum(1)
        members, removed = [squares > 0], 2
        while min(members, key=lambda one: (squares * one).sum()).sum() > 1:
            drawn = draws.random(2 * AREA + 2, np.float32)
            if filling := len(members) < 4:
                removed = min(removed, members[0].sum() - 1)
                mask = without(members[0], removed, drawn[-AREA:])
            else:
                mask = plain_child(sorted(members, key=lambda one: (squares * one).sum()), drawn, (cr, mu))
            fools = yield np.where(mask[:, None], start, clean)
            if filling and fools:
                members.append(mask)
                removed = 2
            elif filling:
                removed -= 1
                if not removed:
                    members.append(members[0])
                    removed = 2
            elif fools:
                lengths = [(squares * one).sum() for one in members]
                if (squares * mask).sum() < max(lengths):
                    members[lengths.index(max(lengths))] = mask


PLAIN: dict[str, tuple[Strategy, Callable[[Image, np.random.Generator], Any]]] = {
    "channels": (partial(pointwise, densities=4), partial(plain_pointwise, channels=True)),
    "pixels": (partial(pointwise, densities=4, unit="pixel"), partial(plain_pointwise, channels=False)),
    "sparse-evo": (
        partial(sparse_evo, popsize=4, initial=2 / AREA, densities=4, cr=0.5, mu=0.1),
        partial(plain_sparse_evo, cr=0.5, mu=0.1),
    ),
}


def many_differ(clean: Image) -> Fools:
    """Fooled where at least two of three pixels differ by much."""
    return lambda shown: bool(
        (np.abs(shown[[3, 11, 20]].astype(int) - clean[[3, 11, 20]]).max(1) > 90).sum() > 1
    )


@pytest.mark.parametrize("name", PLAIN)
def test_three_images_are_searched_as_the_paper_says_each(name: str) -> None:
    strategy, plain = PLAIN[name]
    uses = uses_of(strategy)
    problem = as_declared(Problem(CountingOracle(), rgb(), IMAGES, LABELS, checked=True), uses)
    space = problem.space(slice(0, 3), 400, 0, "key", uses=uses)
    search, clean = strategy(space), rows_of(IMAGES)
    references = [plain(clean[place], stream(0, "key", IMAGES[place], 0)) for place in range(3)]
    fools = [many_differ(each) for each in clean]
    asked = next(search)
    expected = [next(reference) for reference in references]
    for turn in range(400):
        shown = asked.mul(255).round().to(torch.uint8).view(3, AREA, 3).numpy()
        assert all(np.array_equal(one, other) for one, other in zip(shown, expected, strict=True)), turn
        answers = [each(one) for each, one in zip(fools, shown, strict=True)]
        pixels = (shown != clean).any(2).sum(1)
        values = [float(count if right else AREA + 1) for right, count in zip(answers, pixels, strict=True)]
        asked = search.send(torch.tensor(values).view(3, 1, 1))
        expected = [reference.send(answer) for reference, answer in zip(references, answers, strict=True)]
    assert space.journal.restarts or name == "sparse-evo"


def two_needed(images: Tensor) -> Tensor:
    """Labels ``(n,)``: 1 where the pixels 3 and 11 both have another colour than grey 100, else 0."""
    flat = eight_bit(images).flatten(2)
    return ((flat[:, :, [3, 11]] != 100).any(1)).all(1).long()


GREY = levels(torch.full((2, *SHAPE), 100))
ORACLE = Classifier("two", two_needed, "02", "labels", classes=("no", "yes"), rounding=0)


def attacked(strategy: str, pixels: int, budget: int = 600) -> list[Outcome]:
    problem = Problem(ORACLE, corners(pixels=pixels), GREY, torch.zeros(2, dtype=torch.int64))
    found = attack(problem, load("strategies", strategy), budget)
    assert all(isinstance(each, Outcome) for each in found)
    return [each for each in found if isinstance(each, Outcome)]


@pytest.mark.parametrize("strategy", ["pointwise", "pointwise(unit=pixel)", "sparse-evo(mu=0.1)"])
def test_the_fewest_pixels_are_found(strategy: str) -> None:
    for outcome in attacked(strategy, 2):
        assert outcome.fooled and outcome.met and outcome.pixels == 2 and outcome.values == (2.0,)
        assert sorted(outcome.positions.tolist()) == [3, 11] and outcome.colours.shape == (2, 3)
        assert outcome.queries == outcome.first_fooled < 600
        steps = [value for _, value in outcome.trace]
        assert steps == sorted(steps, reverse=True) and steps[-1] == 2 and steps[0] > 2
    for outcome in attacked(strategy, 1):
        assert not outcome.fooled and outcome.queries == 600 and outcome.first_fooled == 0
        assert outcome.pixels == 2 and sorted(outcome.positions.tolist()) == [3, 11]


def test_strategies_that_need_scores_are_refused_and_others_search_on() -> None:
    with pytest.raises(InputError, match="additive-gp searches with all scores, and oracle two answers lab"):
        problem = Problem(ORACLE, rgb(), GREY, torch.zeros(2, dtype=torch.int64))
        attack(problem, load("strategies", "additive-gp"), 10, key="additive-gp")
    [outcome, _] = attacked("random(popsize=50)", 2, 2000)
    assert outcome.values in ((1.0,), (-1.0,)) and outcome.fooled == (outcome.values == (-1.0,))


def experiment(folder: Path, **others: Any) -> Experiment:
    np.savez(
        folder / "images.npz",
        images=np.random.default_rng(3).integers(256, size=(6, 8, 8, 3), dtype=np.uint8),
        labels=np.zeros(6, np.int64),
    )
    chosen: dict[str, Any] = {
        "oracle": 'labels(oracle="linear(classes=3,inputs=192)")',
        "images": str(folder / "images.npz"),
        "strategies": ("pointwise", "sparse-evo", "random"),
        "pixels": (2,),
        "true_class": "prediction",
        "budget": 120,
    }
    return Experiment(**(chosen | others))


def test_a_comparison_stores_what_fools_and_says_what_searches_blindly(tmp_path: Path) -> None:
    setup = prepare(experiment(tmp_path))
    assert any("answers labels only: all candidates of random look alike" in note for note in setup.notes)
    with Study.create(tmp_path / "a.study") as study:
        list(plan(setup, study).run())
        records = {(record.strategy, record.image): record for record in study.records()}
    assert len(records) == 18 and {record.before_confidence for record in records.values()} == {1.0}
    for (strategy, _), record in records.items():
        assert record.fitness == ("margin" if strategy == "random" else "fooling-l0")
        assert record.success == (record.first_fooled > 0 and record.pixels <= 2)
        if strategy != "random":
            assert len(record.positions) == record.pixels == len(set(record.positions))
            assert record.value in (record.pixels, 65)
    assert any(record.pixels > 2 for record in records.values())


def test_a_targeted_search_begins_with_a_given_image_of_the_target(tmp_path: Path) -> None:
    """Its content is in the key of the run; where none is given, noise is tried."""
    chosen: dict[str, Any] = {"target": "all", "budget": 20, "strategies": ("pointwise", "sparse-evo")}
    chosen |= {"oracle": "labels(oracle=digits-forest)", "images": "digits[0:5]"}
    setup = prepare(experiment(tmp_path, **chosen))
    condition = next(setup.experiment.conditions())
    predicted = setup.clean.predictions.classes.tolist()
    cases = [case for cases in setup.selection.cases.values() for case in cases]
    begun = {case: setup.start_of(condition, case) for case in cases}
    assert any(start is not None for start in begun.values())
    for case, start in begun.items():
        assert start is None or (predicted[start] == case.target and start != case.image)
        assert (start is None) == (case.target not in predicted)
    case, start = next((case, start) for case, start in begun.items() if start is not None)
    chosen["images"] = f"digits[{case.image}:{case.image + 1}]"
    fewer = prepare(experiment(tmp_path, **chosen))
    alone = Case(0, case.target)
    assert fewer.start_of(condition, alone) is None
    assert fewer.run_key(condition, alone) != setup.run_key(condition, case)
    with Study.create(tmp_path / "a.study") as study:
        list(plan(setup, study).run())
        records = list(study.records())
    assert len(records) == 90 and all(
        record.trace[0][0] == 1 and record.trace[0][1] <= 64
        for record in records
        if begun[Case(record.image, record.target)] is not None
    )


def test_a_start_has_the_colours_of_the_encoding() -> None:
    given = levels(torch.full((3, *SHAPE), 180))
    problem = Problem(CountingOracle(), corners(pixels=2), IMAGES, LABELS, starts=given, checked=True)
    uses: frozenset[Use] = frozenset({"start"})
    space = as_declared(problem, uses).space(slice(1, 3), 9, 0, "", uses=uses)
    assert (space.starts == 1).all() and space.starts.shape == (2, *SHAPE)
    assert space.success_below == 3 and space.dims == 3 * AREA


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("sparse-evo(popsize=2)", "popsize of at least 3"),
        ("sparse-evo(cr=2)", "cr from 0 to 1"),
        ("sparse-evo(mu=-1)", "mu from 0 to 1"),
        ("sparse-evo(initial=2)", "initial from 0 to 1"),
        ("sparse-evo(densities=0)", "at least 1 of densities"),
        ("pointwise(densities=0)", "at least 1 of densities"),
    ],
)
def test_settings_that_cannot_be(settings: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        attacked(settings, 2)
