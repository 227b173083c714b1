"""CIFAR-10 networks that are trained for this package, by name."""

from pathlib import Path

from sparseattack import Classifier, InputError, Oracle
from sparseattack.data.cifar10 import CLASSES

from .forward import Forward, channels_last, normalise
from .sparse_inference.sparse_edits import sparse_edits
from .training.recipe import MEAN, SHAPE, STD
from .weights import unpack

WEIGHTS = Path(__file__).parent / "weights"
USUAL, ACCELERATED = 64, 1024


def allconv_small(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """A small all-convolutional CIFAR-10 network (Springenberg et al., 2015), 0.3 M weights.

    weights: a file that `sparseattack train allconv-small` wrote, in place of those in the package
    batch: most images at once; 64 on a CPU and 1024 elsewhere, unless told
    device: cpu, cuda, cuda:1 or mps
    """
    return _trained("allconv-small", weights, batch, device)


def allconv(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """The all-convolutional CIFAR-10 network of Su, Vargas and Sakurai (2019, Table I), 1.4 M weights.

    weights: a file that `sparseattack train allconv` wrote, in place of those in the package
    batch: most images at once; 64 on a CPU and 1024 elsewhere, unless told
    device: cpu, cuda, cuda:1 or mps
    """
    return _trained("allconv", weights, batch, device)


def nin(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """The network in network for CIFAR-10 of Su, Vargas and Sakurai (2019, Table II), 1.0 M weights.

    weights: a file that `sparseattack train nin` wrote, in place of those in the package
    batch: most images at once; 64 on a CPU and 1024 elsewhere, unless told
    device: cpu, cuda, cuda:1 or mps
    """
    return _trained("nin", weights, batch, device)


def nin_printed(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """The network in network with the three 5x5 kernels that Table II prints in its second block, 2.7 M.

    weights: a file that `sparseattack train nin-printed` wrote
    batch: most images at once; 64 on a CPU and 1024 elsewhere, unless told
    device: cpu, cuda, cuda:1 or mps
    """
    return _trained("nin-printed", weights, batch, device)


def vgg16(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """VGG16 for CIFAR-10, as in Su, Vargas and Sakurai (2019, Table III), 20 M weights.

    weights: a file that `sparseattack train vgg16` wrote, in place of those in the package
    batch: most images at once; 64 on a CPU and 1024 elsewhere, unless told
    device: cpu, cuda, cuda:1 or mps
    """
    return _trained("vgg16", weights, batch, device)


def _trained(name: str, weights: str | None, batch: int | None, device: str) -> Oracle:
    """The network called ``name``, with its weights."""
    file = Path(weights) if weights else WEIGHTS / f"{name}.safetensors"
    if not weights and not file.is_file():
        raise InputError(
            f"the package holds no weights of {name}: train them with `sparseattack train {name} --data"
            f" cifar10 --out {name}.safetensors` and ask for {name}(weights={name}.safetensors)"
        )
    network, card = unpack(file)
    if card["network"] != name:
        raise InputError(f"{file} holds weights of {card['network']}, not of {name}")
    forward = Forward(normalise(MEAN, STD), channels_last(network.eval()), device)
    most = batch or (USUAL if forward.device.type == "cpu" else ACCELERATED)
    edits = sparse_edits(forward, most)
    return Classifier(name, forward, card["sha256"], "logits", most, CLASSES, SHAPE, edits)
