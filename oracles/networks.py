"""Small convolutional networks of the zoo, as plain ``torch.nn.Sequential``."""

from collections.abc import Callable

import torch
from torch import nn

from sparseattack import InputError

from .layers import convolution
from .paper_networks import allconv, nin, nin_printed, vgg16


def allconv_small(classes: int = 10) -> nn.Sequential:
    """All-convolutional network for 32x32 colour images (Springenberg et al., 2015), 0.3 M weights.

    ``(n, 3, 32, 32) -> (n, classes)`` logits. Batch-norm is for training and is folded away by ``fold``.
    """
    return nn.Sequential(
        *convolution(3, 32, 3),
        *convolution(32, 64, 3, stride=2),
        *convolution(64, 64, 3),
        *convolution(64, 128, 3, stride=2),
        *convolution(128, 128, 3),
        *convolution(128, 128, 1),
        nn.Conv2d(128, classes, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


NETWORKS: dict[str, Callable[[], nn.Sequential]] = {
    "allconv-small": allconv_small,
    "allconv": allconv,
    "nin": nin,
    "nin-printed": nin_printed,
    "vgg16": vgg16,
}


def check_name(name: str) -> None:
    """Refuse the name of no network."""
    if name not in NETWORKS:
        raise InputError(f"there is no network {name!r}, only {', '.join(NETWORKS)}")


def untrained(name: str, seed: int = 0) -> nn.Sequential:
    """The network called ``name`` in training shape, its weights drawn from ``seed``."""
    check_name(name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return NETWORKS[name]()


def fold(network: nn.Sequential) -> nn.Sequential:
    """The same function without batch-norm: each one is folded into the convolution before it."""
    layers: list[nn.Module] = []
    for layer in network.eval():
        if isinstance(layer, nn.BatchNorm2d):
            layers.append(torch.nn.utils.fusion.fuse_conv_bn_eval(layers.pop(), layer))  # type: ignore[type-var]
        else:
            layers.append(layer)
    return nn.Sequential(*layers)
