"""The AlexNet of Caffe's model zoo (BVLC), which the one-pixel paper attacks on ImageNet."""

import re
from collections import OrderedDict
from functools import partial

from torch import Tensor, nn, tensor

from sparseattack import Classifier, InputError, Oracle
from sparseattack.provenance import digest, digest_network

from .backends.backend import backends_of
from .dense_inference.forward import Forward, channels_last
from .weights import fill, read_weights, unfilled

SHAPE = (3, 227, 227)
MEAN = (104.00698793, 116.66876762, 122.67891434)  # of Caffe's ImageNet: blue, green, red
FILTERS = 96  # of the first layer
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
NAMED = re.compile(r"(?:.*\.)?(conv[1-5]|fc[678])")
NUMBERED = re.compile(r"(?:.*\.)?(features|classifier)\.(\d+)")


def alexnet(*, weights: str, batch: int | None = None, device: str = "cpu") -> Oracle:
    """BVLC AlexNet (Krizhevsky et al., 2012; Caffe's ``bvlc_alexnet``) with weights of your own.

    The one-pixel paper attacks it on photographs that were resized to 227x227 by nearest pixels: PHOTOS@227
    with ``--resize nearest,squash``.
    The paper's clean accuracy, 57.26 %, is the one that Caffe states for ``bvlc_alexnet``. Caffe's reference
    CaffeNet has weights of the same shapes but pools before it normalises, so it is another function.

    weights: a state dict in .safetensors, .pt or .pth, its layers named conv1 to fc8, or numbered
    batch: images per call at most; by default 32 on a CPU and 256 elsewhere
    device: cpu, cuda, cuda:1 or mps
    """
    network = unfilled(bvlc_alexnet)
    fill(network, by_layer(read_weights(weights), weights), weights)
    known = digest([digest_network(network), MEAN])
    forward = Forward(CaffeColours(), channels_last(network), device)
    most = forward.batch(batch, 32, 256)
    block, others = forward.block(most), backends_of(forward)
    return Classifier("alexnet", forward, known, "logits", most, shape=SHAPE, block=block, backends=others)


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


class CaffeColours(nn.Module):
    """RGB images in [0, 1] -> the input of Caffe's networks: BGR from 0 to 255, less each channel's mean."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", tensor(MEAN).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return images.flip(1) * 255 - self.mean


def by_layer(state: dict[str, Tensor], file: str) -> dict[str, Tensor]:
    """The state dict read from ``file`` with its layers renamed to conv1 ... fc8, as in Caffe.

    Layers may have prefixes (``module.``, ``features.``), or be numbered in ``features`` and ``classifier``.
    Other names are left as they are. An AlexNet whose first layer has not 96 filters is refused.
    """
    stems = {name.rpartition(".")[0] for name in state}
    layers = _numbered(stems) or {stem: _without_prefix(stem) for stem in stems}
    found = {
        f"{layers[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": value for name, value in state.items()
    }
    if "conv1.weight" in found and len(first := found["conv1.weight"]) != FILTERS:
        raise InputError(
            f"{file} holds another AlexNet: its first layer has {len(first)} filters, BVLC's has {FILTERS}"
            " (torchvision's AlexNet, without groups and normalisation, is one of those)"
        )
    return found


def _numbered(stems: set[str]) -> dict[str, str]:
    """New names of eight numbered layers, ``features`` before ``classifier``; empty for other names."""
    matches = {stem: match for stem in stems if (match := NUMBERED.fullmatch(stem))}
    if not len(matches) == len(stems) == len(LAYERS):
        return {}
    order = sorted(stems, key=lambda stem: (matches[stem][1] == "classifier", int(matches[stem][2])))
    return dict(zip(order, LAYERS, strict=True))


def _without_prefix(stem: str) -> str:
    match = NAMED.fullmatch(stem)
    return match[1] if match else stem
