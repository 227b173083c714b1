"""What an oracle is asked without charge: clean images, and a success shown alone."""

import pytest
import torch
from problems import random_images
from torch import Tensor

from sparseattack import OracleError
from sparseattack.problem.verification import classify, classify_alone


class Shy:
    """Takes few images at once; class 1 as likely as the first number of the image says."""

    scale, batch = "probabilities", 5

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        share = images[:, 0, 0, 0]
        return torch.stack([1 - share, share], dim=1)


def test_clean_images_are_asked_about_as_many_at_once_as_the_oracle_takes() -> None:
    oracle, images = Shy(), random_images(12)
    predictions = classify(oracle, images)
    assert oracle.calls == [5, 5, 5]  # the last one padded
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
def test_a_success_is_shown_alone_as_a_file_holds_it(channels: int) -> None:
    oracle, image = Shy(), random_images(1, (channels, 4, 3))[0]
    predictions = classify_alone(oracle, image, 0)
    assert oracle.calls == [1]
    assert float(predictions.scores[0, 1]) == float(image[0, 0, 0])
