"""The attack in the Adversarial Robustness Toolbox, on its torch and black-box classifiers."""

from typing import Any

import numpy as np
import pytest
import torch
from adapted import SETTINGS, block, directly, facts, given, library, network, painted, predicted
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from sparseattack import InputError, Outcome, SparseattackWarning

HOW = 'pip install "sparseattack[art]"'
art = library("art", HOW)
FewPixelEvasion = library("sparseattack.adapters.art", HOW).FewPixelEvasion
classification, utils = library("art.estimators.classification", HOW), library("art.utils", HOW)
BlackBoxClassifier = classification.BlackBoxClassifier
SpatialSmoothing = library("art.defences.preprocessor", HOW).SpatialSmoothing
EstimatorError = library("art.exceptions", HOW).EstimatorError
Array = NDArray[Any]


def classifier(**put: Any) -> Any:
    given_here: dict[str, Any] = {"clip_values": (0, 1), "device_type": "cpu"}
    loss = torch.nn.CrossEntropyLoss()
    return classification.PyTorchClassifier(
        network(), loss=loss, input_shape=(3, 32, 32), nb_classes=10, **given_here | put
    )


def one_hot(images: Array) -> Array:
    """What a service that returns labels only says of images ``(n, H, W, C)`` in 0..255."""
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    return np.asarray(np.eye(10, dtype=np.float32)[predicted(tensors).numpy()])


@pytest.mark.parametrize("form", ["indices", "one-hot"])
def test_images_and_outcomes_are_those_of_attack(form: str) -> None:
    images, labels = given()
    y = labels.numpy() if form == "indices" else utils.to_categorical(labels.numpy(), 10)
    attack = FewPixelEvasion(classifier(), **SETTINGS)
    adversarial = attack.generate(images.numpy(), y)
    expected = directly(labels)
    assert isinstance(attack, art.attacks.EvasionAttack) and adversarial.dtype == np.float32
    assert [facts(one) for one in attack.last.outcomes] == [facts(one) for one in expected]
    assert torch.equal(torch.from_numpy(adversarial), painted(expected, failures=False))


def test_its_own_measures_say_the_same() -> None:
    images, labels = given()
    x, y = images.numpy(), utils.to_categorical(labels.numpy(), 10)
    attacked = classifier()
    attack = FewPixelEvasion(attacked, **SETTINGS)
    adversarial = attack.generate(x=x, y=y)
    fooled = [isinstance(one, Outcome) and one.fooled for one in attack.last.outcomes]
    clean = utils.compute_accuracy(attacked.predict(x), y)[0]
    assert utils.compute_accuracy(attacked.predict(adversarial), y)[0] == pytest.approx(
        clean - np.mean(fooled)
    )
    assert utils.compute_success(attacked, x, y, adversarial) == pytest.approx(np.mean(fooled))


def test_targets_are_reached_and_needed() -> None:
    images, labels = given(4)
    targets = (labels + 1) % 10
    attack = FewPixelEvasion(classifier(), **SETTINGS, targeted=True)
    attack.generate(images.numpy(), targets.numpy())
    expected = directly(targets, targeted=True, images=images)
    assert [facts(one) for one in attack.last.outcomes] == [facts(one) for one in expected]
    with pytest.raises(InputError, match=r"a targeted attack needs the targets: generate\(x, y\)"):
        attack.generate(images.numpy())


def test_channels_last_and_0_to_255_give_the_same_edits() -> None:
    images, labels = given(4)
    x = np.round(images.permute(0, 2, 3, 1).numpy() * 255).astype(np.float32)

    def scores(shown: Array) -> Array:
        assert shown.dtype == np.float32 and np.array_equal(shown, np.round(shown)) and shown.max() > 1
        with torch.inference_mode():
            found: Array = network()(torch.from_numpy(shown).permute(0, 3, 1, 2) / 255).numpy()
        return found

    black_box = classification.BlackBoxClassifierNeuralNetwork(
        scores, (32, 32, 3), 10, channels_first=False, clip_values=(0, 255)
    )
    attack = FewPixelEvasion(black_box, **SETTINGS)
    adversarial = attack.generate(x, labels.numpy())
    expected = directly(labels, images=images)
    assert [facts(one)[:3] for one in attack.last.outcomes] == [facts(one)[:3] for one in expected]
    after = painted(expected, failures=False, images=images).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(adversarial, np.round(after * 255))


@pytest.mark.filterwarnings("ignore:the scores of oracle BlackBoxClassifier are taken for probabilities")
def test_a_black_box_that_returns_labels_only_is_attacked() -> None:
    images, _ = given()
    x = np.round(images.permute(0, 2, 3, 1).numpy() * 255).astype(np.float32)
    attack = FewPixelEvasion(BlackBoxClassifier(one_hot, (32, 32, 3), 10, clip_values=(0, 255)), **SETTINGS)
    with pytest.warns(SparseattackWarning, match="each score of oracle BlackBoxClassifier is 0 or 1"):
        adversarial = attack.generate(x)  # without y, the classes that it predicts
    labels = predicted(images)
    assert torch.equal(torch.from_numpy(one_hot(adversarial).argmax(1)) != labels, attack.last.success)
    found = [one.first_fooled for one in attack.last.outcomes if isinstance(one, Outcome)]
    assert found == [
        one.first_fooled for one in directly(labels) if isinstance(one, Outcome)
    ]  # blind, as random is


def test_a_defence_is_part_of_what_is_attacked() -> None:
    images, labels = given(4)
    defended = classifier(preprocessing_defences=SpatialSmoothing(3, channels_first=True))
    attack = FewPixelEvasion(defended, **SETTINGS)
    adversarial = attack.generate(images.numpy(), labels.numpy())
    smooth = median_filter(adversarial, size=(1, 1, 3, 3))
    wrong = predicted(torch.from_numpy(smooth)) != labels
    assert torch.equal(wrong, attack.last.success)


def test_parameters_are_those_of_art() -> None:
    attack = FewPixelEvasion(classifier())
    attack.set_params(pixels=3, targeted=True)
    assert attack.pixels == 3 and attack.targeted and "pixels=3" in repr(attack)
    with pytest.raises(ValueError, match="popsize"):
        attack.set_params(popsize=3)
    with pytest.raises(InputError, match="from 1, not 0 and 1000"):
        attack.set_params(pixels=0)


def test_other_estimators_are_refused() -> None:
    with pytest.raises(EstimatorError):
        FewPixelEvasion(network())


BOUNDS = [
    (None, "has no clip_values: make it with"),
    ((np.zeros(3072), np.linspace(1, 2, 3072)), "differ between features"),
]


@pytest.mark.parametrize(("bounds", "message"), BOUNDS)
def test_the_range_must_be_known(bounds: object, message: str) -> None:
    black_box = BlackBoxClassifier(one_hot, (32, 32, 3), 10, clip_values=bounds)
    with pytest.raises(InputError, match=message):
        FewPixelEvasion(black_box).generate(np.zeros((1, 32, 32, 3), np.float32), np.zeros(1))


def test_the_layout_must_be_known() -> None:
    black_box = BlackBoxClassifier(
        lambda x: np.eye(2)[:1].repeat(len(x), 0), (3, 4, 3), 2, clip_values=(0, 1)
    )
    x, y = np.zeros((1, 3, 4, 3), np.float32), np.zeros(1, np.int64)
    with pytest.raises(InputError, match="set channels_first=True or False"):
        FewPixelEvasion(black_box).generate(x, y)
    with pytest.warns(SparseattackWarning):
        found = FewPixelEvasion(black_box, budget=3, channels_first=False).generate(x, y)
    assert found.shape == x.shape


def test_the_page_makes_an_oracle_of_an_estimator() -> None:
    held: dict[str, Any] = {}
    exec(block("art"), held)
    images, _ = given(4)
    with torch.inference_mode():
        assert torch.allclose(held["oracle_of"](classifier())(images), network()(images), atol=1e-5)
