"""A problem refuses what does not fit, and its errors name the oracle and the images."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from problems import attack, edit, outcome_facts, random_images, scripted_problem, uniform
from torch import Tensor

from sparseattack import (
    Edits,
    InputError,
    OracleError,
    Problem,
    Queries,
    corners,
    l0,
    l2,
    levels,
    load,
    margin,
    rgb,
    spent,
)
from sparseattack.problem.evaluations import QueryBatch

SHAPES = [(1, 1, 1), (3, 1, 1), (1, 28, 28), (3, 32, 32), (5, 4, 4), (3, 7, 30), (3, 30, 7), (2, 1, 40)]


def problem(**others: Any) -> Problem:
    given: dict[str, Any] = {
        "checked": True,
        "oracle": load("oracles", "linear(classes=3)")(),
        "encoding": rgb(),
        "images": random_images(4),
        "labels": torch.zeros(4, dtype=torch.int64),
    }
    return Problem(**(given | others))


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (random_images(4)[0], r"images are float32 \(N, C, H, W\), not torch.float32 \(3, 6, 5\)"),
        (random_images(4).double(), "not torch.float64"),
        (torch.zeros(4, 3, 6, 5, dtype=torch.uint8), "not torch.uint8"),
        (random_images(4) * 0.999, "multiples of 1/255"),
        (random_images(4) * 255, "multiples of 1/255 .*: these are from 0 to 255: divide 0 to 255 by 255"),
        (
            random_images(4) - 0.5,
            "multiples of 1/255 .*: these are from -0.5 to 0.5: .* undo a normalisation",
        ),
        (-random_images(4), "multiples of 1/255"),
        (random_images(4) * torch.nan, "multiples of 1/255 .*: these hold NaN"),
        (random_images(4)[:, :, :0], "images of 0 x 5 pixels and 3 channels have no 1 pixels to change"),
        (random_images(4)[:, :0], "images of 6 x 5 pixels and 0 channels"),
    ],
)
def test_images_that_no_file_holds_are_refused(images: Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        problem(images=images)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"images": np.zeros((4, 3, 6, 5), np.float32)},
            r"a torch tensor, float32 \(N, C, H, W\), not ndarray",
        ),
        ({"labels": [1, 2, 0, 0]}, r"labels are a torch tensor, int64 \(4,\), not list"),
        ({"encoding": corners}, r"corners is no encoding: .* a call such as rgb\(pixels=1\)"),
        ({"oracle": "linear"}, "an oracle is a function, not 'linear': load it first"),
        (
            {"fitness": margin},
            r"fitness is a tuple of one function or more, as in \(margin,\), not <function",
        ),
        ({"fitness": ()}, r"fitness is a tuple of one function or more, .* not \(\)"),
        ({"fitness": ("margin",)}, "fitness is a tuple of one function or more"),
        ({"until": None}, r"until is a function such as fooled or confident\(0.9\), not None"),
    ],
)
def test_what_is_of_another_type_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        problem(**given)


@pytest.mark.parametrize(
    ("strategy", "budget", "said"),
    [
        ("de", 30, "a strategy is a function, not 'de': load it first"),
        (uniform, 30.5, "budget is a whole number from 1, not 30.5"),
        (uniform, True, "budget is a whole number from 1, not True"),
    ],
)
def test_what_no_attack_can_be_made_with_is_refused(strategy: Any, budget: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        attack(problem(), strategy, budget)


def test_more_pixels_than_there_are_are_refused() -> None:
    with pytest.raises(InputError, match="images of 6 x 5 pixels and 3 channels have no 31 pixels to change"):
        problem(encoding=rgb(pixels=31))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (torch.zeros(3, dtype=torch.int64), r"labels of 4 images are int64 \(4,\), not torch.int64 \(3,\)"),
        (torch.zeros(4), "not torch.float32"),
        (torch.zeros(4, 1, dtype=torch.int64), r"not torch.int64 \(4, 1\)"),
        (torch.zeros(4, dtype=torch.int64, device="meta"), "labels are on meta, images on cpu"),
        (torch.tensor([0, 1, -1, 2]), "a label is a class from 0, not -1"),
    ],
)
def test_labels_that_name_no_class_are_refused(labels: Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        problem(labels=labels)


def test_a_label_beyond_the_classes_is_refused() -> None:
    wrong = problem(
        images=random_images(41), labels=torch.tensor([0, 2, 3, 1]), cases=torch.tensor([10, 20, 30, 40])
    )
    with pytest.raises(OracleError, match="oracle linear has 3 classes, but image 30 has label 3"):
        attack(wrong, uniform, 10)


def test_errors_name_the_images_by_their_numbers() -> None:
    def fails(images: Tensor) -> Tensor:
        raise MemoryError

    with pytest.raises(
        OracleError,
        match=r"oracle fails failed on 4 images from 5 to 12: MemoryError \(.*test_problem.py, line \d+\)$",
    ):
        attack(
            problem(oracle=fails, images=random_images(13), cases=torch.tensor([12, 5, 7, 6])), uniform, 10
        )


def test_a_number_of_classes_that_changes_is_refused() -> None:
    sizes = iter([3, 3, 4])

    def wavers(images: Tensor) -> Tensor:
        return torch.full((len(images), next(sizes)), 2.0)

    wavers.rounding = 0  # type: ignore[attr-defined]

    with pytest.raises(
        OracleError, match="oracle wavers answered 4 classes after 3, to 4 images from 0 to 3"
    ):
        attack(problem(oracle=wavers), uniform, 100)


def test_values_are_float32() -> None:
    here = problem()
    edits = here.decode(torch.tensor([1, 3]), torch.rand(2, 5))
    told = here.evaluate(QueryBatch(torch.tensor([1, 3]), edits))
    assert told.values.dtype == torch.float32 and told.values.shape == (2, 1)


def wrong_shape(queries: Queries) -> Tensor:
    return queries.scores


def no_number(queries: Queries) -> Tensor:
    return torch.where(queries.rows == 30, torch.nan, margin(queries))


def fails(queries: Queries) -> Tensor:
    raise KeyError("weight")


@pytest.mark.parametrize(
    ("fitness", "said"),
    [
        (wrong_shape, "fitness wrong_shape failed: RuntimeError: shape"),
        (no_number, "fitness no_number is NaN for image 30"),
        (fails, "fitness fails failed: KeyError: 'weight'"),
    ],
)
def test_a_fitness_that_gives_no_number_is_refused(fitness: Any, said: str) -> None:
    given = {"images": random_images(41), "cases": torch.tensor([10, 20, 30, 40])}
    with pytest.raises(InputError, match=said):
        attack(problem(fitness=(margin, fitness), **given), uniform, 10)


def test_an_image_may_be_searched_several_times() -> None:
    images, labels, cases = random_images(3), torch.tensor([1, 2, 1, 0]), torch.tensor([2, 0, 2, 2])
    together = attack(problem(images=images, labels=labels, cases=cases, targeted=True), uniform, 40)
    apart = attack(problem(images=images[cases], labels=labels, targeted=True), uniform, 40)
    assert [outcome_facts(each) for each in together] == [outcome_facts(each) for each in apart]
    assert outcome_facts(together[0]) == outcome_facts(together[2]) != outcome_facts(together[3])


@pytest.mark.parametrize("cases", [[0, 4], [-1, 0]])
def test_cases_of_no_image_are_refused(cases: list[int]) -> None:
    with pytest.raises(InputError, match=r"cases are indices of images from 0 to 3, not \[(0, 4|-1, 0)\]"):
        problem(labels=torch.zeros(2, dtype=torch.int64), cases=torch.tensor(cases))


def test_an_infinite_fitness_is_not_taken_for_a_missing_evaluation() -> None:
    def endless(queries: Queries) -> Tensor:
        return torch.full(queries.rows.shape, torch.inf)

    outcomes = attack(problem(fitness=(endless,), oracle=scripted_problem(count=4).oracle), uniform, 10)
    assert all(np.isfinite(outcome.values[0]) and outcome.queries == 10 for outcome in outcomes)


def test_values_follow_the_order_of_the_objectives() -> None:
    clean = levels(torch.zeros(1, 1, 2, 2))
    here = problem(images=clean, labels=torch.tensor([0]), fitness=(l2, margin, l0))
    space = here.space(slice(1), 10, 0, "")
    assert space.objectives == ("l2", "margin", "l0") and space.success_below is None
    white = edit((0, (255,)))
    values = here.evaluate(QueryBatch(torch.tensor([0]), white)).values[0]
    assert values[0] == values[2] == 1
    painted = white.paint(clean)
    scores = here.oracle(painted)[0]
    assert values[1] == scores[0] - scores[1:].max()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_of_every_shape_are_attacked(shape: tuple[int, int, int]) -> None:
    images = random_images(3, shape)
    here = problem(images=images, labels=torch.zeros(3, dtype=torch.int64), encoding=corners())
    for image, outcome in zip(images, attack(here, uniform, 30), strict=True):
        assert outcome.fooled == (int(here.oracle(outcome.paint(image)[None]).argmax()) != 0)
        assert 0 <= outcome.positions[0] < shape[1] * shape[2]


def test_an_oracle_may_write_to_its_input() -> None:
    usual = problem()

    def writes(images: Tensor) -> Tensor:
        scores = usual.oracle(images)
        images.zero_()
        return scores

    before = usual.images.clone()
    expected = [outcome_facts(each) for each in attack(usual, uniform, 70)]
    assert [outcome_facts(each) for each in attack(problem(oracle=writes), uniform, 70)] == expected
    assert torch.equal(usual.images, before)


class Sparse:
    """Answers edits, and takes images one at a time, as the best edit is evaluated."""

    rounding = 0

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, images: Tensor) -> Tensor:
        assert len(images) == 1, "was shown images"
        return self.problem.oracle(images)

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
        return self.problem.oracle(edits.paint(images, rows))


def test_an_oracle_may_evaluate_edits() -> None:
    usual = problem()
    expected = [outcome_facts(each) for each in attack(usual, uniform, 70)]
    assert [
        outcome_facts(each) for each in attack(problem(oracle=Sparse(usual), sparse=True), uniform, 70)
    ] == expected


def test_an_oracle_may_decline_to_evaluate_edits() -> None:
    usual = problem()

    class Declining(Sparse):
        def __call__(self, images: Tensor) -> Tensor:
            return usual.oracle(images)

        def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> None:
            return None

    expected = [outcome_facts(each) for each in attack(usual, uniform, 70)]
    assert [
        outcome_facts(each) for each in attack(problem(oracle=Declining(usual), sparse=True), uniform, 70)
    ] == expected
    unasked = problem(oracle=Sparse(usual), sparse=False)
    with pytest.raises(OracleError, match=r"failed on .* AssertionError: was shown images"):
        attack(unasked, uniform, 70)


def test_an_oracle_that_evaluates_edits_is_checked_as_well() -> None:
    broken = Sparse(problem(oracle=lambda images: 1 // 0))
    with pytest.raises(OracleError, match="oracle Sparse failed on 4 images from 0 to 3: ZeroDivisionError"):
        attack(problem(oracle=broken, sparse=True), uniform, 10)


def test_an_attack_does_not_change_global_random_state() -> None:
    before = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"], random.getstate()
    attack(problem(), uniform, 20)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], before[1])
    assert random.getstate() == before[2]


def test_a_criterion_or_fitness_that_writes_to_the_scores_changes_no_success() -> None:
    def writes(queries: Queries) -> Tensor:
        queries.scores.zero_()
        return queries.scores.sum(1)

    def stops(queries: Queries) -> Tensor:
        return queries.scores.zero_().sum(1) > 0

    usual = problem(until=spent, encoding=corners(pixels=9))
    expected = [each.first_fooled for each in attack(usual, uniform, 70)]
    assert any(expected)
    assert [
        each.first_fooled for each in attack(problem(until=stops, encoding=corners(pixels=9)), uniform, 70)
    ] == expected
    written = attack(problem(until=spent, fitness=(margin, writes), encoding=corners(pixels=9)), uniform, 70)
    assert [each.first_fooled for each in written] == expected


def test_what_writes_to_the_clean_images_ends_the_attack() -> None:
    class Writes(Sparse):
        def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
            return self.problem.oracle(images.index_put_((rows,), edits.paint(images, rows))[rows])

    def fitness(queries: Queries) -> Tensor:
        return queries.images.mul_(0.5).sum((1, 2, 3))[queries.rows]

    said = "wrote to the clean images in place: it must make copies"
    with pytest.raises(OracleError, match=f"answer_edits of oracle Writes.* {said}"):
        attack(problem(oracle=Writes(problem()), sparse=True), uniform, 10)
    with pytest.raises(OracleError, match=said):
        attack(problem(fitness=(margin, fitness)), uniform, 10)
    with torch.inference_mode():
        images = random_images(4).clone()
    assert images.is_inference()
    with pytest.raises(OracleError, match=said):
        attack(problem(fitness=(margin, fitness), images=images), uniform, 10)
    assert torch.equal(images, random_images(4))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targeted": "yes"}, "targeted is True or False, not 'yes'"),
        ({"noisy": 1}, "noisy is True or False, not 1"),
        ({"pad": -1}, "pad is a number of images, 0 for what the oracle asks for, not -1"),
    ],
)
def test_a_setting_that_could_be_read_in_two_ways_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        problem(**changes)
