"""A network of any framework as an ONNX file, run by ONNX Runtime.

An ONNX Runtime session, and what its input wants.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import onnxruntime
import torch
from torch import Tensor, nn

from sparseattack import Classifier, InputError, Oracle
from sparseattack.data.images import eight_bit
from sparseattack.errors import brief
from sparseattack.problem.oracle import Scale, Shape
from sparseattack.provenance import digest

from .forward import in_blocks, normalise
from .weights import required, sha256

Layout = Literal["auto", "nchw", "nhwc"]
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
KINDS = {
    "tensor(uint8)": torch.uint8,
    "tensor(float16)": torch.float16,
    "tensor(float)": torch.float32,
    "tensor(double)": torch.float64,
}
CHANNELS = (1, 3, 4)  # a side of so few is no height
RANK = 4
QUIET = 3  # errors only


class Input(NamedTuple):
    """The one input of a graph: a batch of images."""

    name: str
    kind: torch.dtype
    last: bool  # whether channels come last
    fixed: int | None  # images it takes at a time
    shape: Shape


@dataclass(frozen=True)
class Graph:
    """Images ``(n, C, H, W)`` in [0, 1] -> the first output, ``(n, K)`` float32."""

    session: onnxruntime.InferenceSession
    input: Input
    prepare: nn.Module

    def __call__(self, images: Tensor) -> Tensor:
        shown = self.prepare(images.cpu())
        if self.input.kind == torch.uint8:
            shown = eight_bit(shown)
        if self.input.last:
            shown = shown.permute(0, 2, 3, 1)
        fed = {self.input.name: shown.to(self.input.kind).contiguous().numpy()}
        scores = self.session.run([self.session.get_outputs()[0].name], fed)[0]
        return torch.from_numpy(scores).flatten(1).float().to(images.device)


def start(path: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    """A session for the file at ``path``; 0 threads is ONNX Runtime's own choice."""
    provider, there = provider_of(device)
    if provider not in (here := onnxruntime.get_available_providers()):
        raise InputError(f"ONNX Runtime has no {device} here, only {', '.join(here)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = QUIET
    options.use_deterministic_compute = True
    try:
        return onnxruntime.InferenceSession(path, options, [provider], [there])
    except Exception as error:  # ONNX Runtime has a class for every fault, and none above them
        raise InputError(f"{path} is no ONNX file that can be run: {brief(error)}") from error


def provider_of(device: str) -> tuple[str, dict[str, str]]:
    """What ONNX Runtime calls a device such as ``cuda:1``, and the options that choose it."""
    kind, _, number = device.partition(":")
    return PROVIDERS.get(kind, device), {"device_id": number} if number else {}


def image_input(session: onnxruntime.InferenceSession, layout: Layout, path: Path) -> Input:
    """What ``session`` takes; refused unless that is one batch of images."""
    every: list[Any] = session.get_inputs()
    if len(every) != 1 or every[0].type not in KINDS or len(every[0].shape) != RANK:
        takes = ", ".join(f"{one.name} {one.type} {one.shape}" for one in every)
        raise InputError(f"{path} takes {takes}, not one batch of images of four dimensions")
    only = every[0]
    fixed, *sides = (side if isinstance(side, int) else None for side in only.shape)
    guessed = sides[2] in CHANNELS and sides[0] not in CHANNELS
    last = guessed if layout == "auto" else layout == "nhwc"
    shape = (sides[2], sides[0], sides[1]) if last else (sides[0], sides[1], sides[2])
    return Input(only.name, KINDS[only.type], last, fixed, shape)


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
