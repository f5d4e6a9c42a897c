"""The real network: HTTP on own sockets, and DNS by dnspython.

The socket is opened here, because the address of a request is given. The name is only sent to the server, as with `curl
--resolve`.
"""

import errno
import http.client
import secrets
import socket
import ssl
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import cast
from urllib.parse import SplitResult, quote, urlsplit

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from auren_infra.settings.name_servers import PORT, endpoint
from auren_infra.smoke_test.answers import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Addresses,
    Answer,
    NoSuchName,
    Silence,
    Unresolved,
)

DNS_SECONDS = 3
"""The longest wait for one name server."""
DNS_ROUNDS = 2
"""Repeated, because a UDP packet may get lost."""
LONGEST_TEXT = 2000
"""Bytes of a body that are read."""
_AS_THEY_ARE = "/?#[]@!$&'()*+,;=:%~"
"""Characters of a URL that are not quoted."""
_HERE = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EPERM, errno.EACCES})
"""Errors of this machine's own network. EHOSTUNREACH is none of them, because a host that is off can cause it."""
_HEADERS = {
    # Cloudflare's Browser Integrity Check refuses the user agents of common libraries.
    "User-Agent": "Mozilla/5.0 (compatible; AUREN smoke test)",
    "Accept": "*/*",
    "Connection": "close",
}


class Internet:
    """Connects directly. `name_server` is ADDRESS or ADDRESS:PORT; empty for the system's name servers."""

    def __init__(self, name_server: str) -> None:
        self._name_server = name_server

    def get(self, url: str, address: str) -> Answer | Silence:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        try:
            connection = socket.create_connection((address, parts.port or (443 if secure else 80)), CONNECT_SECONDS)
        except OSError as error:
            return _silence(error)
        with _ended_in_time(connection) as ended:
            try:
                connection.settimeout(None)
                if secure:
                    context = ssl.create_default_context()
                    connection = context.wrap_socket(connection, server_hostname=parts.hostname)
                answer = _exchange(connection, parts)
                return Silence.SLOW if ended.is_set() else answer  # an incomplete answer would look like a complete one
            except ssl.SSLCertVerificationError:
                return Silence.CERTIFICATE
            except (OSError, http.client.HTTPException) as error:
                if ended.is_set():
                    return Silence.SLOW
                return Silence.TLS if isinstance(error, ssl.SSLError) else Silence.CUT
            finally:
                connection.close()

    def connects(self, address: str, port: int) -> bool:
        try:
            socket.create_connection((address, port), CONNECT_SECONDS).close()
        except OSError:
            return False
        return True

    def look_up(self, host: str) -> Addresses | NoSuchName | Unresolved:
        found = self._ask_for(host, dns.rdatatype.A)
        if isinstance(found, Unresolved):
            return found
        other = self._ask_for(host, dns.rdatatype.AAAA)
        # Some name servers do not answer this query. Visitors then use the IPv4 addresses.
        ipv6 = () if isinstance(other, Unresolved) else _texts(other)
        if not (ipv4 := _texts(found)) and not ipv6:
            return NoSuchName(found.minimum_ttl)
        return Addresses(ipv4, ipv6, found.minimum_ttl)

    def _ask_for(self, host: str, kind: dns.rdatatype.RdataType) -> dns.message.ChainingResult | Unresolved:
        question = dns.message.make_query(f"{host}.", kind)
        outcome = Unresolved.SILENT
        for server, port in self._servers() * DNS_ROUNDS:
            try:
                reply, _ = dns.query.udp_with_fallback(question, server, DNS_SECONDS, port)
                if reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                    return cast(dns.message.QueryMessage, reply).resolve_chaining()
            except (dns.exception.DNSException, OSError):
                continue
            outcome = Unresolved.REFUSED if reply.rcode() == dns.rcode.REFUSED else Unresolved.FAILED
        return outcome

    def _servers(self) -> list[tuple[str, int]]:
        if self._name_server:
            return [endpoint(self._name_server)]
        try:
            return [(str(server), PORT) for server in dns.resolver.Resolver().nameservers]
        except dns.exception.DNSException:  # this machine names none
            return []


@contextmanager
def _ended_in_time(connection: socket.socket) -> Generator[threading.Event]:
    """End the exchange after a while, however slowly its bytes come. The event says that it was ended."""
    ended = threading.Event()
    # A descriptor of its own, since TLS takes over the connection's.
    with connection.dup() as end:

        def shut() -> None:
            ended.set()
            with suppress(OSError):  # the other side was quicker
                end.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(READ_SECONDS, shut)
        timer.start()
        try:
            yield ended
        finally:
            timer.cancel()
            timer.join()


def _exchange(connection: socket.socket, parts: SplitResult) -> Answer:
    client = http.client.HTTPConnection(parts.hostname or "", parts.port)
    client.sock = connection
    query = "&".join(filter(None, (parts.query, f"smoke-test={secrets.token_hex(4)}")))
    client.request("GET", quote(f"{parts.path or '/'}?{query}", safe=_AS_THEY_ARE), headers=_HEADERS)
    response = client.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read1(LONGEST_TEXT).decode(errors="replace"))


def _silence(error: OSError) -> Silence:
    if isinstance(error, ConnectionRefusedError):
        return Silence.REFUSED
    return Silence.NO_NETWORK if error.errno in _HERE else Silence.UNREACHABLE


def _texts(found: dns.message.ChainingResult) -> tuple[str, ...]:
    records = cast(Iterable[object], found.answer or ())  # declared without types
    return tuple(sorted(str(record) for record in records))
