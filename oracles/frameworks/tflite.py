"""A network in a .tflite file, run by LiteRT, once TensorFlow Lite."""

from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle
from sparseattack.errors import brief
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest

from ..dense_inference.blocks import of_size
from ..dense_inference.scores import without_sides
from ..weights import required, sha256
from .image_input import MOST, Layout, NetworkInput, Prepare, check_ports, preparation

QUANTISED = (np.uint8, np.int8)
NEAR = 1e-2  # share of a range by which the ends of a quantised one may differ from it
RANGES = (1.0, 255.0)


def tflite(
    *,
    path: str,
    output: int = 0,
    range: float | None = None,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    layout: Layout = "auto",
    scale: ScaleSetting = "auto",
    classes: tuple[str, ...] = (),
    batch: int = 64,
    threads: int = 1,
) -> Oracle:
    """A .tflite file with one batch of images as its input, in floats or 8 bits.

    8-bit numbers are real ones by the file's own scale and zero point, in and out; an output of 256 levels
    has many ties.

    path: the file
    output: number of the output that is the scores, from 0
    range: greatest colour that it takes: 1 or 255; by default what an 8-bit input's scale says
    mean: mean colour in [0, 1] of the images that it was trained with, one value or one per channel
    std: standard deviation of those colours, one value or one per channel
    layout: where the channels are; auto reads it off the input's shape
    scale: of its scores; auto recognises probabilities
    classes: names of the classes, in the order of the scores
    batch: images per call at most; many files take one image at a time
    threads: of LiteRT
    """
    file = required(path)
    interpreter = _started(file, threads)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    check_ports(file, len(inputs), len(outputs), output)
    sides = [None if side < 0 else int(side) for side in inputs[0]["shape_signature"]]
    taken = NetworkInput.of(sides, layout, file)
    prepare = preparation(file, range, mean, std, _quantised_range(inputs[0]))
    network = LiteNetwork(interpreter, taken, prepare, output)
    known = digest([sha256(file), output, range, mean, std, layout, scale, ai_edge_litert.__version__])
    scores = of_size(network, taken.fixed)
    return Classifier(file.name, scores, known, scale, batch, classes, taken.shape)


def _started(file: Path, threads: int) -> Any:
    """An interpreter for the file."""
    try:
        interpreter = Interpreter(model_path=str(file), num_threads=threads)
        interpreter.allocate_tensors()
    except Exception as error:  # LiteRT raises ValueError and RuntimeError
        raise InputError(f"{file} is no .tflite file that can be run: {brief(error)}") from error
    return interpreter


def _quantised_range(details: dict[str, Any]) -> float | None:
    """The greatest colour of an 8-bit input whose scale and zero point are those of 0 to 1, or 0 to 255."""
    step, zero = details["quantization"]
    if details["dtype"] not in QUANTISED or not step:
        return None
    least = np.iinfo(details["dtype"]).min
    low, high = step * (least - zero), step * (least + MOST - zero)
    ends = [most for most in RANGES if abs(low) <= NEAR * most and abs(high - most) <= NEAR * most]
    return ends[0] if ends else None


class LiteNetwork:
    """Images ``(n, C, H, W)`` in [0, 1] -> one output of an interpreter, ``(n, K)`` float32."""

    def __init__(self, interpreter: Any, taken: NetworkInput, prepare: Prepare, output: int) -> None:
        self.interpreter, self.input, self.prepare, self.output = interpreter, taken, prepare, output

    def __call__(self, images: Tensor) -> Tensor:
        array = self.input.arranged(self.prepare(images.cpu())).numpy()
        (details,) = self.interpreter.get_input_details()
        if tuple(details["shape"]) != array.shape:  # any number of images, or sides that are not fixed
            self.interpreter.resize_tensor_input(details["index"], array.shape)
            self.interpreter.allocate_tensors()
            (details,) = self.interpreter.get_input_details()
        self.interpreter.set_tensor(details["index"], quantised(array, details))
        self.interpreter.invoke()
        found = self.interpreter.get_output_details()[self.output]
        scores = real(self.interpreter.get_tensor(found["index"]), found)
        return without_sides(torch.tensor(scores)).to(images.device)


def quantised(array: NDArray[np.float32], details: dict[str, Any]) -> NDArray[Any]:
    """Real numbers as a tensor of the interpreter holds them."""
    step, zero = details["quantization"]
    if details["dtype"] not in QUANTISED:
        return array.astype(details["dtype"])
    ends = np.iinfo(details["dtype"])
    levels = np.clip(np.round(array / (step or 1) + zero), ends.min, ends.max)
    return np.asarray(levels, dtype=details["dtype"])


def real(array: NDArray[Any], details: dict[str, Any]) -> NDArray[np.float32]:
    """The real numbers that a tensor of the interpreter holds."""
    step, zero = details["quantization"]
    if details["dtype"] not in QUANTISED:
        return array.astype(np.float32)
    return np.asarray((array.astype(np.float32) - zero) * (step or 1), dtype=np.float32)
