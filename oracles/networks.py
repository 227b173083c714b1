"""Batch-norm folded into the convolution before it: the same function in fewer operations.

Layers that the zoo's networks are made of.

The CIFAR-10 networks of Su, Vargas and Sakurai (2019), Tables I to III, as plain ``torch.nn.Sequential``.

All take ``(n, 3, 32, 32)`` and give ``(n, classes)`` logits; the tables' softmax is left to who reads them.
Every convolution but the last is followed by batch-norm, for training only (``networks.fold`` folds it away),
and a ReLU. Corrections, where a table does not build or is a plain misprint, stand in each docstring.

Small convolutional networks of the zoo, as plain ``torch.nn.Sequential``.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sparseattack import InputError


def fold_within(network: nn.Module) -> None:
    """Fold wherever a module of ``network``, in evaluation mode, has a batch-norm next to a convolution.

    Only where modules are called in the order in which they were made.
    """
    for module in list(network.modules()):
        for (name, layer), (after, norm) in pairwise(list(module.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(layer, norm))
                setattr(module, after, nn.Identity())


def convolution(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None
) -> tuple[nn.Module, ...]:
    """Convolution, batch-norm, ReLU; the map keeps its size unless ``stride`` or ``padding`` shrinks it."""
    around = kernel // 2 if padding is None else padding
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=around, bias=False)
    return layer, nn.BatchNorm2d(outputs), nn.ReLU()


PRINTED, USUAL = 5, 1  # side of the kernels in NiN's second block


def allconv(classes: int = 10) -> nn.Sequential:
    """All-convolutional network of Table I, 1.4 M weights (Springenberg et al., 2015).

    Correction: the table prints stride 2 at the seventh convolution as well, but its pooling needs a map of
    6x6: the stride is 1 and nothing is padded there, as in All-CNN-C.
    """
    return nn.Sequential(
        *convolution(3, 96, 3),
        *convolution(96, 96, 3),
        *convolution(96, 96, 3, stride=2),
        *convolution(96, 192, 3),
        *convolution(192, 192, 3),
        nn.Dropout(0.3),
        *convolution(192, 192, 3, stride=2),
        *convolution(192, 192, 3, padding=0),
        *convolution(192, 192, 1),
        nn.Conv2d(192, classes, 1),
        nn.AdaptiveAvgPool2d(1),  # the table's 6x6 pooling: the map is 6x6
        nn.Flatten(),
    )


def nin(classes: int = 10) -> nn.Sequential:
    """Network in network of Table II, 1.0 M weights (Lin et al., 2014).

    Correction: in the second block the table prints 5x5 kernels three times; the second and third are 1x1, as
    in Lin et al. and in the later code of the authors' laboratory. ``nin_printed`` has them as printed.
    """
    return _nin(classes, USUAL)


def nin_printed(classes: int = 10) -> nn.Sequential:
    """Network in network of Table II with the three 5x5 kernels that it prints in the second block."""
    return _nin(classes, PRINTED)


def _nin(classes: int, second: int) -> nn.Sequential:
    return nn.Sequential(
        *convolution(3, 192, 5),
        *convolution(192, 160, 1),
        *convolution(160, 96, 1),
        nn.MaxPool2d(3, 2, padding=1),
        nn.Dropout(0.5),
        *convolution(96, 192, 5),
        *convolution(192, 192, second),
        *convolution(192, 192, second),
        nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
        nn.Dropout(0.5),
        *convolution(192, 192, 3),
        *convolution(192, 192, 1),
        nn.Conv2d(192, classes, 1),
        nn.AdaptiveAvgPool2d(1),  # the table's 8x8 pooling: the map is 8x8
        nn.Flatten(),
    )


def vgg16(classes: int = 10) -> nn.Sequential:
    """VGG16 of Table III, 20 M weights (Simonyan and Zisserman, 2015).

    The table ends in two layers of 2048 and a softmax: the layer of ``classes`` in between is understood.
    """
    widths = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512, 512, 512, 512))
    blocks: list[nn.Module] = []
    for block in widths:
        for inputs, outputs in pairwise(block):
            blocks += convolution(inputs, outputs, 3)
        blocks.append(nn.MaxPool2d(2, 2, ceil_mode=True))  # so that smaller images can be trained with
    dense = (nn.Flatten(), nn.Linear(512, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU())
    return nn.Sequential(*blocks, *dense, nn.Linear(2048, classes))


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
