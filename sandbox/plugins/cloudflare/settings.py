"""Settings of a zone."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from sandbox.plugins.cloudflare.client import Client
from sandbox.plugins.resource import Operation, RefusedError, Resource, State
from sandbox.plugins.values import Values


class ZoneSetting(Resource):
    """`cloudflare.ZoneSetting`. A zone always has all its settings: deleting one leaves it as it is."""

    token = "cloudflare:index/zoneSetting:ZoneSetting"
    renewed = frozenset({"modifiedOn"})

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        return await self._change(inputs)

    async def read(self, operation: Operation, state: State) -> State | None:
        zone, name = state.outputs.get("zoneId"), state.id
        if zone is None:
            zone, _, name = state.id.partition("/")
            if not name:
                raise RefusedError(f"expected an import ID of the form <zone_id>/<setting_id>, got {state.id!r}")
        setting = await self._client.find(f"/zones/{zone}/settings/{name}")
        return _state(setting, zone) if setting else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        return await self._change(inputs)

    async def delete(self, operation: Operation, state: State) -> None:
        """The official plugin makes no call either."""

    async def _change(self, inputs: Values) -> State:
        body = {name: inputs[name] for name in ("value", "enabled") if name in inputs}
        path = f"/zones/{inputs['zoneId']}/settings/{inputs['settingId']}"
        return _state(await self._client.patch(path, body), inputs["zoneId"])


def _state(setting: Values, zone: str) -> State:
    outputs: Values = {
        "zoneId": zone,
        "settingId": setting["id"],
        "value": setting["value"],
        "editable": setting.get("editable"),
        "enabled": setting.get("enabled"),
        "modifiedOn": setting.get("modified_on"),
        "timeRemaining": setting.get("time_remaining"),
    }
    return State(setting["id"], outputs)
