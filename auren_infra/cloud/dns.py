"""The domain's records in its Cloudflare zone."""

from collections.abc import Mapping, Sequence

import pulumi

from auren_infra.cloud import cloudflare
from auren_infra.cloud.refusals import explain
from auren_infra.settings import Fault, Settings

_KEY = "auren:cloudflareZone"
_INACTIVE = {
    "initializing": "Cloudflare is still setting it up: wait some minutes",
    "pending": "the domain has other name servers: at the registrar, set them to those that Cloudflare shows",
    "moved": "the domain's name servers are not Cloudflare's any more: at the registrar, set them back",
    "deleted": "it is deleted: add it to the account again",
    "deactivated": "it is deactivated: reactivate it in Cloudflare's dashboard",
    "read only": "it can only be read: ask Cloudflare's support why",
}
"""What each status except `active` means, and the repair. In all of them, resolvers do not ask Cloudflare."""


def find_zone(name: str) -> tuple[str, list[Fault]]:
    """Ask Cloudflare for the id of the active zone of that name; the faults if there is none, or more than one."""
    try:
        zones = cloudflare.zones(name)
    except Exception as error:  # Pulumi has no narrower one for a look-up that failed
        said = str(error).strip()
        sentence = explain("cloudflare", name, said) or "Cloudflare's API did not answer the look-up; try again later."
        return "", [Fault(_KEY, f"{sentence}\n{said}")]
    active = [zone for zone in zones if zone.status == "active"]
    if len(active) == 1:
        return active[0].id, []
    return "", [Fault(_KEY, _of_many(name, active) if active else _of_inactive(name, zones))]


def _of_many(name: str, zones: Sequence[cloudflare.Zone]) -> str:
    places = ", ".join(f"{zone.id} in the account {zone.account}" for zone in zones)
    return (
        f"the Cloudflare token sees {len(zones)} active zones {name}: {places}. "
        "Give it Zone:Read and DNS:Edit for the one that holds the records, and for no other."
    )


def _of_inactive(name: str, zones: Sequence[cloudflare.Zone]) -> str:
    if not zones:
        return (
            f"the Cloudflare token sees no zone {name}. "
            "Add the zone to the account, or give the token Zone:Read and DNS:Edit for it."
        )
    told = "; ".join(
        f"{zone.status}, {_INACTIVE.get(zone.status, 'which is not known here: look at it in the dashboard')}"
        for zone in zones
    )
    return f"the zone {name} is not active, so resolvers would not find its records. It is {told}."


def ttl(*, proxied: bool) -> int:
    """Of a record, in seconds. 1 is "automatic", the only one for a proxied record."""
    return 1 if proxied else 300


class Dns(pulumi.ComponentResource):
    """`DOMAIN`, and `www.DOMAIN` where it can have a certificate or needs none, as A records.

    `adopted` are the ids of records that exist already, by name: they become part of the stack, and are not created.

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
        *,
        adopted: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:cloud:Dns", name, None, opts)
        self.records = {
            host: cloudflare.DnsRecord(
                host,
                zone=zone,
                content=address,
                proxied=settings.proxied,
                ttl=ttl(proxied=settings.proxied),
                opts=pulumi.ResourceOptions(
                    parent=self, import_=f"{zone}/{adopted[host]}" if host in adopted else None
                ),
            )
            for host in settings.hosts
        }
        self.register_outputs({})
