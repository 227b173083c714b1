"""Tiny classifiers in the files of other frameworks, written by the tests."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack import levels

Array = NDArray[np.float32]
SIDE, CHANNELS, CLASSES = 8, 3, 5
NUMBERS = SIDE * SIDE * CHANNELS


def weights(seed: int = 0) -> tuple[Array, Array]:
    """Of a linear classifier of ``SIDE x SIDE`` images: ``(CLASSES, NUMBERS)`` and ``(CLASSES,)``."""
    random = np.random.default_rng(seed)
    return random.normal(0, 0.3, (CLASSES, NUMBERS)).astype(np.float32), random.normal(
        0, 0.1, CLASSES
    ).astype(np.float32)


def some_images(count: int) -> Tensor:
    """Random images ``(count, CHANNELS, SIDE, SIDE)``."""
    draw = torch.Generator().manual_seed(1)
    return levels(torch.randint(256, (count, CHANNELS, SIDE, SIDE), generator=draw))


def linear_scores(images: Array) -> Array:
    """Its scores of what it is shown ``(n, C, H, W)``, flattened pixel by pixel."""
    kernel, bias = weights()
    rows = np.moveaxis(images, 1, 3).reshape(len(images), -1)
    return np.asarray(rows @ kernel.T + bias, dtype=np.float32)


def write_tflite(
    path: Path, *, batch: int = 1, quantisation: tuple[float, int] | None = None, dynamic: bool = False
) -> None:
    """The linear classifier as a .tflite file for images ``(batch, SIDE, SIDE, CHANNELS)`` in [0, 1].

    With a ``quantisation`` its input is uint8, by that scale and zero point, and is made floats first.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    kernel, bias = weights()
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.buffers, graph.tensors, graph.operators, model.operatorCodes = [schema.BufferT()], [], [], []

    def tensor(name: str, shape: list[int], content: Array | None = None, kind: int = 0) -> int:
        one = schema.TensorT()
        one.name, one.shape, one.type = name.encode(), shape, kind
        one.buffer = 0
        if content is not None:
            held = schema.BufferT()
            held.data = np.frombuffer(content.tobytes(), np.uint8)
            model.buffers.append(held)
            one.buffer = len(model.buffers) - 1
        elif dynamic:
            one.shapeSignature = [-1, *shape[1:]]
        graph.tensors.append(one)
        return len(graph.tensors) - 1

    def operator(
        code: int, inputs: list[int], outputs: list[int], kind: int = 0, options: Any = None
    ) -> None:
        known = schema.OperatorCodeT()
        known.builtinCode, known.deprecatedBuiltinCode, known.version = code, code, 1
        model.operatorCodes.append(known)
        one = schema.OperatorT()
        one.opcodeIndex, one.inputs, one.outputs = len(model.operatorCodes) - 1, inputs, outputs
        one.builtinOptionsType, one.builtinOptions = kind, options
        graph.operators.append(one)

    sides = [batch, SIDE, SIDE, CHANNELS]
    taken = tensor(
        "images", sides, kind=schema.TensorType.UINT8 if quantisation else schema.TensorType.FLOAT32
    )
    floats = taken
    if quantisation:
        one = schema.QuantizationParametersT()
        one.scale, one.zeroPoint = [quantisation[0]], [quantisation[1]]
        graph.tensors[taken].quantization = one
        floats = tensor("floats", sides)
        operator(schema.BuiltinOperator.DEQUANTIZE, [taken], [floats])
    scores, probabilities = tensor("scores", [batch, CLASSES]), tensor("probabilities", [batch, CLASSES])
    held = [tensor("kernel", [CLASSES, NUMBERS], kernel), tensor("bias", [CLASSES], bias)]
    options = schema.FullyConnectedOptionsT()
    operator(
        schema.BuiltinOperator.FULLY_CONNECTED,
        [floats, *held],
        [scores],
        schema.BuiltinOptions.FullyConnectedOptions,
        options,
    )
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    operator(
        schema.BuiltinOperator.SOFTMAX,
        [scores],
        [probabilities],
        schema.BuiltinOptions.SoftmaxOptions,
        softmax,
    )
    graph.inputs, graph.outputs = [taken], [probabilities, scores]
    model.version, model.subgraphs = 3, [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
