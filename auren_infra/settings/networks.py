"""Addresses and networks: who may come in, and where the machines are among themselves."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from auren_infra.settings.faults import wrong
from auren_infra.settings.vocabulary import list_of_texts

CONTAINER_SUBNET = IPv4Network("172.18.0.0/16")
"""The subnet of `auren-network` on the machine: fixed, so it is no setting, but others must keep clear of it."""

_MOST_SOURCES = 1000
"""What a rule of DigitalOcean's firewall holds."""
_PRIVATE = tuple(IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_RESERVED = tuple(
    IPv4Network(network) for network in ("10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24", "10.229.0.0/16")
)
"""What DigitalOcean keeps for itself everywhere, and refuses to make a VPC of."""
_RESERVED_IN = {
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
"""And in a region. One that is missing here is the API's to refuse."""


def _parsed(value: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(value)
    except ValueError as error:
        raise wrong("{reason}; write a network such as 198.51.100.0/24, or one address", reason=str(error)) from None
    if value not in (str(network), f"{network.network_address}" if network.num_addresses == 1 else ""):
        # A netmask, or an IPv6 address in another form: the clouds take neither, or give it back in this form.
        raise wrong("not in the form that firewalls take; write {network}", network=str(network))
    return network


def _source(value: str) -> str:
    network = _parsed(value)
    if network.is_unspecified or network.is_loopback or network.is_multicast:
        raise wrong("nobody comes from there; everyone is 0.0.0.0/0, one address is written like 198.51.100.7")
    return value


def _sources(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(value) > _MOST_SOURCES:
        raise wrong("has {count} entries, a firewall takes {most}; name networks", count=len(value), most=_MOST_SOURCES)
    networks = [ip_network(source) for source in value]
    for source, network in zip(value, networks, strict=True):
        if networks.count(network) > 1:
            raise wrong("{source} is named twice; keep one", source=source)
    return value


def reachable(value: tuple[str, ...]) -> tuple[str, ...]:
    """The machine has no address but IPv4: who is named by IPv6 alone never gets to it.

    An empty list is right: whoever deploys lets in the address that they are at (`auren_infra.access`).
    """
    if value and not any(isinstance(ip_network(source), IPv4Network) for source in value):
        raise wrong("names no IPv4 address, and a machine has no other; name the one that `pulumi up` runs at")
    return value


def _vpc_range(value: str, info: ValidationInfo) -> str:
    network = _parsed(value)
    if not (
        isinstance(network, IPv4Network)
        and 16 <= network.prefixlen <= 28
        and any(network.subnet_of(private) for private in _PRIVATE)
    ):
        raise wrong("a VPC needs a private IPv4 network (RFC 1918) of /16 to /28, such as 10.200.0.0/20")
    if network.overlaps(CONTAINER_SUBNET):
        raise wrong(
            "overlaps with the containers' network {containers}; choose another, such as 10.200.0.0/20",
            containers=str(CONTAINER_SUBNET),
        )
    region = info.data.get("region", "")
    kept = (*_RESERVED, *(IPv4Network(text) for name, text in _RESERVED_IN.items() if name == region))
    for reserved in kept:
        if network.overlaps(reserved):
            raise wrong(
                "overlaps with {reserved}, which DigitalOcean keeps for itself; choose another, such as 10.200.0.0/20",
                reserved=str(reserved),
            )
    return value


VpcRange = Annotated[str, AfterValidator(_vpc_range)]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_source)], ...], BeforeValidator(list_of_texts), AfterValidator(_sources)
]
