"""What the program has of Cloudflare's provider: one resource and one look-up, without its SDK.

The SDK imports all of its modules, which takes longer than everything else that a preview imports. Its package
stays a requirement: the engine reads there which version of the provider it needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pulumi


@dataclass(frozen=True)
class Zone:
    """A zone that the token sees."""

    id: str
    status: str
    account: str
    """The name of the account that has it."""
    name_servers: Sequence[str]


def zones(name: str) -> list[Zone]:
    """All that have that name. `Exception` if the look-up fails: Pulumi has no narrower one."""
    options = pulumi.InvokeOptions(version=_version())
    found: Mapping[str, Any] = pulumi.runtime.invoke(
        "cloudflare:index/getZones:getZones", {"name": name}, options
    ).value
    return [
        Zone(each["id"], each["status"], each["account"]["name"], each.get("nameServers") or ())
        for each in found["results"]
    ]


class DnsRecord(pulumi.CustomResource):
    """An A record. See https://www.pulumi.com/registry/packages/cloudflare/api-docs/dnsrecord/."""

    def __init__(
        self,
        name: str,
        *,
        zone: str,
        content: pulumi.Input[str],
        proxied: bool,
        ttl: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`name` is its whole name, `zone` an id, `content` an address; `ttl` in seconds."""
        of_provider = pulumi.ResourceOptions(version=_version())
        inputs = {
            "zoneId": zone,
            "name": name,
            "type": "A",
            "content": content,
            "proxied": proxied,
            "ttl": ttl,
        }
        super().__init__(
            "cloudflare:index/dnsRecord:DnsRecord", name, inputs, pulumi.ResourceOptions.merge(of_provider, opts)
        )


def _version() -> str:
    return metadata.version("pulumi-cloudflare")
