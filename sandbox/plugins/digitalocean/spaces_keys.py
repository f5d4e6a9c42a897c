"""Access keys of Spaces."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

import asyncio
import time
from collections.abc import Awaitable, Callable

from sandbox.plugins.digitalocean.client import ApiError, Client
from sandbox.plugins.resource import Operation, RefusedError, Resource, State
from sandbox.plugins.values import Values

_PAGE = 200
_PATH = "/v2/spaces/keys"
PATIENCE = 5 * 60.0
_LONGEST_PAUSE = 10.0


class SpacesKey(Resource):
    """`digitalocean.SpacesKey`.

    Like the official provider, it repeats a refused request for five minutes, unless the status is 412 or 500.
    """

    token = "digitalocean:index/spacesKey:SpacesKey"
    autoname = "name"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        key = await _repeated(operation, "creating", lambda: self._client.post(_PATH, _body(inputs)))
        return _state(key["key"], key["key"]["secret_key"])

    async def read(self, operation: Operation, state: State) -> State | None:
        page = 1
        while True:
            answer = await self._client.get(_PATH, page=page, per_page=_PAGE)
            for key in answer["keys"]:
                if key["access_key"] == state.id:
                    return _state(key, state.outputs.get("secretKey"))
            if not ((answer.get("links") or {}).get("pages") or {}).get("next"):
                return None
            page += 1

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        path = f"{_PATH}/{state.id}"
        key = await _repeated(operation, "updating", lambda: self._client.put(path, _body(inputs)))
        return _state(key["key"], state.outputs.get("secretKey"))

    async def delete(self, operation: Operation, state: State) -> None:
        await _repeated(operation, "deleting", lambda: self._deleted(state.id))

    async def _deleted(self, access_key: str) -> Values:
        await self._client.delete_if_there(f"{_PATH}/{access_key}")
        return {}


async def _repeated(operation: Operation, doing: str, request: Callable[[], Awaitable[Values]]) -> Values:
    deadline, pause = time.monotonic() + (operation.timeout or PATIENCE), 0.5
    while True:
        try:
            return await request()
        except ApiError as error:
            if error.status in (412, 500) or time.monotonic() + pause > deadline:
                raise RefusedError(f"Error {doing} Spaces key: {error}") from error
        await asyncio.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)


def _body(inputs: Values) -> Values:
    grants = [{"bucket": each["bucket"], "permission": each["permission"]} for each in inputs.get("grants") or []]
    return {"name": inputs["name"], "grants": grants}


def _state(key: Values, secret: str | None) -> State:
    outputs = {
        "name": key["name"],
        "accessKey": key["access_key"],
        "secretKey": secret,
        "grants": key["grants"],
        "createdAt": key["created_at"],
    }
    return State(key["access_key"], outputs)
