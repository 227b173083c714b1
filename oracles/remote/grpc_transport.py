"""The Open Inference Protocol over gRPC, as a transport of HTTP requests: what is sent and read is the same.

A request for metadata or inference, its tensors as bytes, becomes the call of the same meaning; the answer,
or status, becomes one of HTTP. So ledger, retries, rate and limits are those of HTTP. The messages are those
of the protocol's ``open_inference_grpc.proto``, as far as they are used here.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import httpx2 as httpx
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from sparseattack import __version__

from .connection import LENGTH
from .model_metadata import NUMBERS

FIELD = re.compile(r"(\w+)=(\d+):(\w+)(\*?)")
PLACE = re.compile(r"/v2/models/(?P<model>.+?)(/versions/(?P<version>[^/]+))?(?P<infer>/infer)?")
OF_HTTP = {"host", "connection", "accept", "accept-encoding", "user-agent", LENGTH.lower()} | {
    "content-type",
    "content-length",
}
TENSOR = "name=1:string datatype=2:string shape=3:int64*"
MESSAGES = {
    "Contents": "int_contents=2:int32* int64_contents=3:int64* uint_contents=4:uint32*"
    " uint64_contents=5:uint64* fp32_contents=6:float* fp64_contents=7:double*",
    "Tensor": f"{TENSOR} contents=5:Contents",
    "Wanted": "name=1:string",
    "ModelMetadataRequest": "name=1:string version=2:string",
    "ModelMetadataResponse": "name=1:string inputs=4:Tensor* outputs=5:Tensor*",
    "ModelInferRequest": "model_name=1:string model_version=2:string id=3:string inputs=5:Tensor*"
    " outputs=6:Wanted* raw_input_contents=7:bytes*",
    "ModelInferResponse": "outputs=5:Tensor* raw_output_contents=6:bytes*",
}
"""The number and type of each field of the protocol's messages; ``*`` is repeated."""
STATUS = {
    400: ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"),
    401: ("UNAUTHENTICATED",),
    403: ("PERMISSION_DENIED",),
    404: ("NOT_FOUND", "UNIMPLEMENTED"),
    429: ("RESOURCE_EXHAUSTED",),
    503: ("UNAVAILABLE", "ABORTED"),
}
"""The status of HTTP for those of gRPC; of all others it is 500."""
NOT_SENT = re.compile(r"failed to connect|DNS resolution failed|name resolution", re.IGNORECASE)
REACHED = 0.2  # seconds in which a server that is there is connected to
CUT_OFF = re.compile(r"socket closed|connection reset|connection closed|broken pipe|goaway", re.IGNORECASE)


def messages() -> dict[str, Any]:
    """The classes of the protocol's messages by name."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="oip.proto", package="inference", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for part, number, kind, repeated in FIELD.findall(fields):
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            inner = {"type": kinds.TYPE_MESSAGE, "type_name": f".inference.{kind}"}
            of = inner if kind in MESSAGES else {"type": getattr(kinds, f"TYPE_{kind.upper()}")}
            message.field.add(name=part, number=int(number), label=label, **of)
    pool = descriptor_pool.DescriptorPool()  # of its own: another package may have the same names
    pool.Add(file)
    found = ((name, pool.FindMessageTypeByName(f"inference.{name}")) for name in MESSAGES)
    return {name: message_factory.GetMessageClass(kind) for name, kind in found}


class GrpcTransport(httpx.BaseTransport):
    """Takes requests of the protocol over HTTP, and calls a server of gRPC at ``host``, with its port."""

    def __init__(self, host: str, encrypted: bool, own: bool) -> None:
        """``own``: whether it is on this machine, where no proxy is asked."""
        options = [
            ("grpc.primary_user_agent", f"sparseattack/{__version__}"),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_retries", 0),
            ("grpc.max_reconnect_backoff_ms", 5000),
            ("grpc.enable_http_proxy", int(not own)),
        ]
        if encrypted:
            self._channel = grpc.secure_channel(host, grpc.ssl_channel_credentials(), options)
        else:
            self._channel = grpc.insecure_channel(host, options)
        self._messages = messages()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request; TransportError where there is none."""
        found = PLACE.fullmatch(request.url.path)
        assert found
        model, version = found["model"], found["version"] or ""
        if not found["infer"]:
            return self._called("ModelMetadata", {"name": model, "version": version}, request)
        head, body = int(request.headers[LENGTH]), request.read()
        said = json.loads(body[:head])
        asked = {
            "model_name": model,
            "model_version": version,
            "id": said["id"],
            "inputs": [{name: one[name] for name in ("name", "datatype", "shape")} for one in said["inputs"]],
            "outputs": [{"name": one["name"]} for one in said["outputs"]],
            "raw_input_contents": [body[head:]],
        }
        return self._called("ModelInfer", asked, request)

    def _called(self, method: str, asked: Mapping[str, Any], request: httpx.Request) -> httpx.Response:
        call = self._channel.unary_unary(
            f"/inference.GRPCInferenceService/{method}",
            request_serializer=self._messages[f"{method}Request"].SerializeToString,
            response_deserializer=self._messages[f"{method}Response"].FromString,
        )
        metadata = [(name, value) for name, value in request.headers.items() if name not in OF_HTTP]
        try:
            answer = call(
                self._messages[f"{method}Request"](**asked),
                timeout=request.extensions["timeout"]["read"],
                metadata=metadata,
            )
        except grpc.RpcError as error:
            return _failed(error, request, self._reached)
        return _answered(answer, method == "ModelInfer")

    def _reached(self) -> bool:
        """Whether the server can be reached: if so, a failed connection is one of its own to another."""
        try:
            grpc.channel_ready_future(self._channel).result(REACHED)
        except grpc.FutureTimeoutError:
            return False
        return True


def _answered(answer: Any, inferred: bool) -> httpx.Response:
    """What HTTP would answer: JSON that describes the tensors, and their bytes if they were ``inferred``."""
    said = {"outputs": [*map(_described, answer.outputs)]}
    if not inferred:
        return httpx.Response(200, json={**said, "inputs": [*map(_described, answer.inputs)]})
    held = [*answer.raw_output_contents] or [*map(_bytes, answer.outputs)]
    for described, content in zip(said["outputs"], held, strict=False):
        described["parameters"] = {"binary_data_size": len(content)}
    head = json.dumps(said).encode()
    return httpx.Response(200, headers={LENGTH: str(len(head))}, content=head + b"".join(held))


def _described(tensor: Any) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": [*tensor.shape]}


def _bytes(tensor: Any) -> bytes:
    """The numbers of a tensor that are given as such, as bytes."""
    numbers = [number for _, field in tensor.contents.ListFields() for number in field]
    return np.array(numbers, NUMBERS.get(tensor.datatype, "<f8")).tobytes()


def _failed(error: Any, request: httpx.Request, reached: Callable[[], bool]) -> httpx.Response:
    """What HTTP would answer; TransportError where nothing was sent, or no answer came."""
    code, said = error.code().name, error.details() or ""
    if code == "UNAVAILABLE" and NOT_SENT.search(said) and not reached():
        raise httpx.ConnectError(said, request=request)
    if code == "UNAVAILABLE" and CUT_OFF.search(said):
        raise httpx.ReadError(said, request=request)
    if code == "DEADLINE_EXCEEDED":
        raise httpx.ReadTimeout(said, request=request)
    status = next((status for status, codes in STATUS.items() if code in codes), 500)
    status = 413 if "larger than max" in said else status
    pause = dict(error.trailing_metadata() or ()).get("grpc-retry-pushback-ms", "")
    headers = {"Retry-After": str(int(pause) / 1000)} if pause.isdecimal() else {}
    reason = {"reason_phrase": code.encode()}
    return httpx.Response(status, headers=headers, content=said.encode(), extensions=reason)
