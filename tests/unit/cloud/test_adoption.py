"""The records of a machine that the data moves in from: they become part of the stack as they are, or are refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from auren_infra import stack
from auren_infra.apis import cloudflare
from auren_infra.apis.http import CloudError
from auren_infra.cloud.adoption import find_records
from auren_infra.placement import place
from auren_infra.settings.deployed import Deployed
from auren_infra.smoke_test import LEFT_OUT
from tests.unit.configuration import blueprint, settings
from tests.unit.rehearsal import ADDRESS, ZONE_ID, Rehearsal, rehearse
from tests.unit.smoke_test.network import DIRECT, FakeNetwork

OLD = "198.51.100.7"
RECORD = "cloudflare:index/dnsRecord:DnsRecord"


def record(**more: Any) -> dict[str, Any]:
    return {"id": "372e67954025e0ba6aaa6d586b9e0b59", "type": "A", "content": OLD, "proxied": True, "ttl": 1, **more}


@dataclass
class Zone:
    """Stands in for Cloudflare's API."""

    records: Mapping[str, list[dict[str, Any]]]
    asked: list[str] = field(default_factory=list[str])

    def records_of(self, zone_id: str, name: str) -> list[dict[str, Any]]:
        assert zone_id == ZONE_ID
        self.asked.append(name)
        return self.records.get(name, [])


def zone_with(monkeypatch: pytest.MonkeyPatch, **records: list[dict[str, Any]]) -> Zone:
    """`apex` and `www`."""
    named = {{"apex": "aupex.ai", "www": "www.aupex.ai"}[which]: found for which, found in records.items()}
    zone = Zone(named)
    monkeypatch.setattr(cloudflare, "of_environment", lambda _environment: zone)
    return zone


def moving(before: Deployed | None = None, *, preview: bool = False, network: FakeNetwork | None = None) -> Rehearsal:
    chosen = place(blueprint(movingFrom=OLD))
    return rehearse(lambda: stack.deploy(chosen, before or Deployed()), preview=preview, network=network)


@pytest.mark.parametrize("preview", [True, False])
def test_a_record_that_is_there_is_adopted_and_leads_where_it_led(
    monkeypatch: pytest.MonkeyPatch, preview: bool
) -> None:
    zone_with(monkeypatch, apex=[record(), record(type="MX", content="mail")], www=[])
    found = {each.name: each for each in moving(preview=preview).of_type(RECORD)}
    assert found["aupex.ai"].import_id == f"{ZONE_ID}/372e67954025e0ba6aaa6d586b9e0b59"
    assert found["www.aupex.ai"].import_id == "", "there is none"
    assert {each.inputs["content"] for each in found.values()} == {OLD}


def test_a_stack_that_moves_nothing_asks_for_no_record(update: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = zone_with(monkeypatch)
    run = rehearse(lambda: stack.deploy(place(blueprint()), Deployed()), preview=False)
    assert zone.asked == []
    assert {(each.inputs["content"], each.import_id) for each in run.of_type(RECORD)} == {(ADDRESS, "")}


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        (Deployed(), ["aupex.ai", "www.aupex.ai"]),
        (Deployed(domain="aupex.ai"), []),
        (Deployed(domain="stage.aupex.ai"), ["aupex.ai", "www.aupex.ai"]),
        (Deployed(records=frozenset({"aupex.ai"})), ["www.aupex.ai"]),
    ],
)
def test_a_record_that_the_state_has_is_not_adopted_again(
    monkeypatch: pytest.MonkeyPatch, before: Deployed, asked: list[str]
) -> None:
    """The engine would take it for another one, and replace the first."""
    zone = zone_with(monkeypatch, apex=[record()], www=[record()])
    adopted, faults = find_records(ZONE_ID, settings(movingFrom=OLD), before)
    assert (zone.asked, faults) == (asked, [])
    assert list(adopted) == asked


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (
            [record(type="CNAME", content="other.example.org")],
            "other records than one A record: CNAME other.example.org",
        ),
        (
            [record(), record(content="198.51.100.8")],
            "than one A record: A 198.51.100.7, A 198.51.100.8. In Cloudflare",
        ),
        ([record(), record(type="AAAA", content="2001:db8::7")], "than one A record: A 198.51.100.7, AAAA 2001:db8::7"),
        ([record(content="198.51.100.8")], "the record of aupex.ai leads to 198.51.100.8; set it to the machine that"),
        ([record(proxied=False, ttl=300)], "aupex.ai is not proxied, and auren:proxied is true; set auren:proxied to"),
        ([record(comment="old")], "the record of aupex.ai has a comment or tags, which this program does not keep"),
    ],
)
def test_a_record_that_the_engine_would_not_take_is_refused_with_its_repair(
    monkeypatch: pytest.MonkeyPatch, records: list[dict[str, Any]], said: str
) -> None:
    zone_with(monkeypatch, apex=records)
    adopted, faults = find_records(ZONE_ID, settings(movingFrom=OLD), Deployed())
    assert adopted == {}
    (fault,) = faults
    assert fault.where == "auren:movingFrom"
    assert said in fault.what


def test_another_ttl_of_a_record_without_the_proxy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    zone_with(monkeypatch, apex=[record(proxied=False, ttl=3600)])
    _, (fault,) = find_records(ZONE_ID, settings(movingFrom=OLD, proxied="false"), Deployed())
    assert "has a TTL of 3600 s; set it to 300 s in Cloudflare's dashboard" in fault.what


def test_a_cloud_that_does_not_answer_adopts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_environment: object) -> Zone:
        raise CloudError("CLOUDFLARE_API_TOKEN is not set.")

    monkeypatch.setattr(cloudflare, "of_environment", refuse)
    adopted, (fault,) = find_records(ZONE_ID, settings(movingFrom=OLD), Deployed())
    assert adopted == {}
    assert "CLOUDFLARE_API_TOKEN is not set." in fault.what


def test_the_droplet_reaches_ssh_of_the_old_machine_and_of_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    zone_with(monkeypatch)
    rules = moving().only("digitalocean:index/firewall:Firewall").inputs["outboundRules"]
    assert [rule for rule in rules if rule.get("portRange") == "22"] == [
        {"protocol": "tcp", "portRange": "22", "destinationAddresses": [f"{OLD}/32"]}
    ]


def test_names_that_lead_to_the_old_machine_are_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    zone_with(monkeypatch)
    network = FakeNetwork(DIRECT)
    moving(network=network)
    assert network.asked
    assert {address for _, address in network.asked} == {ADDRESS}
    assert not [url for url, _ in network.asked if "aupex.ai" in url]


def test_an_update_of_the_records_alone_tests_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that the names leave is stopped already."""
    zone_with(monkeypatch)
    monkeypatch.setenv(LEFT_OUT, "1")
    network = FakeNetwork(DIRECT)
    moving(network=network)
    assert network.asked == []
