"""The plain function and the one call behind all adapters."""

import numpy as np
import pytest
import torch
from adapted import SETTINGS, changed_pixels, directly, facts, given, network, painted, predicted
from torch import Tensor, nn

from sparseattack import InputError, LeftOut, Outcome, SparseattackWarning, levels
from sparseattack.adapters.colour_range import UNIT, ColourRange
from sparseattack.adapters.few_pixels import FewPixels, few_pixel_attack

CALL = FewPixels(2, 60, "random(popsize=20)", "corners", 5)


def test_outcomes_and_images_are_those_of_attack() -> None:
    images, labels = given()
    expected = directly(labels)
    found = CALL(network(), images, labels)
    assert [facts(one) for one in found.outcomes] == [facts(one) for one in expected]
    assert torch.equal(found.images, painted(expected, failures=False))
    assert torch.equal(few_pixel_attack(network(), images, labels, **SETTINGS), found.images)
    kinds = {type(one).__name__ + str(getattr(one, "fooled", "")) for one in expected}
    assert kinds == {"LeftOut", "OutcomeTrue", "OutcomeFalse"}  # else the test says less than it seems to


def test_a_failure_is_the_image_or_its_best_attempt() -> None:
    images, labels = given()
    expected = directly(labels)
    kept = few_pixel_attack(network(), images, labels, failed="attempt", **SETTINGS)
    assert torch.equal(kept, painted(expected, failures=True))
    assert not torch.equal(kept, painted(expected, failures=False))


def test_targeted_labels_are_targets() -> None:
    images, labels = given()
    targets = (labels + 1) % 10
    found = CALL(network(), images, targets, targeted=True)
    expected = directly(targets, targeted=True)
    assert [facts(one) for one in found.outcomes] == [facts(one) for one in expected]


def test_what_is_said_of_the_images_is_so() -> None:
    images, labels = given()
    found = CALL(network(), images, labels)
    assert torch.equal(predicted(found.images) != labels, found.success)
    assert found.pixels.tolist() == changed_pixels(images, found.images)
    for place, one in enumerate(found.outcomes):
        assert found.queries[place] == (0 if isinstance(one, LeftOut) else one.queries)
        assert found.first_success[place] == (0 if isinstance(one, LeftOut) else one.first_fooled)


def test_a_network_is_evaluated_in_evaluation_mode_and_its_mode_restored() -> None:
    images, labels = given()
    dropping = nn.Sequential(network(), nn.Dropout(0.5))
    dropping.train()
    network().eval()
    with pytest.warns(SparseattackWarning, match="oracle Sequential is in training mode"):
        found = CALL(dropping, images * 255, labels, colours=ColourRange.between(0, 255))
    assert dropping.training and dropping[1].training and not network().training
    assert len(found.outcomes) == len(images)


class Above(nn.Module):
    """Class 1 where the first colour of the first image is above a threshold, else class 0."""

    def __init__(self, threshold: float, pixel: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.threshold, self.pixel = threshold, pixel

    def forward(self, images: Tensor) -> Tensor:
        lead = images[:, 0, self.pixel[0], self.pixel[1]] - self.threshold
        return torch.stack([-lead, lead], 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unchanged_pixels_come_back_as_they_came_whatever_they_hold(dtype: torch.dtype) -> None:
    images = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(1)).to(dtype) * 0.4
    found = FewPixels(1, 300, "random", "corners")(
        Above(0.5).to(dtype).eval(), images, torch.zeros(3, dtype=torch.int64)
    )
    assert found.images.dtype == dtype and found.success.all()
    assert changed_pixels(images, found.images) == [1, 1, 1] == found.pixels.tolist()
    assert (found.images[:, 0, 0, 0] == 1).all()
    one = found.outcomes[0]
    assert isinstance(one, Outcome) and one.verifications >= 1


class Rounded(nn.Module):
    """Fooled by any change, but only where the last pixel is exactly an 8-bit colour."""

    def forward(self, images: Tensor) -> Tensor:
        exact = images[:, 0, 3, 3] == levels(images[:, 0, 3, 3].mul(255).round().to(torch.uint8))
        lead = torch.where((images[:, 0, 0, 0] > 0.9) & exact, 1.0, -1.0)
        return torch.stack([-lead, lead], 1)


def test_a_success_that_is_none_as_the_returned_image_is_a_failure() -> None:
    images = torch.full((1, 3, 4, 4), 100.3 / 255)
    found = FewPixels(1, 300, "random", "corners")(
        Rounded().eval(), images, torch.zeros(1, dtype=torch.int64)
    )
    one = found.outcomes[0]
    assert isinstance(one, Outcome) and one.first_fooled and one.unverified and not one.fooled
    assert not found.success.any() and torch.equal(found.images, images)


@pytest.mark.parametrize("colours", [UNIT, ColourRange.between(0, 1), ColourRange.between(0, 255)])
def test_levels_are_exact_in_every_range(colours: ColourRange) -> None:
    every = torch.arange(256).view(1, 1, 16, 16)
    wide = 255 if colours.bounds == (0, 255) else 1
    expected = (np.arange(256) * np.float64(wide) / 255).astype(np.float32).reshape(1, 1, 16, 16)
    assert np.array_equal(colours.of_unit(levels(every)).numpy(), expected)
    assert torch.equal(colours.to_unit(torch.from_numpy(expected)).long(), every)


def test_a_normalisation_is_undone_to_the_same_levels() -> None:
    colours = ColourRange.normalised((0.49, 0.48, 0.45), (0.2, 0.21, 0.26))
    every = torch.arange(256).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(colours.to_unit(colours.of_unit(levels(every))).long(), every)


BYTES = torch.linspace(0, 250, 96).view(2, 3, 4, 4)
WRONG = [
    (BYTES, {}, "images have colours from 0 to 1 .*, not from 0 to 250"),
    (torch.full((2, 3, 4, 4), torch.nan), {}, "not from nan to nan"),
    (torch.rand(2, 3, 4), {}, r"images are a tensor \(N, C, H, W\), not Tensor \(2, 3, 4\)"),
    (np.zeros((2, 3, 4, 4)), {}, r"images are a tensor \(N, C, H, W\), not ndarray"),
    (torch.rand(3, 3, 4, 4), {}, "labels are one whole number for each of 3 images, not torch.int64"),
    (torch.rand(2, 3, 4, 4), {"failed": "none"}, "failed is 'original' or 'attempt', not 'none'"),
    (torch.rand(2, 3, 4, 4), {"strategy": "dee"}, "no strategy 'dee'"),
    (torch.rand(2, 3, 4, 4), {"pixels": 0}, "pixels"),
    (torch.rand(2, 3, 4, 4), {"budget": 0}, "budget is a whole number from 1, not 0"),
]  # fmt: skip


@pytest.mark.parametrize(("images", "put", "message"), WRONG)
def test_what_cannot_be_attacked_is_refused(images: Tensor, put: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        few_pixel_attack(Above(0.5).eval(), images, torch.zeros(2, dtype=torch.int64), **put)  # type: ignore[arg-type]


def test_labels_are_whole_numbers() -> None:
    with pytest.raises(InputError, match=r"not torch.float32 \(2,\)"):
        few_pixel_attack(Above(0.5).eval(), torch.rand(2, 3, 4, 4), torch.zeros(2))


def test_no_images_are_no_attack() -> None:
    found = CALL(network(), torch.zeros(0, 3, 32, 32), torch.zeros(0, dtype=torch.int64))
    assert found.images.shape == (0, 3, 32, 32) and found.changed.shape == (0, 32, 32)
    assert not found.outcomes and found.success.shape == (0,)


def test_whole_numbers_are_a_range_too() -> None:
    images, labels = given()
    pixels = images.mul(255).round().to(torch.uint8)
    seen: list[Tensor] = []

    def model(shown: Tensor) -> Tensor:
        seen.append(shown)
        with torch.inference_mode():
            return network()(shown / 255)  # type: ignore[no-any-return]

    found = CALL(model, pixels, labels, colours=ColourRange.between(0, 255))
    expected = directly(labels)
    assert found.images.dtype == torch.uint8
    assert torch.equal(found.images, painted(expected, failures=False).mul(255).round().to(torch.uint8))
    assert all(shown.dtype == torch.float32 and torch.equal(shown, shown.round()) for shown in seen)


@pytest.mark.parametrize("strategy", ["pointwise(unit=pixel)", "sparse-evo", "random(popsize=20)"])
def test_no_attempt_has_more_pixels_than_may_change(strategy: str) -> None:
    """Of searches over whole images, whose best attempt may still be far from as few."""
    images, labels = given()
    found = FewPixels(2, 40, strategy, "corners", failed="attempt")(network(), images, labels)
    assert max(changed_pixels(images, found.images)) <= 2
    wrong = predicted(found.images) != labels
    assert torch.equal(wrong, found.success)


def test_float64_is_shown_as_float32_and_comes_back_as_it_came() -> None:
    images, labels = given()
    call = FewPixels(2, 60, "random(popsize=20)", "corners", 5)
    expected, found = call(network(), images, labels), call(network(), images.double(), labels)
    assert found.images.dtype == torch.float64 and torch.equal(found.images.float(), expected.images)
    assert torch.equal(found.success, expected.success) and found.success.any()
