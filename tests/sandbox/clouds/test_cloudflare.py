"""Zones, DNS records and settings, driven by Cloudflare's own client."""

from typing import Any

import pytest
from cloudflare import BadRequestError, Cloudflare, NotFoundError, PermissionDeniedError

from tests.sandbox.clouds.running import Clouds

EDGE = "198.51.100.253"


@pytest.fixture
def zone(cf: Cloudflare) -> str:
    return cf.zones.list(name="aupex.ai").result[0].id


def record(cf: Cloudflare, zone: str, **fields: Any) -> Any:
    """One record; a field that is None is not sent."""
    asked = {"type": "A", "name": "www", "content": "198.51.100.129", "ttl": 1} | fields
    create: Any = cf.dns.records.create
    return create(zone_id=zone, **{name: value for name, value in asked.items() if value is not None})


def code(error: pytest.ExceptionInfo[Any]) -> int:
    return error.value.body["errors"][0]["code"]


def test_the_token_and_its_account(cf: Cloudflare) -> None:
    verified = cf.user.tokens.verify()
    assert verified
    assert verified.status == "active"
    assert [account.name for account in cf.accounts.list()] == ["Sandbox"]


ZONE_QUERIES: list[tuple[dict[str, Any], int]] = [
    ({}, 1),
    ({"name": "aupex.ai"}, 1),
    ({"name": "AUPEX.ai"}, 1),
    ({"name": "other.ai"}, 0),
    ({"name": "equal:aupex.ai"}, 1),
    ({"name": "contains:upex"}, 1),
    ({"name": "starts_with:x"}, 0),
    ({"name": "not_equal:aupex.ai"}, 0),
    ({"status": "active", "match": "all"}, 1),
    ({"status": "pending"}, 0),
    ({"name": "other.ai", "status": "active", "match": "any"}, 1),
    ({"account": {"name": "Sandbox"}, "direction": "desc", "order": "name"}, 1),
    ({"account": {"id": "0" * 32}}, 0),
]


def test_zones_are_found(cf: Cloudflare) -> None:
    assert [(query, len(list(cf.zones.list(**query)))) for query, _ in ZONE_QUERIES] == ZONE_QUERIES


def test_a_zone_of_another_account_or_one_that_is_not_active_is_listed_as_such(cf: Cloudflare, clouds: Clouds) -> None:
    """Two accounts may have zones of one name, and a token may see both."""
    with clouds.raw() as http:
        made = http.post("/_sandbox/zones", json={"name": "aupex.ai", "status": "pending", "account": "Agency"}).json()
        assert http.post("/_sandbox/zones", json={"name": "x.ai", "status": "asleep"}).status_code == 422
    found = {zone.account.name: zone for zone in cf.zones.list(name="aupex.ai")}
    assert found.keys() == {"Sandbox", "Agency"}
    assert (found["Agency"].id, found["Agency"].status, found["Agency"].activated_on) == (made["id"], "pending", None)
    assert found["Agency"].account.id != found["Sandbox"].account.id
    for query, count in (
        ({"status": "pending"}, 1),
        ({"status": "active"}, 1),
        ({"account": {"name": "Agency"}}, 1),
        ({"account": {"id": found["Agency"].account.id}, "status": "active"}, 0),
    ):
        assert len(list(cf.zones.list(**query))) == count, query  # pyright: ignore[reportArgumentType]: of several types
    with clouds.raw() as http:
        http.delete(f"/_sandbox/zones/{made['id']}").raise_for_status()
    assert len(list(cf.zones.list(name="aupex.ai"))) == 1


def test_a_zone_is_read(cf: Cloudflare, zone: str) -> None:
    found = cf.zones.get(zone_id=zone)
    assert found
    assert (found.name, found.status, found.type, found.plan.legacy_id) == ("aupex.ai", "active", "full", "pro")
    with pytest.raises(PermissionDeniedError):
        cf.zones.get(zone_id="0" * 32)
    with pytest.raises(BadRequestError) as malformed:
        cf.zones.get(zone_id="nonsense")
    assert code(malformed) == 7003


def test_the_life_of_a_record(cf: Cloudflare, zone: str) -> None:
    made = record(cf, zone, ttl=300, comment="the website", tags=["env:prod"], settings={"ipv4_only": True})
    assert (made.name, made.ttl, made.proxied, made.proxiable) == ("www.aupex.ai", 300, False, True)
    assert (made.comment, made.tags) == ("the website", ["env:prod"])
    assert cf.dns.records.get(made.id, zone_id=zone) == made
    edit: Any = cf.dns.records.edit
    edited = edit(made.id, zone_id=zone, name="www.aupex.ai", type="A", ttl=300, proxied=True)
    assert (edited.content, edited.proxied, edited.ttl, edited.comment) == ("198.51.100.129", True, 1, "the website")
    whole: Any = cf.dns.records.update(
        made.id, zone_id=zone, type="A", name="www.aupex.ai", content="198.51.100.130", ttl=1, proxied=False
    )
    assert (whole.content, whole.comment, whole.tags, whole.created_on) == ("198.51.100.130", None, [], made.created_on)
    deleted = cf.dns.records.delete(made.id, zone_id=zone)
    assert deleted
    assert deleted.id == made.id
    with pytest.raises(NotFoundError) as gone:
        cf.dns.records.get(made.id, zone_id=zone)
    assert code(gone) == 81044


FORMS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "@"}, "aupex.ai", "198.51.100.129"),
    ({"name": "WWW.Aupex.AI."}, "www.aupex.ai", "198.51.100.129"),
    ({"name": "*.aupex.ai"}, "*.aupex.ai", "198.51.100.129"),
    ({"name": "other.com"}, "other.com.aupex.ai", "198.51.100.129"),
    ({"type": "AAAA", "content": "2001:DB8:0::1"}, "www.aupex.ai", "2001:db8::1"),
    ({"type": "CNAME", "content": "Target.example.com."}, "www.aupex.ai", "target.example.com"),
    ({"type": "MX", "name": "@", "content": "mx.example.com", "priority": 10.0}, "aupex.ai", "mx.example.com"),
    ({"type": "TXT", "content": '"v=spf1 -all"'}, "www.aupex.ai", '"v=spf1 -all"'),
    (
        {"type": "CAA", "name": "@", "content": None, "data": {"flags": 0, "tag": "issue", "value": "ca.example"}},
        "aupex.ai",
        '0 issue "ca.example"',
    ),
    (
        {
            "type": "SRV",
            "name": "_sip._tcp",
            "content": None,
            "data": {"priority": 1, "weight": 2, "port": 5060, "target": "sip.example.com"},
        },
        "_sip._tcp.aupex.ai",
        "2 5060 sip.example.com",
    ),
]


def test_records_are_kept_in_one_form(cf: Cloudflare, zone: str) -> None:
    kept: list[tuple[dict[str, Any], str, str]] = []
    for fields, _, _ in FORMS:
        made = record(cf, zone, **fields)
        kept.append((fields, made.name, made.content))
        cf.dns.records.delete(made.id, zone_id=zone)
    assert kept == FORMS


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"content": "300.1.1.1"}, 9005),
    ({"type": "AAAA", "content": "198.51.100.1"}, 9006),
    ({"type": "CNAME", "content": "not a host"}, 9007),
    ({"type": "MX", "content": "mx.example.com"}, 9102),
    ({"type": "TXT", "content": ""}, 9009),
    ({"type": "CAA", "data": {"flags": 0, "tag": "bad", "value": ""}}, 9101),
    ({"type": "BOGUS"}, 1004),
    ({"name": "two words"}, 9000),
    ({"ttl": 30}, 9021),
    ({"ttl": 90000}, 9021),
    ({"ttl": "soon"}, 1004),
    ({"type": "TXT", "content": "x", "proxied": True}, 9004),
    ({"content": "10.0.0.1", "proxied": True}, 9003),
    ({"colour": "red"}, 9207),
    ({"content": None}, 9207),
    ({"comment": "x" * 501}, 9313),
    ({"tags": [f"t:{number}" for number in range(21)]}, 9301),
    ({"settings": {"bogus": True}}, 9207),
    ({"name": "taken", "content": "198.51.100.1"}, 81058),
    ({"name": "taken", "type": "CNAME", "content": "example.com"}, 81053),
    ({"name": "alias", "type": "A", "content": "198.51.100.1"}, 81054),
    ({"name": "taken", "type": "NS", "content": "ns.example.com"}, 81056),
]


def test_records_that_are_refused(clouds: Clouds, cf: Cloudflare, zone: str) -> None:
    record(cf, zone, name="taken", content="198.51.100.1")
    record(cf, zone, name="alias", type="CNAME", content="example.com")
    wrong: list[str] = []
    with clouds.raw() as http:
        http.headers["Authorization"] = f"Bearer {clouds.tokens.cloudflare}"
        for fields, expected in REFUSED:
            body = {"type": "A", "name": "www", "content": "198.51.100.129", "ttl": 1} | fields
            answer = http.post(f"/client/v4/zones/{zone}/dns_records", json=body)
            refusal = answer.json()
            if (answer.status_code, [error["code"] for error in refusal["errors"]]) != (400, [expected]):
                wrong.append(f"{fields}: {answer.status_code} {answer.text}, not {expected}")
            assert (refusal["success"], refusal["result"], refusal["messages"]) == (False, None, [])
    assert wrong == []
    assert len(list(cf.dns.records.list(zone_id=zone))) == 2


SEARCHES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["a.aupex.ai", "aupex.ai", "b.aupex.ai"]),
    ({"type": "A"}, ["a.aupex.ai", "aupex.ai"]),
    ({"name": {"exact": "a.aupex.ai"}}, ["a.aupex.ai"]),
    ({"name": {"startswith": "b"}}, ["b.aupex.ai"]),
    ({"content": {"contains": "hello"}}, ["b.aupex.ai"]),
    ({"comment": {"present": "true"}}, ["a.aupex.ai"]),
    ({"tag": {"exact": "env:prod"}}, ["aupex.ai"]),
    ({"tag": {"absent": "env"}}, ["a.aupex.ai", "b.aupex.ai"]),
    ({"proxied": True}, ["aupex.ai"]),
    ({"proxied": True, "type": "TXT", "match": "any"}, ["aupex.ai", "b.aupex.ai"]),
    ({"search": "HELLO"}, ["b.aupex.ai"]),
    ({"order": "name", "direction": "desc"}, ["b.aupex.ai", "aupex.ai", "a.aupex.ai"]),
]


def test_records_are_found(cf: Cloudflare, zone: str) -> None:
    record(cf, zone, name="a", comment="first")
    record(cf, zone, name="@", proxied=True, tags=["env:prod"])
    record(cf, zone, name="b", type="TXT", content="hello")
    found = [(query, [each.name for each in cf.dns.records.list(zone_id=zone, **query)]) for query, _ in SEARCHES]
    assert found == SEARCHES


def test_records_come_in_pages(cf: Cloudflare, zone: str) -> None:
    for number in range(5):
        record(cf, zone, name=f"n{number}")
    page = cf.dns.records.list(zone_id=zone, per_page=2)
    info: Any = page.result_info
    assert (len(page.result), info.page, info.per_page) == (2, 1, 2)
    assert (info.count, info.total_count, info.total_pages) == (2, 5, 3)
    assert len(list(cf.dns.records.list(zone_id=zone, per_page=2))) == 5


def test_settings(cf: Cloudflare, zone: str) -> None:
    def value(name: str) -> Any:
        found: Any = cf.zones.settings.get(name, zone_id=zone)
        return found.value

    assert value("ssl") == "full"
    cf.zones.settings.edit("ssl", zone_id=zone, value="strict")
    cf.zones.settings.edit("min_tls_version", zone_id=zone, value="1.2")
    assert (value("ssl"), value("min_tls_version"), value("always_use_https")) == ("strict", "1.2", "off")
    for name, wrong, expected in (("ssl", "half", 1007), ("bogus", "on", 1006), ("browser_cache_ttl", "long", 1007)):
        with pytest.raises(BadRequestError) as refused:
            cf.zones.settings.edit(name, zone_id=zone, value=wrong)
        assert code(refused) == expected


def test_the_edges_addresses(cf: Cloudflare) -> None:
    ranges: Any = cf.ips.list()
    assert (ranges.ipv4_cidrs, ranges.ipv6_cidrs) == ([f"{EDGE}/32"], [])


def test_the_zone_survives_a_restart(cf: Cloudflare, clouds: Clouds, zone: str) -> None:
    made = record(cf, zone, proxied=True, ttl=1)
    cf.zones.settings.edit("ssl", zone_id=zone, value="strict")
    clouds.restart()
    again = clouds.cloudflare()
    assert again.dns.records.get(made.id, zone_id=zone) == made
    setting: Any = again.zones.settings.get("ssl", zone_id=zone)
    assert setting.value == "strict"
