"""CIFAR-10 networks with weights that were trained for this package, one oracle each."""

from pathlib import Path

from sparseattack import Classifier, InputError, Oracle
from sparseattack.data.cifar10 import CLASSES

from .backends.backend import backends_of
from .dense_inference.forward import Forward, channels_last, normalise
from .sparse_inference.sparse_edits import sparse_edits
from .training.recipe import MEAN, SHAPE, STD
from .weights import read_trained

WEIGHTS = Path(__file__).parent / "weights"
CPU_BATCH, ACCELERATOR_BATCH = 64, 1024  # images per call


def allconv_small(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """A small all-convolutional CIFAR-10 network (Springenberg et al., 2015), 0.3 M weights.

    weights: a file written by `sparseattack train allconv-small`; by default the one in the package
    batch: images per call at most; by default 64 on a CPU and 1024 elsewhere
    device: cpu, cuda, cuda:1 or mps
    """
    return _load("allconv-small", weights, batch, device)


def allconv(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """The all-convolutional CIFAR-10 network of Su, Vargas and Sakurai (2019, Table I), 1.4 M weights.

    weights: a file written by `sparseattack train allconv`; by default the one in the package
    batch: images per call at most; by default 64 on a CPU and 1024 elsewhere
    device: cpu, cuda, cuda:1 or mps
    """
    return _load("allconv", weights, batch, device)


def nin(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """The network in network for CIFAR-10 of Su, Vargas and Sakurai (2019, Table II), 1.0 M weights.

    weights: a file written by `sparseattack train nin`; by default the one in the package
    batch: images per call at most; by default 64 on a CPU and 1024 elsewhere
    device: cpu, cuda, cuda:1 or mps
    """
    return _load("nin", weights, batch, device)


def nin_printed(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """Network in network with three 5x5 kernels in its second block, as Table II prints it, 2.7 M weights.

    weights: a file written by `sparseattack train nin-printed`; the package has none
    batch: images per call at most; by default 64 on a CPU and 1024 elsewhere
    device: cpu, cuda, cuda:1 or mps
    """
    return _load("nin-printed", weights, batch, device)


def vgg16(*, weights: str | None = None, batch: int | None = None, device: str = "cpu") -> Oracle:
    """VGG16 for CIFAR-10, as in Su, Vargas and Sakurai (2019, Table III), 20 M weights.

    weights: a file written by `sparseattack train vgg16`; by default the one in the package
    batch: images per call at most; by default 64 on a CPU and 1024 elsewhere
    device: cpu, cuda, cuda:1 or mps
    """
    return _load("vgg16", weights, batch, device)


def _load(name: str, weights: str | None, batch: int | None, device: str) -> Oracle:
    """The oracle of the network ``name``, with the weights in a file or those in the package."""
    file = Path(weights) if weights else WEIGHTS / f"{name}.safetensors"
    if not weights and not file.is_file():
        raise InputError(
            f"the package has no weights of {name}: train them with `sparseattack train {name} --data"
            f" cifar10 --out {name}.safetensors` and use the oracle {name}(weights={name}.safetensors)"
        )
    network, card = read_trained(file)
    if card.network != name:
        raise InputError(f"{file} holds weights of {card.network}, not of {name}")
    forward = Forward(normalise(MEAN, STD), channels_last(network.eval()), device)
    most = forward.batch(batch, CPU_BATCH, ACCELERATOR_BATCH)
    edits = sparse_edits(forward, most)
    known, block, others = card.sha256, forward.block(most), backends_of(forward)
    return Classifier(
        name, forward, known, "logits", most, CLASSES, SHAPE, edits, block=block, backends=others
    )
