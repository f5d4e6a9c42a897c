"""Which address a droplet or a reserved IP gets.

Public addresses are assigned in turn. As in the real cloud, a released address is reused as late as possible, so that a
stale known_hosts line or DNS answer does not match a new droplet by accident.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from sandbox import layout
from sandbox.clouds.digitalocean.errors import invalid
from sandbox.clouds.state import DigitalOceanState

EDGE = layout.RESERVED_RANGE.broadcast_address - 2
"""The Cloudflare edge's address, at the end of the reserved range: never given to anyone else."""

_DROPLETS = tuple(layout.DROPLET_RANGE.hosts())[2:]
"""Without `layout.GATEWAY` and the address after it, which the machines' network reserves."""
_RESERVED = tuple(address for address in layout.RESERVED_RANGE.hosts() if address < layout.SPACES_ADDRESS)


def _turn(pool: tuple[IPv4Address, ...], last: IPv4Address | None) -> Iterator[IPv4Address]:
    start = pool.index(last) + 1 if last in pool else 0
    yield from pool[start:] + pool[:start]


def next_public(state: DigitalOceanState) -> IPv4Address:
    taken = {droplet.public_ipv4 for droplet in state.droplets.values()}
    for address in _turn(_DROPLETS, state.last_public_ipv4):
        if address not in taken:
            state.last_public_ipv4 = address
            return address
    raise invalid("creating this/these droplet(s) will exceed your droplet limit")


def next_reserved(state: DigitalOceanState) -> IPv4Address:
    for address in _turn(_RESERVED, state.last_reserved_ipv4):
        if str(address) not in state.reserved_ips:
            state.last_reserved_ipv4 = address
            return address
    raise invalid("reserved IP limit exceeded")


def next_private(state: DigitalOceanState, vpc_id: str, ip_range: IPv4Network) -> IPv4Address:
    """The lowest free one; the first of the range is the network's gateway."""
    taken = {droplet.private_ipv4 for droplet in state.droplets.values() if droplet.vpc_id == vpc_id}
    for address in ip_range.hosts():
        if address != ip_range.network_address + 1 and address not in taken:
            return address
    raise invalid("the VPC has no free address left")
