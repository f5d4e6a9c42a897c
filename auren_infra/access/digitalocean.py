"""The part of DigitalOcean's API that an opening needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auren_infra.access.opening import Firewall, clipped
from auren_infra.apis import digitalocean
from auren_infra.apis.digitalocean import DigitalOcean

SCOPES = "firewall:read, firewall:create, firewall:delete, tag:read, tag:create and droplet:read"


@dataclass(frozen=True)
class Account:
    """The account with the stack's droplets. Every method raises `CloudError`."""

    api: DigitalOcean

    def firewalls(self) -> list[Firewall]:
        return [_firewall(each) for each in self.api.all("firewalls")]

    def status(self, firewall_id: str) -> str:
        return str(self.api.asked("GET", f"firewalls/{firewall_id}")["firewall"]["status"])

    def create_firewall(self, request: Mapping[str, Any]) -> Firewall:
        """Create the firewall. An existing one with the same name and rules is returned instead.

        If an answer is lost, the request is repeated and finds the firewall of the first one.
        """
        answer = self.api.ask("POST", "firewalls", request)
        if answer.status == 409:
            wanted = _firewall({**request, "id": "", "status": ""})
            for each in self.firewalls():
                if (each.name, each.tags, each.inbound) == (wanted.name, wanted.tags, wanted.inbound):
                    return each
        return _firewall(self.api.accepted("POST", "firewalls", answer)["firewall"])

    def delete_firewall(self, firewall_id: str) -> None:
        """Safe to repeat: a firewall that does not exist is no error."""
        path = f"firewalls/{firewall_id}"
        answer = self.api.ask("DELETE", path)
        if answer.status != 404:
            self.api.accepted("DELETE", path, answer)

    def ensure_tag(self, name: str) -> None:
        """Create the tag if it does not exist, as before the first deployment. A firewall needs an existing tag."""
        answer = self.api.ask("GET", f"tags/{name}")
        if answer.status == 404:
            self.api.asked("POST", "tags", {"name": name})
        else:
            self.api.accepted("GET", f"tags/{name}", answer)

    def droplets(self, tag: str) -> list[int]:
        """The ids of the droplets that carry the tag."""
        return [int(each["id"]) for each in self.api.all("droplets", tag_name=tag)]


def of_environment(environment: Mapping[str, str]) -> Account:
    """Raises `CloudError` when no token is set."""
    return Account(digitalocean.of_environment(environment, SCOPES))


def _firewall(found: Mapping[str, Any]) -> Firewall:
    return Firewall(
        id=found["id"],
        name=found["name"],
        status=found["status"],
        tags=tuple(found.get("tags") or ()),
        droplets=tuple(found.get("droplet_ids") or ()),
        inbound=tuple(_words(rule) for rule in found.get("inbound_rules") or ()),
    )


def _words(rule: Mapping[str, Any]) -> str:
    ports = rule.get("ports") or "0"
    sources = [str(source) for group in rule["sources"].values() for source in group or ()]
    return f"{rule['protocol']} {'all' if ports == '0' else ports} from {', '.join(clipped(sources))}"
