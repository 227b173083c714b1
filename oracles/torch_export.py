"""A torch network in a file that ``torch.export.save`` wrote."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path

import torch
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass

from sparseattack import Classifier, InputError, Oracle
from sparseattack.errors import brief
from sparseattack.problem.oracle import device_of
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest

from .backends.backend import backends_of
from .dense_inference.blocks import of_size
from .dense_inference.forward import Forward, normalise
from .dense_inference.scores import choosing
from .sparse_inference.sparse_edits import sparse_edits
from .weights import required, sha256

RANK = 4  # dimensions of a batch of images: n, C, H, W


def export(
    *,
    path: str,
    output: str | None = None,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    scale: ScaleSetting = "auto",
    classes: tuple[str, ...] = (),
    batch: int = 256,
    device: str = "cpu",
) -> Oracle:
    """A torch.export file (.pt2) for a fixed or any number of images.

    torch reads parts of such files as pickles, which can run any code: use only files that you trust.

    On an NVIDIA GPU torch rounds convolutions to TF32 unless torch.backends.cudnn.allow_tf32 is False.

    path: the file
    output: key, or number from 0, of the scores in a dictionary or tuple that the network returns
    mean: mean colour in [0, 1] of the images that it was trained with, one value or one per channel
    std: standard deviation of those colours, one value or one per channel
    scale: of its scores; auto recognises probabilities; binary is one score, the logit of class 1 of 2
    classes: names of the classes, in the order of the scores
    batch: images per call at most
    device: cpu, cuda, cuda:1 or mps
    """
    file = required(path)
    program = _loaded(file, device_of(device))
    fixed, *shape = input_shape(program, path)
    forward = Forward(normalise(mean, std), choosing(program.module(), output), device, fixed or None)
    return Classifier(
        file.name,
        of_size(forward, fixed),
        digest([sha256(file), output, mean, std, scale]),
        scale,
        batch,
        classes,
        (shape[0], shape[1], shape[2]),
        None if fixed else sparse_edits(forward, batch),
        block=fixed or forward.block(batch),
        notes=forward.notes,
        backends={} if fixed else backends_of(forward),
    )


def _loaded(file: Path, place: torch.device) -> ExportedProgram:
    """The exported program in ``file``, moved to a device."""
    try:
        with _quiet():
            program = torch.export.load(file)
        return move_to_device_pass(program, place) if place.type != "cpu" else program
    except Exception as error:  # of torch, zipfile or json
        reason = brief(error).partition(" Please check the warnings")[0]  # which are not printed
        raise InputError(f"{file} is no torch.export file that can be read: {reason}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the tracebacks that torch logs before it raises an error with the same text."""
    logger = getLogger("torch.export")
    logger.disabled, before = True, logger.disabled
    try:
        yield
    finally:
        logger.disabled = before


def input_shape(program: ExportedProgram, path: str) -> list[int | None]:
    """n, C, H, W of the images that ``program`` takes, None where any number will do.

    Refused unless it takes exactly one batch of images.
    """
    inputs = program.graph_signature.user_inputs
    values = [node.meta["val"] for node in program.graph.nodes if node.name in inputs]
    if len(values) != 1 or values[0].ndim != RANK:
        shapes = ", ".join(str(tuple(value.shape)) for value in values)
        raise InputError(f"{path} takes {shapes}, not one batch of images (n, C, H, W)")
    return [side if isinstance(side, int) else None for side in values[0].shape]
