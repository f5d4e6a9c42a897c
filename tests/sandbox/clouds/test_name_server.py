"""What the zone's name server answers, asked by a DNS client that is not ours, over UDP and TCP."""

from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest
from cloudflare import Cloudflare
from dns.flags import AA, TC

from sandbox.clouds.name_server import txt_strings
from tests.sandbox.clouds.running import Clouds

EDGE = "198.51.100.253"


@pytest.fixture
def filled(clouds: Clouds, cf: Cloudflare) -> Clouds:
    zone = cf.zones.list(name="aupex.ai").result[0].id
    records: list[dict[str, Any]] = [
        {"type": "A", "name": "@", "content": "198.51.100.129", "ttl": 300},
        {"type": "A", "name": "many", "content": "198.51.100.1", "ttl": 1},
        {"type": "A", "name": "many", "content": "198.51.100.2", "ttl": 1},
        {"type": "AAAA", "name": "six", "content": "2001:db8::1", "ttl": 60},
        {"type": "CNAME", "name": "www", "content": "aupex.ai", "ttl": 120},
        {"type": "CNAME", "name": "out", "content": "www.example.com", "ttl": 120},
        {"type": "CNAME", "name": "loop", "content": "loop2.aupex.ai", "ttl": 120},
        {"type": "CNAME", "name": "loop2", "content": "loop.aupex.ai", "ttl": 120},
        {"type": "A", "name": "edge", "content": "198.51.100.129", "proxied": True, "ttl": 1},
        {"type": "CNAME", "name": "front", "content": "example.com", "proxied": True, "ttl": 1},
        {"type": "A", "name": "deep.er", "content": "198.51.100.3", "ttl": 60},
        {"type": "A", "name": "*.wild", "content": "198.51.100.4", "ttl": 60},
        {"type": "A", "name": "exact.wild", "content": "198.51.100.5", "ttl": 60},
        {"type": "TXT", "name": "@", "content": "v=spf1 -all", "ttl": 60},
        {"type": "TXT", "name": "long", "content": "z" * 2000, "ttl": 60},
        {"type": "MX", "name": "@", "content": "mx.example.com", "priority": 10, "ttl": 60},
        {"type": "CAA", "name": "@", "data": {"flags": 0, "tag": "issue", "value": "ca.example"}, "ttl": 60},
        {
            "type": "SRV",
            "name": "_sip._tcp",
            "data": {"priority": 1, "weight": 2, "port": 5060, "target": "sip.example.com"},
            "ttl": 60,
        },
    ]
    create: Any = cf.dns.records.create
    for fields in records:
        create(zone_id=zone, **fields)
    return clouds


def ask(clouds: Clouds, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, "127.0.0.1", port=clouds.dns_port, timeout=5)


def test_every_kind_of_record_is_answered(filled: Clouds) -> None:
    expected = {
        ("aupex.ai", "A"): ["aupex.ai. 300 IN A 198.51.100.129"],
        ("AUPEX.ai", "A"): ["AUPEX.ai. 300 IN A 198.51.100.129"],
        ("many.aupex.ai", "A"): ["many.aupex.ai. 300 IN A 198.51.100.1", "many.aupex.ai. 300 IN A 198.51.100.2"],
        ("six.aupex.ai", "AAAA"): ["six.aupex.ai. 60 IN AAAA 2001:db8::1"],
        ("www.aupex.ai", "A"): ["www.aupex.ai. 120 IN CNAME aupex.ai.", "aupex.ai. 300 IN A 198.51.100.129"],
        ("www.aupex.ai", "CNAME"): ["www.aupex.ai. 120 IN CNAME aupex.ai."],
        ("out.aupex.ai", "A"): ["out.aupex.ai. 120 IN CNAME www.example.com."],
        ("edge.aupex.ai", "A"): [f"edge.aupex.ai. 300 IN A {EDGE}"],
        ("front.aupex.ai", "A"): [f"front.aupex.ai. 300 IN A {EDGE}"],
        ("any.wild.aupex.ai", "A"): ["any.wild.aupex.ai. 60 IN A 198.51.100.4"],
        ("exact.wild.aupex.ai", "A"): ["exact.wild.aupex.ai. 60 IN A 198.51.100.5"],
        ("aupex.ai", "TXT"): ['aupex.ai. 60 IN TXT "v=spf1 -all"'],
        ("aupex.ai", "MX"): ["aupex.ai. 60 IN MX 10 mx.example.com."],
        ("aupex.ai", "CAA"): ['aupex.ai. 60 IN CAA 0 issue "ca.example"'],
        ("_sip._tcp.aupex.ai", "SRV"): ["_sip._tcp.aupex.ai. 60 IN SRV 1 2 5060 sip.example.com."],
        ("aupex.ai", "NS"): [
            "aupex.ai. 86400 IN NS ada.ns.sandbox.test.",
            "aupex.ai. 86400 IN NS bob.ns.sandbox.test.",
        ],
    }
    answers = {
        question: [line for rrset in ask(filled, *question).answer for line in rrset.to_text().splitlines()]
        for question in expected
    }
    assert answers == expected


ABSENT = [
    ("nothing.aupex.ai", "A", dns.rcode.NXDOMAIN),
    ("aupex.ai", "AAAA", dns.rcode.NOERROR),
    ("edge.aupex.ai", "AAAA", dns.rcode.NOERROR),
    ("edge.aupex.ai", "CNAME", dns.rcode.NOERROR),
    ("er.aupex.ai", "A", dns.rcode.NOERROR),  # nothing of its own, but a name below it
    ("below.exact.wild.aupex.ai", "A", dns.rcode.NXDOMAIN),  # the wildcard ends where a name exists
]


def test_what_is_not_there_comes_with_the_zones_authority(filled: Clouds) -> None:
    for name, kind, rcode in ABSENT:
        answer = ask(filled, name, kind)
        assert (answer.rcode(), answer.answer, bool(answer.flags & AA)) == (rcode, [], True), name
        authority = answer.authority[0].to_text()
        assert authority.startswith("aupex.ai. 1800 IN SOA ada.ns.sandbox.test. dns.sandbox.test. "), name


def test_other_zones_are_refused(clouds: Clouds) -> None:
    for name in ("example.com", "ai", "notaupex.ai", "."):
        answer = ask(clouds, name)
        assert (answer.rcode(), bool(answer.flags & AA)) == (dns.rcode.REFUSED, False), name


def test_an_alias_that_leads_to_itself_ends(filled: Clouds) -> None:
    assert 0 < sum(len(rrset) for rrset in ask(filled, "loop.aupex.ai").answer) < 20


def test_a_long_answer_needs_tcp(filled: Clouds) -> None:
    whole = ask(filled, "long.aupex.ai", "TXT", tcp=True)
    assert whole.answer[0].to_text().count("z") == 2000
    for edns in (-1, 0):
        query = dns.message.make_query("long.aupex.ai", "TXT", use_edns=edns, payload=4096)
        cut = dns.query.udp(query, "127.0.0.1", port=filled.dns_port, timeout=5)
        assert (cut.answer, bool(cut.flags & TC), cut.edns) == ([], True, edns)


def test_a_change_is_answered_at_once_and_counted(filled: Clouds, cf: Cloudflare) -> None:
    def serial() -> int:
        return int(ask(filled, "aupex.ai", "SOA").answer[0].to_text().split()[6])

    before = serial()
    zone = cf.zones.list(name="aupex.ai").result[0].id
    record = next(iter(cf.dns.records.list(zone_id=zone, name={"exact": "six.aupex.ai"})))
    cf.dns.records.delete(record.id, zone_id=zone)
    assert ask(filled, "six.aupex.ai", "AAAA").rcode() == dns.rcode.NXDOMAIN
    assert serial() == before + 1


def test_an_alias_at_the_zone_itself_is_followed(clouds: Clouds, cf: Cloudflare) -> None:
    zone = cf.zones.list(name="aupex.ai").result[0].id
    cf.dns.records.create(zone_id=zone, type="CNAME", name="@", content="host.aupex.ai", ttl=60)
    cf.dns.records.create(zone_id=zone, type="A", name="host", content="198.51.100.9", ttl=60)
    assert [each.to_text() for each in ask(clouds, "aupex.ai").answer] == ["aupex.ai. 60 IN A 198.51.100.9"]
    assert ask(clouds, "aupex.ai", "SOA").answer


@pytest.mark.parametrize(
    ("content", "strings"),
    [
        ("plain", [b"plain"]),
        ('"one" "two"', [b"one", b"two"]),
        (r'"a \"quote\""', [b'a "quote"']),
        ("y" * 300, [b"y" * 255, b"y" * 45]),
    ],
)
def test_txt_strings(content: str, strings: list[bytes]) -> None:
    assert txt_strings(content) == strings


def test_a_zone_that_is_not_active_is_asked_by_nobody(filled: Clouds, cf: Cloudflare) -> None:
    """Its records are there, and the registrar's name servers are others."""
    with filled.raw() as http:
        zone = http.post("/_sandbox/zones", json={"name": "later.ai", "status": "pending"}).json()["id"]
    create: Any = cf.dns.records.create
    create(zone_id=zone, type="A", name="later.ai", content="198.51.100.9", ttl=60)
    assert ask(filled, "later.ai").rcode() == dns.rcode.REFUSED
