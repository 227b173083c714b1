"""The architectures are those of the tables of Su, Vargas and Sakurai (2019), line by line."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparseattack import InputError, load_images
from sparseattack.oracles.networks import NETWORKS, fold, untrained

# As printed: a layer, its kernel, stride and channels. Then the rows, and columns, that come out of it.
TABLES = {
    "allconv": """
        conv 3 1 96     | 32
        conv 3 1 96     | 32
        conv 3 2 96     | 16
        conv 3 1 192    | 16
        conv 3 1 192    | 16
        dropout 0.3     | 16
        conv 3 2 192    | 8
        conv 3 2 192    | 6
        conv 1 1 192    | 6
        conv 1 1 10     | 6
        average 6 1     | 1
        flatten         |
    """,
    "nin": """
        conv 5 1 192    | 32
        conv 1 1 160    | 32
        conv 1 1 96     | 32
        maximum 3 2     | 16
        dropout 0.5     | 16
        conv 5 1 192    | 16
        conv 5 1 192    | 16
        conv 5 1 192    | 16
        average 3 2     | 8
        dropout 0.5     | 8
        conv 3 1 192    | 8
        conv 1 1 192    | 8
        conv 1 1 10     | 8
        average 8 1     | 1
        flatten         |
    """,
    "vgg16": """
        conv 3 1 64     | 32
        conv 3 1 64     | 32
        maximum 2 2     | 16
        conv 3 1 128    | 16
        conv 3 1 128    | 16
        maximum 2 2     | 8
        conv 3 1 256    | 8
        conv 3 1 256    | 8
        conv 3 1 256    | 8
        maximum 2 2     | 4
        conv 3 1 512    | 4
        conv 3 1 512    | 4
        conv 3 1 512    | 4
        maximum 2 2     | 2
        conv 3 1 512    | 2
        conv 3 1 512    | 2
        conv 3 1 512    | 2
        maximum 2 2     | 1
        flatten         |
        dense 2048      |
        dense 2048      |
    """,
}
CORRECTIONS = {  # line: what it must be so that the network builds, or what it was meant to be
    "allconv": {7: "conv 3 1 192 | 6"},  # at stride 2 nothing of 6x6 is left for the pooling
    "nin": {6: "conv 1 1 192 | 16", 7: "conv 1 1 192 | 16"},  # as in Lin et al. (2014)
    "nin-printed": {},
    "vgg16": {21: "dense 10 |"},  # the ten classes go without saying
}


def lines(name: str) -> list[str]:
    """The table of a network, corrected."""
    table = TABLES[name.removesuffix("-printed")].strip().splitlines()
    corrected = dict(enumerate(table)) | CORRECTIONS[name]
    return [" ".join(corrected[place].split()) for place in sorted(corrected)]


WORDS: dict[type[nn.Module], Callable[[Any, Tensor], str]] = {
    nn.Conv2d: lambda layer, _: f"conv {layer.kernel_size[0]} {layer.stride[0]} {layer.out_channels}",
    nn.Linear: lambda layer, _: f"dense {layer.out_features}",
    nn.MaxPool2d: lambda layer, _: f"maximum {layer.kernel_size} {layer.stride}",
    nn.AvgPool2d: lambda layer, _: f"average {layer.kernel_size} {layer.stride}",
    nn.AdaptiveAvgPool2d: lambda _, taken: f"average {taken.shape[2]} 1",  # of whatever there is
    nn.Dropout: lambda layer, _: f"dropout {layer.p}",
    nn.Flatten: lambda *_: "flatten",
}


def described(network: nn.Sequential) -> list[str]:
    """Every layer but batch-norm and ReLU, with the rows and columns that come out of it."""
    found, maps = [], torch.rand(2, 3, 32, 32)
    for layer in network.eval():
        taken, maps = maps, layer(maps)
        if not isinstance(layer, nn.BatchNorm2d | nn.ReLU):
            sides = {*maps.shape[2:]}
            found.append(f"{WORDS[type(layer)](layer, taken)} | {' '.join(map(str, sides))}".strip())
    return found


@pytest.mark.parametrize("name", CORRECTIONS)
def test_every_layer_is_that_of_the_table(name: str) -> None:
    assert described(untrained(name)) == lines(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_batch_norm_and_relu_follow_every_layer_but_the_last(name: str) -> None:
    layers = list(untrained(name))
    last = max(place for place, layer in enumerate(layers) if isinstance(layer, nn.Conv2d | nn.Linear))
    for place, layer in enumerate(layers[:last]):
        if isinstance(layer, nn.Conv2d):
            assert isinstance(layers[place + 1], nn.BatchNorm2d) and isinstance(layers[place + 2], nn.ReLU)
            assert layer.bias is None  # batch-norm has one
        if isinstance(layer, nn.Linear):
            assert isinstance(layers[place + 1], nn.ReLU)
    assert not any(isinstance(layer, nn.ReLU | nn.BatchNorm2d) for layer in layers[last:])


@pytest.mark.parametrize("name", NETWORKS)
def test_folding_batch_norm_changes_no_score(name: str) -> None:
    network, images = untrained(name), load_images("sample[0:16]").floats()
    random = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):  # as if it were trained
            for values in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                assert values is not None
                values.data.uniform_(0.5, 1.5, generator=random)
    with torch.no_grad():
        wanted = network.eval()(images)
        folded = fold(network)
        assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded)
        torch.testing.assert_close(folded(images), wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))
        assert wanted.std(0).max() > 0  # the scores do depend on the images


class Block(nn.Module):
    """Batch-norm after a convolution, and before one, where nothing can absorb it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.rest = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.rest(self.norm(self.first(images))).flatten(1)
        return scores


def test_folding_within_modules_changes_no_score() -> None:
    block, random = Block(), torch.Generator().manual_seed(0)
    for values in block.state_dict().values():
        if values.is_floating_point():
            values.uniform_(0.5, 1.5, generator=random)
    images = torch.rand(5, 3, 6, 6, generator=random)
    with torch.no_grad():
        expected = block.eval()(images)
        assert fold(block) is block
        torch.testing.assert_close(block(images), expected)
    assert isinstance(block.norm, nn.Identity)
    assert [type(layer) for layer in block.rest] == [nn.ReLU, nn.BatchNorm2d, nn.Conv2d]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("side", range(16, 33, 4))
def test_smaller_images_can_be_trained_with(name: str, side: int) -> None:
    assert untrained(name).eval()(torch.rand(1, 3, side, side)).shape == (1, 10)


def test_padding_adds_nothing_to_an_average() -> None:
    for layer in untrained("nin"):
        if isinstance(layer, nn.AvgPool2d):
            torch.testing.assert_close(layer(torch.ones(1, 1, 16, 16)), torch.ones(1, 1, 8, 8))


def test_other_names_are_refused() -> None:
    with pytest.raises(
        InputError, match="no network 'lenet', only allconv-small, allconv, nin, nin-printed, vgg16"
    ):
        untrained("lenet")
