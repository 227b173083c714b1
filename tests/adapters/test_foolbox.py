"""The attack in foolbox's style, on torch and numpy models: epsilons are pixels."""

from typing import Any

import numpy as np
import pytest
import torch
from adapted import (
    SETTINGS,
    block,
    changed_pixels,
    directly,
    facts,
    given,
    library,
    network,
    painted,
    predicted,
)
from numpy.typing import NDArray

from sparseattack import InputError

HOW = 'pip install "sparseattack[foolbox]"'
ep, foolbox = library("eagerpy", HOW), library("foolbox", HOW)
L0FewPixelAttack = library("sparseattack.adapters.foolbox", HOW).L0FewPixelAttack
PUT = {name: value for name, value in SETTINGS.items() if name != "pixels"}


def model() -> Any:
    return foolbox.PyTorchModel(network(), bounds=(0, 1), device="cpu")


def test_images_outcomes_and_successes_are_those_of_attack() -> None:
    images, labels = given()
    attack = L0FewPixelAttack(**PUT)
    raw, clipped, success = attack(model(), images, labels, epsilons=2)
    expected = directly(labels)
    assert isinstance(attack, foolbox.Attack)
    assert [facts(one) for one in attack.last[2].outcomes] == [facts(one) for one in expected]
    assert torch.equal(raw, painted(expected, failures=True)) and torch.equal(clipped, raw)
    assert torch.equal(success, predicted(clipped) != labels)  # as foolbox counts: those wrong already are in


def test_every_epsilon_is_a_number_of_pixels() -> None:
    """As the example of foolbox goes: one attack, several epsilons, robust accuracy for each."""
    images, labels = ep.astensors(*given())
    fmodel = model()
    clean = foolbox.accuracy(fmodel, images, labels)
    epsilons: list[Any] = [1, 2.0, np.int64(3)]
    _, advs, success = L0FewPixelAttack(**PUT)(fmodel, images, labels, epsilons=epsilons)
    robust = 1 - success.float32().mean(axis=-1)
    assert success.shape == (3, len(images)) and isinstance(success, ep.Tensor)
    for k, adversarial, accuracy in zip(epsilons, advs, robust, strict=True):
        assert foolbox.accuracy(fmodel, adversarial, labels) == pytest.approx(accuracy.item())
        counts = changed_pixels(images.raw, adversarial.raw)
        assert max(counts) <= k and accuracy.item() <= clean


def test_a_targeted_criterion_is_reached() -> None:
    images, labels = given(4)
    targets = (labels + 1) % 10
    attack = L0FewPixelAttack(**PUT)
    attack(model(), images, foolbox.TargetedMisclassification(targets), epsilons=2)
    expected = directly(targets, targeted=True, images=images)
    assert [facts(one) for one in attack.last[2].outcomes] == [facts(one) for one in expected]


def test_a_numpy_model_in_another_range_and_layout_is_attacked() -> None:
    images, labels = given(4)
    x = np.round(images.permute(0, 2, 3, 1).numpy() * 255).astype(np.float32)

    def scores(shown: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = network()(torch.tensor(shown).permute(0, 3, 1, 2) / 255).numpy()
        return found

    fmodel = foolbox.NumPyModel(scores, bounds=(0, 255))  # which does not say where its channels are
    raw, _, success = L0FewPixelAttack(**PUT)(fmodel, x, labels.numpy(), epsilons=2)
    expected = painted(directly(labels, images=images), failures=True, images=images)
    assert isinstance(raw, np.ndarray) and isinstance(success, np.ndarray)
    assert np.array_equal(raw, np.round(expected.permute(0, 2, 3, 1).numpy() * 255))


@pytest.mark.parametrize("epsilon", [1.5, 0, None, "two"])
def test_an_epsilon_that_is_no_number_of_pixels_is_refused(epsilon: object) -> None:
    with pytest.raises(InputError, match="an epsilon is a number of pixels"):
        L0FewPixelAttack()(model(), *given(), epsilons=[epsilon])


def test_other_criteria_and_repeats_are_refused() -> None:
    images, labels = given(4)
    both = foolbox.criteria.Misclassification(labels) & foolbox.criteria.Misclassification(labels)
    with pytest.raises(InputError, match="the criterion is labels, Misclassification or Targeted"):
        L0FewPixelAttack()(model(), images, both, epsilons=1)
    with pytest.raises(InputError, match="3 repeats with one seed are one search"):
        L0FewPixelAttack().repeat(3)


def test_the_page_makes_an_oracle_of_a_model() -> None:
    held: dict[str, Any] = {}
    exec(block("foolbox"), held)
    images, _ = given(4)
    with torch.inference_mode():
        assert torch.allclose(held["oracle_of"](model())(images), network()(images), atol=1e-5)
