"""Servers of models on a loopback address, of the Open Inference Protocol and others, that fail as told."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Model = Callable[[NDArray[Any]], NDArray[Any]]
"""Tensors ``(n, ...)`` as they are sent -> scores ``(n, K)``."""

LENGTH = "Inference-Header-Content-Length"
CLASSES = 4
DTYPES = {"UINT8": "|u1", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "INT32": "<i4", "INT64": "<i8"}


def linear_model(length: int) -> Model:
    """A linear model of CLASSES classes for images of ``length`` values."""
    weights = np.random.default_rng(0).integers(-99, 99, (length, CLASSES)).astype(np.float64)
    return lambda images: images.reshape(len(images), -1).astype(np.float64) @ weights


@dataclass
class Reply:
    """What a failing server does instead of answering."""

    status: int = 200  # 0 closes the connection
    body: bytes | None = None  # of status 200: in place of the answer
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0  # seconds before


@dataclass
class Served:
    """What was asked of a server, and what is to fail."""

    failures: list[Reply] = field(default_factory=list)  # for the next requests, one each
    requests: list[dict[str, Any]] = field(default_factory=list)  # their headers, in order of arrival
    bodies: list[bytes] = field(default_factory=list)
    together: int = 0  # most requests at once
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    running: int = 0

    def metadata(self) -> dict[str, Any]:
        return {}

    def infer(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        raise NotImplementedError


@dataclass
class JsonServer(Served):
    """A server of any API: what it answers to a body."""

    answer: Callable[[bytes, dict[str, str]], Any] = lambda body, headers: {}

    def infer(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(self.answer(body, headers)).encode()


@dataclass
class OipServer(Served):
    """A server of one model."""

    model: Model = lambda images: images
    shape: Sequence[int] = ()
    datatype: str = "FP32"
    score_type: str = "FP32"
    binary: bool = True
    shown: list[NDArray[Any]] = field(default_factory=list)  # the tensors that were answered

    def metadata(self) -> dict[str, Any]:
        """As servers describe a model."""
        tensor = {"name": "images", "datatype": self.datatype, "shape": list(self.shape)}
        scores = {"name": "scores", "datatype": self.score_type, "shape": [-1, -1]}
        return {"name": "m", "versions": None, "platform": "", "inputs": [tensor], "outputs": [scores]}

    @property
    def images(self) -> int:
        """How many images were answered."""
        return sum(map(len, self.shown))

    def infer(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to a request."""
        if LENGTH in headers and not self.binary:
            return 500, {"Content-Type": "text/plain"}, b"Internal Server Error"
        end = int(headers.get(LENGTH, len(body)))
        asked = json.loads(body[:end])
        tensor = asked["inputs"][0]
        dtype = np.dtype(DTYPES[tensor["datatype"]])
        raw = body[end:] if LENGTH in headers else None
        data = np.frombuffer(raw, dtype) if raw is not None else np.array(tensor["data"], dtype)
        images = data.reshape(tensor["shape"])
        scores = self.model(images).astype(DTYPES[self.score_type])
        with self.lock:
            self.shown.append(images)
        output: dict[str, Any] = {"name": "scores", "datatype": self.score_type, "shape": list(scores.shape)}
        if raw is None:
            answer = {"model_name": "m", "outputs": [{**output, "data": scores.ravel().tolist()}]}
            return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()
        content = scores.tobytes()
        output["parameters"] = {"binary_data_size": len(content)}
        head = json.dumps({"model_name": "m", "outputs": [output]}).encode()
        return 200, {LENGTH: str(len(head))}, head + content


def _handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # header and body in one packet

        def do_GET(self) -> None:
            known = self.path.startswith("/v2/models/m")
            found = served.metadata() if known else {"error": "model not found"}
            self._answer(200 if known else 404, {}, json.dumps(found).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with served.lock:
                served.requests.append(dict(self.headers))
                served.bodies.append(body)
                reply = served.failures.pop(0) if served.failures else None
                served.running += 1
                served.together = max(served.together, served.running)
            try:
                self._reply(reply or Reply(), body)
            finally:
                with served.lock:
                    served.running -= 1

        def _reply(self, reply: Reply, body: bytes) -> None:
            time.sleep(reply.wait)
            if reply.status == 0:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if reply.status != 200 or reply.body is not None:
                self._answer(reply.status, reply.headers, reply.body or b'{"error": "as told"}')
                return
            self._answer(*served.infer(body, {name.title(): value for name, value in self.headers.items()}))

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            try:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the client has gone
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was closed on purpose is no error."""


Some = TypeVar("Some", bound=Served)


@contextmanager
def serving(server: Some) -> Iterator[Some]:
    """Serve on a free port; ``server.url`` is the address."""
    http = _Server(("127.0.0.1", 0), _handler(server))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
