"""The DigitalOcean API v2 as the official plugin calls it: retries, error texts, waiting for actions."""

import asyncio
import math
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.plugins.resource import Operation, RefusedError
from sandbox.plugins.values import Values

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

POLL_INTERVAL = 1.0
"""Seconds between two looks at something that is under way."""
PATIENCE = 20 * 60.0
"""Seconds that an operation waits at most, unless `custom_timeouts` says otherwise."""
_REQUEST_TIMEOUT = 60.0
_LONGEST_PAUSE = 300.0
"""A `Retry-After` beyond this is reported instead of waited out."""


class ApiError(RefusedError):
    """An answer that is not a success, worded as the official plugin words it."""

    def __init__(self, response: "httpx.Response", attempts: int) -> None:
        body = _json(response)
        self.status = response.status_code
        self.reason = str(body.get("message") or response.reason_phrase)
        request_id = response.headers.get("x-request-id") or body.get("request_id")
        number = f' (request "{request_id}")' if request_id else ""
        attempted = f"; giving up after {attempts} attempt(s)" if attempts > 1 else ""
        super().__init__(
            f"{response.request.method} {response.request.url}: {self.status}{number} {self.reason}{attempted}"
        )


@dataclass(frozen=True)
class Settings:
    """The provider's configuration; each comes from the stack, then from the environment."""

    token: str | None
    endpoint: str
    retries: int
    shortest_pause: float
    longest_pause: float

    @classmethod
    def of(cls, configuration: Values) -> "Settings":
        env = os.environ.get
        try:
            return cls(
                token=configuration.get("token") or env("DIGITALOCEAN_TOKEN") or env("DIGITALOCEAN_ACCESS_TOKEN"),
                endpoint=configuration.get("apiEndpoint")
                or env("DIGITALOCEAN_API_URL", "https://api.digitalocean.com"),
                retries=int(configuration.get("httpRetryMax", env("DIGITALOCEAN_HTTP_RETRY_MAX", "4"))),
                shortest_pause=float(
                    configuration.get("httpRetryWaitMin", env("DIGITALOCEAN_HTTP_RETRY_WAIT_MIN", "1.0"))
                ),
                longest_pause=float(
                    configuration.get("httpRetryWaitMax", env("DIGITALOCEAN_HTTP_RETRY_WAIT_MAX", "30.0"))
                ),
            )
        except ValueError as error:
            raise RefusedError(f"the DIGITALOCEAN_HTTP_RETRY_* settings must be numbers: {error}") from error


class Client:
    """One plugin's connection to the API."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._http: httpx.AsyncClient | None = None

    def configure(self, configuration: Values) -> None:
        """Called before any request."""
        self._settings = Settings.of(configuration)

    async def get(self, path: str, **query: str | int) -> Values:
        return await self._send("GET", path, params=query or None)

    async def post(self, path: str, body: Values) -> Values:
        return await self._send("POST", path, json=body)

    async def put(self, path: str, body: Values) -> Values:
        return await self._send("PUT", path, json=body)

    async def delete(self, path: str, body: Values | None = None) -> None:
        await self._send("DELETE", path, json=body)

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
            await self.delete(path)
        except ApiError as error:
            if error.status != 404:
                raise

    async def completed(self, operation: Operation, action: Values, path: str = "/v2/actions") -> None:
        """Waits until an action is done; `path` is where it is looked up."""

        async def look() -> bool:
            status = action["status"]
            if status == "in-progress":
                status = (await self.get(f"{path}/{action['id']}"))["action"]["status"]
            if status == "errored":
                raise RefusedError(f"action {action['id']} ({action['type']}) ended in an error")
            return status == "completed"

        await until(operation, look, f"action {action['id']} ({action['type']}) to complete")

    async def _send(self, method: str, path: str, **content: Any) -> Values:
        import httpx  # takes as long as all else that this plugin imports, and a preview asks nothing

        settings = self._settings
        if settings is None:
            raise RuntimeError("the client is used before it is configured")
        if self._http is None:
            self._http = httpx.AsyncClient(
                base_url=settings.endpoint, headers=_headers(settings.token), timeout=_REQUEST_TIMEOUT
            )
        http = self._http
        for attempt in range(1, settings.retries + 2):
            pause = min(settings.longest_pause, settings.shortest_pause * 2 ** (attempt - 1))
            try:
                response = await http.send(http.build_request(method, path, **content), stream=True)
            except httpx.TransportError as error:
                if attempt > settings.retries:
                    raise RefusedError(f"{method} {settings.endpoint}{path}: {_cause(error)}") from error
                await asyncio.sleep(pause)
                continue
            try:
                await response.aread()
            except httpx.TransportError as error:  # the official plugin sends no request again that was answered
                raise RefusedError("unexpected EOF") from error
            if response.is_success:
                return _json(response)
            pause = _pause_asked_for(response) or pause
            transient = response.status_code == 429 or (response.status_code >= 500 and response.status_code != 501)
            if not transient or attempt > settings.retries or pause > _LONGEST_PAUSE:
                raise ApiError(response, attempt)
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


async def until(
    operation: Operation, look: Callable[[], Awaitable[bool]], wanted: str, patience: float = PATIENCE
) -> None:
    """Looks until it is so, or refuses when the operation's time is up."""
    patience = operation.timeout or patience
    deadline = time.monotonic() + patience
    while not await look():
        if time.monotonic() > deadline:
            raise RefusedError(f"timeout while waiting for {wanted}: not so after {patience:.0f} s")
        await asyncio.sleep(POLL_INTERVAL)


async def once_idle(operation: Operation, request: Callable[[], Awaitable[T]]) -> T:
    """Sends a request again while the machine is busy with another event: it does one at a time."""
    answers: list[T] = []

    async def look() -> bool:
        try:
            answers.append(await request())
        except ApiError as error:
            if error.status == 422 and "pending event" in error.reason:
                return False
            raise
        return True

    await until(operation, look, "the droplet's pending event to end", patience=300)
    return answers[0]


def _headers(token: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "auren-sandbox-pulumi-digitalocean"}
    return headers | {"Authorization": f"Bearer {token}"} if token else headers


def _pause_asked_for(response: "httpx.Response") -> float | None:
    """Seconds, from `Retry-After` or, with a 429, from when the limit is reset."""
    if response.status_code not in (429, 503):
        return None
    asked = response.headers.get("retry-after", "")
    if asked.isdigit():
        return float(asked)
    reset = response.headers.get("ratelimit-reset", "")
    if reset.isdigit() and response.headers.get("ratelimit-remaining") == "0":
        return max(1.0, math.ceil(int(reset) - time.time()))
    return None


def _json(response: "httpx.Response") -> Values:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _cause(error: "httpx.TransportError") -> str:
    return str(error) or type(error).__name__
