"""Conversion: a torch network, or an ONNX file, made into a network of OpenVINO or of ONNX Runtime.

Both compute in float32 here, with as many threads as torch has. OpenVINO by itself takes bfloat16 where a CPU
can, and its ``convert_model`` reports to its makers: the front end is called without that.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from sparseattack import InputError
from sparseattack.errors import brief
from sparseattack.provenance import BACKEND_PACKAGES

from ..dense_inference.blocks import Network
from ..sparse_inference.graph import Shape, quiet, trace

HOW = 'pip install "sparseattack[backends]"'
ERRORS_ONLY = 3  # severity of ONNX Runtime's log


def openvino_of(network: nn.Module, shape: Shape) -> Network:
    """A torch network of images ``(n, *shape)`` as one of OpenVINO. Raises InputError."""
    _require("openvino")
    program = _exported(network, shape)
    try:
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

        with quiet():
            front = FrontEndManager().load_by_framework("pytorch")
            decoder = TorchFXPythonDecoder.from_exported_program(program)
            session = OpenVinoSession(front.convert(front.load(decoder)))
    except Exception as error:  # OpenVINO raises RuntimeError for everything
        raise InputError(f"OpenVINO cannot compute the network: {brief(error)}") from error
    return lambda images: _scores(session, [], {"": images})


def onnxruntime_of(network: nn.Module, shape: Shape) -> Network:
    """A torch network of images ``(n, *shape)`` as one of ONNX Runtime. Raises InputError."""
    _require("onnxruntime")
    program = _exported(network, shape)
    try:
        import onnxruntime as library

        with quiet():
            exported: Any = torch.onnx.export(program, dynamo=True, verbose=False)
        options = library.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = ERRORS_ONLY
        options.use_deterministic_compute = True
        content = exported.model_proto.SerializeToString()
        session = library.InferenceSession(content, options, ["CPUExecutionProvider"])
    except Exception as error:  # of torch, onnxscript and ONNX Runtime, whose errors share no class
        raise InputError(f"ONNX Runtime cannot compute the network: {brief(error)}") from error
    (name,) = (one.name for one in session.get_inputs())
    return lambda images: _scores(session, None, {name: images})


class OpenVinoSession:
    """A network of OpenVINO on the CPU, called as ONNX Runtime's ``InferenceSession`` is."""

    def __init__(self, model: Any, threads: int = 0) -> None:
        """Compile ``model``; 0 threads are as many as torch has. Raises RuntimeError."""
        from openvino import Core

        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads or torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # several processes would share one core, and leave others idle
        }
        self.compiled = Core().compile_model(model, "CPU", settings)

    @classmethod
    def of_file(cls, path: Path, threads: int) -> "OpenVinoSession":
        """The network in an ONNX file. Raises InputError."""
        _require("openvino")
        from openvino import Core

        try:
            return cls(Core().read_model(str(path)), threads)
        except Exception as error:  # OpenVINO raises RuntimeError for everything
            raise InputError(f"OpenVINO cannot compute {path}: {brief(error)}") from error

    def run(self, outputs: list[str], feed: dict[str, Any]) -> list[Any]:
        """Arrays of the ``outputs`` of that name, of the first one if none is named."""
        (array,) = feed.values()
        found = self.compiled(array)
        return [found[name].copy() for name in outputs] or [found[0].copy()]


def _require(backend: str) -> None:
    """Refuse a backend of which a package is not installed."""
    if missing := [name for name in BACKEND_PACKAGES[backend] if find_spec(name) is None]:
        raise InputError(f"backend {backend} needs {', '.join(missing)}: {HOW}")


def _exported(network: nn.Module, shape: Shape) -> ExportedProgram:
    """The network for any number of images, batch-norm folded. InputError where torch cannot follow it."""
    graph = trace(network, shape)
    try:
        with quiet(), torch.no_grad():
            images = torch.zeros(2, *shape)
            return torch.export.export(graph, (images,), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False)
    except Exception as error:  # of torch, for what it cannot export
        raise InputError(f"torch.export cannot read the network: {brief(error)}") from error


def _scores(session: Any, outputs: list[str] | None, feed: dict[str, Tensor]) -> Tensor:
    arrays = {name: images.contiguous().numpy() for name, images in feed.items()}
    return torch.from_numpy(session.run(outputs, arrays)[0])
