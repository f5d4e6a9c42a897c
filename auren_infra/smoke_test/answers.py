"""Types of a network's answers to the smoke test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

CONNECT_SECONDS = 5
"""The longest wait for a connection."""
READ_SECONDS = 10
"""The longest wait for an answer on a connection."""


class Silence(StrEnum):
    """Why there is no HTTP answer."""

    NO_NETWORK = "cannot be asked: this machine has no route to it"
    UNREACHABLE = "cannot be reached"
    REFUSED = "refuses the connection"
    SLOW = f"accepts the connection and sends no answer within {READ_SECONDS} s"
    CUT = "ends the connection without an HTTP answer"
    CERTIFICATE = "has no valid certificate"
    TLS = "refuses the TLS handshake"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `headers` has names in lower case, `text` is the beginning of the body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    text: str = ""


@dataclass(frozen=True)
class Addresses:
    """The addresses of a name. Name servers may cache them for `seconds`."""

    ipv4: Sequence[str]
    ipv6: Sequence[str] = ()
    seconds: int = 0


@dataclass(frozen=True)
class NoSuchName:
    """There is no record of this name. Name servers may cache this for `seconds`."""

    seconds: int = 0


class Unresolved(StrEnum):
    """Why a name server gives no answer."""

    SILENT = "no name server answers"
    FAILED = "the name server finds no answer"
    REFUSED = "the name server refuses to answer"


class Network(Protocol):
    """The operations of a network that the smoke test uses."""

    def get(self, url: str, address: str) -> Answer | Silence:
        """GET `url` at `address`, past every cache. Follows no redirect."""
        ...

    def connects(self, address: str, port: int) -> bool:
        """Whether a TCP connection can be made."""
        ...

    def look_up(self, host: str) -> Addresses | NoSuchName | Unresolved:
        """Ask a name server for the addresses of `host`."""
        ...
