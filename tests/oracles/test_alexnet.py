"""BVLC's AlexNet: its shapes, the colours it gets, and the names of layers in files of weights."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import Run
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from sparseattack import Classifier, InputError, load, load_images
from sparseattack.oracles.alexnet import LAYERS, MEAN, CaffeColours, bvlc_alexnet, by_layer

WEIGHTS = {  # as in bvlc_alexnet.caffemodel: outputs, inputs of a group, rows, columns
    "conv1": (96, 3, 11, 11),
    "conv2": (256, 48, 5, 5),
    "conv3": (384, 256, 3, 3),
    "conv4": (384, 192, 3, 3),
    "conv5": (256, 192, 3, 3),
    "fc6": (4096, 9216),
    "fc7": (4096, 4096),
    "fc8": (1000, 4096),
}
MAPS = {  # channels, rows, columns; the normalisation stands before the pooling
    "conv1": (96, 55, 55), "norm1": (96, 55, 55), "pool1": (96, 27, 27),
    "conv2": (256, 27, 27), "norm2": (256, 27, 27), "pool2": (256, 13, 13),
    "conv3": (384, 13, 13), "conv4": (384, 13, 13), "conv5": (256, 13, 13), "pool5": (256, 6, 6),
    "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
}  # fmt: skip
TORCHVISION = {  # of torchvision.models.alexnet
    "features.0": (64, 3, 11, 11), "features.3": (192, 64, 5, 5), "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3), "features.10": (256, 256, 3, 3),
    "classifier.1": (4096, 9216), "classifier.4": (4096, 4096), "classifier.6": (1000, 4096),
}  # fmt: skip
NUMBERS = ["features.0", "features.4", "features.8", "features.10", "features.12"]
NUMBERS += ["classifier.0", "classifier.3", "classifier.6"]


def empty(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A state dict of tensors without values."""
    with torch.device("meta"):
        weights = {f"{name}.weight": torch.empty(shape) for name, shape in shapes.items()}
        return weights | {f"{name}.bias": torch.empty(shape[0]) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    """Weights from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: nn.Sequential = bvlc_alexnet().eval()
        return made


@pytest.fixture(scope="module")
def file(network: nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alexnet") / "mine.safetensors"
    save_file(network.state_dict(), path)
    return path


def test_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        network, maps = bvlc_alexnet().eval(), torch.empty(1, 3, 227, 227)
        found: dict[str, torch.Tensor] = {}
        for name, layer in network.named_children():
            maps = found[name] = layer(maps)
    held = network.state_dict()
    weights = {
        name: tuple(held[f"{name}.weight"].shape) for name, _ in network.named_children() if name in LAYERS
    }
    assert weights == WEIGHTS and tuple(weights) == LAYERS
    assert {name: tuple(found[name].shape)[1:] for name in MAPS} == MAPS
    assert [name for name in found if name in MAPS] == list(MAPS)
    assert sum(each.numel() for each in network.parameters()) == 60_965_224


def test_maps_are_normalised_across_channels_as_caffe_does(network: nn.Sequential) -> None:
    maps = 50 * torch.rand(1, 12, 2, 2, generator=torch.Generator().manual_seed(0))
    found = network.get_submodule("norm1")(maps)
    for channel in range(12):
        near = maps[0, max(0, channel - 2) : channel + 3]
        wanted = maps[0, channel] / (1 + 1e-4 / 5 * near.square().sum(0)) ** 0.75
        torch.testing.assert_close(found[0, channel], wanted)


def test_images_become_blue_green_red_less_the_means() -> None:
    images = torch.rand(2, 3, 4, 4)
    prepared = CaffeColours()(images)
    for place, channel in enumerate((2, 1, 0)):
        torch.testing.assert_close(prepared[:, place], images[:, channel] * 255 - MEAN[place])


def test_scores_of_photographs_are_the_network_s(network: nn.Sequential, file: Path) -> None:
    before = torch.random.get_rng_state()
    made = load("oracles", f"alexnet(weights={file})")()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert isinstance(made, Classifier)
    photos = load_images("sample@227[0:3]").floats()
    scores = made(photos)
    with torch.no_grad():
        torch.testing.assert_close(scores, network(CaffeColours()(photos)), rtol=1e-3, atol=1e-4)
    assert scores.shape == (3, 1000) and scores.std(0).max() > 0.01
    with pytest.raises(
        InputError, match="3x227x227, not 3x32x32: resize them to 227x227, as IMAGES@227 does"
    ):
        made(torch.zeros(1, 3, 32, 32))


def test_a_picture_of_any_size_is_attacked(file: Path, tmp_path: Path, run: Run) -> None:
    colours = np.random.default_rng(0).integers(256, size=(50, 80, 3), dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / "p.png")
    oracle = f"alexnet(weights={file})"
    chosen = ("--oracle", oracle, "--strategy", "random", "--budget", "16", "--out", str(tmp_path))
    code, out, err = run("attack", f"{tmp_path / 'p.png'}@227", *chosen)
    assert code == 0 and "resized to 227x227" in err and "16 queries" in out


@pytest.mark.parametrize(
    "names",
    [
        LAYERS,
        [f"module.{name}" for name in LAYERS],
        [f"features.{name}" if name.startswith("conv") else f"classifier.{name}" for name in LAYERS],
        NUMBERS,
        [f"module.{name}" for name in NUMBERS],
    ],
    ids=["caffe", "parallel", "parts", "numbers", "parallel numbers"],
)
def test_names_of_layers_that_are_known(names: list[str]) -> None:
    shapes = dict(zip(names, WEIGHTS.values(), strict=True))
    state = empty(shapes)
    reordered = dict(reversed(state.items()))  # files need not be in order
    found = by_layer(reordered, "mine.pt")
    wanted = empty(WEIGHTS)
    assert {name: value.shape for name, value in found.items()} == {n: v.shape for n, v in wanted.items()}
    for name, layer in zip(names, LAYERS, strict=True):
        assert found[f"{layer}.weight"] is state[f"{name}.weight"]
        assert found[f"{layer}.bias"] is state[f"{name}.bias"]


def test_torchvisions_alexnet_is_refused() -> None:
    with pytest.raises(InputError, match=r"its first layer has 64 filters, BVLC's has 96 \(torchvision's"):
        by_layer(empty(TORCHVISION), "alexnet-owt.pth")


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_file({"stem.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(
        InputError, match=r"do not fit the network: they lack conv1\.bias, .* in excess stem\.weight"
    ):
        load("oracles", f"alexnet(weights={tmp_path / 'other.safetensors'})")()
    with pytest.raises(
        InputError, match=r"alexnet needs its setting weights, as in alexnet\(weights=\.\.\.\)"
    ):
        load("oracles", "alexnet")
    with pytest.raises(InputError, match=re.escape(f"there is no file {tmp_path / 'lost.pt'}")):
        load("oracles", f"alexnet(weights={tmp_path / 'lost.pt'})")()
