"""What a server of the Open Inference Protocol says about a model: its input and its output."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from httpx2 import Response

from sparseattack import InputError, OracleError
from sparseattack.errors import brief
from sparseattack.problem.oracle import Shape

from ..dense_inference.scores import likely
from .client import Client

Layout = Literal["auto", "nchw", "nhwc"]
DATATYPES = {"UINT8": "|u1", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}
WHOLE = {
    **{f"INT{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
}
"""Whole numbers, which may be labels."""
NUMBERS = {**WHOLE, **DATATYPES}
CHANNELS = (1, 3, 4)  # a side of this length is taken for the channels
RANK = 4  # dimensions of a batch of images
LABELS = "set scale=labels and classes=[...], the names in order or how many, if it is the number of a class"


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
    if before is None:
        client.ledger.facts = _facts(found)
    elif _facts(parsed(before)) != _facts(found):
        raise InputError(
            f"{model} at {client.endpoint.host} is another model than the one of"
            f" {client.ledger.path}: its inputs or outputs have changed. Name another ledger=FILE"
        )
    return found


def _facts(found: Mapping[str, Any]) -> bytes:
    """Name, type and shape of every input and output: what HTTP and gRPC both say."""
    told = {
        kind: [
            {name: one.get(name) for name in ("name", "datatype", "shape")} for one in tensors(found, kind)
        ]
        for kind in ("inputs", "outputs")
    }
    return json.dumps(told, sort_keys=True).encode()


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object; OracleError for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OracleError(f"answered what is no JSON ({brief(error)})") from error
    if not isinstance(found, dict):
        raise OracleError("answered JSON that is no object")
    return found


def tensors(facts: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The inputs, or outputs, that metadata or an answer describe."""
    return [one for one in facts.get(kind) or [] if isinstance(one, dict) and "name" in one]


def listed(some: Sequence[Mapping[str, Any]]) -> str:
    """Tensors in a sentence: name, type and shape of each."""
    return ", ".join(f"{one['name']} {one.get('datatype')} {one.get('shape')}" for one in some) or "none"


def image_input(facts: Mapping[str, Any], name: str, layout: Layout, model: str) -> ImageTensor:
    """The input that is a batch of images; InputError where that is not clear."""
    every = tensors(facts, "inputs")
    some = [one for one in every if name in ("", one["name"])]
    if len(some) != 1:
        raise InputError(f"{model} has the inputs {listed(every)}: choose the images by input=NAME")
    only, shape = some[0], some[0].get("shape") or []
    if only.get("datatype") not in DATATYPES or len(shape) != RANK:
        raise InputError(
            f"{model} takes {listed(some)}, not one batch of images of four dimensions as"
            f" {', '.join(DATATYPES)}; encoded pictures are sent by http(url=...)"
        )
    fixed, *sides = (side if isinstance(side, int) and side > 0 else None for side in shape)
    guess = sides[2] in CHANNELS and sides[0] not in CHANNELS
    last = guess if layout == "auto" else layout == "nhwc"
    ordered = (sides[2], sides[0], sides[1]) if last else (sides[0], sides[1], sides[2])
    return ImageTensor(only["name"], only["datatype"], last, fixed, ordered)


def score_output(facts: Mapping[str, Any], name: str, model: str, labels: bool) -> str:
    """The name of the output that is the scores, or the ``labels``; InputError where that is not clear."""
    every = tensors(facts, "outputs")
    some = [one for one in every if name in ("", one["name"])]
    if len(some) != 1:
        floats = [one["name"] for one in every if f"{one.get('datatype')}".startswith("FP")]
        raise InputError(
            f"{model} has the outputs {listed(every)}: choose the scores by"
            f" output={likely(floats or [one['name'] for one in every]) if every else 'NAME'}"
        )
    kind = str(some[0].get("datatype"))
    if not (kind.startswith(("FP", "BF")) or (labels and kind in WHOLE)):
        advice = LABELS if kind in WHOLE else "a number a class is read, or with scale=labels that of a class"
        raise InputError(f"the output {listed(some)} of {model} is no scores: {advice}")
    return str(some[0]["name"])
