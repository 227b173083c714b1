"""The CIFAR-10 networks of Su, Vargas and Sakurai (2019), Tables I to III, as plain ``torch.nn.Sequential``.

All take ``(n, 3, 32, 32)`` and give ``(n, classes)`` logits; the tables' softmax is left to who reads them.
Every convolution but the last is followed by batch-norm, for training only (``networks.fold`` folds it away),
and a ReLU. Corrections, where a table does not build or is a plain misprint, stand in each docstring.
"""

from itertools import pairwise

from torch import nn

from .layers import convolution

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
