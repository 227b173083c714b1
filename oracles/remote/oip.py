"""A model behind the Open Inference Protocol v2, over HTTP or gRPC: KServe, Triton, MLServer and others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sparseattack import Classifier, InputError, Oracle, OracleError
from sparseattack.data.images import levels
from sparseattack.errors import brief
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest

from ..dense_inference.forward import normalise
from .class_scores import class_names
from .client import HttpRequest
from .connection import LENGTH, Buying, Pixels, RemoteScores
from .endpoint import GRPC, WEB, Endpoint
from .model_metadata import (
    DATATYPES,
    NUMBERS,
    ImageTensor,
    Layout,
    image_input,
    listed,
    metadata,
    parsed,
    score_output,
    tensors,
)
from .terms import MEGABYTES, Terms

Binary = Literal["auto", "yes", "no"]
DIGITS = 20  # characters of a float in JSON
WHITE = 255
HEADERS = 2**16  # bytes of a request beside its images, at most: 4 MiB in all is gRPC's own limit


def oip(
    *,
    url: str,
    model: str,
    version: str = "",
    input: str = "",
    output: str = "",
    layout: Layout = "auto",
    range: float = 1,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    scale: ScaleSetting = "auto",
    classes: tuple[str, ...] = (),
    batch: int = 32,
    binary: Binary = "auto",
    rounding: float | None = None,
    headers: tuple[str, ...] = (),
    label: str = "",
    ledger: str = "",
    max_paid: int | None = None,
    rate: float | None = None,
    concurrency: int = 8,
    timeout: float = 30,
    patience: float = 300,
    reprobe: int = 1000,
) -> Oracle:
    """A model on a server that speaks the Open Inference Protocol v2: KServe, Triton, MLServer.

    url: address of the server, without /v2, as in http://127.0.0.1:8000; for gRPC grpc://127.0.0.1:8001
    model: its name there
    version: of the model; empty is the server's choice
    input: name of the input that is the images; needed where there are several
    output: name of the output that is the scores, or the label; needed where there are several
    layout: where the channels are; auto reads it off the input's shape, nchw if that leaves it open
    range: greatest colour of an input of floats, 1 or 255
    mean: mean colour in [0, 1] of the images that it was trained with, one value or one per channel
    std: standard deviation of those colours, one value or one per channel
    scale: of its scores; auto recognises probabilities; labels is the number of a class, or a row of 0 and 1
    classes: names of the classes, in order; or a file with a name a line; or how many, of labels
    batch: images in one request at most; with 1 no score depends on other images
    binary: whether tensors are sent as bytes over HTTP; auto tries it once
    rounding: share of the greatest score by which scores may differ; by default as of float32, 0 for batch=1
    headers: of every request, "Name: value"; {NAME} is an environment variable, the only place for a secret
    label: a name of the service that stays the same when its address changes
    ledger: file of all answers; by default named by the service, and none for a server on this machine
    max_paid: images that may ever be sent, as the ledger counts them; needed unless on this machine
    rate: requests a second at most; by default 1, and no limit on this machine; 0 is no limit
    concurrency: requests under way at once; no result depends on it
    timeout: seconds that an answer may take
    patience: seconds after which a service that does not answer is given up
    reprobe: images sent after which four are asked again, so that a changed model is noticed; 0 never
    """
    endpoint = Endpoint(url, headers, label, schemes=WEB + GRPC)
    if (as_bytes := endpoint.scheme in GRPC) and binary == "no":
        raise InputError("gRPC sends tensors as bytes: leave out binary")
    terms = Terms(endpoint, ledger, max_paid, rate, concurrency, timeout, patience)
    place = f"v2/models/{model}{f'/versions/{version}' if version else ''}"
    client = terms.client("oip", place)
    facts = metadata(client, place, model)
    taken = image_input(facts, input, layout, model)
    if taken.datatype == "UINT8" and (mean or std or range != 1):
        raise InputError(f"{model} takes 8-bit colours: leave out mean, std and range")
    if range != 1 and (mean or std):
        raise InputError("mean and std are of colours in [0, 1]: leave out range")
    if batch < 1:
        raise InputError(f"batch is at least 1, not {batch}")
    names, labels = class_names(classes), scale == "labels"
    chosen, form = score_output(facts, output, model, labels), [layout, range, mean, std]
    service = OipService(
        place, taken, chosen, normalise(mean, std), range, taken.fixed or batch,
        on_trial=binary == "auto" and not as_bytes, binary=binary != "no",
        labels=len(names) if labels else None,
    )  # fmt: skip
    who, known = f"{model} at {endpoint.host}", digest([place, taken, chosen, *form])
    scores = RemoteScores(
        who, service, client, known, Buying(MEGABYTES * 2**20 - HEADERS, reprobe, rounding or 0.0)
    )
    return Classifier(
        who,
        scores,
        digest(["oip", endpoint.key, known, scale]),
        scale,
        max(service.batch * concurrency, 32),
        () if names and names[0] == "" else names,
        taken.shape,
        rounding=0.0 if rounding is None and service.batch == 1 else rounding,
        remote=scores,
    )


@dataclass
class OipService:
    """Requests and answers of the protocol, with tensors as bytes or in JSON."""

    place: str
    input: ImageTensor
    output: str
    prepare: nn.Module
    range: float
    batch: int
    on_trial: bool  # whether tensors as bytes are tried, and JSON is next
    binary: bool
    labels: int | None = None  # classes, where one number is that of a class; 0 is not known

    @property
    def lossless(self) -> bool:
        """8-bit colours are distinct in every type of number."""
        return True

    def size(self, pixels: Pixels) -> int:
        """Bytes that an image ``(C, H, W)`` takes in a request, about."""
        each = np.dtype(DATATYPES[self.input.datatype]).itemsize if self.binary else DIGITS
        return int(pixels.size) * each

    def another_form(self) -> None:
        """Send tensors in JSON from now on."""
        self.binary = self.on_trial = False

    def request(self, pixels: Pixels) -> HttpRequest:
        """The request about images ``(n, C, H, W)``; fewer than it takes are padded."""
        short = (self.input.fixed or len(pixels)) - len(pixels)
        tensor = self._tensor(np.concatenate([pixels, np.repeat(pixels[-1:], short, 0)]))
        described: dict[str, Any] = {
            "name": self.input.name,
            "shape": list(tensor.shape),
            "datatype": self.input.datatype,
        }
        wanted: dict[str, Any] = {"name": self.output}
        path, asked = f"{self.place}/infer", {"id": blake2b(pixels.tobytes(), digest_size=16).hexdigest()}
        if not self.binary:
            described["data"] = tensor.ravel().tolist()
            body = json.dumps({**asked, "inputs": [described], "outputs": [wanted]}).encode()
            return HttpRequest(path, body, {"Content-Type": "application/json"})
        content = tensor.tobytes()
        described["parameters"] = {"binary_data_size": len(content)}
        wanted["parameters"] = {"binary_data": True}
        head = json.dumps({**asked, "inputs": [described], "outputs": [wanted]}).encode()
        named = {"Content-Type": "application/octet-stream", LENGTH: str(len(head))}
        return HttpRequest(path, head + content, named)

    def _tensor(self, pixels: Pixels) -> NDArray[Any]:
        """Images as the model takes them."""
        dtype = np.dtype(DATATYPES[self.input.datatype])
        if dtype.kind == "u":
            prepared: NDArray[Any] = pixels
        elif self.range != 1:
            prepared = pixels.astype(np.float32) * np.float32(self.range / WHITE)
        else:
            prepared = self.prepare(levels(torch.from_numpy(pixels))).numpy()
        ordered = prepared.transpose(0, 2, 3, 1) if self.input.channels_last else prepared
        return np.ascontiguousarray(ordered.astype(dtype))

    def answers(self, body: bytes, header: str, count: int) -> list[bytes]:
        """The scores of each of ``count`` images, their type and bytes; OracleError where there are none."""
        end = int(header) if header.isdecimal() else len(body)
        outputs = tensors(parsed(body[:end]), "outputs")
        for one in outputs:
            given = one.get("parameters") or {}
            size = given.get("binary_data_size", 0) if isinstance(given, dict) else 0
            size = size if isinstance(size, int) else 0
            if one["name"] == self.output:
                held = body[end : end + size] if size else None
                return self._rows(one, held, count)
            end += size
        raise OracleError(f"answered without the output {self.output}, only {listed(outputs)}")

    def _rows(self, tensor: Mapping[str, Any], held: bytes | None, count: int) -> list[bytes]:
        """The scores of each image of an output tensor, whose data may stand apart in bytes."""
        kind, shape, rows = tensor.get("datatype"), tensor.get("shape"), self.input.fixed or count
        if held is not None and kind not in NUMBERS:
            raise OracleError(f"answered {listed([tensor])} as bytes: only {', '.join(NUMBERS)} can be read")
        if rows > 1 and isinstance(shape, list) and shape[:1] != [rows]:
            raise OracleError(f"answered {listed([tensor])} to {rows} images")
        dtype = np.dtype(NUMBERS.get(str(kind), "<f8"))
        try:
            data = np.frombuffer(held, dtype) if held is not None else np.array(tensor.get("data"), dtype)
            scores = data.reshape(rows, -1)[:count]
        except (ValueError, TypeError, OverflowError) as error:
            raise OracleError(
                f"answered {listed([tensor])} to {count} images, whose data do not fit ({brief(error)})"
            ) from error
        if not scores.size:
            raise OracleError(f"answered {listed([tensor])} to {count} images")
        return [dtype.str.encode() + b" " + row.tobytes() for row in scores]

    def scores(self, answer: bytes) -> NDArray[np.floating[Any]]:
        """The scores ``(K,)`` in one answer, float32; of a label alone 1 for that class and else 0."""
        kind, _, data = answer.partition(b" ")
        try:
            found = np.frombuffer(data, np.dtype(kind.decode()))
        except (TypeError, ValueError, UnicodeDecodeError) as error:
            raise OracleError(f"has an answer in its ledger that cannot be read ({brief(error)})") from error
        if self.labels is None or len(found) > 1:
            return found.astype(np.float32)
        if not self.labels:
            raise OracleError(
                f"answered {found[0]:g} alone, the number of a class: name the classes, in order, by"
                " classes=[...], or say how many there are"
            )
        if found[0] not in range(self.labels):
            raise OracleError(f"answered {found[0]:g}, the number of none of the {self.labels} classes=")
        label: NDArray[np.float32] = np.eye(self.labels, dtype=np.float32)[int(found[0])]
        return label
