"""Small convolutional networks of the zoo, as plain ``torch.nn.Sequential``."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


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


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    """Convolution, batch-norm, ReLU; the map keeps its size unless ``stride`` shrinks it."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()


def fold(network: nn.Sequential) -> nn.Sequential:
    """The same function without batch-norm: each one is folded into the convolution before it."""
    layers: list[nn.Module] = []
    for layer in network.eval():
        if isinstance(layer, nn.BatchNorm2d):
            convolution = layers.pop()
            assert isinstance(convolution, nn.Conv2d)
            layers.append(torch.nn.utils.fusion.fuse_conv_bn_eval(convolution, layer))
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def normalised(network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> nn.Module:
    """``network`` on images in [0, 1], which are first brought to zero mean and unit deviation."""
    return nn.Sequential(Normalise(mean, std), network)


class Normalise(nn.Module):
    """``(images - mean) / std`` per channel: ``(n, C, H, W) -> (n, C, H, W)``."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std
