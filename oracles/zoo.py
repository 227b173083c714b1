"""Networks that were trained for this package, by name."""

from pathlib import Path

import torch

from sparseattack import Oracle
from sparseattack.cifar import CLASSES
from sparseattack.classifier import Classifier

from .forward import Forward
from .normalise import normalise
from .recipe import MEAN, STD
from .shipping import unpack

WEIGHTS = Path(__file__).parent / "weights"


def allconv_small(*, weights: str | None = None, batch: int = 128, device: str = "cpu") -> Oracle:
    """A small all-convolutional CIFAR-10 network (Springenberg et al., 2015); its weights are in the package.

    weights: a file that `sparseattack train allconv-small` wrote, in place of them
    batch: most images at once
    device: cpu, cuda, cuda:1 or mps
    """
    network, card = unpack(weights or WEIGHTS / "allconv-small.safetensors")
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on a CPU
    forward = Forward(normalise(MEAN, STD), network, device)
    return Classifier("allconv-small", forward, card["sha256"], "logits", batch, CLASSES, (3, 32, 32))
