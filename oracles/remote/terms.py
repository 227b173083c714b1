"""The terms on which a service is used: what may be spent, how fast, and where answers are kept."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from weakref import finalize

from httpx2 import BaseTransport

from sparseattack import InputError
from sparseattack.provenance import digest

from .answers import TEMPORARY, AnswerLedger
from .client import Client, Limits
from .endpoint import GRPC, Endpoint

STRANGERS = 1.0  # requests a second to a server that is not on this machine, unless another rate is set
MEGABYTES = 4  # of images in one request: gRPC's own limit, below those of common proxies
LONGEST = 40  # letters of a name in the name of a file


@dataclass(frozen=True)
class Terms:
    """The settings that all remote oracles share."""

    endpoint: Endpoint
    ledger: str = ""  # file; empty is one named by the service, none is memory
    max_paid: int | None = None
    rate: float | None = None
    concurrency: int = 8
    timeout: float = 30
    patience: float = 300

    def client(self, kind: str, name: str) -> Client:
        """A client of the service called ``name``, which speaks ``kind``; InputError for what must be set."""
        own = self.endpoint.is_own_machine
        if self.max_paid is None and not own:
            raise InputError(
                f"{self.endpoint.host} is not this machine: say how many images may ever be sent there, as in"
                " --max-paid 5000, or max_paid=5000 among the oracle's settings"
            )
        rate = self.rate if self.rate is not None else (0.0 if own else STRANGERS)
        limits = Limits(self.timeout, self.patience, rate, self.concurrency, self.max_paid)
        service = digest([kind, self.endpoint.key, name])
        ledger = AnswerLedger(
            self._file(name, service), service, f"{name} at {self.endpoint.host}", durable=not own
        )
        client = Client(self.endpoint, limits, ledger, self._transport())
        finalize(client, ledger.close)
        return client

    def _transport(self) -> BaseTransport | None:
        """What takes requests in place of HTTP, for an address of gRPC."""
        if self.endpoint.scheme not in GRPC:
            return None
        try:
            from .grpc_transport import GrpcTransport
        except ImportError as error:
            raise InputError(
                f'{self.endpoint.scheme}:// needs grpcio and protobuf: pip install "sparseattack[grpc]"'
            ) from error
        host = urlsplit(self.endpoint.address()).netloc
        return GrpcTransport(host, self.endpoint.scheme == GRPC[1], self.endpoint.is_own_machine)

    def _file(self, name: str, service: str) -> Path:
        own = self.endpoint.is_own_machine
        if self.ledger.lower() == "none" or (own and not self.ledger):
            if not own:
                raise InputError(
                    f"answers of {self.endpoint.host} may cost money: they are kept in a file, ledger=FILE"
                )
            return TEMPORARY
        if self.ledger.startswith(":"):  # names without a file, in SQLite and here
            raise InputError(f"ledger={self.ledger} is no file: name one, or none")
        if self.ledger:
            return Path(self.ledger).expanduser()
        called = re.sub(r"[^\w.-]+", "-", f"{self.endpoint.host}-{name}")[:LONGEST].strip("-.")
        folder = Path(os.environ.get("SPARSEATTACK_STUDIES", "")).expanduser()
        return folder / f"sparseattack-{called}-{service[:8]}.ledger"
