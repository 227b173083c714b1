"""The attack as torchattacks' users call it: modes, normalisation, several attacks, its own ``save``."""

from pathlib import Path

import pytest
import torch
from adapted import (
    SETTINGS,
    bare_network,
    changed_pixels,
    directly,
    facts,
    given,
    library,
    network,
    painted,
    predicted,
)
from torch import Tensor

from sparseattack import InputError
from sparseattack.oracles.training.recipe import MEAN, STD

HOW = "pip install --no-deps torchattacks, whose pin of requests fits no other library"
torchattacks = library("torchattacks", HOW)
FewPixel = library("sparseattack.adapters.torchattacks", HOW).FewPixel


def test_images_and_outcomes_are_those_of_attack() -> None:
    images, labels = given()
    attack = FewPixel(network(), **SETTINGS)
    adversarial = attack(images, labels)
    expected = directly(labels)
    assert [facts(one) for one in attack.last.outcomes] == [facts(one) for one in expected]
    assert torch.equal(adversarial, painted(expected, failures=True))
    kept = FewPixel(network(), **SETTINGS, failed="original")(images, labels)
    assert torch.equal(kept, painted(expected, failures=False))


@pytest.mark.parametrize("mode", ["label", "function"])
def test_targets_are_labels_or_a_function_of_images_and_labels(mode: str) -> None:
    images, labels = given(4)
    attack, targets = FewPixel(network(), **SETTINGS), (labels + 1) % 10
    shown: list[Tensor] = []

    def target_of(images: Tensor, labels: Tensor) -> Tensor:
        shown.append(images)
        return (labels + 1) % 10

    if mode == "label":
        attack.set_mode_targeted_by_label(quiet=True)
        attack(images, targets)
    else:
        attack.set_mode_targeted_by_function(target_of, quiet=True)
        attack(images, labels)
        assert torch.equal(shown[0], images)
    expected = directly(targets, targeted=True, images=images)
    assert [facts(one) for one in attack.last.outcomes] == [facts(one) for one in expected]


def test_a_normalisation_does_not_touch_unchanged_pixels() -> None:
    images, labels = given()
    mean, std = (torch.tensor(numbers).view(-1, 1, 1) for numbers in (MEAN, STD))
    normalised = (images - mean) / std
    attack = FewPixel(bare_network(), **SETTINGS)
    attack.set_normalization_used(MEAN, STD)
    adversarial = attack(normalised, labels)
    expected = directly(labels)
    assert [facts(one)[:-1] for one in attack.last.outcomes] == [facts(one)[:-1] for one in expected]
    assert changed_pixels(normalised, adversarial) == changed_pixels(images, painted(expected, failures=True))
    assert max(changed_pixels(normalised, adversarial)) == 2
    back = (adversarial * std + mean).mul(255).round()
    assert torch.equal(back, painted(expected, failures=True).mul(255).round())


def test_it_is_one_of_several_attacks_with_and_without_normalisation() -> None:
    """MultiAttack takes the normalisation off before it calls its attacks, and puts it on again."""
    images, labels = given()
    mean, std = (torch.tensor(numbers).view(-1, 1, 1) for numbers in (MEAN, STD))
    ours = FewPixel(bare_network(), **SETTINGS)
    both = torchattacks.MultiAttack([ours, torchattacks.FGSM(bare_network(), eps=8 / 255)])
    both.set_normalization_used(MEAN, STD)
    adversarial = both((images - mean) / std, labels)
    expected = directly(labels)
    assert [facts(one)[:-1] for one in ours.last.outcomes] == [facts(one)[:-1] for one in expected]
    with torch.inference_mode():
        wrong = bare_network()(adversarial).argmax(1) != labels
    assert wrong.sum() > ours.last.success.sum() > 0  # FGSM fools more
    assert ours._normalization_applied is True  # as it was


def test_torchattacks_saves_and_loads_what_it_finds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = given()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=4)
    attack = FewPixel(network(), **SETTINGS)
    robust, _, _ = attack.save(loader, tmp_path / "adv.pt", return_verbose=True, save_predictions=True)
    expected = painted(directly(labels), failures=True)
    assert robust == 100 * float((predicted(expected) == labels).float().mean())
    held = attack.load(tmp_path / "adv.pt", batch_size=8)
    assert torch.equal(next(iter(held))[0], expected)
    assert "Robust accuracy" in capsys.readouterr().out


def test_the_least_likely_class_is_a_target() -> None:
    images, labels = given(4)
    attack = FewPixel(network(), **SETTINGS)
    attack.device = torch.device("cpu")
    attack.set_mode_targeted_least_likely(quiet=True)
    attack(images, labels)
    with torch.inference_mode():
        least = network()(images).argmin(1)
    expected = directly(least, targeted=True, images=images)
    assert [facts(one) for one in attack.last.outcomes] == [facts(one) for one in expected]


def test_a_plain_callable_is_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    images, labels = given(4)

    def scores(images: Tensor) -> Tensor:
        with torch.inference_mode():
            return network()(images)  # type: ignore[no-any-return]

    attack = FewPixel(scores, **SETTINGS)
    assert torch.equal(
        attack(images, labels), painted(directly(labels, images=images), failures=True, images=images)
    )
    assert not capsys.readouterr().out and "FewPixel(" in repr(attack)


def test_labels_are_needed() -> None:
    with pytest.raises(InputError, match=r"this attack needs labels: attack\(images, labels\)"):
        FewPixel(network())(given().images)
