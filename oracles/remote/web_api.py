"""Any classifier behind a JSON or multipart API, described by where image and scores stand."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from typing import Any, Literal, NamedTuple

import httpx2 as httpx
import numpy as np
import torch

from sparseattack import Classifier, InputError, Oracle, OracleError
from sparseattack.data.png import pil_image
from sparseattack.errors import brief
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest

from .class_scores import Reading, Scores, class_names
from .client import HttpRequest
from .connection import Buying, Pixels, RemoteScores
from .endpoint import Endpoint
from .template import EACH, Steps, filled, items, masked_json, steps_of, template_at, template_in
from .terms import MEGABYTES, Terms

Layout = Literal["nhwc", "nchw"]
Others = Literal["refuse", "ignore"]
BEST, WHITE = 100, 255  # quality of a JPEG, a level
BODY, FORM = "body", "form:"  # in place of a path in JSON
FASTEST = 1  # of PNG's compression: a fifth of the time for a quarter more bytes, the same colours
TYPES = {"png": "image/png", "jpeg": "image/jpeg", "raw": "application/octet-stream"}


def http(
    *,
    url: str,
    send: str = "png",
    image: str = "image",
    body: str = "",
    scores: str = "scores",
    labels: str = "",
    percent: bool = False,
    classes: tuple[str, ...] = (),
    others: Others = "refuse",
    layout: Layout = "nhwc",
    range: float = 255,
    scale: ScaleSetting = "auto",
    batch: int = 1,
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
    """A classifier behind any JSON or multipart API, by where the image and the scores stand.

    url: address that requests are posted to; {NAME} is an environment variable
    send: the image as png, jpeg:QUALITY, raw (bytes, row by row) or json (a list of numbers)
    image: where it stands in the request: a path in JSON as image or instances[*].b64, form:FIELD, or body
    body: JSON file of a whole request in which "{image}" stands for the image, in place of image
    scores: path of the scores in the answer, as in scores, predictions[*] or outputs[*].concepts[*].value
    labels: path of the names or numbers of their classes, where not all are given in order
    percent: whether scores are percentages
    classes: names of the classes, in order; or a file with a name a line; or, for labels by number, how many
    others: labels that are none of the classes are refused, or ignored
    layout: order of the numbers of raw and json: nhwc is pixel by pixel
    range: greatest colour in json, 255 or 1
    scale: of the scores; auto recognises probabilities; logits compares independent scores as they are
    batch: images in one request at most; more than 1 needs [*] in image, or a list in body, and in scores
    rounding: share of the greatest score by which scores may differ; 0 for batch=1, else as of float32
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
    if range not in (1, WHITE) or batch < 1:
        raise InputError(f"range is 255 or 1, and batch at least 1, not {range:g} and {batch}")
    endpoint, form = Endpoint(url, headers, label), ImageForm.of(send, layout, range)
    terms = Terms(endpoint, ledger, max_paid, rate, concurrency, timeout, patience)
    template, many = (template_in(body), batch > 1) if body else (image, False)
    if not body and image != BODY and not image.startswith(FORM):
        template, many = template_at(steps := steps_of(image, "image")), EACH in steps
    names = class_names(classes)
    found, of = steps_of(scores, "scores"), steps_of(labels, "labels")
    if only := scale == "labels" and bool(labels):
        found, of = of, ()
        if not names:
            raise InputError("scale=labels with labels= needs all classes, in order, by classes=")
    where = Reading(found, of, percent, names, others == "ignore", only)
    service = WebService(form, template, where, batch, many, endpoint.masked)
    service.check()
    known = digest([form, template, service.prefix])
    who = label or endpoint.host
    client = terms.client("http", who)
    bought = RemoteScores(who, service, client, known, Buying(MEGABYTES * 2**20, reprobe, rounding or 0.0))
    return Classifier(
        who,
        bought,
        digest(["http", endpoint.key, known, where, scale]),
        scale,
        max(batch * concurrency, 32),
        () if names and names[0] == "" else names,
        rounding=0.0 if rounding is None and batch == 1 else rounding,
        remote=bought,
        notes=service.notes,
    )


class ImageForm(NamedTuple):
    """How an image is written down."""

    kind: str  # png, jpeg, raw or json
    quality: int
    layout: Layout
    range: float

    @classmethod
    def of(cls, send: str, layout: Layout, range: float) -> "ImageForm":
        """The form that ``send`` names; InputError for anything else."""
        kind, _, quality = send.partition(":")
        good = quality.isdecimal() and 1 <= int(quality) <= BEST if kind == "jpeg" else not quality
        if kind not in (*TYPES, "json") or not good:
            raise InputError(f"send is png, jpeg:QUALITY from 1 to 100, raw or json, not {send!r}")
        return cls(kind, int(quality or 0), layout, range)

    def numbers(self, pixels: Pixels) -> Pixels:
        """An image ``(C, H, W)`` in the order in which it is sent."""
        return np.ascontiguousarray(pixels.transpose(1, 2, 0) if self.layout == "nhwc" else pixels)

    def encoded(self, pixels: Pixels) -> bytes:
        """An image ``(C, H, W)`` as bytes."""
        if self.kind == "raw":
            return self.numbers(pixels).tobytes()
        file, picture = BytesIO(), pil_image(torch.from_numpy(pixels))
        if self.kind == "png":
            picture.save(file, "PNG", compress_level=FASTEST)
        else:
            picture.save(file, "JPEG", quality=self.quality)
        return file.getvalue()

    def in_json(self, pixels: Pixels) -> Any:
        """An image ``(C, H, W)`` as JSON holds it: numbers, or bytes in base 64."""
        if self.kind != "json":
            return b64encode(self.encoded(pixels)).decode()
        numbers = self.numbers(pixels)
        return (numbers if self.range == WHITE else numbers.astype(np.float64) / WHITE).tolist()


@dataclass
class WebService:
    """Requests and answers of an API, as a template and paths say."""

    form: ImageForm
    template: Any  # JSON, or the text of image= where the body is no JSON
    reading: Reading
    batch: int
    many: bool  # whether a request has a list of images
    mask: Callable[[str], str]  # hides the secrets that stand in a text
    on_trial: bool = False
    fewest: int | None = None  # classes in an answer so far

    def notes(self) -> tuple[str, ...]:
        """That answers have scores of some classes only, where that is so, and what that means."""
        count = len(self.reading.classes)
        if self.fewest is None or self.fewest >= count:
            return ()
        return (
            f"answers have scores of {self.fewest} of {count} classes, or more: where the true class, or the"
            " target, is not among them, no more is known than that its score is below theirs; successes are"
            " exact",
        )

    @property
    def lossless(self) -> bool:
        """Whether the service is sent the very colours of an image."""
        return self.form.kind != "jpeg"

    @property
    def prefix(self) -> Steps:
        """Path of the list of what an answer holds about each image; empty for one image a request."""
        steps = self.reading.scores
        return steps[: steps.index(EACH) + 1] if self.many and EACH in steps else ()

    def check(self) -> None:
        """Refuse settings that do not fit each other."""
        if self.batch > 1 and not self.prefix:
            raise InputError(
                f"batch={self.batch} needs a list of images, as in image=instances[*], and one of answers,"
                " as in scores=predictions[*]"
            )
        if self.many and not self.prefix:
            raise InputError(
                "image=...[*] sends a list of images: scores has the list of answers, as in predictions[*]; a"
                " list of always one image is written image=NAME[0]"
            )
        if isinstance(self.template, str) and self.form.kind == "json":
            raise InputError("send=json is sent in JSON: give its field as image=FIELD")
        if self.reading.labels[: len(self.prefix)] != self.prefix and self.reading.labels:
            raise InputError("labels and scores are in the same list of answers: their paths begin alike")

    def size(self, pixels: Pixels) -> int:
        """Bytes that an image takes in a request, at most about."""
        return int(pixels.size) * (4 if self.form.kind == "json" else 2)

    def another_form(self) -> None:
        """There is no other form."""

    def request(self, pixels: Pixels) -> HttpRequest:
        """The request about images ``(n, C, H, W)``."""
        if isinstance(self.template, str) and self.template == BODY:
            return HttpRequest("", self.form.encoded(pixels[0]), {"Content-Type": TYPES[self.form.kind]})
        if isinstance(self.template, str) and self.template.startswith(FORM):
            return self._multipart(self.form.encoded(pixels[0]))
        body = filled(self.template, [self.form.in_json(image) for image in pixels], self.many)
        return HttpRequest("", json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _multipart(self, content: bytes) -> HttpRequest:
        """A form with one file."""
        field, kind = self.template.removeprefix(FORM), self.form.kind
        mark = blake2b(content, digest_size=16).hexdigest()
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        file = {field: (f"image.{kind}", content, TYPES[kind])}
        body = httpx.Request("POST", "http://localhost", headers=headers, files=file).read()
        return HttpRequest("", body, headers)

    def answers(self, body: bytes, header: str, count: int) -> list[bytes]:
        """What the answer holds about each of ``count`` images, as JSON without secrets."""
        try:
            found = masked_json(json.loads(body), self.mask)
        except (ValueError, RecursionError) as error:
            raise OracleError(f"answered what is no JSON ({brief(error)})") from error
        each = items(found, self.prefix, count) if self.prefix else [found]
        return [json.dumps(one).encode() for one in each]

    def scores(self, answer: bytes) -> Scores:
        """The scores ``(K,)`` in what an answer holds about one image, float64."""
        cut = len(self.prefix)
        own = self.reading._replace(scores=self.reading.scores[cut:], labels=self.reading.labels[cut:])
        item = json.loads(answer)
        vector, given = own.vector(item), own.given(item)
        self.fewest = given if self.fewest is None else min(self.fewest, given)
        return vector
