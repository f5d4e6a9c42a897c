"""The domain's records."""

import pytest

from tests.unit.rehearsal import ADDRESS, ZONE_ID, Rehearsal, deploy

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
    run = deploy(domain="stage.aupex.ai")
    assert {record.inputs["name"] for record in run.of_type(RECORD)} == {"stage.aupex.ai", "www.stage.aupex.ai"}


def test_the_zone_is_asked_for_by_its_own_name() -> None:
    run = deploy(domain="stage.aupex.ai", cloudflareZone="aupex.ai")
    assert {record.inputs["zoneId"] for record in run.of_type(RECORD)} == {ZONE_ID}


def test_visitors_are_not_sent_to_a_new_address_when_the_droplet_is_replaced(rehearsal: Rehearsal) -> None:
    droplet = rehearsal.only("digitalocean:index/droplet:Droplet").urn
    for record in rehearsal.of_type(RECORD):
        assert droplet not in rehearsal.ancestry(record.urn)
