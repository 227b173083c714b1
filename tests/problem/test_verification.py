"""Evaluations that cost no query: of clean images, and the verification of a success."""

import pytest
import torch
from problems import random_images
from torch import Tensor

from sparseattack import OracleError
from sparseattack.problem.oracle import Classifier
from sparseattack.problem.verification import classify, classify_single


class Shy:
    """Takes few images at once; class 1 as likely as the first number of the image says."""

    scale, batch = "probabilities", 5

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        share = images[:, 0, 0, 0]
        return torch.stack([1 - share, share], dim=1)


def test_clean_images_are_evaluated_in_the_oracles_batches() -> None:
    oracle, images = Shy(), random_images(12)
    predictions = classify(oracle, images)
    assert oracle.calls == [5, 5, 2]
    share = images[:, 0, 0, 0]
    assert torch.equal(predictions.scores[:, 1], share)
    assert torch.equal(predictions.classes, (share > 0.5).long())
    assert torch.equal(predictions.confidences, torch.maximum(share, 1 - share))


def test_an_oracle_that_fails_on_a_clean_image_names_it() -> None:
    def broken(images: Tensor) -> Tensor:
        return torch.where(images[:, :1, 0, 0] == spoilt[0, 0, 0], torch.nan, torch.zeros(len(images), 3))

    images = random_images(12)
    spoilt = images[7]
    with pytest.raises(OracleError, match="oracle broken answered NaN to image 7"):
        classify(broken, images)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_success_is_verified_alone_as_read_from_its_file(channels: int) -> None:
    oracle, image = Shy(), random_images(1, (channels, 4, 3))[0]
    predictions = classify_single(oracle, image, 0)
    assert oracle.calls == [1]
    assert float(predictions.scores[0, 1]) == float(image[0, 0, 0])


def in_place(images: Tensor) -> Tensor:
    """Normalises its input in place, as careless networks do."""
    rows = images.sub_(0.5).div_(0.25).view(len(images), -1)
    return rows[:, :3]


@pytest.mark.parametrize("count", [1, 3, 32, 64])
def test_an_oracle_that_writes_to_its_input_writes_to_a_copy(count: int) -> None:
    images = random_images(count)
    before = images.clone()
    scores = classify(in_place, images).scores
    assert torch.equal(images, before)
    assert torch.equal(scores, (before.flatten(1)[:, :3] - 0.5) / 0.25)
    assert torch.equal(classify_single(in_place, images[0], 0).scores[0], scores[0])
    assert torch.equal(images, before)


def test_an_oracle_may_use_one_output_buffer_for_all_its_calls() -> None:
    buffer = torch.empty(5, 3)

    def buffered(images: Tensor) -> Tensor:
        buffer[: len(images)] = images.flatten(1)[:, :3] + 1
        return buffer[: len(images)]

    buffered.batch = 5  # type: ignore[attr-defined]
    images = random_images(12)
    assert torch.equal(classify(buffered, images).scores, images.flatten(1)[:, :3] + 1)


def test_the_predicted_class_is_that_of_the_highest_score_though_probabilities_are_equal() -> None:
    """As a margin is: of the scores themselves, which softmax in 32 bits may make equal."""
    scores = torch.tensor([[1e-8, 1.1e-8], [0.1, torch.nextafter(torch.tensor(0.1), torch.tensor(1.0))]])
    assert scores.softmax(1)[:, 0].equal(scores.softmax(1)[:, 1])
    oracle = Classifier("any", lambda images: scores[images[:, 0, 0, 0].long()], "", "logits")
    images = torch.zeros(2, 1, 2, 2)
    images[1] = 1
    assert classify(oracle, images).classes.tolist() == [1, 1]


def test_a_tie_with_the_label_is_no_misclassification() -> None:
    found = classify(
        lambda images: torch.tensor([[3.0, 3.0, 0.0]]).expand(len(images), -1), torch.zeros(5, 1, 2, 2)
    )
    assert found.classes_given(torch.tensor([0, 1, 2, -1, 7])).tolist() == [0, 1, 0, 0, 0]


def test_a_probability_that_is_rounded_above_one_is_a_confidence_of_one() -> None:
    scores = torch.tensor([[1.0004, -0.0002], [0.3, 0.7]])
    found = classify(Classifier("any", lambda _: scores, "", "probabilities"), torch.rand(2, 1, 2, 2))
    assert found.confidences.tolist() == pytest.approx([1.0, 0.7]) and found.confidences.max() == 1
