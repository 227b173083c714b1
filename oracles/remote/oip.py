"""A model behind the Open Inference Protocol, version 2, over HTTP: KServe, Triton, MLServer and others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from httpx2 import Response
from numpy.typing import NDArray
from torch import nn

from sparseattack import Classifier, InputError, Oracle, OracleError
from sparseattack.data.images import levels
from sparseattack.errors import brief
from sparseattack.problem.oracle import Shape
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest

from ..dense_inference.forward import normalise
from ..dense_inference.scores import likely
from .client import Client, HttpRequest
from .connection import Buying, Pixels, RemoteScores
from .endpoint import Endpoint
from .terms import MEGABYTES, Terms

Layout = Literal["auto", "nchw", "nhwc"]
Binary = Literal["auto", "yes", "no"]
DATATYPES = {"UINT8": "|u1", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}
CHANNELS = (1, 3, 4)  # a side of this length is taken for the channels
RANK = 4  # dimensions of a batch of images
LENGTH = "Inference-Header-Content-Length"
DIGITS = 20  # characters of a float in JSON
WHITE = 255
NO_SCORES = "oip reads a score a class: of labels serve FP32 rows of one 1, else 0, and set scale=labels"


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
    """A model on a server that speaks the Open Inference Protocol v2 over HTTP: KServe, Triton, MLServer.

    url: address of the server, without /v2, as in http://127.0.0.1:8000
    model: its name there
    version: of the model; empty is the server's choice
    input: name of the input that is the images; needed where there are several
    output: name of the output that is the scores; needed where there are several
    layout: where the channels are; auto reads it off the input's shape, nchw if that leaves it open
    range: greatest colour of an input of floats, 1 or 255
    mean: mean colour in [0, 1] of the images that it was trained with, one value or one per channel
    std: standard deviation of those colours, one value or one per channel
    scale: of its scores; auto recognises probabilities; binary is one score, the logit of class 1 of 2
    classes: names of the classes, in the order of the scores
    batch: images in one request at most; with 1 no score depends on other images
    binary: whether tensors are sent as bytes; auto tries it once
    rounding: share of the greatest score by which scores may differ; by default as of float32, 0 for batch=1
    headers: of every request, "Name: value"; {NAME} is an environment variable, the only place for a secret
    label: a name of the service that stays the same when its address changes
    ledger: file of all answers; by default named by the service, and none for a server on this machine
    max_paid: images that may ever be sent, as the ledger counts them; needed unless on this machine
    rate: requests a second at most; by default 1, and no limit on this machine; 0 is no limit
    concurrency: requests under way at once; no result depends on it
    timeout: seconds that an answer may take
    patience: seconds after which a service that does not answer is given up
    reprobe: images sent after which the first one is asked again, so that a changed model is noticed; 0 never
    """
    endpoint = Endpoint(url, headers, label)
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
    chosen, form = score_output(facts, output, model), [layout, range, mean, std]
    prepare = normalise(mean, std)
    service = OipService(
        place, taken, chosen, prepare, range, taken.fixed or batch, binary == "auto", binary != "no"
    )
    who, known = f"{model} at {endpoint.host}", digest([place, taken, chosen, *form])
    scores = RemoteScores(who, service, client, known, Buying(MEGABYTES * 2**20, reprobe))
    return Classifier(
        who,
        scores,
        digest(["oip", endpoint.key, known, scale]),
        scale,
        max(service.batch * concurrency, 32),
        classes,
        taken.shape,
        rounding=0.0 if rounding is None and service.batch == 1 else rounding,
        remote=scores,
    )


class ImageTensor(NamedTuple):
    """The input of a model that is a batch of images."""

    name: str
    datatype: str
    channels_last: bool
    fixed: int | None  # images at a time; None is any number
    shape: Shape


def metadata(client: Client, place: str, model: str) -> Mapping[str, Any]:
    """What the server says about a model; without a network, what it said before.

    InputError for a model that it does not have, and for one whose inputs or outputs are others than before.
    """
    before = client.ledger.facts
    try:
        response: Response = client.get(place)
    except OracleError:
        if before is None:
            raise
        return parsed(before)
    if not response.is_success:
        said = " ".join(client.endpoint.masked(response.text).split())[:200]
        raise InputError(
            f"{client.endpoint.host} has no model {model}: it answers {response.status_code} to"
            f" {place}{f' ({said})' if said else ''}"
        )
    found = parsed(response.content)
    now = json.dumps({name: found.get(name) for name in ("inputs", "outputs")}, sort_keys=True).encode()
    if before is None:
        client.ledger.facts = now
    elif before != now:
        raise InputError(
            f"{model} at {client.endpoint.host} is another model than the one of"
            f" {client.ledger.path}: its inputs or outputs have changed. Name another ledger=FILE"
        )
    return found


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object; OracleError for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OracleError(f"answered what is no JSON ({brief(error)})") from error
    if not isinstance(found, dict):
        raise OracleError("answered JSON that is no object")
    return found


def _tensors(facts: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in facts.get(kind) or [] if isinstance(one, dict) and "name" in one]


def _listed(tensors: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['name']} {one.get('datatype')} {one.get('shape')}" for one in tensors) or "none"


def image_input(facts: Mapping[str, Any], name: str, layout: Layout, model: str) -> ImageTensor:
    """The input that is a batch of images; InputError where that is not clear."""
    every = _tensors(facts, "inputs")
    some = [one for one in every if name in ("", one["name"])]
    if len(some) != 1:
        raise InputError(f"{model} has the inputs {_listed(every)}: choose the images by input=NAME")
    only, shape = some[0], some[0].get("shape") or []
    if only.get("datatype") not in DATATYPES or len(shape) != RANK:
        raise InputError(
            f"{model} takes {_listed(some)}, not one batch of images of four dimensions as"
            f" {', '.join(DATATYPES)}; encoded pictures are sent by http(url=...)"
        )
    fixed, *sides = (side if isinstance(side, int) and side > 0 else None for side in shape)
    guess = sides[2] in CHANNELS and sides[0] not in CHANNELS
    last = guess if layout == "auto" else layout == "nhwc"
    ordered = (sides[2], sides[0], sides[1]) if last else (sides[0], sides[1], sides[2])
    return ImageTensor(only["name"], only["datatype"], last, fixed, ordered)


def score_output(facts: Mapping[str, Any], name: str, model: str) -> str:
    """The name of the output that is the scores; InputError where that is not clear, and for labels."""
    every = _tensors(facts, "outputs")
    some = [one for one in every if name in ("", one["name"])]
    if len(some) != 1:
        floats = [one["name"] for one in every if f"{one.get('datatype')}".startswith("FP")]
        raise InputError(
            f"{model} has the outputs {_listed(every)}: choose the scores by"
            f" output={likely(floats or [one['name'] for one in every]) if every else 'NAME'}"
        )
    if not str(some[0].get("datatype")).startswith(("FP", "BF")):
        raise InputError(f"the output {_listed(some)} of {model} is no scores: {NO_SCORES}")
    return str(some[0]["name"])


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
        outputs = _tensors(parsed(body[:end]), "outputs")
        for one in outputs:
            given = one.get("parameters") or {}
            size = given.get("binary_data_size", 0) if isinstance(given, dict) else 0
            size = size if isinstance(size, int) else 0
            if one["name"] == self.output:
                held = body[end : end + size] if size else None
                return self._rows(one, held, count)
            end += size
        raise OracleError(f"answered without the output {self.output}, only {_listed(outputs)}")

    def _rows(self, tensor: Mapping[str, Any], held: bytes | None, count: int) -> list[bytes]:
        """The scores of each image of an output tensor, whose data may stand apart in bytes."""
        kind, shape, rows = tensor.get("datatype"), tensor.get("shape"), self.input.fixed or count
        if held is not None and kind not in DATATYPES:
            raise OracleError(
                f"answered {_listed([tensor])} as bytes: only {', '.join(DATATYPES)} can be read"
            )
        if rows > 1 and isinstance(shape, list) and shape[:1] != [rows]:
            raise OracleError(f"answered {_listed([tensor])} to {rows} images")
        dtype = np.dtype(DATATYPES.get(str(kind), "<f8"))
        try:
            data = np.frombuffer(held, dtype) if held is not None else np.array(tensor.get("data"), dtype)
            scores = data.reshape(rows, -1)[:count]
        except (ValueError, TypeError) as error:
            raise OracleError(
                f"answered {_listed([tensor])} to {count} images, whose data do not fit ({brief(error)})"
            ) from error
        if not scores.size:
            raise OracleError(f"answered {_listed([tensor])} to {count} images")
        return [dtype.str.encode() + b" " + row.tobytes() for row in scores]

    def scores(self, answer: bytes) -> NDArray[np.floating[Any]]:
        """The scores ``(K,)`` in one answer, float32."""
        kind, _, data = answer.partition(b" ")
        try:
            return np.frombuffer(data, np.dtype(kind.decode())).astype(np.float32)
        except (TypeError, ValueError, UnicodeDecodeError) as error:
            raise OracleError(f"has an answer in its ledger that cannot be read ({brief(error)})") from error
