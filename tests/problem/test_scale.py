"""Scores are recognised as logits or probabilities, declared to be either, or refused."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from problems import attack
from torch import Tensor

from sparseattack import Classifier, InputError, OracleError, Problem, load, register, rgb
from sparseattack.errors import SparseattackWarning
from sparseattack.experiment.clean import evaluate_clean
from sparseattack.experiment.settings import Experiment
from sparseattack.problem.fitness import margin_of
from sparseattack.problem.inference import score_images
from sparseattack.problem.scale import ScaleSetting, recognise, report_scale
from sparseattack.problem.verification import classify

IMAGES = torch.randint(256, (12, 3, 4, 4), generator=torch.Generator().manual_seed(0)) / 255
WEIGHTS = torch.randn(48, 5, generator=torch.Generator().manual_seed(1))
LOGIT = WEIGHTS[:, :1]  # of class 1 of two
UNIFORM = load("strategies", "random(popsize=20)")


def logits(images: Tensor) -> Tensor:
    return (images - 0.5).flatten(1) @ WEIGHTS


def softmax(images: Tensor) -> Tensor:
    return logits(images).softmax(1)


def sigmoids(images: Tensor) -> Tensor:
    return logits(images).sigmoid()


def oracle(scores: Any, scale: ScaleSetting = "auto") -> Classifier:
    return Classifier("mine", scores, "", scale)


def outcomes(made: Classifier) -> list[tuple[object, ...]]:
    labels = logits(IMAGES).argmax(1)
    found = attack(Problem(made, rgb(pixels=1), IMAGES, labels), UNIFORM, 60)
    return [(each.first_fooled, *map(float, each.values)) for each in found]


def test_a_softmax_inside_is_recognised_and_reported() -> None:
    found = classify(oracle(softmax), IMAGES)
    with pytest.warns(
        SparseattackWarning,
        match="scores of oracle mine are taken for probabilities: in the 12 images checked, .*logits",
    ):
        report_scale("oracle mine", "auto", found.scores)
    assert found.scale == "probabilities"
    torch.testing.assert_close(found.confidences, logits(IMAGES).softmax(1).amax(1))


def test_what_is_recognised_is_attacked_as_if_it_were_declared() -> None:
    with pytest.warns(SparseattackWarning, match="taken for probabilities"):
        recognised = outcomes(oracle(softmax))
    assert recognised == outcomes(oracle(softmax, "probabilities")) != outcomes(oracle(softmax, "logits"))
    assert outcomes(oracle(logits)) == outcomes(oracle(logits, "logits"))


def test_what_is_recognised_costs_no_evaluation_and_is_the_clean_images() -> None:
    class Seen:
        rows = 0

        def __call__(self, images: Tensor) -> Tensor:
            self.rows += len(images)
            return softmax(images)

    seen = Seen()
    with pytest.warns(SparseattackWarning, match="taken for probabilities"):
        problem = Problem(oracle(seen), rgb(pixels=1), IMAGES, logits(IMAGES).argmax(1))
        assert problem.purity.scale == "probabilities"
    before = seen.rows
    assert problem._classes.scale == "probabilities" and seen.rows == before
    seen.rows, declared = 0, Problem(oracle(seen, "probabilities"), rgb(pixels=1), IMAGES, problem.labels)
    assert declared.purity.scale == "probabilities" and seen.rows == before


def test_the_scale_of_clean_images_is_that_of_the_attack_whatever_is_attacked_first() -> None:
    with pytest.warns(SparseattackWarning, match="taken for probabilities"):
        problem = Problem(oracle(softmax), rgb(pixels=1), IMAGES, logits(IMAGES).argmax(1), checked=True)
        assert not problem.succeed_clean().any()
    parts = problem.at(torch.arange(3)), problem.at(torch.tensor([7])).at(torch.tensor([0]))
    assert [part.classifier.scale for part in parts] == ["probabilities"] * 2
    with pytest.warns(SparseattackWarning, match="taken for probabilities"):
        unchecked = replace(problem, checked=False).with_scale()
    assert replace(unchecked, sparse=False).classifier.scale == "probabilities"


def test_a_declared_scale_is_used_as_it_is() -> None:
    with warnings.catch_warnings(action="error"):
        found = classify(oracle(softmax, "logits"), IMAGES)
        assert found.scale == "logits" and float(found.confidences.max()) < 0.5
        assert classify(oracle(softmax, "probabilities"), IMAGES).scale == "probabilities"
        assert classify(oracle(sigmoids, "logits"), IMAGES).scale == "logits"
        assert classify(oracle(logits), IMAGES).scale == "logits"


def test_independent_sigmoids_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"sum to .* 5 independent sigmoids .*before the sigmoid.*scale=logits"
    ):
        classify(oracle(sigmoids), IMAGES)
    with pytest.raises(InputError, match="independent sigmoids"):
        outcomes(oracle(sigmoids))
    with pytest.raises(OracleError, match=r"scores that sum to .*, no probabilities of one class"):
        classify(oracle(lambda images: sigmoids(images) + 0 * images.sum(), "probabilities"), IMAGES)


def test_the_most_probable_classes_only_are_refused_with_the_setting_that_takes_them() -> None:
    def greatest(images: torch.Tensor) -> torch.Tensor:
        return softmax(images) * (softmax(images) > 0.3)

    with pytest.raises(InputError, match=r"only the greatest are given, set scale=probabilities"):
        classify(oracle(greatest), IMAGES)
    with pytest.raises(InputError) as refused:
        classify(oracle(sigmoids), IMAGES)
    assert "probabilities of which" not in str(refused.value)  # some of their sums are above 1


def test_the_most_probable_classes_only_are_probabilities_where_declared() -> None:
    made = oracle(lambda images: softmax(images) * (softmax(images) > 0.3), "probabilities")
    assert classify(made, IMAGES).scale == "probabilities"


def test_rounded_probabilities_are_recognised() -> None:
    for dtype in (torch.float16, torch.bfloat16):
        scores = torch.randn(8, 1000, generator=torch.Generator().manual_seed(2)).softmax(1).to(dtype)
        assert recognise("it", "auto", scores) == "probabilities"


def test_labels_as_scores_are_reported() -> None:
    one_hot = torch.eye(4)
    with (
        pytest.warns(
            SparseattackWarning,
            match="in the 4 images checked, each score of it is 0 or 1: if it returns labels only",
        ),
        pytest.warns(SparseattackWarning, match="taken for"),
    ):
        report_scale("it", "auto", one_hot)


def tenths(images: Tensor) -> Tensor:
    """Probabilities of two classes rounded to 0.1: 1 and 0 for all images but those nearly black."""
    sure = (images.flatten(1).mean(1) * 50).clamp(max=1).mul(10).round().div(10)
    return torch.stack([sure, 1 - sure], 1)


def test_a_study_judges_labels_only_by_all_of_its_images(tmp_path: Path) -> None:
    pixels = np.full((9, 4, 4, 3), 200, np.uint8)
    pixels[4] = 2  # no image that the purity is tried on
    np.savez(tmp_path / "s.npz", images=pixels, labels=np.zeros(9, np.int64))
    register("oracles", "tenths", lambda: oracle(tenths))
    for chosen, labels_only in (("[0:4]", True), ("", False)):
        experiment = Experiment(oracle="tenths", images=f"{tmp_path}/s.npz{chosen}")
        with warnings.catch_warnings(record=True, action="always") as caught:
            evaluate_clean(experiment)
        said = [str(each.message) for each in caught]
        count = 4 if labels_only else 9
        assert sum(f"in the {count} images checked, they lie in [0, 1]" in one for one in said) == 1
        assert len(said) == 1 + labels_only and any("labels only" in one for one in said) == labels_only


def test_one_score_of_two_classes() -> None:
    flat = (IMAGES - 0.5).flatten(1)
    logit = flat @ LOGIT
    for scores in (lambda x: (x - 0.5).flatten(1) @ LOGIT, lambda x: (x - 0.5).flatten(1) @ LOGIT[:, 0]):
        found = classify(oracle(scores, "binary"), IMAGES)
        assert torch.equal(found.classes, (logit[:, 0] > 0).long()) and found.scale == "logits"
        torch.testing.assert_close(found.scores[:, 1] - found.scores[:, 0], logit[:, 0])
        torch.testing.assert_close(found.scores.softmax(1)[:, 1], logit[:, 0].sigmoid())
        with pytest.raises(
            OracleError, match="scale=binary where the score is the logit of class 1, scale=bin"
        ):
            classify(oracle(scores), IMAGES)
    probable = classify(
        oracle(lambda x: ((x - 0.5).flatten(1) @ LOGIT).sigmoid(), "binary-probability"), IMAGES
    )
    assert torch.equal(probable.classes, (logit[:, 0] > 0).long()) and probable.scale == "probabilities"
    with pytest.raises(InputError, match=r"scale=binary is for one score an image, not scores \(12, 5\)"):
        score_images(oracle(logits, "binary"), IMAGES, range(12))


def test_a_sigmoid_declared_as_a_logit_is_reported() -> None:
    made = oracle(lambda x: ((x - 0.5).flatten(1) @ LOGIT).sigmoid(), "binary")
    problem = Problem(made, rgb(pixels=1), IMAGES, torch.zeros(12, dtype=torch.int64))
    with pytest.warns(SparseattackWarning, match="in the 4 images checked, .*set scale=binary-probability"):
        _ = problem.purity


def test_the_recognised_scale_is_used_where_none_is_declared() -> None:
    exact = oracle(logits)
    both = Classifier("mine", logits, "", exact=exact).with_scale("logits")
    assert both.exact is not None and (both.scale, both.exact.scale) == ("logits", "logits")
    assert oracle(logits, "binary").with_scale("probabilities").scale == "binary"


def test_the_oracles_of_the_package_declare_their_scale() -> None:
    assert load("oracles", "linear")().scale == load("oracles", "allconv-small")().scale == "logits"
    assert load("oracles", "digits-forest(trees=2)")().scale == "probabilities"


def test_percentages_are_refused_and_may_be_declared_logits() -> None:
    with pytest.raises(InputError, match=r"lie in \[0, 100\] and sum to 100.*scores / 100.*scale=logits"):
        classify(oracle(lambda images: softmax(images) * 100), IMAGES)
    votes = torch.tensor([[97.0, 3, 0], [20, 40, 40]])
    with pytest.raises(InputError, match="percentages"):
        recognise("oracle mine", "auto", votes)
    assert recognise("oracle mine", "logits", votes) == "logits"
    assert recognise("oracle mine", "auto", votes * 2) == "logits"


LABEL = logits(IMAGES).argmax(1)
NAMES = ("a", "b", "c", "d", "e")


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_labels_are_one_and_zero_by_class(shape: tuple[int, ...]) -> None:
    made = Classifier("it", lambda images: logits(images).argmax(1).view(shape), "", "labels", classes=NAMES)
    found = classify(made, IMAGES)
    assert torch.equal(found.scores, torch.eye(5)[LABEL]) and torch.equal(found.classes, LABEL)
    assert found.scale == "labels" and (found.confidences == 1).all()
    rows = oracle(lambda images: torch.eye(5, dtype=torch.int64)[logits(images).argmax(1)], "labels")
    assert torch.equal(classify(rows, IMAGES).scores, found.scores)


@pytest.mark.parametrize(
    ("scores", "classes", "said"),
    [
        (lambda images: logits(images).argmax(1), (), "labels alone do not say how many classes there are"),
        (lambda images: logits(images).argmax(1) + 1, NAMES, "label 5 is none of the 5 classes"),
        (lambda images: logits(images).argmax(1) - 1, NAMES, "label -1 is none of the 5 classes"),
        (softmax, NAMES, "answered scores that are no label, which is 1 for one class"),
        (lambda images: torch.ones(len(images), 5), NAMES, "scores that are no label"),
    ],
)
def test_what_is_no_label_is_refused(scores: Any, classes: tuple[str, ...], said: str) -> None:
    with pytest.raises((InputError, OracleError), match=said):
        classify(Classifier("it", scores, "", "labels", classes=classes), IMAGES)


def test_the_margin_of_a_label_is_one_or_minus_one() -> None:
    labels = LABEL.clone()
    labels[:6] = (labels[:6] + 1) % 5
    shown = margin_of(torch.eye(5)[LABEL], labels, False, "labels")
    assert shown.tolist() == [-1.0] * 6 + [1.0] * 6
    assert margin_of(torch.eye(5)[LABEL], labels, True, "labels").tolist() == [1.0] * 6 + [-1.0] * 6
