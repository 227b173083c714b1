"""Scores of a remote classifier: known answers from the ledger, the others bought, each exactly once.

A call is split into requests by place and size only, and answers are put back by place, so no score depends
on how many requests are under way.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple, Protocol
from warnings import warn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack import OracleError
from sparseattack.data.images import eight_bit
from sparseattack.errors import ChangedError, SparseattackWarning, number_of
from sparseattack.problem.purity import PROBES

from .answers import TEMPORARY
from .class_scores import Scores, certainty, differ
from .client import BROKEN, Client, HttpRequest, RefusedError, StoppedError

Pixels = NDArray[np.uint8]
LENGTH = "Inference-Header-Content-Length"  # bytes of the JSON before the bytes of tensors


class Service(Protocol):
    """How a kind of service is asked about images, and what it answers."""

    batch: int  # images in one request at most
    on_trial: bool  # whether requests are in a form that the service may not understand

    @property
    def lossless(self) -> bool:
        """Whether a request holds the very colours of its images."""

    def size(self, pixels: Pixels) -> int:
        """Bytes that an image ``(C, H, W)`` takes in a request, about."""

    def request(self, pixels: Pixels) -> HttpRequest:
        """The request about images ``(n, C, H, W)``, 8 bit."""

    def answers(self, body: bytes, header: str, count: int) -> list[bytes]:
        """The answer to each of ``count`` images, as received; ``header`` is that of binary tensors.

        OracleError for anything but well-formed answers.
        """

    def scores(self, answer: bytes) -> Scores:
        """The scores ``(K,)`` in one answer; OracleError where it holds none."""

    def another_form(self) -> None:
        """Write requests in another form from now on, in which they are not on trial."""


@dataclass(frozen=True)
class Buying:
    """What is bought at a time, and when the model is asked again."""

    bytes: int  # of images in one request at most
    again: int  # images sent after which known ones are asked again; 0 is never
    rounding: float  # share of the greatest score by which the scores of an image may differ


class _Keys(NamedTuple):
    """Keys of the images of a run, in order."""

    queries: dict[str, None]
    verifications: dict[str, None]


class RemoteScores:
    """Images ``(n, C, H, W)`` in [0, 1] -> scores ``(n, K)``, each bought once and then known.

    ``ask_again`` buys another answer to the same images. Of all that is asked again in the same order, in
    another process too, every answer is the one that was given before.
    """

    def __init__(self, who: str, service: Service, client: Client, template: str, buying: Buying) -> None:
        """``template`` is a digest of what a request looks like: part of every answer's key."""
        self.who, self.service, self.client, self.template = who, service, client, template
        self.buying, self.ledger = buying, client.ledger
        self._classes = 0  # until they are known
        self._asked: Counter[bytes] = Counter()  # how often images were asked again
        self._runs: deque[str] = deque()  # for which the next images are evaluated
        self._verifying = False
        self._bought: dict[str, _Keys] = {}  # by run
        self._references: dict[str, tuple[tuple[bool, float], Pixels]] = {}  # rank and image, by key
        self._since = -1  # images sent since these were asked again; -1 before anything is sent
        self._compared = False  # whether these were asked again; they stay the same then
        if not buying.again:
            self.ledger.trust()
        self._threads = ThreadPoolExecutor(client.limits.concurrency, "sparseattack-remote")
        if lost := self.ledger.unanswered:
            warn(
                f"{lost} {'image was' if lost == 1 else 'images were'} sent to {client.endpoint.host} and not"
                f" answered, as {self.ledger.path} says (a process was killed, or is at work): they may have"
                " been paid, and are sent again when they are needed",
                SparseattackWarning,
                stacklevel=2,
            )

    def __call__(self, images: Tensor) -> Tensor:
        """Scores of ``images``; OracleError where the service does not answer, or not in scores."""
        pixels = _pixels(images)
        return self._scores(pixels, [0] * len(pixels)).to(images.device)

    def ask_again(self, images: Tensor) -> Tensor:
        """Scores of ``images`` that were not taken from what is known of them already."""
        pixels = _pixels(images)
        occasions = []
        for image in pixels:
            content = blake2b(image.tobytes(), digest_size=16).digest()
            self._asked[content] += 1
            occasions.append(self._asked[content])
        return self._scores(pixels, occasions).to(images.device)

    @contextmanager
    def buying_for(self, runs: Sequence[str], verifying: bool = False) -> Iterator[None]:
        """Within it the next images are for these ``runs``, in order, queries or verifications."""
        self._runs, self._verifying = deque(runs), verifying
        try:
            yield
        finally:
            self._runs.clear()

    def bought_for(self, run: str) -> tuple[int, int]:
        """Of what was evaluated for a run since it was asked: queries that were ever sent, and images.

        The images are those of the ledger, each time they were sent, verifications too.
        """
        keys = self._bought.pop(run, _Keys({}, {}))
        queries = self.ledger.attempts_for(run, [*keys.queries])
        verifications = self.ledger.attempts_for(run, [*keys.verifications])
        return sum(count > 0 for count in queries), sum(queries) + sum(verifications)

    @property
    def lossless(self) -> bool:
        """Whether the server is sent the very colours of an image."""
        return self.service.lossless

    def check(self) -> None:
        """Ask known images again if others were sent since: ChangedError if their scores are others."""
        if self.buying.again and self._since > 0:
            self._compare()

    def statement(self) -> str:
        """What was sent so far, in a sentence."""
        most = self.client.limits.most
        limit = "" if most is None else f" of at most {most:,}"
        source = "" if self.ledger.path == TEMPORARY else f", as {self.ledger.path} says"
        ever = " by this process" if self.ledger.path == TEMPORARY else ""
        return (
            f"{self.ledger.attempts:,}{limit} images were sent to {self.client.endpoint.host}{ever}{source}"
        )

    def key(self, image: Pixels, occasion: int) -> str:
        """What an answer is known by: the service, the form of its requests, the image, the occasion."""
        shape = "x".join(map(str, image.shape))
        head = f"{self.ledger.service} {self.template} {occasion} {shape} ".encode()
        return blake2b(head + image.tobytes(), digest_size=16).hexdigest()

    def _scores(self, pixels: Pixels, occasions: Sequence[int]) -> Tensor:
        """Scores ``(n, K)`` of images ``(n, C, H, W)``, each on an occasion of its own."""
        keys = [self.key(image, occasion) for image, occasion in zip(pixels, occasions, strict=True)]
        known = self.ledger.known([*dict.fromkeys(keys)])
        clean = not (self._compared or self._runs or any(occasions))
        self._assign(keys, known)
        images = dict(zip(keys, pixels, strict=True))
        if clean:
            self._remember(images, known)
        self._buy({key: image for key, image in images.items() if key not in known}, known, clean)
        return torch.from_numpy(np.stack([self._decoded(known[key]) for key in keys]))

    def _assign(self, keys: Sequence[str], known: Mapping[str, bytes]) -> None:
        """Note which run each image is for, and in the ledger what is about to be sent for it."""
        new: dict[str, str] = {}
        for key in keys[: len(self._runs)]:
            if run := self._runs.popleft():
                bought = self._bought.setdefault(run, _Keys({}, {}))
                (bought.verifications if self._verifying else bought.queries)[key] = None
                if key not in known:
                    new.setdefault(key, run)
        if new:
            self.ledger.assign(new)

    def _remember(self, images: Mapping[str, Pixels], known: Mapping[str, bytes]) -> None:
        """Keep the images to be asked again, of those that are ``known``: PROBES of them.

        First those that were known before this process sent others, then those of the least certain class.
        """
        for key, image in images.items():
            if key in known and key not in self._references:
                rank = self._since >= 0, certainty(self._decoded(known[key]))
                self._references[key] = rank, image.copy()
        ranked = sorted(self._references.items(), key=lambda each: (each[1][0], each[0]))
        self._references = dict(ranked[:PROBES])

    def _buy(self, lacking: dict[str, Pixels], known: dict[str, bytes], clean: bool) -> None:
        """Add the answers to the images that are ``lacking``; ``clean`` ones may be asked again later."""
        while left := {key: image for key, image in lacking.items() if key not in known}:
            again = self.buying.again
            if again and (self._since >= again or (self._since < 0 and self._references)):
                self._compare()
                continue
            most = again - self._since if again else None
            portion = dict(islice(left.items(), 1 if self._since < 0 else most))
            if self._since < 0:
                known |= self._ask_alone(portion)
            else:
                known |= self._in_parallel(self._portions(portion))
            if clean:
                self._remember(portion, known)
            self._since += len(portion)  # 0 after the very first one

    def _portions(self, images: dict[str, Pixels]) -> list[dict[str, Pixels]]:
        """Images by key in requests, in their order: as many as the service takes, and as fit."""
        (sample, *_) = images.values()
        fit = max(1, min(self.service.batch, self.buying.bytes // max(1, self.service.size(sample))))
        every = iter(images.items())
        return [dict(islice(every, fit)) for _ in range(-(-len(images) // fit))]

    def _in_parallel(self, portions: Sequence[dict[str, Pixels]]) -> dict[str, bytes]:
        """What all requests bring; where one fails, those under way are waited for."""
        if len(portions) == 1:
            return self._ask(portions[0])
        self.client.stopped.clear()
        futures = [self._threads.submit(self._ask, portion) for portion in portions]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            if not all(_succeeded(future) for future in futures):
                self.client.stopped.set()
                for future in futures:
                    future.cancel()
                wait(futures)  # their answers are paid: they are kept
                self.client.stopped.clear()
        if errors := [error for one in futures if not one.cancelled() and (error := one.exception())]:
            raise min(errors, key=lambda error: isinstance(error, StoppedError))
        return {key: answer for future in futures for key, answer in future.result().items()}

    def _ask(self, images: dict[str, Pixels], anew: bool = False) -> dict[str, bytes]:
        """Send one request, and store what it brings; ``anew`` if it was answered before."""
        keys, pixels = [*images], np.stack([*images.values()])
        broken = 1 if self.service.on_trial else BROKEN
        response = self.client.post(self.service.request(pixels), keys, broken=broken, anew=anew)
        header = response.headers.get(LENGTH, "")
        try:
            answers = self.service.answers(response.content, header, len(keys))
            for answer in answers:
                self._decoded(answer)
        except OracleError as error:
            self.ledger.refuse(keys, "malformed")
            raise RefusedError(self.client.endpoint.masked(f"{self.client.endpoint.host} {error}")) from error
        found = dict(zip(keys, answers, strict=True))
        self.ledger.store(found)
        # of an image that another process has bought meanwhile, its answer stands in the ledger
        return found if anew else self.ledger.known(keys)

    def _decoded(self, answer: bytes) -> Scores:
        """The scores ``(K,)`` in an answer, always as many and all finite."""
        scores = self.service.scores(answer)
        if not np.isfinite(scores).all():
            raise OracleError("answered a score that is NaN or infinite")
        if self._classes not in (0, len(scores)):
            raise OracleError(f"answered {len(scores)} scores after {self._classes}")
        self._classes = len(scores)
        return scores

    def _ask_alone(self, image: dict[str, Pixels], anew: bool = False) -> dict[str, bytes]:
        """Ask about one image alone, and in another form where one that is on trial is refused."""
        try:
            found = self._ask(image, anew)
        except RefusedError:
            if not self.service.on_trial:
                raise
            self.service.another_form()
            return self._ask(image, anew)
        self.service.on_trial = False
        return found

    def _compare(self) -> None:
        """Ask known images again, each alone: ChangedError, and answers are taken back, if scores differ."""
        began, before = time.time(), self.ledger.known([*self._references])
        pairs: dict[str, tuple[Scores, Scores]] = {}
        for key, answer in before.items():
            now = self._ask_alone({key: self._references[key][1]}, anew=True)[key]
            pairs[key] = self._decoded(answer), self._decoded(now)
        if changed := [key for key, pair in pairs.items() if differ(*pair, self.buying.rounding)]:
            most = max(float(np.abs(old - new).max()) for old, new in pairs.values())
            raise ChangedError(
                f"{self.who} has changed: of {number_of(len(before), 'image')} that it was asked about again,"
                f" {len(changed)} have other scores than in {self.ledger.path}, by up to {most:.2g}. Answers"
                " since they were last the same are taken back, and so are runs that have one; all others are"
                " kept. Name another ledger=FILE, and another --study, for the new model; reprobe=0 asks no"
                " image again, and takes all answers as they are, for a model whose answers differ by chance",
                self.ledger.take_back(changed),
            )
        if pairs:
            self.ledger.confirm(began)
        self._since, self._compared = 0, True


def _succeeded(future: "Future[dict[str, bytes]]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _pixels(images: Tensor) -> Pixels:
    """Images ``(n, C, H, W)`` in [0, 1] as 8-bit colours; those of the service are never others."""
    found: Pixels = eight_bit(images).cpu().contiguous().numpy()
    return found
