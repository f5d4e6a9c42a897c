"""Who may reach which port, by the cloud's firewalls and by what containers publish."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from auren_infra.services.inbound import KAFKA_UI_PORT, SSH_PORT, lets_everyone_in
from auren_infra.services.links import LINKS
from policy.compose import services
from policy.resource import Resource, Rule, Stack, StackRule, Unknown

FIREWALL = "digitalocean:index/firewall:Firewall"
DROPLET = "digitalocean:index/droplet:Droplet"
INNER = {link.port: link.target for link in LINKS}
"""Port -> the service behind it that other services talk to, and nobody else: the stores and the API."""


@dataclass(frozen=True)
class _Opening:
    """One inbound rule: these ports are open to these sources."""

    first: int
    last: int
    sources: tuple[str, ...]

    @property
    def to_everyone(self) -> bool:
        return lets_everyone_in(self.sources)


def _openings(resource: Resource) -> Iterator[_Opening]:
    if resource.type != FIREWALL:
        return
    for rule in resource.parts("inboundRules"):
        if rule.text("protocol") != "icmp":
            yield _Opening(*_range(rule.text("portRange")), tuple(map(str, rule.items("sourceAddresses"))))


def _range(ports: str | Unknown | None) -> tuple[int, int]:
    """`443`, `8000-9000`, or `all` in its several spellings. What is unknown may be any port."""
    first, _, last = (ports if isinstance(ports, str) else "").partition("-")
    if not first.isdigit() or first == "0":
        return 1, 65535
    return int(first), int(last or first)


def _open_to_everyone(resource: Resource, port: int) -> bool:
    return any(opening.first <= port <= opening.last and opening.to_everyone for opening in _openings(resource))


def _inner_exposed(resource: Resource) -> Iterable[str]:
    for port, name in INNER.items():
        if _open_to_everyone(resource, port):
            yield f"Port {port} of {name} is open to everyone: take it out of the inbound rules."
    for service in services(resource):
        if service.name in INNER.values() and service.ports:
            yield f"{service.name} publishes {', '.join(service.ports)} on the machine: only other services reach it."


def _ssh_open(resource: Resource) -> Iterable[str]:
    if _open_to_everyone(resource, SSH_PORT):
        yield (
            "Name the networks that always log in in auren:sshAllowed, or none: "
            "`python -m auren_infra access open` opens SSH to whoever deploys. Or waive this rule in auren:waivers."
        )


def _kafka_ui_open(resource: Resource) -> Iterable[str]:
    if _open_to_everyone(resource, KAFKA_UI_PORT):
        yield "Name the networks that look at it in auren:kafkaUiAllowed, or leave them out and use an SSH tunnel."


def _without_firewall(stack: Stack) -> Iterable[tuple[str, str]]:
    """A droplet that no firewall covers is open to everyone, whatever the firewalls' rules say.

    By its tag a droplet is covered from its first moment. A list of droplets could only be written after that.
    """
    firewalls = [resource for resource in stack.resources if resource.type == FIREWALL]
    covered = {tag for firewall in firewalls for tag in _tags(firewall)}
    for resource in stack.resources:
        tags = _tags(resource)
        # A tag that only the update will tell, of either, may be the other's.
        unknown = any(isinstance(tag, Unknown) for tag in (*covered, *tags))
        if resource.type == DROPLET and not unknown and covered.isdisjoint(tags):
            yield resource.urn, "Give it the tag that the stack's firewall goes by, and the firewall that tag."


def _tags(resource: Resource) -> Sequence[Any]:
    unknown = resource.text("tags")
    return [unknown] if isinstance(unknown, Unknown) else resource.items("tags")


RULES = (
    Rule("inner-service-exposed", "No store, and no other inner service, is open to the world.", _inner_exposed),
    Rule("ssh-open-to-everyone", "SSH is reached from named networks only.", _ssh_open),
    Rule("kafka-ui-open-to-everyone", "The Kafka UI is reached from named networks only.", _kafka_ui_open),
)
STACK_RULES = (
    StackRule("droplet-without-firewall", "Every droplet is behind a firewall of the stack.", _without_firewall),
)
