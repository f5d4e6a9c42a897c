"""Cloudflare's API."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from auren_infra.apis import http
from auren_infra.apis.http import CloudError

ENDPOINT = "https://api.cloudflare.com/client/v4"
_PER_PAGE = 50
"""The most that a list of zones may have."""


@dataclass(frozen=True)
class Cloudflare:
    """An account. Each request raises `CloudError` when it is not answered or refused."""

    endpoint: str
    token: str = field(repr=False)

    def address_records(self, zone: str) -> Iterator[dict[str, Any]]:
        """The A records of the active zone with this name. Raises `CloudError` also when the token sees none."""
        active = [each for each in self._all(f"zones?name={quote(zone)}") if each["status"] == "active"]
        if not active:
            raise CloudError(f"Cloudflare shows this token no active zone {zone}: its records were not looked at.")
        for each in active:
            yield from self._all(f"zones/{each['id']}/dns_records?type=A")

    def records_of(self, zone_id: str, name: str) -> list[dict[str, Any]]:
        """The records of any type with this name, which is written in full."""
        return list(self._all(f"zones/{zone_id}/dns_records?name={quote(name)}"))

    def _all(self, path: str) -> Iterator[dict[str, Any]]:
        page, pages = 1, 1
        while page <= pages:
            answer = self._asked(f"{path}&per_page={_PER_PAGE}&page={page}")
            yield from answer["result"]
            page, pages = page + 1, int(answer["result_info"]["total_pages"])

    def _asked(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        answer = http.ask("GET", f"{self.endpoint}/{path}", headers=headers)
        if answer.status < 300:
            return answer.content
        if answer.status in (401, 403):
            raise CloudError(
                "Set CLOUDFLARE_API_TOKEN to one that may read the zone and its DNS, from this address. "
                f"Cloudflare refuses this one with {answer.status}: {answer.text[:200]}"
            )
        raise CloudError(f"Cloudflare answered GET {path} with {answer.status}: {answer.text[:200]}")


def endpoint(environment: Mapping[str, str]) -> str:
    return (environment.get("CLOUDFLARE_BASE_URL") or ENDPOINT).rstrip("/")


def of_environment(environment: Mapping[str, str]) -> Cloudflare:
    """Raises `CloudError` when no token is set, or none that can be sent."""
    needs = "It must be allowed to read the zone and its DNS."
    token = http.token(environment, "CLOUDFLARE_API_TOKEN", needs=needs)
    return Cloudflare(endpoint(environment), token)
