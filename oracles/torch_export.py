"""A network of torch as ``torch.export.save`` writes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path

import torch
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass

from sparseattack import Classifier, InputError, Oracle
from sparseattack.errors import brief
from sparseattack.problem.oracle import Scale, device_of
from sparseattack.provenance import digest

from .forward import Forward, in_blocks, normalise
from .sparse_inference.sparse_edits import sparse_edits
from .weights import required, sha256

RANK = 4  # n, C, H, W


def export(
    *,
    path: str,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    scale: Scale = "logits",
    classes: tuple[str, ...] = (),
    batch: int = 256,
    device: str = "cpu",
) -> Oracle:
    """A torch.export file (.pt2), its number of images fixed or free.

    torch itself reads parts of such files as pickles: use only what you trust.

    On an NVIDIA GPU torch rounds convolutions to TF32 unless torch.backends.cudnn.allow_tf32 is False.

    path: the file
    mean: of the colours in [0, 1] that the network was trained with, one value or one per channel
    std: their standard deviation
    scale: what its scores are
    classes: their names
    batch: most images at once
    device: cpu, cuda, cuda:1 or mps
    """
    file = required(path)
    program = _loaded(file, device_of(device))
    fixed, *shape = input_shape(program, path)
    forward = Forward(normalise(mean, std), program.module(), device, fixed or None)
    return Classifier(
        file.name,
        in_blocks(forward, fixed) if fixed else forward,
        digest([sha256(file), mean, std, scale]),
        scale,
        batch,
        classes,
        (shape[0], shape[1], shape[2]),
        None if fixed else sparse_edits(forward, batch),
    )


def _loaded(file: Path, place: torch.device) -> ExportedProgram:
    """The program in a file, on a device."""
    try:
        with _quiet():
            program = torch.export.load(file)
        return move_to_device_pass(program, place) if place.type != "cpu" else program
    except Exception as error:  # torch, zipfile and json have many words for it
        said = brief(error).partition(" Please check the warnings")[0]  # which are not printed
        raise InputError(f"{file} is no torch.export file that can be read: {said}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tracebacks that torch logs before it raises an error that says the same."""
    logger = getLogger("torch.export")
    logger.disabled, before = True, logger.disabled
    try:
        yield
    finally:
        logger.disabled = before


def input_shape(program: torch.export.ExportedProgram, path: str) -> list[int | None]:
    """n, C, H, W of the images that ``program`` takes, None where any will do."""
    inputs = program.graph_signature.user_inputs
    values = [node.meta["val"] for node in program.graph.nodes if node.name in inputs]
    if len(values) != 1 or values[0].ndim != RANK:
        shapes = ", ".join(str(tuple(value.shape)) for value in values)
        raise InputError(f"{path} takes {shapes}, not one batch of images (n, C, H, W)")
    return [side if isinstance(side, int) else None for side in values[0].shape]
