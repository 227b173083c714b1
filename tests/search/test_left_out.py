"""Images that succeed without an attack are left out: neither a success nor a failure, and no query."""

from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from linear_problem import rounding
from problems import outcome_facts, random_images, uniform
from scipy.stats import binom
from torch import Tensor

from sparseattack import (
    Classifier,
    InputError,
    LeftOut,
    OracleError,
    Outcome,
    Problem,
    SparseattackWarning,
    attack,
    corners,
    load,
    outcomes_of,
)
from sparseattack.problem.verification import by_chance, classify


class Linear:
    """A linear classifier of three classes, exact in any batch; ``shown`` counts images."""

    def __init__(self, size: int = 90) -> None:
        self.weights = torch.randint(-9, 9, (size, 3), generator=torch.Generator().manual_seed(3)).double()
        self.rounding, self.scale, self.shown = 0, "logits", 0

    def __call__(self, images: Tensor) -> Tensor:
        self.shown += len(images)
        return images.mul(255).round().double().flatten(1) @ self.weights


IMAGES = random_images(6, seed=1)


def problem(**others: Any) -> Problem:
    """Six images of their predicted classes, but for numbers 1 and 4."""
    oracle = Linear()
    labels = oracle(IMAGES).argmax(1)
    labels[[1, 4]] = (labels[[1, 4]] + 1) % 3
    oracle.shown = 0
    return Problem(oracle, corners(pixels=2), IMAGES, labels, checked=True, **others)


def test_misclassified_images_are_left_out_in_their_places() -> None:
    found = attack(problem(), uniform, 30)
    assert [each.image for each in found] == list(range(6))
    assert [each for each in found if isinstance(each, LeftOut)] == [
        LeftOut(1, "misclassified without an attack"),
        LeftOut(4, "misclassified without an attack"),
    ]


@pytest.mark.parametrize("cases", [None, [5, 1, 1, 0], [3]])
def test_images_that_are_attacked_have_the_outcomes_of_an_attack_on_all(cases: Any) -> None:
    here = problem()
    if cases:
        here = replace(here, cases=torch.tensor(cases), labels=here.labels[cases])
    every = attack(here, uniform, 30, seed=2, clean="keep")
    found = attack(here, uniform, 30, seed=2)
    for one, other in zip(every, found, strict=True):
        assert isinstance(one, Outcome) and one.clean is not None
        assert torch.equal(one.clean, IMAGES[(cases or range(6))[one.image]])
        left_out = (cases or list(range(6)))[one.image] in (1, 4)
        assert isinstance(other, LeftOut) == left_out and one.image == other.image
        assert left_out or outcome_facts(one) == outcome_facts(other)  # type: ignore[arg-type]
        assert not left_out or one.first_fooled == 1  # a success of nobody's


def test_in_a_targeted_attack_images_of_the_target_class_are_left_out() -> None:
    here = problem()
    predicted = Linear()(IMAGES).argmax(1)
    target = int(predicted[0])
    found = attack(replace(here, labels=torch.full((6,), target), targeted=True), uniform, 30)
    for each, label in zip(found, predicted.tolist(), strict=True):
        assert isinstance(each, LeftOut) == (label == target)
    assert found[0] == LeftOut(0, "classified as the target without an attack")


def test_the_clean_images_cost_no_query_and_are_shown_once() -> None:
    here = problem()
    assert isinstance(here.oracle, Linear)
    found = attack(replace(here, repeat=True), uniform, 30)
    shown = sum(each.queries for each in found if isinstance(each, Outcome))
    assert here.oracle.shown == 6 + shown


def test_what_is_left_out_has_no_number_that_could_be_taken_for_a_result() -> None:
    (left_out,) = {each for each in attack(problem(), uniform, 30) if each.image == 1}
    assert set(asdict(left_out)) == {"image", "reason"}
    with pytest.raises(AttributeError, match="'LeftOut' object has no attribute 'fooled'"):
        sum(each.fooled for each in attack(problem(), uniform, 30))  # type: ignore[union-attr]


def test_what_is_left_out_comes_first() -> None:
    outcomes = outcomes_of(problem(), uniform, 30)
    assert [next(outcomes).image, next(outcomes).image] == [1, 4]


def test_where_all_are_left_out_nothing_is_attacked() -> None:
    here = problem()
    oracle = Linear()
    found = attack(replace(here, oracle=oracle, labels=(oracle(IMAGES).argmax(1) + 1) % 3), uniform, 30)
    assert [type(each) for each in found] == [LeftOut] * 6 and oracle.shown == 12


def test_the_clean_images_are_classified_in_full_precision() -> None:
    """As the command line does: the coarse scores misclassify everything, the exact ones two images."""
    exact = Linear()
    coarse = Classifier("coarse", lambda images: -exact(images), "", exact=Classifier.of(exact))
    found = attack(replace(problem(), oracle=coarse), uniform, 30)
    assert [each.image for each in found if isinstance(each, LeftOut)] == [1, 4]


def test_a_label_that_is_no_class_is_refused_and_not_left_out() -> None:
    here = problem()
    with pytest.raises(OracleError, match="has 3 classes, but image 0 has label 7"):
        attack(replace(here, labels=torch.tensor([7, 0, 0, 0, 0, 0])), uniform, 30)


def test_another_word_is_refused() -> None:
    with pytest.raises(InputError, match="clean is 'leave out' or 'keep', not 'drop'"):
        attack(problem(), uniform, 30, clean="drop")  # type: ignore[arg-type]


def test_the_embedded_network_leaves_out_what_the_command_line_leaves_out() -> None:
    from sparseattack import load_images, rgb

    images, oracle = load_images("sample[20:40]"), load("oracles", "allconv-small")()
    found = attack(Problem(oracle, rgb(), images.floats(), images.labels), uniform, 7)
    wrong = (oracle(images.floats()).argmax(1) != images.labels).nonzero()[:, 0].tolist()
    assert [each.image for each in found if isinstance(each, LeftOut)] == wrong != []


@pytest.mark.parametrize(("beside_others", "alone"), [(-3e-6, 3e-6), (3e-6, -3e-6)])
def test_a_clean_image_within_rounding_of_a_tie_is_decided_as_a_single_image(
    beside_others: float, alone: float
) -> None:
    rounds, labels = rounding(beside_others, alone), torch.zeros(6, dtype=torch.int64)
    found = attack(Problem(rounds, corners(), IMAGES, labels, checked=True), uniform, 7)
    assert [isinstance(each, LeftOut) for each in found] == [alone < 0] * 6
    single = attack(Problem(rounds, corners(), IMAGES[:1], labels[:1], checked=True), uniform, 7)
    assert isinstance(single[0], LeftOut) == (alone < 0)
    evaluated = classify(rounds, IMAGES)
    assert evaluated.singles == 6 and evaluated.classes.tolist() == [int(alone < 0)] * 6


@pytest.mark.parametrize("targeted", [False, True])
def test_an_exact_tie_is_no_success_without_an_attack(targeted: bool) -> None:
    def tied(images: Tensor) -> Tensor:
        return torch.tensor([3.0, 3.0, 0.0]).expand(len(images), -1)

    for label in (0, 1):
        here = Problem(tied, corners(), IMAGES, torch.full((6,), label), targeted=targeted, checked=True)
        assert not here.succeed_clean().any()


def test_an_oracle_that_is_right_by_chance_only_is_reported() -> None:
    images = random_images(24, seed=2)
    oracle = Linear()
    predicted = oracle(images).argmax(1)
    few = torch.where(torch.arange(24) < 3, predicted, (predicted + 1) % 3)
    half = torch.where(torch.arange(24) < 18, predicted, (predicted + 1) % 3)
    with pytest.warns(SparseattackWarning, match="only 3 of 24 images their own label, as many as by chance"):
        attack(Problem(oracle, corners(pixels=2), images, few, checked=True), uniform, 10)
    attack(Problem(oracle, corners(pixels=2), images, half, checked=True), uniform, 10)  # warnings are errors
    attack(Problem(oracle, corners(pixels=2), images[:19], few[:19], checked=True), uniform, 10)


@pytest.mark.parametrize("count", [19, 20, 100, 997])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_chance_is_told_by_the_binomial_distribution(count: int, classes: int) -> None:
    tail = binom.sf(torch.arange(count + 1).numpy() - 1, count, 1 / classes)  # of as many right, or more
    expected = [count >= 20 and bool(one > 0.05) for one in tail]
    assert [by_chance(right, count, classes) for right in range(count + 1)] == expected
