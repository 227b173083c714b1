"""The networks and images of the benchmarks; among them ResNet-20 for CIFAR-10 (He et al., 2016).

ResNet-20 has the names of the weights of akamaster/pytorch_resnet_cifar10.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sparseattack import Classifier, Images, InputError, load, load_images
from sparseattack.oracles.dense_inference.forward import Forward, channels_last, normalise
from sparseattack.oracles.networks import NETWORKS, fold, untrained
from sparseattack.oracles.sparse_inference.sparse_edits import sparse_edits
from sparseattack.oracles.training.recipe import MEAN, STD
from sparseattack.plugins.registry import oracle_plugin

WIDTHS = (16, 32, 64)
RESNET20_MEAN, RESNET20_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the training of its weights


class Block(nn.Module):
    """Two convolutions beside a shortcut of option A: every second pixel, and channels of zeros."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride, self.more = outputs // inputs, (outputs - inputs) // 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """``(n, inputs, H, W) -> (n, outputs, H / stride, W / stride)``."""
        inside = self.bn2(self.conv2(self.bn1(self.conv1(maps)).relu()))
        if self.more:
            maps = pad(maps[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, self.more))
        summed: Tensor = inside + maps
        return summed.relu()


class ResNet(nn.Module):
    """Three stages of three blocks: ``(n, 3, 32, 32) -> (n, 10)`` logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        inputs = (WIDTHS[0], *WIDTHS)
        for place, width in enumerate(WIDTHS):
            blocks = (Block(inputs[place], width), Block(width, width), Block(width, width))
            self.add_module(f"layer{place + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(WIDTHS[-1], 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images of mean 0 and deviation 1."""
        maps = self.bn1(self.conv1(images)).relu()
        for place in range(len(WIDTHS)):
            maps = self.get_submodule(f"layer{place + 1}")(maps)
        scores: Tensor = self.linear(maps.mean((2, 3)))
        return scores


def resnet20() -> nn.Module:
    """ResNet-20 with random weights."""
    return ResNet()


BATCH = 64
ADVERSARIAL = "adversarial="  # followed by the weights that benchmarks.adversarial_training wrote
RESNET = "resnet20_cifar10.safetensors"


@dataclass(frozen=True)
class BenchmarkNetwork:
    """A network, as an oracle and as a torch module, and images to attack."""

    name: str
    weights: str  # trained or random, which changes the scores, not the speed
    oracle: Classifier
    images: Tensor  # (N, C, H, W)
    labels: Tensor  # (N,) predicted by the oracle

    @property
    def network(self) -> nn.Module:
        """The torch module from images in [0, 1] to scores, in evaluation mode."""
        return torch_network(self.oracle)


def load_network(name: str, device: str) -> BenchmarkNetwork:
    """The network ``name`` and the first 100 CIFAR-10 test images, in its size.

    InputError for an unknown network, or an oracle that is no torch network.
    """
    oracle, weights = _oracle(name, device)
    side = f"@{oracle.shape[1]}" if oracle.shape[1] not in (None, 32) else ""
    images = load_images(f"sample{side}").floats().to(device)
    return BenchmarkNetwork(name, weights, oracle, images, _predicted(oracle, images))


def resnet20_oracle() -> str:
    """The oracle of the trained ResNet-20, an ONNX file of the shared data, as a spec."""
    return str(shared_folder() / "resnet20_cifar10.onnx")


def training_images(rows: str) -> Images:
    """CIFAR-10 training images of the shared data folder, ``rows`` of them as ``[0:100]`` says, or all."""
    return load_images(f"{shared_folder() / 'cifar10_train.npz'}{rows}")


def shared_folder() -> Path:
    """The folder of larger public data: beside the checkout, or where SPARSEATTACK_SHARED points."""
    return Path(os.environ.get("SPARSEATTACK_SHARED") or Path(__file__).parents[2] / "shared" / "data")


def _oracle(name: str, device: str) -> tuple[Classifier, str]:
    if name == "resnet20":
        return _resnet(device)
    if name.startswith(ADVERSARIAL):
        chosen: dict[str, object] = {
            "module": "benchmarks.adversarial_training:network",
            "mean": MEAN,
            "std": STD,
        }
        chosen |= {"checkpoint": name.removeprefix(ADVERSARIAL), "batch": BATCH, "device": device}
        trained: Classifier = load("oracles", "torch", chosen)()
        return trained, "trained"
    try:
        found = oracle_plugin(name, device)()
    except InputError:
        if name not in NETWORKS:
            raise
        return random_network(name, device), "random"
    if isinstance(found, Classifier) and isinstance(found.scores, Forward):
        return found, "trained"
    raise InputError(f"{name} is no torch network, and only these can be timed without an attack")


def _resnet(device: str) -> tuple[Classifier, str]:
    held = (shared_folder() / RESNET).is_file()
    chosen: dict[str, object] = {"checkpoint": str(shared_folder() / RESNET)} if held else {}
    chosen |= {"module": "benchmarks.networks:resnet20", "mean": RESNET20_MEAN, "std": RESNET20_STD}
    oracle: Classifier = load("oracles", "torch", chosen | {"batch": BATCH, "device": device})()
    return oracle, "trained" if held else "random"


def random_network(name: str, device: str) -> Classifier:
    """A network of the zoo with random weights, for images of any size if the network allows it."""
    forward = Forward(normalise(MEAN, STD), channels_last(fold(untrained(name))), device)
    block = forward.block(BATCH)
    return Classifier(
        name, forward, "", "logits", batch=BATCH, answer_edits=sparse_edits(forward, BATCH), block=block
    )


def torch_network(oracle: Classifier) -> nn.Module:
    """The torch module of an oracle, preprocessing included."""
    forward: Any = oracle.scores
    return nn.Sequential(forward.prepare, forward.network).eval()


def _predicted(oracle: Classifier, images: Tensor) -> Tensor:
    return torch.cat([oracle(part).argmax(1) for part in torch.split(images, oracle.batch)])
