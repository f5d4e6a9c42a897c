"""An opening as a value: the name of its firewall, its rule, and its end. This module calls no API."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

from auren_infra.services.inbound import SSH_PORT

LONGEST_MINUTES = 720
_MOST_SHOWN = 10
_TIME = "%Y%m%dT%H%M%SZ"
_LONGEST_HOLDER = 80
_ONE_ADDRESS = re.compile(rf"tcp {SSH_PORT} from [0-9.]+")
_BY_STACK = "auren-"
"""The prefix of the stack's name in the default of `auren:name`."""


@dataclass(frozen=True)
class Firewall:
    """A firewall of the account."""

    id: str
    name: str
    status: str
    """`waiting` until it is applied to every droplet, then `succeeded` or `failed`."""
    tags: tuple[str, ...]
    droplets: tuple[int, ...]
    inbound: tuple[str, ...]
    """Its rules as text, such as `tcp 22 from 198.51.100.7`."""

    @property
    def says(self) -> str:
        return "; ".join(clipped(self.inbound)) or "nothing comes in"

    def covers(self, tag: str, droplets: Iterable[int]) -> bool:
        return tag in self.tags or not set(droplets).isdisjoint(self.droplets)


@dataclass(frozen=True)
class Opening:
    """SSH of a stack is open to one address until a time."""

    stack: str
    """Its `auren:name`: the tag of its droplets, and the name of its own firewall."""
    holder: str
    """The person with their machine, or the workflow run. Each holder has at most one opening."""
    until: datetime
    """In UTC, to the second."""

    @property
    def name(self) -> str:
        """The firewall's name. It contains everything about the opening, so nothing else is stored."""
        return f"{self.stack}-access-{self.holder}-until-{self.until:{_TIME}}"

    def over(self, now: datetime) -> bool:
        return self.until <= now

    def request(self, address: IPv4Address) -> dict[str, Any]:
        """The request to create the firewall. It has no outbound rule, so it allows no outgoing connection."""
        rule = {"protocol": "tcp", "ports": str(SSH_PORT), "sources": {"addresses": [str(address)]}}
        return {"name": self.name, "tags": [self.stack], "inbound_rules": [rule]}


def clipped(words: Sequence[str]) -> list[str]:
    """The first words, and the number of the others, because an issue has a maximum length."""
    more = len(words) - _MOST_SHOWN
    return [*words[:_MOST_SHOWN], *([f"{more:,} more"] if more > 0 else [])]


def of_stack(stack: str) -> str:
    """The `auren:name` of a stack that sets none."""
    return f"{_BY_STACK}{stack}"


def chosen_by(name: str) -> str:
    """The option of the command that selects this stack."""
    return f"--stack {name.removeprefix(_BY_STACK)}" if name.startswith(_BY_STACK) else f"--name {name}"


def read(stack: str, name: str) -> Opening | None:
    """The opening of this stack with this firewall name; None for other names."""
    # A holder has no dash, so an opening of the stack `prod-access` is not read as one of `prod`.
    found = re.fullmatch(rf"{re.escape(stack)}-access-([a-z0-9.]+)-until-([0-9]{{8}}T[0-9]{{6}}Z)", name)
    if found is None:
        return None
    try:
        until = datetime.strptime(found[2], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Opening(stack, found[1], until)


def holder(text: str) -> str:
    """The text with only the characters that are valid in a firewall's name; empty when none is."""
    return re.sub(r"[^a-z0-9.]+", ".", text.lower())[:_LONGEST_HOLDER].strip(".")


def openings(stack: str, firewalls: Iterable[Firewall]) -> list[tuple[Firewall, Opening]]:
    return [(each, found) for each in firewalls if (found := read(stack, each.name))]


def strangers(stack: str, firewalls: Iterable[Firewall], droplets: Iterable[int], now: datetime) -> list[str]:
    """A line for each firewall on the stack's droplets that is neither its own nor a valid opening."""
    lines: list[str] = []
    for each in firewalls:
        found = read(stack, each.name)
        if found and found.over(now):
            lines.append(
                f"SSH is still open by the firewall {each.name}, which expired at {shown(found.until)}: "
                f"{each.says}. Repair: `python -m auren_infra access close {chosen_by(stack)}`"
            )
        elif each.name != stack and each.covers(stack, droplets) and not (found and _counts(each, found, now)):
            lines.append(
                f"The firewall {each.name} is not part of this stack and opens more of its droplet: {each.says}. "
                "Repair: delete it in DigitalOcean's control panel, or move its rules into the stack's configuration"
            )
    return lines


def _counts(firewall: Firewall, found: Opening, now: datetime) -> bool:
    """Whether its rule and its duration are those of an opening. The name alone proves nothing."""
    bounded = found.until - now <= timedelta(minutes=LONGEST_MINUTES)
    return bounded and len(firewall.inbound) == 1 and bool(_ONE_ADDRESS.fullmatch(firewall.inbound[0]))


def shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
