"""An endpoint: the address and headers of a service; secrets stand in environment variables only."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from sparseattack import InputError
from sparseattack.provenance import digest

SECRET = re.compile(r"\{([A-Za-z_]\w*)\}")  # the name of an environment variable
SECRETIVE = re.compile(r"auth|key|token|secret|password|passwd|cookie|signature|credential", re.IGNORECASE)
WEB, GRPC = ("http", "https"), ("grpc", "grpcs")  # kinds of addresses, each without and with encryption
HIDDEN = 4  # letters: a shorter value is no secret, and may stand anywhere


@dataclass(frozen=True)
class Endpoint:
    """Where requests go. ``{NAME}`` in the address or in a header is the value of an environment variable.

    The value is put in when a request is sent: it is in no study, ledger, table or error.
    """

    url: str
    headers: tuple[str, ...] = ()  # "Name: value" each
    label: str = ""  # in place of the address in the keys of runs and answers
    schemes: tuple[str, ...] = WEB

    def __post_init__(self) -> None:
        """Refuse what is no address, a secret that stands in the text, and a variable that is not set."""
        self._check_address()
        for header in self.headers:
            name, colon, value = header.partition(":")
            if not colon or not name.strip():
                raise InputError(f'a header is written as "Name: value", not as {name!r}')
            self._check_secret(f"the header {name.strip()}", name, value)
        for name in SECRET.findall(" ".join((self.url, *self.headers))):
            if not os.environ.get(name, "").strip():
                raise InputError(f"the environment variable {name}, which url or headers name, is not set")
        for name, value in self.header_values().items():
            if not (value.isascii() and value.isprintable()):
                raise InputError(f"the header {name} holds a line break, or a character that is not ASCII")

    def _check_address(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in self.schemes or not parts.hostname:
            raise InputError(
                f"url is an address such as http://127.0.0.1:8000, of {', '.join(self.schemes)}, not"
                f" {self.url!r}"
            )
        if parts.username or parts.password:
            raise InputError('url holds a user name or password: give headers="Authorization: Basic {LOGIN}"')
        try:
            port = parts.port
        except ValueError as error:
            raise InputError(f"url has a port that is no number from 1 to 65535: {self.url!r}") from error
        if parts.scheme in GRPC and (not port or parts.path.strip("/") or parts.query):
            raise InputError(
                f"an address of gRPC is {parts.scheme}://HOST:PORT and no more, not {self.url!r}"
            )
        for pair in filter(None, parts.query.split("&")):
            name, _, value = pair.partition("=")
            self._check_secret(f"the parameter {name} of url", name, value)

    def _check_secret(self, what: str, name: str, value: str) -> None:
        if SECRETIVE.search(name) and not SECRET.search(value):
            raise InputError(
                f"{what} looks like a secret, which a study would store: put its value in an environment"
                f" variable, export API_KEY=..., and write {{API_KEY}} in its place"
            )

    @property
    def scheme(self) -> str:
        """Of its address: http, https, grpc or grpcs."""
        return urlsplit(self.url).scheme

    @cached_property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc

    @cached_property
    def is_own_machine(self) -> bool:
        """Whether the address is a loopback address: nobody else's server."""
        name = urlsplit(self.url).hostname or ""
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"

    @cached_property
    def key(self) -> str:
        """Digest of what identifies it: its label, or else address and headers, without secrets."""
        plain = sorted(header for header in self.headers if not SECRET.search(header))
        return digest([self.label] if self.label else [self.url.rstrip("/"), plain])

    @cached_property
    def _values(self) -> dict[str, str]:
        names = SECRET.findall(" ".join((self.url, *self.headers)))
        return {name: os.environ.get(name, "").strip() for name in names}

    def address(self, path: str = "") -> str:
        """The address with its secrets, and a ``path`` below it."""
        filled = SECRET.sub(lambda found: quote(self._values[found[1]], safe=""), self.url)
        return f"{filled.rstrip('/')}/{path}" if path else filled

    def header_values(self) -> dict[str, str]:
        """The headers with their secrets."""
        pairs = (header.partition(":")[::2] for header in self.headers)
        fill = SECRET.sub
        return {
            name.strip(): fill(lambda found: self._values[found[1]], value).strip() for name, value in pairs
        }

    def masked(self, text: str) -> str:
        """A text, such as a service's error, in which no secret stands."""
        for name, value in self._values.items():
            for form in dict.fromkeys((value, quote(value, safe=""))):
                if len(form) >= HIDDEN:
                    text = text.replace(form, f"{{{name}}}")
        return text
