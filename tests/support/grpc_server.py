"""A server of the Open Inference Protocol over gRPC, that writes messages by itself, and fails as told."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import grpc
import numpy as np
from model_server import DTYPES, Model
from numpy.typing import NDArray

Fields = list[tuple[int, Any]]
"""Number and value of each field of a message: a whole number, or bytes."""


@dataclass
class Failure:
    """What a failing server says instead of answering."""

    code: grpc.StatusCode
    words: str = "as told"
    wait: float = 0.0  # seconds before
    pushback: int = 0  # milliseconds after which it may be asked again


@dataclass
class GrpcServer:
    """A server of the model m: what was asked of it, and what is to fail."""

    model: Model
    shape: Sequence[int]
    datatype: str = "FP32"
    score_type: str = "FP32"
    raw: bool = True  # whether answers are bytes, or numbers
    failures: list[Failure] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)  # of each inference, in order of arrival
    shown: list[NDArray[Any]] = field(default_factory=list)  # the tensors that were answered
    url: str = ""
    lock: Lock = field(default_factory=Lock)

    def described(self, request: bytes, context: Any) -> bytes:
        """The answer to ModelMetadata."""
        if dict(fields(request)).get(1) != b"m":
            context.abort(grpc.StatusCode.NOT_FOUND, "model not found")
        scores = tensor("scores", self.score_type, [-1, -1])
        return written(
            [(1, b"m"), (3, b"numpy"), (4, tensor("images", self.datatype, self.shape)), (5, scores)]
        )

    def infer(self, request: bytes, context: Any) -> bytes:
        """The answer to ModelInfer."""
        with self.lock:
            self.metadata.append(dict(context.invocation_metadata()))
            failure = self.failures.pop(0) if self.failures else None
        if failure:
            time.sleep(failure.wait)
            if failure.pushback:
                context.set_trailing_metadata([("grpc-retry-pushback-ms", str(failure.pushback))])
            context.abort(failure.code, failure.words)
        asked = fields(request)
        (described,) = [fields(value) for number, value in asked if number == 5]
        (content,) = [value for number, value in asked if number == 7]
        wanted = [dict(fields(value))[1] for number, value in asked if number == 6]
        assert dict(asked)[1] == b"m" and wanted == [b"scores"]
        images = np.frombuffer(content, DTYPES[dict(described)[2].decode()]).reshape(sizes(described))
        scores = self.model(images).astype(TYPES[self.score_type][1])
        with self.lock:
            self.shown.append(images)
        return self._answer(scores)

    def _answer(self, scores: NDArray[Any]) -> bytes:
        head = [(1, b"m"), (2, b"1")]
        if self.raw:
            output = tensor("scores", self.score_type, scores.shape)
            return written([*head, (5, output), (6, scores.tobytes())])
        number = TYPES[self.score_type][0]
        numbers = b"".join(map(varint, scores.ravel().tolist())) if number == 3 else scores.tobytes()
        contents = written([(number, numbers)])
        return written(
            [*head, (5, tensor("scores", self.score_type, scores.shape) + written([(5, contents)]))]
        )


TYPES = {"FP32": (6, "<f4"), "FP64": (7, "<f8"), "INT64": (3, "<i8")}
"""The field of a tensor's contents that has numbers of a type, and their bytes."""


def varint(value: int) -> bytes:
    """A whole number as protobuf writes it."""
    value, found = value % 2**64, bytearray()
    while value > 127:
        found.append(value % 128 + 128)
        value //= 128
    return bytes([*found, value])


def written(message: Fields) -> bytes:
    """A message of bytes and whole numbers."""
    return b"".join(
        varint(number * 8) + varint(value)
        if isinstance(value, int)
        else varint(number * 8 + 2) + varint(len(value)) + value
        for number, value in message
    )


def tensor(name: str, datatype: str, shape: Sequence[int]) -> bytes:
    """The description of a tensor."""
    return written([(1, name.encode()), (2, datatype.encode()), *((3, side) for side in shape)])


def fields(message: bytes) -> Fields:
    """The fields of a message of bytes and whole numbers."""
    found, place = Fields(), 0
    while place < len(message):
        key, place = number_at(message, place)
        value, place = number_at(message, place)
        if key % 8 == 2:  # a length, and so many bytes
            found.append((key // 8, message[place : place + value]))
            place += value
        else:
            found.append((key // 8, value))
    return found


def number_at(message: bytes, place: int) -> tuple[int, int]:
    """The whole number at a place, and the place after it."""
    value = shift = 0
    while True:
        byte, place = message[place], place + 1
        value, shift = value + ((byte % 128) << shift), shift + 7
        if byte < 128:
            return value, place


def sizes(described: Fields) -> list[int]:
    """The shape of a tensor, whose numbers stand one after another."""
    (held,) = [value for number, value in described if number == 3]
    found, place = [], 0
    while place < len(held):
        size, place = number_at(held, place)
        found.append(size)
    return found


@contextmanager
def serving_grpc(server: GrpcServer) -> Iterator[GrpcServer]:
    """Serve on a free port; ``server.url`` is the address."""
    methods = {
        "ModelMetadata": grpc.unary_unary_rpc_method_handler(server.described),
        "ModelInfer": grpc.unary_unary_rpc_method_handler(server.infer),
    }
    with ThreadPoolExecutor(8) as threads:
        running = grpc.server(threads)
        running.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("inference.GRPCInferenceService", methods)]
        )
        server.url = f"grpc://127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
        running.start()
        try:
            yield server
        finally:
            running.stop(None).wait()
