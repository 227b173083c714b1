"""The architectures of the CIFAR-10 networks that can be trained, each a plain ``torch.nn.Sequential``.

``allconv``, ``nin`` and ``vgg16`` are Tables I to III of Su, Vargas and Sakurai (2019). All networks take
``(n, 3, 32, 32)`` and return ``(n, classes)`` logits; the tables' softmax is left out. Every convolution but
the last is followed by batch-norm, for training only (``fold`` removes it), and a ReLU. Where a table does
not build or plainly misprints, the docstring says what was corrected.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sparseattack import InputError

NIN_PRINTED, NIN_CORRECTED = 5, 1  # side of the last two kernels in the second block of network in network

Module = TypeVar("Module", bound=nn.Module)


def allconv(classes: int = 10) -> nn.Sequential:
    """All-convolutional network of Table I, 1.4 M weights (Springenberg et al., 2015).

    Correction: the table prints stride 2 at the seventh convolution as well, but its pooling needs a map of
    6x6: the stride is 1 and nothing is padded there, as in All-CNN-C.
    """
    return nn.Sequential(
        *conv_bn_relu(3, 96, 3),
        *conv_bn_relu(96, 96, 3),
        *conv_bn_relu(96, 96, 3, stride=2),
        *conv_bn_relu(96, 192, 3),
        *conv_bn_relu(192, 192, 3),
        nn.Dropout(0.3),
        *conv_bn_relu(192, 192, 3, stride=2),
        *conv_bn_relu(192, 192, 3, padding=0),
        *conv_bn_relu(192, 192, 1),
        nn.Conv2d(192, classes, 1),
        nn.AdaptiveAvgPool2d(1),  # the table's 6x6 pooling: the map is 6x6
        nn.Flatten(),
    )


def nin(classes: int = 10) -> nn.Sequential:
    """Network in network of Table II, 1.0 M weights (Lin et al., 2014).

    Correction: in the second block the table prints 5x5 kernels three times; the second and third are 1x1, as
    in Lin et al. and in the later code of the authors' laboratory. ``nin_printed`` has them as printed.
    """
    return _nin(classes, NIN_CORRECTED)


def nin_printed(classes: int = 10) -> nn.Sequential:
    """Network in network of Table II with the three 5x5 kernels that it prints in the second block."""
    return _nin(classes, NIN_PRINTED)


def _nin(classes: int, second: int) -> nn.Sequential:
    """Network in network; ``second`` is the side of the last two kernels in its second block."""
    return nn.Sequential(
        *conv_bn_relu(3, 192, 5),
        *conv_bn_relu(192, 160, 1),
        *conv_bn_relu(160, 96, 1),
        nn.MaxPool2d(3, 2, padding=1),
        nn.Dropout(0.5),
        *conv_bn_relu(96, 192, 5),
        *conv_bn_relu(192, 192, second),
        *conv_bn_relu(192, 192, second),
        nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
        nn.Dropout(0.5),
        *conv_bn_relu(192, 192, 3),
        *conv_bn_relu(192, 192, 1),
        nn.Conv2d(192, classes, 1),
        nn.AdaptiveAvgPool2d(1),  # the table's 8x8 pooling: the map is 8x8
        nn.Flatten(),
    )


def vgg16(classes: int = 10) -> nn.Sequential:
    """VGG16 of Table III, 20 M weights (Simonyan and Zisserman, 2015).

    Correction: the table ends in two dense layers of 2048 and a softmax; one of ``classes`` is added.
    """
    widths = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512, 512, 512, 512))
    blocks: list[nn.Module] = []
    for block in widths:
        for inputs, outputs in pairwise(block):
            blocks += conv_bn_relu(inputs, outputs, 3)
        blocks.append(nn.MaxPool2d(2, 2, ceil_mode=True))  # so that smaller images can be trained with
    dense = (nn.Flatten(), nn.Linear(512, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU())
    return nn.Sequential(*blocks, *dense, nn.Linear(2048, classes))


def allconv_small(classes: int = 10) -> nn.Sequential:
    """All-convolutional network for 32x32 colour images (Springenberg et al., 2015), 0.3 M weights."""
    return nn.Sequential(
        *conv_bn_relu(3, 32, 3),
        *conv_bn_relu(32, 64, 3, stride=2),
        *conv_bn_relu(64, 64, 3),
        *conv_bn_relu(64, 128, 3, stride=2),
        *conv_bn_relu(128, 128, 3),
        *conv_bn_relu(128, 128, 1),
        nn.Conv2d(128, classes, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def conv_bn_relu(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None
) -> tuple[nn.Module, ...]:
    """Convolution, batch-norm, ReLU; a map keeps its size unless ``stride`` or ``padding`` is given."""
    around = kernel // 2 if padding is None else padding
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=around, bias=False)
    return layer, nn.BatchNorm2d(outputs), nn.ReLU()


NETWORKS: dict[str, Callable[[], nn.Sequential]] = {
    "allconv-small": allconv_small,
    "allconv": allconv,
    "nin": nin,
    "nin-printed": nin_printed,
    "vgg16": vgg16,
}


def check_name(name: str) -> None:
    """Refuse a name that is none of ``NETWORKS``."""
    if name not in NETWORKS:
        raise InputError(f"there is no network {name!r}, only {', '.join(NETWORKS)}")


def untrained(name: str, seed: int = 0) -> nn.Sequential:
    """The network ``name`` with batch-norm, its weights drawn from ``seed``; global random state stays."""
    check_name(name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return NETWORKS[name]()


def fold(network: Module) -> Module:
    """Put the network into evaluation mode and fold batch-norm into the convolution before it, in place.

    The result is the same function but for float32 rounding, in fewer operations. A batch-norm is folded
    where it is the next child of its module after a convolution: modules must call their children in the
    order in which they were made. In a Sequential the layers after it move up; elsewhere an identity takes
    its place. (``sparse_inference.graph`` folds in traced graphs, where the order of calls is known.)
    """
    network.eval()
    for module in list(network.modules()):
        for (name, layer), (after, norm) in reversed(list(pairwise(list(module.named_children())))):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(layer, norm))
                if isinstance(module, nn.Sequential) and after.isdigit():
                    del module[int(after)]
                else:
                    setattr(module, after, nn.Identity())
    return network
