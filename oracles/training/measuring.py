"""How good a network is."""

import torch
from torch import nn

from sparseattack.data.images import Images

from ..normalise import Normalise
from .recipe import MEAN, STD


def normalised(network: nn.Module) -> nn.Sequential:
    """``network`` on images in [0, 1]."""
    return nn.Sequential(Normalise(MEAN, STD), network)


@torch.no_grad()
def accuracy(network: nn.Module, images: Images, device: str = "cpu") -> float:
    """Share of the images that ``network`` classifies correctly."""
    network.eval().to(device)
    answers = [network(shown.to(device)).argmax(1).cpu() for shown in torch.split(images.floats(), 256)]
    return (torch.cat(answers) == images.labels).double().mean().item()
