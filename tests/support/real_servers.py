"""Servers that people use, of one ONNX file on a loopback address, each in an environment of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import pytest

VARIABLE = "SPARSEATTACK_SERVERS"  # a folder for the environments, which are made once
READY = 90  # seconds
PACKAGES = ("mlserver", "kserve")

KSERVE = """
import sys

import onnxruntime
import uvicorn
from kserve import InferOutput, InferResponse, Model, ModelServer

_, file, port = sys.argv
plain = uvicorn.Config.__init__


def on_loopback(self, *arguments, **settings):  # kserve has no setting for that
    plain(self, *arguments, **(settings | {"host": "127.0.0.1"}))


uvicorn.Config.__init__ = on_loopback


class Network(Model):
    def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(file, options)
        self.ready = True

    async def get_input_types(self):
        return [{"name": "images", "datatype": "FP32", "shape": [-1, 3, 32, 32]}]

    async def get_output_types(self):
        return [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}]

    async def predict(self, payload, headers=None, response_headers=None):
        scores = self.session.run(None, {"images": payload.inputs[0].as_numpy()})[0]
        output = InferOutput("logits", list(scores.shape), "FP32")
        output.set_data_from_numpy(scores, binary_data=True)
        return InferResponse(payload.id, self.name, [output])


network = Network("resnet20")
network.load()
ModelServer(http_port=int(port), enable_grpc=False).start([network])
"""

MLSERVER = """
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Network(MLModel):
    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        return True

    async def predict(self, payload):
        scores = self.session.run(None, {"images": NumpyCodec.decode_input(payload.inputs[0])})[0]
        output = NumpyCodec.encode_output("logits", scores)
        return InferenceResponse(model_name=self.name, outputs=[output])
"""


def environment(package: str) -> Path:
    """The folder of programs of an environment that has ``package``; skips where it cannot be made."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{package} is installed and tried where {VARIABLE} names a folder (100 MB each)")
    place = Path(folder).expanduser().absolute() / package
    done, programs = place / "installed", place / "bin"
    if not done.exists():
        steps = [
            [sys.executable, "-m", "venv", str(place)],
            [str(programs / "python"), "-m", "pip", "install", "-q", package, "onnxruntime"],
        ]
        for step in steps:
            ended = subprocess.run(step, capture_output=True, text=True, check=False, timeout=900)
            if ended.returncode:
                pytest.skip(f"{package} cannot be installed here: {ended.stderr.strip()[-300:]}")
        done.touch()
    return programs


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Addresses(NamedTuple):
    """Of one server."""

    http: str
    grpc: str  # empty: not served on a loopback address alone


@contextmanager
def running(package: str, file: Path, folder: Path) -> Iterator[Addresses]:
    """The addresses of a server of the network in ``file``, whose model is called resnet20."""
    programs, (port, *others) = environment(package), _free_ports(3)
    if package == "kserve":
        (folder / "server.py").write_text(KSERVE, encoding="utf-8")
        command = [str(programs / "python"), "server.py", str(file), str(port)]
    else:
        _write_mlserver(folder, file, [port, *others])
        command = [str(programs / "mlserver"), "start", "."]
    own = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("wb") as log:
        started = subprocess.Popen(command, cwd=folder, env=own, stdout=log, stderr=log)
        try:
            _await_ready(f"http://127.0.0.1:{port}", started, folder / "log")
            over_grpc = f"grpc://127.0.0.1:{others[0]}" if package == "mlserver" else ""
            yield Addresses(f"http://127.0.0.1:{port}", over_grpc)
        finally:
            started.terminate()
            try:
                started.wait(8)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def _write_mlserver(folder: Path, file: Path, ports: list[int]) -> None:
    names = ("http_port", "grpc_port", "metrics_port")
    settings = {"host": "127.0.0.1", "parallel_workers": 0, **dict(zip(names, ports, strict=True))}
    tensors = {
        "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 3, 32, 32]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}],
    }
    model = {"name": "resnet20", "implementation": "network.Network", "parameters": {"uri": str(file)}}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "model-settings.json").write_text(json.dumps(model | tensors), encoding="utf-8")
    (folder / "network.py").write_text(MLSERVER, encoding="utf-8")


def _await_ready(url: str, started: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + READY
    while time.monotonic() < end and started.poll() is None:
        try:
            with urlopen(f"{url}/v2/models/resnet20/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server is not ready: {log.read_text(errors='replace')[-3000:]}")
