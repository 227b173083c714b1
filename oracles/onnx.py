"""A network of any framework as an ONNX file, run by ONNX Runtime."""

import re
from pathlib import Path

import onnxruntime  # noqa: F401  # a package that this oracle needs is told by its imports
import torch

from sparseattack import Classifier, InputError, Oracle
from sparseattack.problem.scores import Scale
from sparseattack.provenance import digest

from .blocks import in_blocks
from .files import required, sha256
from .normalise import normalise
from .onnx_graph import Graph, Layout, image_input, start

LOCATION = re.compile(rb"\n\x08location\x12([\x80-\xff]*[\x00-\x7f])")  # then a file's name, of that length


def onnx(
    *,
    path: str,
    layout: Layout = "auto",
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    scale: Scale = "logits",
    classes: tuple[str, ...] = (),
    batch: int = 256,
    threads: int = 0,
    device: str = "cpu",
) -> Oracle:
    """An ONNX file: one input of images, floats in [0, 1] or 8-bit colours; its first output is the scores.

    path: the file
    layout: where the channels are; auto is read off the input, and nchw where that does not tell
    mean: of the colours in [0, 1] that the network was trained with, one value or one per channel
    std: their standard deviation
    scale: what its scores are
    classes: their names
    batch: most images at once
    threads: of ONNX Runtime; 0 is its own choice
    device: cpu, cuda, cuda:1 or mps
    """
    file = required(path)
    session = start(file, device, threads)
    wanted = image_input(session, layout, file)
    if wanted.kind == torch.uint8 and (mean or std):
        raise InputError(f"{file} takes 8-bit colours: they are not normalised, so leave out mean and std")
    graph = Graph(session, wanted, normalise(mean, std))
    scores = in_blocks(graph, wanted.fixed) if wanted.fixed else graph
    known = digest([_digest(file), layout, mean, std, scale])
    return Classifier(file.name, scores, known, scale, batch, classes, wanted.shape)


def _digest(file: Path) -> list[str]:
    """Of the file, and of those beside it to which its graph leaves weights."""
    content = file.read_bytes()
    names = {
        content[match.end() : match.end() + _length(match[1])].decode(errors="replace")
        for match in LOCATION.finditer(content)
    }
    beside = (file.parent / name for name in sorted(names))
    return [sha256(each) for each in (file, *beside) if each.is_file()]


def _length(encoded: bytes) -> int:
    """A number as protocol buffers write it: seven bits in a byte, the lowest first."""
    return sum((byte & 127) << 7 * place for place, byte in enumerate(encoded))
