"""The zone's name server: it answers from the records that the API holds, over UDP and TCP.

It is authoritative only. Names outside the account's zones are refused. A name without records does not exist, unless
there is a wildcard or a deeper name. A name without records of the requested type has an empty answer. A proxied name
resolves to the edge's address, as at Cloudflare, and a CNAME at the zone itself is followed within the zone.
Deliberately left out: DNSSEC, zone transfers, dynamic updates.
"""

import logging
import re
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address

from dnslib import AAAA, CAA, CLASS, CNAME, EDNS0, MX, NS, QTYPE, RCODE, RD, RR, SOA, SRV, TXT, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from sandbox.clouds.cloudflare.record_content import AUTOMATIC, PROXIABLE
from sandbox.clouds.cloudflare.zones import NAME_SERVERS
from sandbox.clouds.state import CloudflareState, Zone
from sandbox.clouds.state import DnsRecord as Record
from sandbox.clouds.store import Store

log = logging.getLogger("sandbox.clouds.dns")

AUTOMATIC_TTL = 300
NEGATIVE_TTL = 1800
ZONE_TTL = 86400
MAX_CHAIN = 8
PLAIN_UDP = 512
"""Bytes of an answer by UDP to a client that does not say (by EDNS) that it takes longer ones."""
MAX_UDP = 1232
STOP_POLL = 0.05
"""Seconds between two looks at whether to stop."""
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class ZoneResolver(BaseResolver):
    def __init__(self, store: Store, edge: IPv4Address) -> None:
        self._store = store
        self._edge = edge

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        reply = self._reply(request)
        asked = next((int(each.rclass) for each in request.ar if each.rtype == QTYPE.OPT), None)
        if asked is not None:
            reply.add_ar(EDNS0(udp_len=MAX_UDP))
        if handler.protocol == "udp" and len(reply.pack()) > max(PLAIN_UDP, min(asked or 0, MAX_UDP)):
            # Cut, so that the client comes again by TCP. (The library's own cut answer lacks the question.)
            reply.rr, reply.auth = [], []
            reply.header.tc = 1
        return reply

    def _reply(self, request: DNSRecord) -> DNSRecord:
        reply = request.reply(ra=0, aa=0)
        name = str(request.q.qname).rstrip(".").lower()
        kind = str(QTYPE.get(request.q.qtype))
        with self._store.read() as whole:
            zone = zone_of(name, active(whole.cloudflare))
            if zone is None or request.q.qclass != CLASS.IN:
                reply.header.rcode = RCODE.REFUSED
                return reply
            reply.header.aa = 1
            self._answer(reply, zone, name, kind)
        for answer in reply.rr:
            if answer.rname == request.q.qname:
                answer.rname = request.q.qname  # in the letters it was asked in, which some resolvers insist on
        return reply

    def _answer(self, reply: DNSRecord, zone: Zone, name: str, kind: str) -> None:
        own = records_at(zone, name)
        if own is None:
            reply.header.rcode = RCODE.NXDOMAIN
        else:
            for answer in self._answers(zone, name, kind, own):
                reply.add_answer(answer)
        if not reply.rr:
            reply.add_auth(_soa(zone, NEGATIVE_TTL))

    def _answers(self, zone: Zone, name: str, kind: str, own: list[Record]) -> Iterator[RR]:
        if name == zone.name and kind == "SOA":
            yield _soa(zone, ZONE_TTL)
        if name == zone.name and kind == "NS":
            yield from (_rr(name, "NS", NS(server), ZONE_TTL) for server in NAME_SERVERS)
        if any(record.proxied for record in own):
            # Clients get the edge's address for every type of record, and the edge has only an IPv4 address.
            if kind == "A":
                yield _rr(name, "A", A(str(self._edge)), AUTOMATIC_TTL)
            own = [record for record in own if record.type not in PROXIABLE]
        alias = next((record for record in own if record.type == "CNAME"), None)
        if alias is None or kind == "CNAME":
            yield from (_rr(name, kind, _data(record), _ttl(record)) for record in own if record.type == kind)
            return
        if name == zone.name:
            yield from self._flattened(zone, kind, alias)
        else:
            yield from self._chain(zone, kind, alias, name)

    def _chain(self, zone: Zone, kind: str, alias: Record, name: str) -> Iterator[RR]:
        """The alias, and what it leads to as far as the zone knows it."""
        for _ in range(MAX_CHAIN):
            yield _rr(name, "CNAME", CNAME(alias.content), _ttl(alias))
            name = alias.content
            own = records_at(zone, name) if zone_of(name, [zone]) else None
            following = next((each for each in own or [] if each.type == "CNAME" and not each.proxied), None)
            if following is None:
                if own:
                    yield from self._answers(zone, name, kind, own)
                return
            alias = following

    def _flattened(self, zone: Zone, kind: str, alias: Record) -> Iterator[RR]:
        """No alias may stand beside SOA and NS: only its final records are answered, under the zone's name."""
        for answer in self._chain(zone, kind, alias, zone.name):
            if answer.rtype != QTYPE.CNAME:
                yield RR(zone.name, answer.rtype, ttl=min(answer.ttl, AUTOMATIC_TTL), rdata=answer.rdata)


def active(state: CloudflareState) -> list[Zone]:
    """The zones that resolvers ask for."""
    return [zone for zone in state.zones.values() if zone.status == "active"]


def zone_of(name: str, zones: list[Zone]) -> Zone | None:
    return next((zone for zone in zones if name == zone.name or name.endswith(f".{zone.name}")), None)


def records_at(zone: Zone, name: str) -> list[Record] | None:
    """The records that answer for this name, from a wildcard if need be; None when the name does not exist."""
    names = {record.name for record in zone.records.values()}

    def exists(name: str) -> bool:
        return name == zone.name or name in names or any(each.endswith(f".{name}") for each in names)

    source = name
    if not exists(name):
        parent = name.partition(".")[2]
        while not exists(parent):
            parent = parent.partition(".")[2]
        source = f"*.{parent}"
        if source not in names:
            return None
    return [record for record in zone.records.values() if record.name == source]


def _ttl(record: Record) -> int:
    return AUTOMATIC_TTL if record.ttl == AUTOMATIC else record.ttl


def _rr(name: str, kind: str, data: RD, ttl: int) -> RR:
    return RR(name, getattr(QTYPE, kind), ttl=ttl, rdata=data)


def _soa(zone: Zone, ttl: int) -> RR:
    times = (zone.serial, 10000, 2400, 604800, NEGATIVE_TTL)
    return _rr(zone.name, "SOA", SOA(NAME_SERVERS[0], "dns.sandbox.test", times), ttl)


def _data(record: Record) -> RD:
    parts = record.data or {}
    match record.type:
        case "A":
            return A(record.content)
        case "AAAA":
            return AAAA(record.content)
        case "CNAME":
            return CNAME(record.content)
        case "NS":
            return NS(record.content)
        case "MX":
            return MX(record.content, record.priority or 0)
        case "SRV":
            return SRV(record.priority or 0, parts["weight"], parts["port"], parts["target"])
        case "CAA":
            return CAA(parts["flags"], parts["tag"], parts["value"])
        case _:
            return TXT(txt_strings(record.content))


def txt_strings(content: str) -> list[bytes]:
    """The character strings of a TXT record: as quoted, or the whole cut into pieces of 255 bytes."""
    quoted = _QUOTED.findall(content) if content.startswith('"') else []
    texts = [re.sub(r"\\(.)", r"\1", text).encode() for text in quoted] or [content.encode()]
    return [text[start : start + 255] for text in texts for start in range(0, max(len(text), 1), 255)]


class DnsService:
    """A resolver behind one UDP and one TCP socket on the same address and port."""

    def __init__(self, resolver: BaseResolver, address: str, port: int) -> None:
        # By default, the library prints every request.
        reports = DNSLogger("error", logf=log.warning)
        tcp = DNSServer(resolver, address, port, tcp=True, logger=reports)
        self.port: int = tcp.server.server_address[1]
        try:
            udp = DNSServer(resolver, address, self.port, logger=reports)
        except OSError:
            tcp.server.server_close()
            raise
        self._servers = (tcp, udp)

    def start(self) -> None:
        for server in self._servers:
            threading.Thread(target=server.server.serve_forever, args=(STOP_POLL,), daemon=True, name="dns").start()

    def stop(self) -> None:
        for server in self._servers:
            server.stop()
            server.server.server_close()


class NameServer(DnsService):
    """The zones' name server."""

    def __init__(self, store: Store, edge: IPv4Address, address: str, port: int) -> None:
        super().__init__(ZoneResolver(store, edge), address, port)
