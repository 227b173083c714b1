"""Batch-norm is folded where that changes scores by rounding only; the given network stays as it is."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from benchmarks.networks import resnet20
from sparseattack import Classifier, load
from sparseattack.oracles.dense_inference.forward import Forward
from sparseattack.oracles.dense_inference.fusion import Fusion, fuse, stamp

IMAGES = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """With statistics and weights of batch-norm that change what it is given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make().eval()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for values in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                    assert values is not None
                    nn.init.uniform_(values, 0.5, 1.5)
    return network


class OtherOrder(nn.Module):
    """Layers that are called in another order than they were made in, one of them twice read."""

    def __init__(self) -> None:
        super().__init__()
        self.norm2, self.norm1 = nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        self.conv2, self.conv1 = nn.Conv2d(6, 6, 3, bias=False), nn.Conv2d(3, 6, 1)
        self.last = nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.norm2(self.conv2(self.norm1(self.conv1(images)).relu()))
        twice = self.conv2(maps)
        scores: Tensor = self.last((self.norm2(twice) + twice).mean((2, 3)))
        return scores


@pytest.mark.parametrize(("make", "folded"), [(resnet20, 19), (OtherOrder, 2)])
def test_scores_are_the_same_but_for_rounding_and_the_network_stays(
    make: Callable[[], nn.Module], folded: int
) -> None:
    network = seeded(make)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.inference_mode():
        expected = network(IMAGES)
        forward = Forward(nn.Identity(), network, "cpu")
        found = forward(IMAGES)
    assert forward.fusion and forward.fusion.folded == folded
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) >= folded


def test_the_oracle_says_that_batch_norm_was_folded_and_keeps_its_digest() -> None:
    plugin = load("oracles", "torch", {"module": "benchmarks.networks:resnet20"})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        oracle = Classifier.of(plugin())
        torch.manual_seed(0)
        other = Classifier.of(plugin())
    assert not oracle.notes()
    oracle(IMAGES[:1])
    assert oracle.notes() == ("batch-norm was folded into the convolution before it, 19 times",)
    assert oracle.digest == other.digest


def test_weights_that_are_changed_later_are_folded_again() -> None:
    network = seeded(OtherOrder)
    forward = Forward(nn.Identity(), network, "cpu")
    before = forward(IMAGES)
    with torch.no_grad():
        network.get_parameter("norm1.weight").mul_(3)
        torch.testing.assert_close(forward(IMAGES), network(IMAGES), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(forward(IMAGES), before)


class Branching(nn.Module):
    """Cannot be followed without images."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(768, 4)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layer(images.flatten(1))
        return scores if scores.sum() > 0 else -scores


class Hooked(nn.Module):
    """Layers with hooks, which a graph of layers cannot leave out."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(784, 4))
        self.inner.register_forward_hook(lambda layer, given, made: made * 2)
        self.inner[0].register_forward_hook(lambda layer, given, made: made + 1)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.inner(images)
        return scores


def test_a_network_that_cannot_be_followed_is_used_as_it_is() -> None:
    network = seeded(Branching)
    fusion = Fusion(network)
    assert fusion.network_for(IMAGES) is network and not fusion.folded
    assert torch.equal(Forward(nn.Identity(), network, "cpu")(IMAGES[:32]), network(IMAGES[:32]))


def test_hooks_are_called() -> None:
    network = seeded(Hooked)
    forward = Forward(nn.Identity(), network, "cpu")
    with torch.no_grad():
        torch.testing.assert_close(forward(IMAGES), network(IMAGES))
    assert forward.fusion and not forward.fusion.folded


def test_in_training_mode_and_under_autocast_a_network_is_used_as_it_is() -> None:
    network = seeded(OtherOrder)
    fusion = Fusion(network)
    assert fusion.network_for(IMAGES) is not network
    with torch.autocast("cpu", torch.bfloat16):
        assert fusion.network_for(IMAGES) is network
    assert fusion.network_for(IMAGES) is not network
    assert fusion.network_for(IMAGES) is fusion.fused
    network.train()
    assert fusion.network_for(IMAGES) is network


def test_a_network_without_layers_to_replace_has_no_other() -> None:
    assert fuse(nn.Flatten()) == (None, 0)


@pytest.mark.parametrize("change", ["assigned", "layer", "buffer"])
def test_weights_and_layers_in_place_of_others_are_fused_again(change: str) -> None:
    network = seeded(OtherOrder)
    forward = Forward(nn.Identity(), network, "cpu")
    before = forward(IMAGES)
    norm = network.get_submodule("norm1")
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
    if change == "assigned":
        other = {name: weight * 1.5 for name, weight in network.state_dict().items() if weight.ndim}
        network.load_state_dict(other, strict=False, assign=True)
    elif change == "layer":
        network.norm1 = nn.BatchNorm2d(norm.num_features).eval()
    else:
        norm.running_mean = norm.running_mean + 0.5
    with torch.no_grad():
        torch.testing.assert_close(forward(IMAGES), network(IMAGES), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(forward(IMAGES), before, atol=1e-3)


def test_weights_without_storage_have_no_stamp() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(768, 4))
    assert stamp(network) == stamp(network) is not None
    network.register_buffer("sparse", torch.eye(3).to_sparse())
    assert stamp(network) is None
    assert stamp(nn.LazyLinear(3)) is None
