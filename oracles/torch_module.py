"""A torch network that any Python function returns."""

from torch import nn

from sparseattack import Classifier, InputError, Oracle
from sparseattack.plugins.registry import call_at
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest, digest_network, digest_source

from .backends.backend import backends_of
from .dense_inference.forward import Forward, normalise
from .dense_inference.scores import choosing
from .sparse_inference.sparse_edits import sparse_edits
from .weights import fill, read_weights


def module(
    *,
    module: str,
    checkpoint: str | None = None,
    output: str | None = None,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    scale: ScaleSetting = "auto",
    classes: tuple[str, ...] = (),
    batch: int = 256,
    device: str = "cpu",
) -> Oracle:
    """A torch network, returned by a function of yours; it is put in evaluation mode and stays in it.

    One that takes colours from 0 to 255 gets them by mean=0,std=0.00392156862745098 (1/255).
    On an NVIDIA GPU torch rounds convolutions to TF32 unless torch.backends.cudnn.allow_tf32 is False.

    module: package.module:function or file.py:function, or in its place the network itself
    checkpoint: weights in a .safetensors file, or a state dict in .pt or .pth, perhaps within a dictionary
    output: key, or number from 0, of the scores in a dictionary or tuple that the network returns
    mean: mean colour in [0, 1] of the images that it was trained with, one value or one per channel
    std: standard deviation of those colours, one value or one per channel
    scale: of its scores; auto recognises probabilities; binary is one score, the logit of class 1 of 2
    classes: names of the classes, in the order of the scores
    batch: images per call at most; a CPU computes at most 32 of them at a time, fewer where memory runs out
    device: cpu, cuda, cuda:1 or mps
    """
    make, network = call_at(module)
    weights = _weights(module, network, checkpoint)
    known = digest([digest_source(make), weights, output, mean, std, scale]) if weights else ""
    forward = Forward(normalise(mean, std), choosing(network, output), device)
    return Classifier(
        module,
        forward,
        known,
        scale,
        batch,
        classes,
        answer_edits=sparse_edits(forward, batch),
        block=forward.block(batch),
        notes=forward.notes,
        backends=backends_of(forward),
    )


def _weights(module: str, network: object, checkpoint: str | None) -> str:
    """Load ``checkpoint``, if there is one, into ``network``, put it in evaluation mode, digest its weights.

    A function has no weights, and the oracle no digest: its exact scores are its identity.
    """
    if not isinstance(network, nn.Module):
        if checkpoint or not callable(network):
            raise InputError(f"{module} makes {type(network).__name__}, not a torch.nn.Module")
        return ""
    if checkpoint:
        fill(network, read_weights(checkpoint), checkpoint)
    return digest_network(network.eval())
