"""The Cloudflare API v4 as the official plugin calls it: retries, error texts, the envelope around every answer."""

import asyncio
import json
import os
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sandbox.plugins.resource import RefusedError
from sandbox.plugins.values import Values

if TYPE_CHECKING:
    import httpx

_ENDPOINT = "https://api.cloudflare.com/client/v4"
_TOKEN = re.compile(r"[0-9A-Za-z_-]{40,80}")
_RETRIES = 2
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
_LONGEST_ASKED_FOR = 60.0
"""A `Retry-After` beyond this many seconds is not waited out."""
_REQUEST_TIMEOUT = 60.0


class ApiError(RefusedError):
    """An answer that is not a success, worded as the official plugin words it."""

    def __init__(self, response: "httpx.Response") -> None:
        self.status = response.status_code
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else ""
        super().__init__(
            f'failed to make http request: {response.request.method} "{response.request.url}": '
            f"{self.status} {phrase} {response.text.strip()}"
        )


class Client:
    """One plugin's connection to the API."""

    def __init__(self) -> None:
        self._options: dict[str, Any] | None = None
        self._http: httpx.AsyncClient | None = None

    def configure(self, configuration: Values) -> None:
        """Called before any request."""
        token = configuration.get("apiToken") or os.environ.get("CLOUDFLARE_API_TOKEN")
        if token and not _TOKEN.fullmatch(token):
            raise RefusedError(
                "invalid cloudflare:apiToken (CLOUDFLARE_API_TOKEN): API tokens are 40 to 80 characters long and "
                "only contain 0-9, a-z, A-Z, hyphens and underscores"
            )
        endpoint = configuration.get("baseUrl") or os.environ.get("CLOUDFLARE_BASE_URL") or _ENDPOINT
        headers = {"Accept": "application/json", "User-Agent": "auren-sandbox-pulumi-cloudflare"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._options = {"base_url": endpoint, "headers": headers, "timeout": _REQUEST_TIMEOUT}

    async def get(self, path: str, query: Values | None = None) -> Any:
        return (await self._send("GET", path, params=query))["result"]

    async def list(self, path: str, query: Values, most: int) -> list[Values]:
        """All pages of a list, up to `most` entries."""
        found: list[Values] = []
        page = 1
        while len(found) < most:
            answer = await self._send("GET", path, params={**query, "page": page})
            found += answer["result"]
            if page >= (answer.get("result_info") or {}).get("total_pages", 1):
                break
            page += 1
        return found[:most]

    async def post(self, path: str, body: Values) -> Values:
        return (await self._send("POST", path, json=body))["result"]

    async def put(self, path: str, body: Values) -> Values:
        return (await self._send("PUT", path, json=body))["result"]

    async def patch(self, path: str, body: Values) -> Values:
        return (await self._send("PATCH", path, json=body))["result"]

    async def find(self, path: str) -> Values | None:
        """`get`, or None when there is no such thing."""
        try:
            return await self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def delete_if_there(self, path: str) -> None:
        try:
            await self._send("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise

    async def _send(self, method: str, path: str, **content: Any) -> Values:
        import httpx  # takes as long as all else that this plugin imports

        if self._options is None:
            raise RuntimeError("the client is used before it is configured")
        self._http = self._http or httpx.AsyncClient(**self._options)
        for attempt in range(_RETRIES + 1):
            pause = min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2**attempt)
            try:
                response = await self._http.send(self._http.build_request(method, path, **content), stream=True)
            except httpx.TransportError as error:
                if attempt == _RETRIES:
                    cause = str(error) or type(error).__name__
                    raise RefusedError(f'failed to make http request: {method} "{path}": {cause}') from error
                await asyncio.sleep(pause)
                continue
            try:
                await response.aread()
            except httpx.TransportError as error:  # the official plugin sends no request again that was answered
                raise RefusedError("failed to make http request: unexpected EOF") from error
            if response.is_success:
                return _envelope(response)
            pause = _pause_asked_for(response) or pause
            transient = response.status_code in (408, 409, 429) or response.status_code >= 500
            if not transient or attempt == _RETRIES:
                raise ApiError(response)
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def _envelope(response: "httpx.Response") -> Values:
    try:
        body = response.json()
    except json.JSONDecodeError as error:
        raise RefusedError(f"{response.request.url} did not answer with JSON: {response.text[:200]!r}") from error
    if not body.get("success"):
        raise ApiError(response)
    return body


def _pause_asked_for(response: "httpx.Response") -> float | None:
    asked = response.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() and 0 < float(asked) <= _LONGEST_ASKED_FOR else None
