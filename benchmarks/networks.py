"""The networks that are attacked, and the images."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import resnet20
from sparseattack import Classifier, InputError, load, load_images
from sparseattack.oracles.forward import Forward
from sparseattack.oracles.memory import channels_last
from sparseattack.oracles.networks import NETWORKS, fold, untrained
from sparseattack.oracles.normalise import normalise
from sparseattack.oracles.sparse_inference.sparse_edits import sparse_edits
from sparseattack.oracles.training.recipe import MEAN, STD
from sparseattack.plugins.loading import oracle_plugin

BATCH = 64
RESNET = "resnet20_cifar10.safetensors"


@dataclass(frozen=True)
class Subject:
    """A network as an oracle and as it is, and images to attack."""

    name: str
    weights: str  # trained, or random: which changes what it answers, not how fast
    oracle: Classifier
    images: Tensor  # (N, C, H, W)
    labels: Tensor  # (N,) what the oracle calls them

    @property
    def network(self) -> nn.Module:
        """From images in [0, 1] to scores: a plain torch module, in evaluation mode."""
        return plain(self.oracle)


def subject(name: str, device: str) -> Subject:
    """The network called ``name``, and the first 100 CIFAR-10 test images, enlarged where need be."""
    oracle, weights = _made(name, device)
    side = f"@{oracle.shape[1]}" if oracle.shape[1] not in (None, 32) else ""
    images = load_images(f"sample{side}").floats().to(device)
    return Subject(name, weights, oracle, images, _called(oracle, images))


def _made(name: str, device: str) -> tuple[Classifier, str]:
    if name == "resnet20":
        return _resnet(device)
    try:
        found = oracle_plugin(name, device)()
    except InputError:
        if name not in NETWORKS:
            raise
        return drawn(name, device), "random"
    if isinstance(found, Classifier) and isinstance(found.scores, Forward):
        return found, "trained"
    raise InputError(f"{name} is no network of torch, which is needed to be timed without the attack")


def _resnet(device: str) -> tuple[Classifier, str]:
    told = os.environ.get("SPARSEATTACK_SHARED")
    folder = Path(told) if told else Path(__file__).parents[2] / "shared" / "data"
    held = (folder / RESNET).is_file()
    chosen: dict[str, object] = {"checkpoint": str(folder / RESNET)} if held else {}
    chosen |= {"module": "benchmarks.resnet20:resnet20", "mean": resnet20.MEAN, "std": resnet20.STD}
    oracle: Classifier = load("oracles", "torch", chosen | {"batch": BATCH, "device": device})()
    return oracle, "trained" if held else "random"


def drawn(name: str, device: str) -> Classifier:
    """A network of the zoo with random weights, which takes images of any size if it can."""
    forward = Forward(normalise(MEAN, STD), channels_last(fold(untrained(name))), device)
    return Classifier(name, forward, "", batch=BATCH, answer_edits=sparse_edits(forward, BATCH))


def plain(oracle: Classifier) -> nn.Module:
    """The network of an oracle, what prepares its images before it."""
    forward: Any = oracle.scores
    return nn.Sequential(forward.prepare, forward.network).eval()


def _called(oracle: Classifier, images: Tensor) -> Tensor:
    forward: Any = oracle.scores
    forward.measure(images)
    return torch.cat([oracle(part).argmax(1) for part in torch.split(images, oracle.batch)])
