"""What the state of a stack knows of the clouds, and which names the stack's resources have there."""

from collections.abc import Mapping
from dataclasses import dataclass

from auren_infra.exported import State
from auren_infra.settings import hosts_of

_TAG = "digitalocean:index/tag:Tag"
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
    """`auren:name`, which is also the tag of the droplets. Of a stack that was renamed, it is the one in the state."""
    region: str
    zone: str
    hosts: tuple[str, ...]
    """The names of the domain."""
    deploy_key: str
    """The type and the body of `auren:deployKey`; empty without one."""


def ids(state: State) -> Mapping[str, set[str]]:
    """The ids of what the state knows, by the API's list."""
    found: dict[str, set[str]] = {kind: set() for kind in _TYPES.values()}
    for each in [*state.resources, *state.to_delete]:
        if (kind := _TYPES.get(each["type"])) and each.get("id"):
            # Cloudflare's plugin may put the id of the zone before the record's.
            found[kind].add(str(each["id"]).rpartition("/")[2])
    return found


def names(stack: str, config: Mapping[str, str], state: State) -> Names:
    """`config` is what `pulumi config` prints, by key; the project's defaults are in it."""
    tag = next((str(each["id"]) for each in state.resources if each["type"] == _TAG and each.get("id")), "")
    zone = config["auren:cloudflareZone"]
    return Names(
        name=tag or config.get("auren:name") or f"auren-{stack}",
        region=config["auren:region"],
        zone=zone,
        hosts=hosts_of(config["auren:domain"], zone, proxied=config["auren:proxied"].lower() == "true"),
        deploy_key=" ".join(config.get("auren:deployKey", "").split()[:2]),
    )
