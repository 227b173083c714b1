"""The networks and images of the benchmarks; among them ResNets (He et al., 2016) and MobileNetV2.

ResNet-20 has the names of the weights of akamaster/pytorch_resnet_cifar10.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from benchmarks.options import OWN
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
    """Three stages of ``blocks`` blocks: ``(n, 3, 32, 32) -> (n, 10)`` logits."""

    def __init__(self, blocks: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        inputs = (WIDTHS[0], *WIDTHS)
        for place, width in enumerate(WIDTHS):
            rest = [Block(width, width) for _ in range(blocks - 1)]
            self.add_module(f"layer{place + 1}", nn.Sequential(Block(inputs[place], width), *rest))
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


def resnet56() -> nn.Module:
    """ResNet-56 with random weights."""
    return ResNet(9)


STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks and first stride of MobileNetV2's stages, at 32 x 32 with two strides fewer."""


class InvertedResidual(nn.Module):
    """A wide depthwise convolution between two of 1x1, beside a shortcut where the size stays."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        first = convolution(inputs, wide, 1) if expansion > 1 else ()
        deep = convolution(wide, wide, 3, stride, wide)
        self.inside = nn.Sequential(*first, *deep, *convolution(wide, outputs, 1)[:2])
        self.short = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        """``(n, inputs, H, W) -> (n, outputs, H / stride, W / stride)``."""
        found: Tensor = self.inside(maps)
        return maps + found if self.short else found


def convolution(inputs: int, outputs: int, side: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution with batch-norm and ReLU6."""
    conv = nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU6()]


def mobilenetv2() -> nn.Module:
    """MobileNetV2 (Sandler et al., 2018) for images of 32 x 32: ``-> (n, 10)`` logits; random weights."""
    layers, inputs = convolution(3, 32, 3), 32
    for expansion, outputs, count, stride in STAGES:
        for place in range(count):
            layers.append(InvertedResidual(inputs, outputs, expansion, 1 if place else stride))
            inputs = outputs
    layers += [*convolution(inputs, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10)]
    return nn.Sequential(*layers)


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
    if name in OWN:
        return _own(name, device)
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


def _own(name: str, device: str) -> tuple[Classifier, str]:
    held = name == "resnet20" and (shared_folder() / RESNET).is_file()
    chosen: dict[str, object] = {"checkpoint": str(shared_folder() / RESNET)} if held else {}
    chosen |= {"module": f"benchmarks.networks:{name}", "mean": RESNET20_MEAN, "std": RESNET20_STD}
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
