"""The domain's records."""

import pulumi
import pytest

from auren_infra import stack
from auren_infra.placement import place
from auren_infra.settings import SettingsError
from auren_infra.settings.deployed import Deployed
from tests.unit.configuration import blueprint
from tests.unit.rehearsal import ADDRESS, ZONE_ID, Rehearsal, World, deploy, rehearse, zone

RECORD = "cloudflare:index/dnsRecord:DnsRecord"


def test_the_domain_and_www_lead_to_the_reserved_address(update: Rehearsal) -> None:
    records = {record.inputs["name"]: record.inputs for record in update.of_type(RECORD)}
    assert records.keys() == {"aupex.ai", "www.aupex.ai"}
    for inputs in records.values():
        assert inputs["type"] == "A"
        assert inputs["content"] == ADDRESS
        assert inputs["zoneId"] == ZONE_ID


@pytest.mark.parametrize(("proxied", "ttl"), [("true", 1), ("false", 300)])
def test_a_proxied_record_has_the_only_ttl_that_cloudflare_takes(proxied: str, ttl: int) -> None:
    for record in deploy(proxied=proxied).of_type(RECORD):
        assert record.inputs["proxied"] is (proxied == "true")
        assert record.inputs["ttl"] == ttl


def test_a_domain_below_the_zone_is_written_in_full() -> None:
    """Cloudflare stores a short name as it is; the next preview would show a change."""
    run = deploy(domain="stage.aupex.ai", proxied="false")
    assert {record.inputs["name"] for record in run.of_type(RECORD)} == {"stage.aupex.ai", "www.stage.aupex.ai"}


def test_a_proxied_domain_below_the_zone_has_no_www_since_no_certificate_is_for_it() -> None:
    run = deploy(domain="app.aupex.ai")
    assert [record.inputs["name"] for record in run.of_type(RECORD)] == ["app.aupex.ai"]


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({"domain": "eu.app.aupex.ai"}, True),
        ({"domain": "eu.app.aupex.ai", "proxied": "false"}, False),
        ({"domain": "app.aupex.ai"}, False),
        ({"domain": "a.b.example.org", "cloudflareZone": "b.example.org"}, False),
        ({}, False),
    ],
)
def test_a_domain_that_needs_a_certificate_of_its_own_says_so(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], warned: bool
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    world = World([zone(changes.get("cloudflareZone", "aupex.ai"))])
    rehearse(lambda: stack.deploy(place(blueprint(**changes)), Deployed()), preview=True, world=world)
    assert [warning[:29] for warning in warnings] == ["auren:domain: eu.app.aupex.ai"] * warned
    assert all("order an advanced certificate there, or choose a domain one level" in warning for warning in warnings)


def test_the_zone_is_asked_for_by_its_own_name() -> None:
    run = deploy(domain="stage.aupex.ai", cloudflareZone="aupex.ai")
    assert {record.inputs["zoneId"] for record in run.of_type(RECORD)} == {ZONE_ID}


def test_visitors_are_not_sent_to_a_new_address_when_the_droplet_is_replaced(rehearsal: Rehearsal) -> None:
    droplet = rehearsal.only("digitalocean:index/droplet:Droplet").urn
    for record in rehearsal.of_type(RECORD):
        assert droplet not in rehearsal.ancestry(record.urn)


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        ([], "the Cloudflare token sees no zone aupex.ai. Add the zone to the account, or give the token Zone:Read"),
        (
            [zone(status="pending")],
            "is not active, so resolvers would not find its records. It is pending, the domain",
        ),
        (
            [zone(status="moved")],
            "It is moved, the domain's name servers are not Cloudflare's any more: at the registrar",
        ),
        ([zone(status="initializing")], "It is initializing, Cloudflare is still setting it up: wait some minutes"),
        ([zone(status="new-word")], "It is new-word, which is not known here: look at it in the dashboard"),
        ([zone(status="moved"), zone(status="pending")], "It is moved, the domain's name servers"),
        (
            [zone(id="1" * 32, account="Ada's"), zone(id="2" * 32, account="Eve's")],
            f"sees 2 active zones aupex.ai: {'1' * 32} in the account Ada's, {'2' * 32} in the account Eve's. Give",
        ),
    ],
)
def test_a_zone_that_nobody_would_ask_or_that_is_not_the_only_one_is_refused(zones: list, said: str) -> None:
    run = Rehearsal()
    with pytest.raises(SettingsError) as refused:
        rehearse(lambda: stack.deploy(place(blueprint()), Deployed()), preview=True, world=World(zones), into=run)
    assert "\n  auren:cloudflareZone: the " in str(refused.value)
    assert said in str(refused.value)
    assert run.resources == []


@pytest.mark.parametrize("others", [["pending"], ["moved", "deactivated"]])
def test_the_active_zone_is_taken_whatever_else_has_its_name(others: list[str]) -> None:
    """In the first account that a token sees, it may be one that was never finished."""
    zones = [*(zone(id="f" * 32, status=status) for status in others), zone()]
    run = rehearse(lambda: stack.deploy(place(blueprint()), Deployed()), preview=True, world=World(zones))
    assert {record.inputs["zoneId"] for record in run.of_type(RECORD)} == {ZONE_ID}
