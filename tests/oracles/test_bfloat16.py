"""Networks in bfloat16: rounded scores of candidates, exact ones of clean images and successes."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from problems import attack
from torch import Tensor

from sparseattack import Classifier, InputError, Problem, Search, Space, load, load_images, rgb
from sparseattack.problem.verification import classify, classify_single

IMAGES = load_images("sample").floats()[:64]


def oracle(spec: str) -> Classifier:
    made = load("oracles", spec)()
    assert isinstance(made, Classifier)
    return made


FULL, HALF = oracle("allconv-small"), oracle("bfloat16(oracle=allconv-small)")


def test_scores_are_rounded_and_those_of_clean_images_are_not() -> None:
    full, half = FULL(IMAGES), HALF(IMAGES)
    assert half.dtype == torch.float32 and not torch.equal(half, full)
    torch.testing.assert_close(half, full, rtol=0.05, atol=0.1)
    assert torch.equal(classify(HALF, IMAGES).scores, classify(FULL, IMAGES).scores)
    assert torch.equal(classify_single(HALF, IMAGES[3], 3).scores, classify_single(FULL, IMAGES[3], 3).scores)
    assert HALF.exact and HALF.exact.digest == FULL.digest != HALF.digest
    assert HALF.answer_edits is HALF.exact.answer_edits


def test_settings_of_the_network_are_passed_on() -> None:
    assert oracle("bfloat16(oracle=allconv-small(batch=32))").batch == 32


@pytest.mark.parametrize("spec", ["linear", "digits-forest"])
def test_oracles_without_a_torch_network_are_refused(spec: str) -> None:
    with pytest.raises(InputError, match=f"needs a torch network .*; {spec} is not"):
        oracle(f"bfloat16(oracle={spec})")


def one_by_one(space: Space) -> Search:
    while True:
        yield space.uniform(1)


def searched(problem: Problem, **put: Any) -> list[tuple[int, tuple[float, ...]]]:
    found = attack(problem, load("strategies", "random(popsize=20)"), 200, key="random", **put)
    return [(one.first_fooled, one.values) for one in found]


def test_every_success_is_a_success_in_float32() -> None:
    labels = FULL(IMAGES).argmax(1)
    problem = Problem(HALF, rgb(pixels=3), IMAGES, labels, sparse=False)
    outcomes = attack(problem, load("strategies", "random(popsize=20)"), 200, key="random")
    fooled = [one for one in outcomes if one.fooled]
    assert 3 < len(fooled) < len(outcomes)
    for one in fooled:
        scores = classify_single(FULL, one.paint(IMAGES[one.image]), one.image).scores[0]
        assert scores.argmax() != labels[one.image]
        assert one.values[0] == pytest.approx(
            float(scores[labels[one.image]] - scores.topk(1).values), abs=1e-4
        )


def test_a_success_by_rounding_only_is_not_counted() -> None:
    """Rounded scores are successes for every image, exact ones for bright images."""

    shown = list[int]()

    def exact(images: Tensor) -> Tensor:
        shown.append(len(images))
        return torch.stack([1.5 - images.amax((1, 2, 3)), torch.full((len(images),), 0.75)], 1)

    evaluated = list[int]()

    def rounded(images: Tensor) -> Tensor:
        evaluated.append(len(images))
        return torch.tensor([[0.0, 2.0]]).expand(len(images), 2)

    judge = Classifier("exact", exact, "")
    images = torch.zeros(3, 1, 4, 4)
    problem = Problem(replace(judge, scores=rounded, exact=judge), rgb(), images, torch.zeros(3).long())
    usual = replace(problem, oracle=judge)
    expected = attack(usual, one_by_one, 50)
    shown.clear()
    found = attack(problem, one_by_one, 50)
    rows = sum(shown)  # before the problem is asked about its oracle, which tries it again
    checks = problem.purity.evaluations + len(images)  # before, and at the end
    assert rows == sum(one.verifications for one in found) + checks > sum(one.queries for one in found)
    assert [one.first_fooled for one in found] == [one.first_fooled for one in expected]
    assert any(one.first_fooled > 1 for one in found)
    assert [one.queries for one in found] == [one.queries for one in expected]
    assert evaluated


def test_outcomes_do_not_depend_on_other_images() -> None:
    labels = FULL(IMAGES).argmax(1)
    problem = Problem(HALF, rgb(pixels=3), IMAGES, labels, sparse=False)
    together, some = searched(problem), [3, 40, 41]
    alone = replace(problem, images=IMAGES[some], labels=labels[some])
    assert searched(alone, group=1) == [together[place] for place in some]
