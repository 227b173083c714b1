"""A network of torch, made by anyone's Python."""

from torch import nn

from sparseattack import InputError, Oracle
from sparseattack.classifier import Classifier
from sparseattack.fingerprint import digest, digest_source
from sparseattack.scores import Scale

from .checkpoints import digest_weights, fill, read_weights
from .forward import Forward
from .normalise import normalise
from .places import made_at


def module(
    *,
    module: str,
    checkpoint: str | None = None,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    scale: Scale = "logits",
    classes: tuple[str, ...] = (),
    batch: int = 256,
    device: str = "cpu",
) -> Oracle:
    """A torch network: what ``module`` (package.module:callable or file.py:callable) returns.

    ``checkpoint`` is a .safetensors file, or a state dict in .pt or .pth; pickles of more are refused.
    """
    make, network = made_at(module)
    if checkpoint and not isinstance(network, nn.Module):
        raise InputError(f"{module} makes {type(network).__name__}, no torch.nn.Module to load weights into")
    if isinstance(network, nn.Module):
        if checkpoint:
            fill(network, read_weights(checkpoint), checkpoint)
        network.eval()
    weights = digest_weights(network) if isinstance(network, nn.Module) else ""
    return Classifier(
        module,
        Forward(normalise(mean, std), network, device),
        digest([digest_source(make), weights, mean, std, scale]),
        scale,
        batch,
        classes,
    )
