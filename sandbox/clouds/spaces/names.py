"""The name server of droplets: the names of Spaces from here, all others from this machine's own name servers.

Only droplets ask it, since a container has no other way to names that differ from the internet's.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler

from sandbox.clouds.name_server import DnsService
from sandbox.clouds.spaces.regions import endpoint_of
from sandbox.layout import SPACES_DOMAIN

TTL = 60
UPSTREAM_SECONDS = 3
_RESOLV = Path("/etc/resolv.conf")
log = logging.getLogger("sandbox.clouds.dns")


class SpacesResolver(BaseResolver):
    def __init__(self, address: str, upstream: Sequence[str]) -> None:
        self._address = address
        self._upstream = upstream

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        name = str(request.q.qname).rstrip(".").lower()
        if name == SPACES_DOMAIN or name.endswith(f".{SPACES_DOMAIN}"):
            reply = request.reply()
            if endpoint_of(name) is None:
                reply.header.rcode = RCODE.NXDOMAIN
            elif request.q.qtype == QTYPE.A:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(self._address), ttl=TTL))
            return reply
        return self._passed_on(request, tcp=handler.protocol == "tcp")

    def _passed_on(self, request: DNSRecord, *, tcp: bool) -> DNSRecord:
        for server in self._upstream:
            try:
                return DNSRecord.parse(request.send(server, 53, tcp=tcp, timeout=UPSTREAM_SECONDS))
            except OSError as error:
                log.warning("%s does not answer: %s", server, error)
        reply = request.reply()
        reply.header.rcode = RCODE.SERVFAIL
        return reply


class SpacesNames(DnsService):
    def __init__(self, address: str, port: int) -> None:
        super().__init__(SpacesResolver(address, _name_servers()), address, port)


def _name_servers() -> list[str]:
    lines = [line.split() for line in _RESOLV.read_text().splitlines()] if _RESOLV.exists() else []
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
