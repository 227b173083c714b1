"""What a classifier refuses to be shown."""

import pytest
import torch

from sparseattack import Classifier, InputError


@pytest.mark.parametrize(
    ("takes", "has", "said"),
    [
        ((3, 8, 8), (1, 8, 8), "takes images of 3x8x8, not 1x8x8: convert them to RGB"),
        ((3, None, None), (4, 8, 8), "3xanyxany, not 4x8x8: convert them to RGB"),
        ((1, 8, 8), (3, 9, 8), "not 3x9x8: convert them to grey and resize them to 8x8, as IMAGES@8 does"),
        ((3, 8, 9), (3, 480, 640), "not 3x480x640: resize them to 8x9"),
        ((7, None, 8), (3, 8, 9), "takes images of 7xanyx8, not 3x8x9"),
    ],
)
def test_images_of_another_shape_are_refused_with_what_to_do(
    takes: tuple[int | None, int | None, int | None], has: tuple[int, ...], said: str
) -> None:
    oracle = Classifier("mine", lambda images: images.flatten(1), "", shape=takes)
    with pytest.raises(InputError, match=f"{said}$"):
        oracle(torch.zeros(2, *has))
