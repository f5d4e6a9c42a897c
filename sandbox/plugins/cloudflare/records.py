"""DNS records."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

import json

from sandbox.plugins.cloudflare.client import Client
from sandbox.plugins.cloudflare.names import camel, snake
from sandbox.plugins.resource import Operation, RefusedError, Resource, State
from sandbox.plugins.schema import Fault
from sandbox.plugins.values import Values


class DnsRecord(Resource):
    """`cloudflare.DnsRecord`.

    The API answers with full names only: a short name (`www`) would read as a change after a refresh.
    """

    token = "cloudflare:index/dnsRecord:DnsRecord"
    renewed = frozenset({"modifiedOn"})

    def __init__(self, client: Client) -> None:
        self._client = client

    def check(self, inputs: Values) -> list[Fault]:
        ttl = inputs["ttl"]
        if isinstance(ttl, int | float) and ttl != 1 and not 30 <= ttl <= 86400:
            return [Fault("ttl", f"Attribute ttl value must be 1 or between 30 and 86400, got: {ttl}")]
        return []

    async def create(self, operation: Operation, inputs: Values) -> State:
        record = await self._client.post(f"/zones/{inputs['zoneId']}/dns_records", _body(inputs))
        return _state(record, inputs["zoneId"], inputs)

    async def read(self, operation: Operation, state: State) -> State | None:
        zone, record_id = state.outputs.get("zoneId"), state.id
        if zone is None:
            zone, _, record_id = state.id.partition("/")
            if not record_id:
                raise RefusedError(f"expected an import ID of the form <zone_id>/<dns_record_id>, got {state.id!r}")
        record = await self._client.find(f"/zones/{zone}/dns_records/{record_id}")
        return _state(record, zone, {}) if record else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        record = await self._client.put(f"/zones/{inputs['zoneId']}/dns_records/{state.id}", _body(inputs))
        return _state(record, inputs["zoneId"], inputs)

    async def delete(self, operation: Operation, state: State) -> None:
        await self._client.delete_if_there(f"/zones/{state.outputs['zoneId']}/dns_records/{state.id}")


def _body(inputs: Values) -> Values:
    return snake({name: value for name, value in inputs.items() if name != "zoneId"})


_REPORTED = (
    "comment",
    "commentModifiedOn",
    "content",
    "createdOn",
    "data",
    "modifiedOn",
    "name",
    "priority",
    "privateRouting",
    "proxiable",
    "proxied",
    "settings",
    "tags",
    "tagsModifiedOn",
    "ttl",
    "type",
)


def _state(record: Values, zone: str, given: Values) -> State:
    """What was given stays as it was given: the API's spelling of it may be another."""
    reported = camel(record)
    outputs: Values = {name: reported[name] for name in _REPORTED if reported.get(name) is not None}
    if not given.get("privateRouting"):
        outputs.pop("privateRouting", None)
    outputs["meta"] = json.dumps(record.get("meta") or {}, separators=(",", ":"))
    return State(record["id"], outputs | given | {"zoneId": zone})
