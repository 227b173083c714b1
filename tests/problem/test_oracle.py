"""Any callable becomes a classifier with typed fields; a classifier refuses images of another shape."""

import pytest
import torch
from torch import Tensor

from sparseattack import Classifier, InputError, OracleError


def zeros(images: Tensor) -> Tensor:
    return torch.zeros(len(images), 4)


class Shares:
    """An oracle with optional attributes."""

    scale = "probabilities"

    def __call__(self, images: Tensor) -> Tensor:
        return torch.full((len(images), 4), 0.25)


def test_a_function_without_attributes_has_the_defaults() -> None:
    found = Classifier.of(zeros)
    assert found == Classifier("zeros", zeros, "") and str(found) == "oracle zeros"
    assert found.answer_edits is None and found.exact is None


def test_optional_attributes_become_fields() -> None:
    oracle = Shares()
    facts = {"name": "mine", "batch": 7, "classes": ["cat", "dog", "", ""], "digest": "ab", "exact": zeros}
    for name, value in facts.items():
        setattr(oracle, name, value)
    found = Classifier.of(oracle, "another")
    assert (found.name, found.scale, found.batch, found.digest) == ("mine", "probabilities", 7, "ab")
    assert found.classes == ("cat", "dog", "", "") and found.exact == Classifier.of(zeros)


def test_a_classifier_stays_as_it_is() -> None:
    classifier = Classifier("mine", zeros, "ab")
    assert Classifier.of(classifier, "another") is classifier


def test_an_oracle_without_a_name_is_called_as_told_or_by_its_class() -> None:
    assert str(Classifier.of(Shares(), "mine")) == "oracle mine"
    assert str(Classifier.of(Shares())) == "oracle Shares"


def test_an_unknown_scale_is_refused() -> None:
    odd = Shares()
    odd.scale = "percent"
    with pytest.raises(OracleError, match="oracle Shares has scale 'percent', not logits or probabilities"):
        Classifier.of(odd)


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
