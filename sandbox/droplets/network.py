"""The networks of droplets: the public one, one for each VPC, and the assignment of reserved addresses.

The public network is a bridge of the simulated public range. This machine has the address of its gateway, so its
packets to a droplet come from there, like those of a client on the internet. A blackhole route drops packets to all
other addresses of the range: they must never leave the machine, even while the cloud is stopped.
"""

import hashlib
import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import docker
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from sandbox import layout
from sandbox.droplets.hypervisor import HypervisorError
from sandbox.droplets.run import run, succeeds

PUBLIC = f"{layout.NAME}-public"
LABEL = f"{layout.NAME}.network"
VPC_BRIDGE_PREFIX = "asbx-v"
_BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_GATEWAY_MODES_SINCE = 28


def ensure_public(client: docker.DockerClient) -> None:
    """The public network with its routes; the registry can listen at its gateway from then on."""
    _filter_bridged_traffic()
    run(["ip", "route", "replace", "blackhole", str(layout.PUBLIC_NETWORK)])
    options = {"com.docker.network.bridge.name": layout.PUBLIC_BRIDGE}
    if int(client.version()["Version"].split(".")[0]) >= _GATEWAY_MODES_SINCE:
        # Since then the engine drops packets that are routed to a container's address. This option allows them.
        options["com.docker.network.bridge.gateway_mode_ipv4"] = "nat-unprotected"
    _ensure(client, PUBLIC, layout.DROPLET_RANGE, options, gateway=layout.GATEWAY)
    run(["ip", "route", "replace", str(layout.RESERVED_RANGE), "dev", layout.PUBLIC_BRIDGE])


def vpc_network(vpc_id: str) -> str:
    return f"{layout.NAME}-vpc-{vpc_id}"


def ensure_vpc(client: docker.DockerClient, vpc_id: str, ip_range: IPv4Network) -> None:
    """A bridge without an address of this machine's, so that nothing but its droplets reaches it."""
    bridge = VPC_BRIDGE_PREFIX + hashlib.sha256(vpc_id.encode()).hexdigest()[:8]
    options = {"com.docker.network.bridge.name": bridge, "com.docker.network.bridge.inhibit_ipv4": "true"}
    _ensure(client, vpc_network(vpc_id), ip_range, options, internal=True)


def delete_vpc(client: docker.DockerClient, vpc_id: str) -> None:
    try:
        client.networks.get(vpc_network(vpc_id)).remove()
    except NotFound:
        return
    except APIError as error:
        raise HypervisorError(f"VPC {vpc_id} cannot be deleted: {error.explanation}") from error


def remove_all(client: docker.DockerClient) -> None:
    """Remove every network of ours and the routes. Droplets must be gone."""
    bridges = {layout.PUBLIC_BRIDGE}
    for network in client.networks.list(filters={"label": LABEL}):
        bridges.add(network.attrs["Options"]["com.docker.network.bridge.name"])
        network.remove()
    for bridge in bridges:  # one that the engine found there, left by an interrupted attempt, it does not remove
        if succeeds(["ip", "link", "show", bridge]):
            run(["ip", "link", "delete", bridge])
    while succeeds(["ip", "route", "del", "blackhole", str(layout.PUBLIC_NETWORK)]):
        continue


def reserved_addresses() -> dict[IPv4Address, int]:
    """Reserved address -> droplet, for each assigned one."""
    try:
        content: Mapping[str, int] = json.loads(_reserved_record().read_text())
    except FileNotFoundError:
        return {}
    return {IPv4Address(address): droplet_id for address, droplet_id in content.items()}


def record_reserved_addresses(assignments: Mapping[IPv4Address, int]) -> None:
    record = _reserved_record()
    record.parent.mkdir(parents=True, exist_ok=True)
    unfinished = record.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({str(address): droplet_id for address, droplet_id in assignments.items()}))
    unfinished.replace(record)


def _reserved_record() -> Path:
    return layout.STATE / "droplets" / "reserved-addresses.json"


def _ensure(
    client: docker.DockerClient,
    name: str,
    ip_range: IPv4Network,
    options: dict[str, str],
    *,
    gateway: IPv4Address | None = None,
    internal: bool = False,
) -> None:
    try:
        present = client.networks.get(name)
    except NotFound:
        pool = IPAMPool(subnet=str(ip_range), gateway=str(gateway) if gateway else None)
        try:
            client.networks.create(
                name,
                driver="bridge",
                options=options,
                ipam=IPAMConfig(pool_configs=[pool]),
                internal=internal,
                labels={LABEL: name},
                check_duplicate=True,
            )
        except APIError as error:
            raise HypervisorError(f"Network {name} ({ip_range}) cannot be made: {error.explanation}") from error
        return
    subnets = [pool["Subnet"] for pool in present.attrs["IPAM"]["Config"]]
    if subnets != [str(ip_range)]:
        raise HypervisorError(f"Network {name} exists with {', '.join(subnets)} instead of {ip_range}: remove it.")


def _filter_bridged_traffic() -> None:
    """Make the firewall see what droplets send each other on one bridge."""
    if not _BRIDGE_FILTER.exists() and not succeeds(["modprobe", "br_netfilter"]):
        raise HypervisorError("The kernel module br_netfilter is missing: firewalls between droplets need it.")
    if _BRIDGE_FILTER.read_text().strip() != "1":
        _BRIDGE_FILTER.write_text("1\n")
