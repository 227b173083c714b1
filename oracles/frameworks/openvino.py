"""A network in OpenVINO's intermediate representation, an .xml file and the .bin file beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import openvino as library
import torch
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle
from sparseattack.errors import brief
from sparseattack.problem.inference import PAD
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest

from ..dense_inference.blocks import of_size
from ..dense_inference.scores import without_sides
from ..weights import required, sha256
from .image_input import MOST, Layout, NetworkInput, Prepare, check_ports, preparation

Precision = Literal["f32", "bf16", "f16"]
SCALES: dict[str, ScaleSetting] = {"Softmax": "probabilities"}  # of scores, by the operation they come from


def openvino(
    *,
    path: str,
    output: int = 0,
    range: float | None = None,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    layout: Layout = "auto",
    scale: ScaleSetting = "auto",
    classes: tuple[str, ...] = (),
    precision: Precision = "f32",
    batch: int = 256,
    threads: int = 0,
    device: str = "cpu",
) -> Oracle:
    """An OpenVINO network (.xml) with one batch of images as its input, by default in full precision.

    OpenVINO by itself computes in bfloat16 where a CPU can; here that is a setting, and part of the digest.

    path: the .xml file; .onnx and .tflite, which OpenVINO reads too
    output: number of the output that is the scores, from 0
    range: greatest colour that it takes: 1 or 255; by default what its input's type says, 8 bits are 255
    mean: mean colour in [0, 1] of the images that it was trained with, one value or one per channel
    std: standard deviation of those colours, one value or one per channel
    layout: where the channels are; auto is what the file says, else read off the input's shape
    scale: of its scores; auto reads the last operation, and else recognises probabilities
    classes: names of the classes, in the order of the scores
    precision: of the computation
    batch: images per call at most
    threads: of OpenVINO; 0 is its own choice
    device: cpu, gpu, gpu.1 or npu
    """
    file = required(path)
    model, compiled = _compiled(file, precision, threads, device.upper())
    check_ports(file, len(model.inputs), len(model.outputs), output)
    eight = model.input(0).element_type == library.Type.u8
    taken = NetworkInput.of(_sides(model.input(0)), layout, file, _layout_of(model.parameters[0]))
    prepare = preparation(file, range, mean, std, MOST if eight else None)
    network = OpenVinoNetwork(compiled, output, taken, prepare, eight)
    weights = file.with_suffix(".bin")
    files = [sha256(each) for each in (file, weights) if each.is_file()]
    known = digest([files, output, range, mean, std, layout, scale, precision, device, library.__version__])
    found_scale = SCALES.get(_last(model, output), scale) if scale == "auto" else scale
    scores = of_size(network, taken.fixed)
    return Classifier(file.name, scores, known, found_scale, batch, classes, taken.shape, block=PAD)


def _compiled(file: Path, precision: str, threads: int, device: str) -> tuple[Any, Any]:
    """The model in ``file``, and the same compiled for a device."""
    core = library.Core()
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    try:
        model = core.read_model(str(file))
        return model, core.compile_model(model, device, settings)
    except Exception as error:  # OpenVINO raises RuntimeError for everything
        raise InputError(
            f"{file} cannot be run by OpenVINO on {device} in {precision} (devices here:"
            f" {', '.join(core.available_devices)}): {brief(error)}"
        ) from error


def _sides(port: Any) -> list[int | None]:
    return [None if side.is_dynamic else side.get_length() for side in port.partial_shape]


def _layout_of(parameter: Any) -> bool | None:
    """Whether the file says that channels are last; None if it says nothing."""
    written = str(parameter.layout).replace(",", "").strip("[]").upper()
    return {"NHWC": True, "NCHW": False}.get(written)


def _last(model: Any, output: int) -> str:
    """The type of the operation that gives the scores."""
    return str(model.output(output).get_node().input(0).get_source_output().get_node().get_type_name())


@dataclass(frozen=True)
class OpenVinoNetwork:
    """Images ``(n, C, H, W)`` in [0, 1] -> one output of a compiled model, ``(n, K)`` float32."""

    compiled: Any
    output: int
    input: NetworkInput
    prepare: Prepare
    eight_bits: bool

    def __call__(self, images: Tensor) -> Tensor:
        arranged = self.input.arranged(self.prepare(images.cpu()))
        array = arranged.to(torch.uint8 if self.eight_bits else torch.float32).numpy()
        scores = torch.tensor(self.compiled(array)[self.output])
        return without_sides(scores).float().to(images.device)
