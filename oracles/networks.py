"""Small convolutional networks of the zoo, as plain ``torch.nn.Sequential``."""

from collections.abc import Callable

import torch
from torch import nn

from sparseattack import InputError


def allconv_small(classes: int = 10) -> nn.Sequential:
    """All-convolutional network for 32x32 colour images (Springenberg et al., 2015), 0.3 M weights.

    ``(n, 3, 32, 32) -> (n, classes)`` logits. Batch-norm is for training and is folded away by ``fold``.
    """
    return nn.Sequential(
        *_block(3, 32),
        *_block(32, 64, stride=2),
        *_block(64, 64),
        *_block(64, 128, stride=2),
        *_block(128, 128),
        *_block(128, 128, kernel=1),
        nn.Conv2d(128, classes, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


NETWORKS: dict[str, Callable[[], nn.Sequential]] = {"allconv-small": allconv_small}


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


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    """Convolution, batch-norm, ReLU; the map keeps its size unless ``stride`` shrinks it."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()
