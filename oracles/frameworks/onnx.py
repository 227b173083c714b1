"""A network of any framework in an ONNX file, run by ONNX Runtime."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import onnxruntime
import torch
from torch import Tensor, nn

from sparseattack import Classifier, InputError, Oracle
from sparseattack.data.images import eight_bit
from sparseattack.errors import brief
from sparseattack.problem.oracle import Backend, Block, Shape
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest

from ..backends.backend import LibraryBackend
from ..backends.conversion import OpenVinoSession
from ..dense_inference.blocks import BlockScores, Network, of_size
from ..dense_inference.forward import normalise
from ..dense_inference.scores import likely, without_sides
from ..weights import required, sha256

Layout = Literal["auto", "nchw", "nhwc"]
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
DTYPES = {
    "tensor(uint8)": torch.uint8,
    "tensor(float16)": torch.float16,
    "tensor(float)": torch.float32,
    "tensor(double)": torch.float64,
}
CHANNELS = (1, 3, 4)  # a side of this length is taken for the channels
RANK = 4  # dimensions of a batch of images
SCORES = ("images", "classes")  # dimensions of scores
ERRORS_ONLY = 3  # severity of ONNX Runtime's log
LOCATION = re.compile(rb"\n\x08location\x12([\x80-\xff]*[\x00-\x7f])")  # then a file name of that length


def onnx(
    *,
    path: str,
    output: str | None = None,
    layout: Layout = "auto",
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    scale: ScaleSetting = "auto",
    classes: tuple[str, ...] = (),
    batch: int = 256,
    threads: int = 0,
    device: str = "cpu",
) -> Oracle:
    """An ONNX file with one input, images as floats in [0, 1] or 8-bit colours, and scores as an output.

    One of floats that takes colours from 0 to 255 does not say so: mean=0,std=0.00392156862745098 (1/255).

    path: the file
    output: name of the output that is the scores; needed where there are several
    layout: where the channels are; auto reads it off the input's shape, nchw if that leaves it open
    mean: mean colour in [0, 1] of the images that it was trained with, one value or one per channel
    std: standard deviation of those colours, one value or one per channel
    scale: of its scores; auto recognises probabilities; labels are whole numbers, of named classes
    classes: names of the classes, in the order of the scores
    batch: images per call at most
    threads: of ONNX Runtime; 0 is its own choice
    device: cpu, cuda, cuda:1 or mps
    """
    file = required(path)
    session = start_session(file, device, threads)
    taken = image_input(session, layout, file)
    if taken.dtype == torch.uint8 and (mean or std):
        raise InputError(f"{file} takes 8-bit colours: they are not normalised, so leave out mean and std")
    chosen = score_output(session, output, file, scale == "labels")
    network = OnnxNetwork(session, taken, chosen, normalise(mean, std))
    known = digest([_digests(file), chosen, layout, mean, std, scale])
    scores, block = _scores(network, batch, device)
    others = {} if scale == "labels" or device != "cpu" else _backends(network, scores, file, threads)
    return Classifier(
        file.name, scores, known, scale, batch, classes, taken.shape, block=block, backends=others
    )


def _backends(network: "OnnxNetwork", own: Network, file: Path, threads: int) -> Mapping[str, Backend]:
    """OpenVINO, for a file of any number of images."""
    if network.input.fixed:
        return {}

    def by_openvino(_: object) -> Network:
        return replace(network, session=OpenVinoSession.of_file(file, threads))

    return {"openvino": LibraryBackend("openvino", own, by_openvino)}


def _scores(network: "OnnxNetwork", batch: int, device: str) -> tuple[Network, Block]:
    """The scores of a network in blocks, and what block it asks for: as for networks of torch."""
    if fixed := network.input.fixed:
        return of_size(network, fixed), fixed
    if device != "cpu":
        return network, batch
    blocks = BlockScores(network)
    return blocks, blocks.block


def start_session(path: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    """A session for the file at ``path``; 0 threads is ONNX Runtime's own choice."""
    provider, options_of_provider = provider_of(device)
    if provider not in (available := onnxruntime.get_available_providers()):
        raise InputError(f"ONNX Runtime has no {device} here, only {', '.join(available)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ONLY
    options.use_deterministic_compute = True
    try:
        return onnxruntime.InferenceSession(path, options, [provider], [options_of_provider])
    except Exception as error:  # ONNX Runtime's errors share no class of their own
        raise InputError(f"{path} is no ONNX file that can be run: {brief(error)}") from error


def provider_of(device: str) -> tuple[str, dict[str, str]]:
    """ONNX Runtime's name of a device such as ``cuda:1``, and the options that choose it."""
    kind, _, number = device.partition(":")
    return PROVIDERS.get(kind, device), {"device_id": number} if number else {}


class ImageInput(NamedTuple):
    """The only input of an ONNX graph: a batch of images."""

    name: str
    dtype: torch.dtype
    channels_last: bool
    fixed: int | None  # images at a time; None is any number
    shape: Shape


def image_input(session: onnxruntime.InferenceSession, layout: Layout, path: Path) -> ImageInput:
    """The input of ``session``; refused unless it is one batch of images."""
    inputs: list[Any] = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in DTYPES or len(inputs[0].shape) != RANK:
        found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise InputError(f"{path} takes {found}, not one batch of images of four dimensions")
    only = inputs[0]
    fixed, *sides = (side if isinstance(side, int) else None for side in only.shape)
    guess = sides[2] in CHANNELS and sides[0] not in CHANNELS
    last = guess if layout == "auto" else layout == "nhwc"
    shape = (sides[2], sides[0], sides[1]) if last else (sides[0], sides[1], sides[2])
    return ImageInput(only.name, DTYPES[only.type], last, fixed, shape)


def score_output(
    session: onnxruntime.InferenceSession, name: str | None, path: Path, labels: bool = False
) -> str:
    """The name of the output of ``session`` that holds scores: ``name``, or the only one there is.

    Refused where there are several, and where the shape or type is not that of scores ``(n, K)``, or of
    ``labels``.
    """
    outputs: dict[str, Any] = {one.name: one for one in session.get_outputs()}
    found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in outputs.values())
    floats = [one.name for one in outputs.values() if one.type.startswith("tensor(int") == labels]
    if name not in outputs and (name or len(outputs) > 1):
        missing = f"has no output {name}, only" if name else "has several outputs,"
        raise InputError(f"{path} {missing} {found}: choose the scores by output={likely(floats or outputs)}")
    only = outputs[name or next(iter(outputs))]
    if not only.type.startswith("tensor("):
        raise InputError(
            f"output {only.name} of {path} is {only.type}, no tensor: convert the model with its"
            " probabilities as one (skl2onnx: options={'zipmap': False})"
        )
    if not labels and "int" in only.type and only.shape[1:] in ([], [1]):
        raise InputError(
            f"output {only.name} of {path} holds labels, {only.type} {only.shape}: set scale=labels and name"
            " the classes, in order, by classes=[...]"
        )
    if len(only.shape) > len(SCORES) and only.shape[2:] != [1] * len(only.shape[2:]):
        raise InputError(f"output {only.name} of {path} is {only.shape}, not scores (images, classes)")
    return str(only.name)


@dataclass(frozen=True)
class OnnxNetwork:
    """Images ``(n, C, H, W)`` in [0, 1] -> one output of an ONNX graph, ``(n, K)`` float32."""

    session: onnxruntime.InferenceSession | OpenVinoSession
    input: ImageInput
    output: str
    prepare: nn.Module

    def __call__(self, images: Tensor) -> Tensor:
        prepared = self.prepare(images.cpu())
        if self.input.dtype == torch.uint8:
            prepared = eight_bit(prepared)
        if self.input.channels_last:
            prepared = prepared.permute(0, 2, 3, 1)
        feed = {self.input.name: prepared.to(self.input.dtype).contiguous().numpy()}
        scores = torch.from_numpy(self.session.run([self.output], feed)[0])
        found = without_sides(scores)
        return (found.float() if found.is_floating_point() else found).to(images.device)


def _digests(file: Path) -> list[str]:
    """Digests of the file and of the files beside it in which its graph stores weights."""
    content = file.read_bytes()
    names = {
        content[match.end() : match.end() + _length(match[1])].decode(errors="replace")
        for match in LOCATION.finditer(content)
    }
    beside = (file.parent / name for name in sorted(names))
    return [sha256(each) for each in (file, *beside) if each.is_file()]


def _length(encoded: bytes) -> int:
    """A varint of Protocol Buffers: seven bits in a byte, the lowest first."""
    return sum((byte & 127) << 7 * place for place, byte in enumerate(encoded))
