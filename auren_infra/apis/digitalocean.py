"""DigitalOcean's API."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from auren_infra.apis import http
from auren_infra.apis.http import Answer, CloudError

_ENDPOINT = "https://api.digitalocean.com"
_PER_PAGE = 200


@dataclass(frozen=True)
class DigitalOcean:
    """An account. Each request raises `CloudError` when it is not answered, `asked` and `all` also when refused."""

    endpoint: str
    token: str = field(repr=False)
    scopes: str
    """What the token needs to be allowed, in words."""

    def all(self, kind: str, path: str = "", **query: str) -> Iterator[dict[str, Any]]:
        """All of a list, such as `droplets`, page by page. `path` is where it is, if it is not of the same name."""
        asked = "".join(f"{key}={value}&" for key, value in query.items())
        page, count, total = 1, 0, 1
        while count < total:
            answer = self.asked("GET", f"{path or kind}?{asked}per_page={_PER_PAGE}&page={page}")
            found: list[dict[str, Any]] = answer[kind]
            yield from found
            if not found:
                return
            page, count, total = page + 1, count + len(found), int(answer["meta"]["total"])

    def asked(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return self.accepted(method, path, self.ask(method, path, body))

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """The answer, with any status."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        return http.ask(method, f"{self.endpoint}/v2/{path}", headers=headers, body=body)

    def accepted(self, method: str, path: str, answer: Answer) -> dict[str, Any]:
        """The content of a successful answer. Raises `CloudError` for any other one."""
        if answer.status < 300:
            return answer.content
        said = answer.content.get("message") or answer.text[:200]
        if answer.status == 401:
            raise CloudError("DigitalOcean does not know this token: set DIGITALOCEAN_TOKEN to one that is valid.")
        if answer.status == 403:
            raise CloudError(
                f"The DigitalOcean token may not {method} /v2/{path}. It needs the scopes {self.scopes}. "
                f"DigitalOcean said: {said}"
            )
        raise CloudError(f"DigitalOcean answered {method} /v2/{path} with {answer.status}: {said}")


def of_environment(environment: Mapping[str, str], scopes: str) -> DigitalOcean:
    """Raises `CloudError` when no token is set, or none that can be sent."""
    needs = f"It needs the scopes {scopes}."
    token = http.token(environment, "DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN", needs=needs)
    return DigitalOcean((environment.get("DIGITALOCEAN_API_URL") or _ENDPOINT).rstrip("/"), token, scopes)
