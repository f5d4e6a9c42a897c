"""The part of DigitalOcean's API that an opening needs. It reads the same variables as the Pulumi plugin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from auren_infra.access import http
from auren_infra.access.http import AccessError, Answer
from auren_infra.access.opening import Firewall, clipped

_ENDPOINT = "https://api.digitalocean.com"
SCOPES = "firewall:read, firewall:create, firewall:delete, tag:read, tag:create and droplet:read"
_PER_PAGE = 200


@dataclass(frozen=True)
class DigitalOcean:
    endpoint: str
    token: str = field(repr=False)

    def firewalls(self) -> list[Firewall]:
        return [_firewall(each) for each in self._all("firewalls")]

    def status(self, firewall_id: str) -> str:
        return str(self._asked("GET", f"firewalls/{firewall_id}")["firewall"]["status"])

    def create_firewall(self, request: Mapping[str, Any]) -> Firewall:
        """Create the firewall. An existing one with the same name and rules is returned instead.

        If an answer is lost, the request is repeated and finds the firewall of the first one.
        """
        answer = self._ask("POST", "firewalls", request)
        if answer.status == 409:
            wanted = _firewall({**request, "id": "", "status": ""})
            for each in self.firewalls():
                if (each.name, each.tags, each.inbound) == (wanted.name, wanted.tags, wanted.inbound):
                    return each
        return _firewall(_accepted("POST", "firewalls", answer)["firewall"])

    def delete_firewall(self, firewall_id: str) -> None:
        """Safe to repeat: a firewall that does not exist is no error."""
        path = f"firewalls/{firewall_id}"
        answer = self._ask("DELETE", path)
        if answer.status != 404:
            _accepted("DELETE", path, answer)

    def ensure_tag(self, name: str) -> None:
        """Create the tag if it does not exist, as before the first deployment. A firewall needs an existing tag."""
        answer = self._ask("GET", f"tags/{name}")
        if answer.status == 404:
            self._asked("POST", "tags", {"name": name})
        else:
            _accepted("GET", f"tags/{name}", answer)

    def droplets(self, tag: str) -> list[int]:
        """The ids of the droplets that carry the tag."""
        return [int(each["id"]) for each in self._all("droplets", f"tag_name={tag}&")]

    def _all(self, kind: str, query: str = "") -> Iterator[dict[str, Any]]:
        page, count, total = 1, 0, 1
        while count < total:
            found = self._asked("GET", f"{kind}?{query}per_page={_PER_PAGE}&page={page}")
            yield from found[kind]
            if not found[kind]:
                return
            page, count, total = page + 1, count + len(found[kind]), int(found["meta"]["total"])

    def _asked(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return _accepted(method, path, self._ask(method, path, body))

    def _ask(self, method: str, path: str, body: object = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        return http.ask(method, f"{self.endpoint}/v2/{path}", headers=headers, body=body)


def of_environment(environment: Mapping[str, str]) -> DigitalOcean:
    """Raises `AccessError` when no token is set."""
    token = environment.get("DIGITALOCEAN_TOKEN") or environment.get("DIGITALOCEAN_ACCESS_TOKEN")
    if not token:
        raise AccessError(f"DIGITALOCEAN_TOKEN is not set. It needs the scopes {SCOPES}.")
    return DigitalOcean((environment.get("DIGITALOCEAN_API_URL") or _ENDPOINT).rstrip("/"), token)


def _accepted(method: str, path: str, answer: Answer) -> dict[str, Any]:
    """The content of a successful answer. Raises `AccessError` for any other one."""
    if answer.status < 300:
        return answer.content
    if answer.status == 401:
        raise AccessError("DigitalOcean does not know this token: set DIGITALOCEAN_TOKEN to one that is valid.")
    if answer.status == 403:
        raise AccessError(f"The DigitalOcean token may not {method} /v2/{path}. It needs the scopes {SCOPES}.")
    said = answer.content.get("message") or answer.text[:200]
    raise AccessError(f"DigitalOcean answered {method} /v2/{path} with {answer.status}: {said}")


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
