"""The domain's records in its Cloudflare zone."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_cloudflare as cloudflare

from auren_infra.cloud.refusals import explain
from auren_infra.settings import Fault, Settings, refusal


def zone_id(zone: str) -> str:
    """Ask Cloudflare for the zone's id. Raises `SettingsError` when the token sees no such zone, or is refused."""
    key = "auren:cloudflareZone"
    try:
        found = cloudflare.get_zones(name=zone).results
    except Exception as error:  # the SDK has no narrower one for a look-up that failed
        said = str(error).strip()
        sentence = explain("cloudflare", zone, said) or "Cloudflare could not be asked for it; try again later."
        raise refusal([Fault(key, f"{sentence}\n{said}")]) from None
    if not found:
        what = f"the Cloudflare token sees no zone {zone}. Add the zone to the account, or give the token Zone:Read"
        raise refusal([Fault(key, f"{what} and DNS:Edit for it.")])
    first: Any = found[0]  # the SDK declares its properties without types
    return first.id


class Dns(pulumi.ComponentResource):
    """`DOMAIN` and `www.DOMAIN` as A records.

    Left out on purpose: anything else in the zone, which may have other owners (mail, verification records).
    """

    records: Mapping[str, cloudflare.DnsRecord]
    """By name."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        zone: str,
        address: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:cloud:Dns", name, None, opts)
        self.records = {
            host: cloudflare.DnsRecord(
                host,
                zone_id=zone,
                name=host,
                type="A",
                content=address,
                proxied=settings.proxied,
                ttl=1 if settings.proxied else 300,  # seconds; 1 is "automatic", the only one for a proxied record
                opts=pulumi.ResourceOptions(parent=self),
            )
            for host in (settings.domain, f"www.{settings.domain}")
        }
        self.register_outputs({})
