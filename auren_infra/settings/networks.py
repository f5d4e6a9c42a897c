"""Addresses and networks: the clients that are let in, the VPC, and Docker's networks on each machine."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from auren_infra.settings.faults import wrong
from auren_infra.settings.vocabulary import list_of_texts

Network = IPv4Network | IPv6Network

CONTAINER_SUBNET = IPv4Network("172.18.0.0/16")
"""The subnet of `auren-network` on the machine. It is fixed: there is no setting for it."""
DOCKER_BRIDGE = IPv4Network("172.17.0.0/16")
"""The subnet of Docker's own bridge, `docker0`: Docker's default. It is set explicitly so that it never changes."""
DOCKER_POOL = IPv4Network("172.19.0.0/16")
"""The pool from which Docker takes the subnet of a network that somebody creates by hand. By default, the pools are
most of 172.16.0.0/12 and 192.168.0.0/16, which may overlap the VPC."""
ON_THE_MACHINE = {
    CONTAINER_SUBNET: "the containers' network",
    DOCKER_BRIDGE: "Docker's own bridge",
    DOCKER_POOL: "Docker's pool for other networks",
}

_MOST_SOURCES = 1000
"""The maximum of addresses in a rule of DigitalOcean's firewall."""
_RFC1918 = tuple(IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_PRIVATE = (*_RFC1918, IPv4Network("100.64.0.0/10"))
"""Addresses of private networks and of carriers' NAT (RFC 6598). They do not exist on the internet."""
_NOBODYS = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/3"),
        *("::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""Addresses that no client outside a machine or its own network has: this host, loopback, link-local, protocol
assignments, multicast and reserved. IPv6's private addresses are among them, since a VPC has none.

Left out on purpose are the ranges for documentation and for benchmarks (192.0.2.0/24, 198.18.0.0/15, 198.51.100.0/24,
203.0.113.0/24, 2001:db8::/32): the rehearsal's public network and its visitors have those addresses."""
_MAPPED = IPv6Network("::ffff:0:0/96")
_KEPT = tuple(IPv4Network(network) for network in ("10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24", "10.229.0.0/16"))
"""Ranges that DigitalOcean reserves in all regions. It refuses a VPC that overlaps them."""
_KEPT_IN = {
    "ams1": "10.11.0.0/16",
    "ams2": "10.14.0.0/16",
    "ams3": "10.18.0.0/16",
    "blr1": "10.47.0.0/16",
    "fra1": "10.19.0.0/16",
    "lon1": "10.16.0.0/16",
    "nyc1": "10.10.0.0/16",
    "nyc2": "10.13.0.0/16",
    "nyc3": "10.17.0.0/16",
    "sfo1": "10.12.0.0/16",
    "sfo2": "10.46.0.0/16",
    "sfo3": "10.48.0.0/16",
    "sgp1": "10.15.0.0/16",
    "syd1": "10.49.0.0/16",
    "tor1": "10.20.0.0/16",
}
"""Ranges that DigitalOcean reserves in one region. For a region that is missing here, the API decides."""


def within(network: Network, others: Sequence[Network]) -> bool:
    """Whether all of `network` is in one of `others`."""
    return any(_covers(other, network) for other in others)


def is_public(network: Network) -> bool:
    """Whether a client on the internet can have an address of this network."""
    return not within(network, _NOBODYS) and not within(network, _PRIVATE)


def _covers(outer: Network, inner: Network) -> bool:
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and inner.subnet_of(outer)


def _parsed(value: str) -> Network:
    if "%" in value:
        raise wrong("a zone such as %eth0 is valid on one machine only; write the address without it")
    try:
        network = ip_network(value)
    except ValueError as error:
        raise wrong("{reason}; write a network such as 198.51.100.0/24, or one address", reason=str(error)) from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        inner = IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
        raise wrong("an IPv4 address in IPv6 notation; write {network}", network=str(inner))
    if value not in (str(network), f"{network.network_address}" if network.num_addresses == 1 else ""):
        # A netmask, or an IPv6 address in another form: the clouds refuse it or return it in this form.
        raise wrong("not in the form that firewalls take; write {network}", network=str(network))
    return network


def _source(value: str) -> str:
    network = _parsed(value)
    if within(network, _NOBODYS):
        raise wrong(
            "no client can have this address; write 0.0.0.0/0 for everyone, or one address such as 198.51.100.7"
        )
    for subnet, what in ON_THE_MACHINE.items():
        if _covers(subnet, network):
            raise wrong("that is {what} on the machine; name clients outside the machine", what=what)
    return value


def _sources(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(value) > _MOST_SOURCES:
        raise wrong(
            "has {count} entries, and a firewall rule takes {most} at most; name larger networks",
            count=len(value),
            most=_MOST_SOURCES,
        )
    networks = [ip_network(source) for source in value]
    for source, network in zip(value, networks, strict=True):
        if networks.count(network) > 1:
            raise wrong("{source} is named twice; keep one", source=source)
    return value


def reachable(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list from which no client can connect to the machine's public address, which is IPv4.

    An empty list is valid: `python -m auren_infra access` then opens SSH to the address of the person who deploys.
    """
    if not value:
        return value
    networks = [ip_network(source) for source in value]
    if not any(isinstance(network, IPv4Network) for network in networks):
        raise wrong("names no IPv4 address, and the machine has no IPv6; name the address that `pulumi up` runs at")
    if not any(isinstance(network, IPv4Network) and is_public(network) for network in networks):
        raise wrong(
            "names private addresses only, which cannot connect to a public address; "
            "name the public address that `pulumi up` runs at (`curl -4 https://ifconfig.co` shows it)"
        )
    return value


def reachable_or_empty(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """As `reachable`, but clients in the VPC are valid too: they connect to the machine's private address."""
    if not value or "vpc_range" not in info.data:
        return value
    vpc = ip_network(info.data["vpc_range"])
    networks = [ip_network(source) for source in value]
    if not any(
        isinstance(network, IPv4Network) and (is_public(network) or network.overlaps(vpc)) for network in networks
    ):
        raise wrong(
            "names no client that can connect to the machine; name public IPv4 addresses, the VPC's range "
            "{vpc}, or no client ([])",
            vpc=str(vpc),
        )
    return value


def _vpc_range(value: str, info: ValidationInfo) -> str:
    network = _parsed(value)
    if not (isinstance(network, IPv4Network) and 16 <= network.prefixlen <= 28 and within(network, _RFC1918)):
        raise wrong("a VPC needs a private IPv4 network (RFC 1918) of /16 to /28, such as 10.200.0.0/20")
    for subnet, what in ON_THE_MACHINE.items():
        if network.overlaps(subnet):
            raise wrong(
                "overlaps with {subnet}, {what} on the machine; choose another, such as 10.200.0.0/20",
                subnet=str(subnet),
                what=what,
            )
    region = info.data.get("region", "")
    for kept in (*_KEPT, *(IPv4Network(text) for name, text in _KEPT_IN.items() if name == region)):
        if network.overlaps(kept):
            raise wrong(
                "overlaps with {kept}, which DigitalOcean reserves; choose another, such as 10.200.0.0/20",
                kept=str(kept),
            )
    return value


def _moving_from(value: str) -> str:
    try:
        address = IPv4Address(value) if value else None
    except ValueError:
        raise wrong("no IPv4 address; write the one that the domain's records have now, such as 198.51.100.7") from None
    if address and not is_public(IPv4Network(address)):
        raise wrong("no public address, so neither visitors nor the new machine reach it; write the old machine's own")
    return value


MovingFrom = Annotated[str, AfterValidator(_moving_from)]
VpcRange = Annotated[str, AfterValidator(_vpc_range)]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_source)], ...], BeforeValidator(list_of_texts), AfterValidator(_sources)
]
