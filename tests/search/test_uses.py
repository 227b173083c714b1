"""What a strategy may know beside its values: what it has declared, of its own images, and nothing else."""

from dataclasses import replace
from functools import partial, wraps
from typing import Any

import numpy as np
import pytest
import torch
from problems import attack, outcome_facts, random_images, scripted_problem, uniform
from torch import Tensor

import sparseattack
from sparseattack import (
    ImageSearch,
    InputError,
    Problem,
    Queries,
    Search,
    Space,
    StrategyError,
    corners,
    l2,
    load,
    margin,
    per_image,
    probability,
    spent,
    uses,
    uses_of,
)
from sparseattack.problem.fitness import margin_of
from sparseattack.problem.verification import classify
from sparseattack.search.group import AttackSettings, Group
from sparseattack.search.loop import run_rounds
from sparseattack.search.scheduler import TimedEvaluations

IMAGES = random_images(5)
LINEAR = load("oracles", "linear(classes=4,inputs=90)")()


def problem(**others: Any) -> Problem:
    """Five random images of the classes that a linear oracle predicts; one more case of the second image."""
    given: dict[str, Any] = {
        "oracle": LINEAR,
        "encoding": corners(pixels=2),
        "images": IMAGES,
        "labels": LINEAR(IMAGES).argmax(1),
        "fitness": (margin, l2),
        "until": spent,
        "checked": True,
    }
    return Problem(**(given | others))


READS = {
    "images": "image",
    "scores": "scores",
    "clean_scores": "scores",
    "labels": "scores",
    "scale": "scores",
    "budget": "budget",
}


@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize("others", [(), ("image", "budget", "scores")])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("single", [False, True])
def test_what_is_not_declared_is_refused_with_the_line_that_declares_it(
    what: str, others: tuple[Any, ...], late: bool, single: bool
) -> None:
    declared = [use for use in others if use != READS[what]]

    def reads(space: Any, *_: Any) -> Any:
        candidates = space.uniform(3)
        while True:
            if late:
                yield candidates[0].numpy() if single else candidates
            getattr(space, what)

    strategy: Any = per_image(reads) if single else reads
    strategy = uses(*declared)(strategy) if declared else strategy
    listed = ", ".join(f'"{use}"' for use in sorted([*declared, READS[what]]))
    with pytest.raises(StrategyError) as refusal:
        attack(problem(), strategy, 10)
    assert str(refusal.value) == (
        f"strategy reads: it reads space.{what}, which it has not declared: write @uses({listed}) above its"
        " function (from sparseattack import uses)"
    )


def test_a_declaration_passes_through_settings_and_decorators() -> None:
    @uses("image")
    def image(space: Space, *, popsize: int = 3) -> Search:
        yield space.uniform(popsize)

    @wraps(image)
    def around(space: Space) -> Search:
        return image(space)

    single = per_image(uses("budget", "scores")(lambda space, random: iter(())))  # type: ignore[arg-type]
    assert uses_of(partial(partial(image, popsize=4))) == uses_of(around) == {"image"}
    assert uses_of(single) == {"budget", "scores"} and uses_of(uniform) == frozenset()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("pixels", "image"), '"image", "scores", "budget", "start" and "external", not \'pixels\''),
        ((), "at least one name"),
    ],
)
def test_other_names_are_refused(names: tuple[Any, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        uses(*names)


def listens(seen: list[dict[str, Tensor]], popsize: int = 4) -> Any:
    """A strategy that lists what it knows before each generation, and what its last candidates were."""

    @uses("image", "scores", "budget")
    def strategy(space: Space) -> Search:
        values, candidates = torch.empty(space.batch, 0, 2), torch.empty(space.batch, 0, space.dims)
        while True:
            told = {
                "images": space.images, "labels": space.labels, "clean_scores": space.clean_scores,
                "clean_values": space.clean_values, "scores": space.scores.clone(),
                "values": values, "candidates": candidates, "budget": torch.tensor(space.budget),
            }  # fmt: skip
            seen.append(told)
            candidates = space.uniform(popsize)
            candidates[:, 2] = candidates[:, 0]  # a duplicate
            candidates[0, 3] = torch.nan  # no query
            values = yield candidates

    return strategy


@pytest.mark.parametrize("others", [{}, {"pad": 8}, {"sparse": True, "oracle": "sparse"}, {"repeat": True}])
@pytest.mark.parametrize("targeted", [False, True])
def test_a_strategy_is_given_the_scores_of_its_own_candidates(others: dict[str, Any], targeted: bool) -> None:
    if others.get("oracle"):

        def both(images: Tensor) -> Any:
            return LINEAR(images)

        both.answer_edits = lambda images, rows, edits: LINEAR(edits.paint(images, rows))  # type: ignore[attr-defined]
        others = others | {"oracle": both}
    here = problem(**others, targeted=targeted)
    seen: list[dict[str, Tensor]] = []
    sparseattack.attack(here, listens(seen), 10, group=2, clean="keep")
    assert seen[0]["scores"].shape == (1, 0, 4)
    for told in seen:
        known, count = told["scores"], told["candidates"].shape[1]
        assert told["budget"] == 10 and known.shape == (len(told["images"]), count, 4)
        assert known.dtype == torch.float32
        evaluated = told["values"][..., 0].isfinite()
        assert torch.equal(known.isnan().all(2), ~evaluated)
        assert torch.equal(known.isnan().any(2), ~evaluated)
        rows = torch.arange(len(known)).repeat_interleave(count)
        if not count or not evaluated.any():
            continue
        here_rows = rows[evaluated.flatten()]
        edits = here.decode(here_rows, told["candidates"][evaluated])
        expected = LINEAR(edits.paint(told["images"], here_rows)).float()
        assert torch.allclose(known[evaluated], expected, atol=1e-4)
        found = margin_of(known[evaluated], told["labels"][here_rows], targeted)
        assert torch.allclose(found, told["values"][evaluated][:, 0], atol=1e-4)


def test_a_cut_generation_and_a_finished_image_have_no_scores() -> None:
    """Image 0 has one candidate fewer, so that it has one query left when the others have none."""
    seen: list[dict[str, Tensor]] = []
    attack(problem(), listens(seen), 7)
    finished = [told["scores"].isnan().all(2) for told in seen if told["scores"].shape[1]]
    masks = [mask for mask in finished if len(mask) == 5]
    assert masks[0][0].tolist() == [False, False, False, True] and not masks[0][1:].any()
    assert masks[1][1:].all()  # spent: 4 and 3
    assert masks[1][0].tolist() == [False, False, False, True]


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("clean", ["keep", "leave out"])
def test_the_clean_images_are_known_and_their_values_are_free(targeted: bool, clean: Any) -> None:
    labels = LINEAR(IMAGES).argmax(1)
    labels = (labels + 1) % 4 if targeted else labels
    seen: list[dict[str, Tensor]] = []
    here = problem(targeted=targeted, labels=labels, fitness=(probability, l2))
    outcomes = sparseattack.attack(here, listens(seen), 9, group=2, clean=clean)
    assert all(isinstance(each, sparseattack.Outcome) and each.queries <= 9 for each in outcomes)
    scores = classify(LINEAR, IMAGES).scores.float()
    own = scores.softmax(1).gather(1, labels[:, None])[:, 0]
    every = {tuple(told["images"].flatten(1).sum(1).tolist()): told for told in seen}.values()
    found = 0
    for told in every:
        places = [[torch.equal(one, image) for image in IMAGES].index(True) for one in told["images"]]
        found += len(places)
        assert torch.equal(told["clean_scores"], scores[places])
        assert torch.equal(told["labels"], labels[places])
        assert torch.allclose(told["clean_values"][:, 0], -own[places] if targeted else own[places])
        assert (told["clean_values"][:, 1] == 0).all()
    assert found >= 5


def test_clean_values_need_no_declaration_and_no_further_evaluation() -> None:
    calls: list[int] = []

    def oracle(images: Tensor) -> Any:
        calls.append(len(images))
        return LINEAR(images)

    known: list[Tensor] = []

    def strategy(space: Space) -> Search:
        known.append(space.clean_values)
        yield from uniform(space)

    sparseattack.attack(problem(oracle=oracle), strategy, 7)
    with_values, others = sum(calls), len(calls)
    calls.clear()
    sparseattack.attack(problem(oracle=oracle), uniform, 7)
    assert (sum(calls), len(calls)) == (with_values, others)
    expected = margin_of(LINEAR(IMAGES), LINEAR(IMAGES).argmax(1), False)
    assert torch.allclose(known[-1][:, 0], expected) and (known[-1][:, 1] == 0).all()


def test_scores_are_not_evaluated_or_held_for_others() -> None:
    widths: list[int] = []

    @uses("scores")
    def scored(space: Space) -> Search:
        yield from uniform(space)

    class Watched(Problem):
        def evaluate(self, queries: Any) -> Any:
            found = super().evaluate(queries)
            widths.append(found.scores.shape[1])
            return found

    here = Watched(**{name: getattr(problem(), name) for name in Problem.__dataclass_fields__})
    attack(here, uniform, 14)
    assert set(widths) == {0}
    attack(here, scored, 14)
    assert set(widths) == {0, 4}


def test_the_ledger_holds_no_scores() -> None:
    seen: list[dict[str, Tensor]] = []
    group = Group(problem(), listens(seen), AttackSettings(1000), slice(0, 5))
    running = group.run([])
    batch = next(running)
    running.send(TimedEvaluations(group.problem.evaluate(batch), 0.0))
    assert [evaluations.scores.shape[2] for *_, evaluations in group.ledger._buffer] == [0]


def test_each_search_of_one_image_is_given_its_own_part() -> None:
    told: dict[bytes, list[tuple[Tensor, ...]]] = {}

    @uses("image", "scores", "budget")
    @per_image
    def single(space: Space, random: np.random.RandomState) -> ImageSearch:
        image = space.images
        size = 2 + int(image.mul(255).round().sum()) % 3  # several populations side by side
        while True:
            candidates = random.rand(size, space.dims)
            values = yield candidates
            known = (torch.tensor(values), space.scores, space.labels, space.clean_scores, space.clean_values)
            told.setdefault(image.numpy().tobytes(), []).append(known)
            assert space.budget == 12 and space.batch == 1 and image.shape == (1, 3, 6, 5)

    attack(problem(), single, 12)
    assert len(told) == 5
    for image, label, scores in zip(IMAGES, LINEAR(IMAGES).argmax(1), LINEAR(IMAGES), strict=True):
        for values, known, labels, clean, clean_values in told[image.unsqueeze(0).numpy().tobytes()]:
            assert known.shape == (1, len(values), 4) and labels.tolist() == [label]
            margins = margin_of(known[0], label.expand(len(values)), False)
            assert torch.allclose(margins, values[:, 0], atol=1e-4)
            assert torch.allclose(clean[0], scores.float(), atol=1e-4) and clean_values.shape == (1, 2)


def test_a_part_of_a_space_is_that_of_its_images_and_stays_so() -> None:
    seen: list[tuple[Tensor, ...]] = []

    @uses("image", "scores", "budget")
    def strategy(space: Space) -> Search:
        part = space.at([3, 1])
        while True:
            yield space.uniform(2)
            seen.append((part.scores, space.scores[[3, 1]], part.images, space.images[[3, 1]],
                         part.clean_values, space.clean_values[[3, 1]]))  # fmt: skip

    list(run_rounds(problem(), for_several(strategy), AttackSettings(6)))
    assert len(seen) == 2 and not torch.equal(seen[0][0], seen[1][0])
    for each in seen:
        assert all(map(torch.equal, each[::2], each[1::2]))


def for_several(strategy: Any) -> Any:
    """The strategy for the group of five images, and a uniform search where only its first is tried."""

    @wraps(strategy)
    def choose(space: Space) -> Search:
        return strategy(space) if space.batch > 1 else uniform(space, popsize=2)

    return choose


def test_images_of_a_space_are_copies() -> None:
    @uses("image")
    def writes(space: Space) -> Search:
        space.images.zero_()
        yield from uniform(space)

    before = IMAGES.clone()
    found = attack(problem(), writes, 21)
    assert torch.equal(IMAGES, before)
    assert list(map(outcome_facts, found)) == list(map(outcome_facts, attack(problem(), uniform, 21)))


def test_a_space_whose_streams_are_replaced_by_hand_is_refused() -> None:
    @uses("image")
    def strategy(space: Space) -> Search:
        yield replace(space, streams=space.streams[:1]).images

    with pytest.raises(StrategyError, match=r"write space\.at\(places\)"):
        list(run_rounds(problem(), for_several(strategy), AttackSettings(6)))


def test_a_fitness_without_a_value_for_no_change_troubles_only_who_reads_it() -> None:
    def relative(queries: Queries) -> Tensor:
        return queries.margin / queries.differences.any(2).sum(1) * 0 + queries.margin

    def reads(space: Space) -> Search:
        yield space.clean_values

    here = problem(fitness=(relative,), images=IMAGES.clamp(1 / 255, 254 / 255).mul(255).round().div(255))
    assert len(attack(here, uniform, 7)) == 5
    with pytest.raises(InputError, match="fitness relative is NaN for image"):
        attack(here, reads, 7)


def test_scripted_oracles_are_shown_candidates_only() -> None:
    here = scripted_problem()
    attack(here, uniform, 10)
    assert set(here.oracle.seen.values()) == {10}  # type: ignore[attr-defined]
