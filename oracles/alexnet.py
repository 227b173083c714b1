"""The AlexNet of Caffe's model zoo (BVLC), which the one-pixel paper attacks on ImageNet."""

from collections import OrderedDict
from functools import partial

from torch import Tensor, nn, tensor

from sparseattack import Classifier, Oracle
from sparseattack.provenance import digest

from .alexnet_weights import named
from .forward import Forward
from .memory import channels_last, unfilled
from .weights import digest_weights, fill, read_weights

SHAPE = (3, 227, 227)
MEAN = (104.00698793, 116.66876762, 122.67891434)  # of Caffe's ImageNet: blue, green, red


def alexnet(*, weights: str, batch: int | None = None, device: str = "cpu") -> Oracle:
    """BVLC AlexNet (Krizhevsky et al., 2012; Caffe's ``bvlc_alexnet``) with weights of your own.

    The one-pixel paper attacks it on photographs that were brought to 227x227 by nearest pixels: PHOTOS@227.
    Its clean 57.26 % is the accuracy that Caffe states for ``bvlc_alexnet``. Their reference CaffeNet, whose
    weights have the same shapes, pools before it normalises: another function.

    weights: a state dict in .safetensors, .pt or .pth, its layers named conv1 to fc8, or numbered
    batch: most images at once; 32 on a CPU and 256 elsewhere, unless told
    device: cpu, cuda, cuda:1 or mps
    """
    network = unfilled(bvlc_alexnet)
    fill(network, named(read_weights(weights), weights), weights)
    known = digest([digest_weights(network), MEAN])
    forward = Forward(Caffe(), channels_last(network), device)
    most = batch or (32 if forward.device.type == "cpu" else 256)
    return Classifier("alexnet", forward, known, "logits", most, shape=SHAPE)


class Caffe(nn.Module):
    """Images as Caffe takes them: blue, green, red from 0 to 255, less their means."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", tensor(MEAN).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return images.flip(1) * 255 - self.mean


def bvlc_alexnet() -> nn.Sequential:
    """``(n, 3, 227, 227) -> (n, 1000)`` logits, 61 M weights, layer by layer as in Caffe's model zoo."""
    pool = partial(nn.MaxPool2d, 3, 2)
    norm = partial(nn.LocalResponseNorm, 5, alpha=1e-4, beta=0.75, k=1)
    return nn.Sequential(OrderedDict({
        "conv1": nn.Conv2d(3, 96, 11, 4), "relu1": nn.ReLU(), "norm1": norm(), "pool1": pool(),
        "conv2": nn.Conv2d(96, 256, 5, padding=2, groups=2),
        "relu2": nn.ReLU(), "norm2": norm(), "pool2": pool(),
        "conv3": nn.Conv2d(256, 384, 3, padding=1), "relu3": nn.ReLU(),
        "conv4": nn.Conv2d(384, 384, 3, padding=1, groups=2), "relu4": nn.ReLU(),
        "conv5": nn.Conv2d(384, 256, 3, padding=1, groups=2), "relu5": nn.ReLU(), "pool5": pool(),
        "flatten": nn.Flatten(),
        "fc6": nn.Linear(256 * 6 * 6, 4096), "relu6": nn.ReLU(), "drop6": nn.Dropout(0.5),
        "fc7": nn.Linear(4096, 4096), "relu7": nn.ReLU(), "drop7": nn.Dropout(0.5),
        "fc8": nn.Linear(4096, 1000),
    }))  # fmt: skip
