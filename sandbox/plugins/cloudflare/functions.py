"""Look-ups: zones and the ranges that Cloudflare's edge connects from."""

from sandbox.plugins.cloudflare.client import Client
from sandbox.plugins.cloudflare.names import camel
from sandbox.plugins.resource import Function, RefusedError
from sandbox.plugins.values import Values

_MOST = 1000
"""Zones listed when no `maxItems` is given, as with the official plugin."""


class GetZone(Function):
    """`cloudflare.get_zone`, by id or by a filter that exactly one zone matches."""

    token = "cloudflare:index/getZone:getZone"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, arguments: Values) -> Values:
        zone = arguments.get("zoneId")
        if zone is None:
            found = await self._client.list("/zones", _query(arguments.get("filter", {})), most=2)
            if len(found) != 1:
                count = "none" if not found else "more than one"
                raise RefusedError(f"failed to find exactly one result: {count} matches {arguments.get('filter')}")
            zone = found[0]["id"]
        result = camel(await self._client.get(f"/zones/{zone}"))
        return {**result, "zoneId": zone, "filter": arguments.get("filter")}


class GetZones(Function):
    """`cloudflare.get_zones`."""

    token = "cloudflare:index/getZones:getZones"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, arguments: Values) -> Values:
        found = await self._client.list("/zones", _query(arguments), arguments.get("maxItems", _MOST))
        return {**arguments, "results": camel(found)}


class GetIpRanges(Function):
    """`cloudflare.get_ip_ranges`."""

    token = "cloudflare:index/getIpRanges:getIpRanges"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, arguments: Values) -> Values:
        return {**camel(await self._client.get("/ips", arguments or None)), **arguments}


def _query(arguments: Values) -> Values:
    """The API's filters: `account` has parts, `types` is one list."""
    query = {name: arguments[name] for name in ("name", "status", "match", "order", "direction") if name in arguments}
    query |= {f"account.{part}": value for part, value in arguments.get("account", {}).items()}
    if arguments.get("types"):
        query["type"] = ",".join(arguments["types"])
    return query
