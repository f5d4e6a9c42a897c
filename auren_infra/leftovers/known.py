"""What the state of a stack knows of the clouds, and which names the stack's resources have there."""

from collections.abc import Mapping
from dataclasses import dataclass

from auren_infra.exported import State

_TYPES = {
    "digitalocean:index/droplet:Droplet": "droplets",
    "digitalocean:index/volume:Volume": "volumes",
    "digitalocean:index/firewall:Firewall": "firewalls",
    "digitalocean:index/vpc:Vpc": "vpcs",
    "digitalocean:index/sshKey:SshKey": "ssh_keys",
    "digitalocean:index/reservedIp:ReservedIp": "reserved_ips",
    "digitalocean:index/spacesKey:SpacesKey": "keys",
    "cloudflare:index/dnsRecord:DnsRecord": "records",
}
"""By the type of the resource, the name of the list that has it in the cloud's API."""


@dataclass(frozen=True)
class Names:
    """As the stack's configuration has them."""

    name: str
    """`auren:name`, which is also the tag of the droplets."""
    region: str
    zone: str
    hosts: tuple[str, ...]
    """The names of the domain."""


def ids(state: State) -> Mapping[str, set[str]]:
    """The ids of what the state knows, by the API's list."""
    found: dict[str, set[str]] = {kind: set() for kind in _TYPES.values()}
    for each in state.resources:
        if (kind := _TYPES.get(each["type"])) and each.get("id"):
            # Cloudflare's plugin may put the id of the zone before the record's.
            found[kind].add(str(each["id"]).rpartition("/")[2])
    return found


def names(stack: str, config: Mapping[str, str]) -> Names:
    """`config` is what `pulumi config` prints, by key; the project's defaults are in it."""
    domain = config["auren:domain"]
    return Names(
        name=config.get("auren:name") or f"auren-{stack}",
        region=config["auren:region"],
        zone=config["auren:cloudflareZone"],
        hosts=(domain, f"www.{domain}"),
    )
