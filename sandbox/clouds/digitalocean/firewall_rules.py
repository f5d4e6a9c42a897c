"""A firewall's contents: its rules as they are requested, validated, and stored."""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from sandbox.clouds.digitalocean.bodies import MAY_BE_EMPTY, Body, Numbers, Strings
from sandbox.clouds.digitalocean.errors import conflict, invalid
from sandbox.clouds.state import DigitalOceanState, Firewall, FirewallPeers, FirewallRule

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.\-]+")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
MAX_RULES = 50
MAX_DROPLETS = 10
MAX_TAGS = 5
MAX_ADDRESSES = 1000


class Peers(Body):
    """`sources` or `destinations`. There are no load balancers and no Kubernetes clusters here to name."""

    addresses: Strings
    droplet_ids: Numbers
    tags: Strings
    load_balancer_uids: Strings
    kubernetes_ids: Strings


class Rule(Body):
    protocol: Literal["tcp", "udp", "icmp"]
    ports: str = ""
    action: Literal["allow"] = "allow"


class InboundRule(Rule):
    sources: Peers


class OutboundRule(Rule):
    destinations: Peers


InboundRules = Annotated[list[InboundRule], *MAY_BE_EMPTY]
OutboundRules = Annotated[list[OutboundRule], *MAY_BE_EMPTY]


class Rules(Body):
    inbound_rules: InboundRules
    outbound_rules: OutboundRules


class FirewallBody(Rules):
    name: str
    droplet_ids: Numbers
    tags: Strings


class DropletIds(Body):
    droplet_ids: list[int]


class Tags(Body):
    tags: list[str]


def _ports(rule: Rule) -> str:
    """The form in the state and in answers: `0` means all ports, or icmp, which has none."""
    if rule.protocol == "icmp":
        return "0"
    if rule.ports in ("all", "0"):
        return "0"
    match = _PORTS.fullmatch(rule.ports)
    if not match:
        raise invalid(f"ports {rule.ports!r} must be a single port, a range, or 'all'")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= 65535:
        raise invalid(f"ports {rule.ports!r} must be between 1 and 65535, the lower first")
    return rule.ports


def _kept(state: DigitalOceanState, rule: Rule, peers: Peers) -> FirewallRule:
    if peers.load_balancer_uids or peers.kubernetes_ids:
        raise invalid("load balancer or Kubernetes cluster not found")
    if not (peers.addresses or peers.droplet_ids or peers.tags):
        raise invalid("must specify at least one source or destination")
    if len(peers.addresses) > MAX_ADDRESSES:
        raise invalid(f"a rule can hold at most {MAX_ADDRESSES} addresses")
    for address in peers.addresses:
        try:
            ip_network(address, strict=False)
        except ValueError as error:
            raise invalid(f"address {address!r} is neither an IP address nor a CIDR") from error
    check_droplets(state, peers.droplet_ids)
    return FirewallRule(
        protocol=rule.protocol,
        ports=_ports(rule),
        peers=FirewallPeers(
            addresses=peers.addresses,
            droplet_ids=peers.droplet_ids,
            tags=existing_tags(state, peers.tags),
        ),
    )


def both(state: DigitalOceanState, rules: Rules) -> tuple[list[FirewallRule], list[FirewallRule]]:
    return (
        [_kept(state, rule, rule.sources) for rule in rules.inbound_rules],
        [_kept(state, rule, rule.destinations) for rule in rules.outbound_rules],
    )


def check_droplets(state: DigitalOceanState, ids: list[int]) -> None:
    for droplet_id in ids:
        if droplet_id not in state.droplets:
            raise invalid(f"droplet {droplet_id} was not found")


def existing_tags(state: DigitalOceanState, names: list[str]) -> list[str]:
    """The tags without repetition. Droplets and volumes create the tags that they name. Firewalls do not."""
    for name in names:
        if name not in state.tags:
            raise invalid(f"tag {name} does not exist")
    return list(dict.fromkeys(names))


def check_size(firewall: Firewall) -> None:
    rules = len(firewall.inbound) + len(firewall.outbound)
    if not rules:
        raise invalid("must specify at least one inbound or outbound rule")
    if rules > MAX_RULES:
        raise invalid(f"a firewall can hold at most {MAX_RULES} rules")
    if len(firewall.droplet_ids) > MAX_DROPLETS:
        raise invalid(f"a firewall can be applied to at most {MAX_DROPLETS} droplets; use a tag for more")
    if len(firewall.tags) > MAX_TAGS:
        raise invalid(f"a firewall can be applied to at most {MAX_TAGS} tags")


def fill(state: DigitalOceanState, firewall: Firewall, body: FirewallBody) -> None:
    if not _NAME.fullmatch(body.name) or len(body.name) > 255:
        raise invalid("name must start with a letter or a number and hold letters, numbers, dots and dashes only")
    if any(each.name == body.name and each.id != firewall.id for each in state.firewalls.values()):
        raise conflict("duplicate name")
    check_droplets(state, body.droplet_ids)
    firewall.name = body.name
    firewall.inbound, firewall.outbound = both(state, body)
    firewall.droplet_ids = list(dict.fromkeys(body.droplet_ids))
    firewall.tags = list(dict.fromkeys(body.tags))
    check_size(firewall)
    existing_tags(state, body.tags)
