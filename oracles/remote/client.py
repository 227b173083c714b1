"""Send requests to a service: at its pace, again where that may help, and never more than is allowed.

No result depends on it: what a request is answered with is the same however often and when it was sent.
"""

import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from threading import Condition, Event
from typing import NamedTuple
from warnings import warn
from weakref import finalize

import httpx2 as httpx

from sparseattack import InputError, OracleError, __version__
from sparseattack.errors import SparseattackWarning, UnansweredError, brief
from sparseattack.provenance import digest

from .answers import TEMPORARY, AnswerLedger
from .endpoint import Endpoint

CONNECT = 10.0  # seconds to make a connection
FIRST, LONGEST = 0.5, 30.0  # seconds to wait after the first failure, and at most
ABSENT = 3  # connections that fail before there was any, after which nobody is waited for
BROKEN = 2  # answers "500 Internal Server Error" to one request, after which it is given up
CALM = 20  # answers in a row after which one more request may be under way
SHOWN = 300  # characters of a service's error
WAITING = 1000  # most requests of all processes that wait for their turns
NOTICED = 30.0  # seconds of waiting before a request, above which a sentence says so
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
BROKEN_ONCE = HTTPStatus.INTERNAL_SERVER_ERROR  # which may pass, and often does not
PASSING = (HTTPStatus.REQUEST_TIMEOUT, BROKEN_ONCE, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
THROTTLED = re.compile(rb"throttl|TooManyRequests|rate limit|quota exceeded", re.IGNORECASE)  # in a 400


class HttpRequest(NamedTuple):
    """What is sent, below the address of the endpoint."""

    path: str
    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Limits:
    """How much and how fast is sent."""

    timeout: float  # seconds that an answer may take
    patience: float  # seconds after which a service that does not answer is given up
    rate: float  # requests a second, of all processes that share a ledger; 0 is no limit
    concurrency: int  # most requests under way in one process
    most: int | None  # images that may ever be sent; None is no limit

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        least = {"timeout": self.timeout, "patience": self.patience, "concurrency": self.concurrency}
        for name, value in least.items():
            if value <= 0:
                raise InputError(f"{name} is greater than 0, not {value:g}")
        if self.rate < 0 or (self.most is not None and self.most < 0):
            raise InputError("rate and max_paid are not negative; rate=0 is no limit")


class RefusedError(OracleError):
    """A service has answered, and not with scores."""


class BrokenError(RefusedError, UnansweredError):
    """A service has failed on a request again and again, and may answer others."""


class StoppedError(OracleError):
    """A request was not sent, or not again, because another one has failed."""


class Gate:
    """How many requests are under way: half as many when a service is busy, slowly more when it is not."""

    def __init__(self, most: int) -> None:
        self.most = self.limit = most
        self.running = self.calm = 0
        self.changed = Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place, and leave it at the end."""
        with self.changed:
            self.changed.wait_for(lambda: self.running < self.limit)
            self.running += 1
        try:
            yield
        finally:
            with self.changed:
                self.running -= 1
                self.changed.notify_all()

    def busy(self) -> None:
        """The service asks for fewer requests."""
        with self.changed:
            self.limit, self.calm = max(1, self.limit // 2), 0

    def answered(self) -> None:
        """The service has answered."""
        with self.changed:
            self.calm += 1
            if self.calm >= CALM and self.limit < self.most:
                self.limit, self.calm = self.limit + 1, 0
                self.changed.notify_all()


class Client:
    """Sends requests to one endpoint, in several threads at once."""

    def __init__(
        self,
        endpoint: Endpoint,
        limits: Limits,
        ledger: AnswerLedger,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``transport`` takes requests in place of HTTP, and answers in its status codes."""
        self.endpoint, self.limits, self.ledger = endpoint, limits, ledger
        self.gate, self.stopped, self._random = Gate(limits.concurrency), Event(), random.Random()
        self.reached = False  # whether there was a connection
        self._noticed = False  # whether a sentence has said that a request waits
        self._http = httpx.Client(
            headers={"User-Agent": f"sparseattack/{__version__}", **endpoint.header_values()},
            timeout=httpx.Timeout(limits.timeout, connect=CONNECT),
            limits=httpx.Limits(max_connections=limits.concurrency + 1),
            trust_env=not endpoint.is_own_machine,
            transport=transport,
        )
        finalize(self, self._http.close)

    def get(self, path: str) -> httpx.Response:
        """What the service answers to a question about itself; OracleError where it cannot be reached."""
        try:
            found = self._http.get(self.endpoint.address(path))
        except httpx.RequestError as error:
            reason = self.endpoint.masked(brief(error))
            raise OracleError(f"{self.endpoint.host} cannot be reached: {reason}") from error
        self.reached = True
        return found

    def post(
        self, request: HttpRequest, keys: list[str], *, broken: int = BROKEN, anew: bool = False
    ) -> httpx.Response:
        """The answer 200 to a request about the images ``keys``.

        A service may know a request that it has answered by the header ``Idempotency-Key``, and answer it
        again without a charge; one that is asked ``anew``, or after answers were taken back, has another key.

        Failures that may pass are waited for, at most ``limits.patience`` seconds in all; ``broken`` is how
        many answers 500 there may be. A service that was never reached is given up after ABSENT connections
        that failed. Raises OracleError, and InputError where no more may be sent.
        """
        began, failures, fatal = time.monotonic(), 0, 0
        once = {"Idempotency-Key": digest([*keys, time.time_ns() if anew else self.ledger.changes])}
        request = request._replace(headers={**request.headers, **once})
        while True:
            with self.gate.turn():
                self._await_turn()
                self._sleep(0)
                self.ledger.send(keys, self.limits.most)
                answer = self._try(request, keys)
            if isinstance(answer, httpx.Response) and answer.is_success:
                self.gate.answered()
                return answer
            failures += 1
            fatal += isinstance(answer, httpx.Response) and answer.status_code == BROKEN_ONCE
            if fatal >= broken:
                raise self._given_up(answer, f"{fatal} times" if fatal > 1 else "")
            if failures >= ABSENT and not self.reached:
                raise self._given_up(answer, f"{failures} times")
            self._wait(answer, failures, began)

    def _try(self, request: HttpRequest, keys: list[str]) -> httpx.Response | httpx.TransportError:
        """Send once: the answer, or why there is none; the ledger knows which."""
        address = self.endpoint.address(request.path)
        try:
            response = self._http.post(address, content=request.content, headers=dict(request.headers))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # nothing was seen by anybody
            self.ledger.withdraw(keys)
            return error
        except httpx.TransportError as error:  # it may have been seen, and paid
            self.reached = True
            return error
        except httpx.DecodingError as error:
            self.reached = True
            self.ledger.refuse(keys, "malformed")
            reason = f"{self.endpoint.host} answered what cannot be decoded ({brief(error)})"
            raise RefusedError(self.endpoint.masked(reason)) from error
        self.reached = True
        if not response.is_success:
            self.ledger.refuse(keys, str(response.status_code))
        return response

    def _await_turn(self) -> None:
        """Wait for the next turn of all processes that share the ledger, and for the end of a pause."""
        interval = 1 / self.limits.rate if self.limits.rate else 0.0
        longest = max(self.limits.patience, interval * WAITING)
        while (wait := self.ledger.reserve(interval, longest) - time.time()) > 0:
            if wait > NOTICED and not self._noticed:
                self._noticed = True
                source = "" if self.ledger.path == TEMPORARY else f", as {self.ledger.path} says"
                warn(
                    f"the next request to {self.endpoint.host} waits {wait:.0f} s, for its turn (rate=) or as"
                    f" long as the service asked{source}",
                    SparseattackWarning,
                    stacklevel=2,
                )
            self._sleep(wait)
            if interval and not self.ledger.paused:
                return

    def _wait(self, answer: httpx.Response | httpx.TransportError, failures: int, began: float) -> None:
        """Wait before a request is sent again; OracleError where that cannot help, or takes too long."""
        wait = min(LONGEST, FIRST * 2 ** (failures - 1)) * self._random.uniform(0.5, 1)
        busy = isinstance(answer, httpx.Response) and (answer.status_code in BUSY or _throttled(answer))
        if isinstance(answer, httpx.Response):
            if not (busy or answer.status_code in PASSING):
                raise self._given_up(answer)
            asked = retry_after(answer.headers.get("Retry-After", ""))
            wait = wait if asked is None else asked
        if wait > began + self.limits.patience - time.monotonic():
            often = f"{failures} times" if failures > 1 else ""
            raise self._given_up(answer, often, f" (to be asked again in {wait:.0f} s)" if busy else "")
        if busy:
            self.gate.busy()
            self.ledger.pause(wait)  # for all threads, which wait at their next turn
        else:
            self._sleep(wait)

    def _sleep(self, seconds: float) -> None:
        """Wait, unless another thread has failed."""
        if self.stopped.wait(seconds):
            raise StoppedError("another request has failed")

    def _given_up(
        self, answer: httpx.Response | httpx.TransportError, often: str = "", more: str = ""
    ) -> OracleError:
        """One sentence with the service's own words, without secrets."""
        if isinstance(answer, httpx.Response):
            said = f"answered {often + ' ' if often else ''}{answer.status_code} {answer.reason_phrase}"
            words = _words(self.endpoint.masked(answer.text))
            said = f"{said}: {words}{more}{_advice(answer)}"
        else:
            said = f"did not answer{', ' + often if often else ''}: {type(answer).__name__}: {answer}"
        kind: type[OracleError] = OracleError
        if isinstance(answer, httpx.Response) and not more:
            kind = BrokenError if answer.status_code == BROKEN_ONCE else RefusedError
        return kind(self.endpoint.masked(f"{self.endpoint.host} {said}{self._kept()}"))

    def _kept(self) -> str:
        if self.ledger.path == TEMPORARY:
            return "; ledger=FILE would keep all answers until now"
        return f"; all answers until now are kept in {self.ledger.path}, and the same command goes on"


def _throttled(answer: httpx.Response) -> bool:
    """Whether an answer 400 says that requests come too fast, as some services do."""
    return answer.status_code == HTTPStatus.BAD_REQUEST and bool(THROTTLED.search(answer.content))


def _words(error: str) -> str:
    """The beginning of a service's error."""
    text = " ".join(error.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _advice(answer: httpx.Response) -> str:
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return '; give its key as headers="Authorization: Bearer {API_KEY}", with API_KEY in the environment'
    if answer.is_redirect:
        return f"; use the address {answer.headers.get('Location', '')}"
    return ""


def retry_after(text: str) -> float | None:
    """The seconds that a header Retry-After asks for, as a number or a date; None for anything else."""
    with suppress(ValueError):
        return max(0.0, float(text))
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(text)
        return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    return None
