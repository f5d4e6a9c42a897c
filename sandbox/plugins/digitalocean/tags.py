"""Tags, and tagging what has them."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from sandbox.plugins.digitalocean.client import Client
from sandbox.plugins.resource import Operation, Resource, State
from sandbox.plugins.values import Values


class Tag(Resource):
    """`digitalocean.Tag`."""

    token = "digitalocean:index/tag:Tag"
    autoname = "name"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        return _state((await self._client.post("/v2/tags", {"name": inputs["name"]}))["tag"])

    async def read(self, operation: Operation, state: State) -> State | None:
        found = await self._client.find(f"/v2/tags/{state.id}")
        return _state(found["tag"]) if found else None

    async def delete(self, operation: Operation, state: State) -> None:
        await self._client.delete_if_there(f"/v2/tags/{state.id}")


async def retag(client: Client, kind: str, resource_id: str, old: Values, new: Values) -> None:
    """Makes the tags of a droplet or volume those of `new`; a tag that does not exist is created."""
    before, after = set(old.get("tags") or ()), set(new.get("tags") or ())
    body = {"resources": [{"resource_id": resource_id, "resource_type": kind}]}
    for tag in sorted(before - after):
        await client.delete(f"/v2/tags/{tag}/resources", body)
    for tag in sorted(after - before):
        await client.post("/v2/tags", {"name": tag})
        await client.post(f"/v2/tags/{tag}/resources", body)


def _state(tag: Values) -> State:
    resources = tag["resources"]
    counts = {
        "totalResourceCount": resources["count"],
        "dropletsCount": resources["droplets"]["count"],
        "imagesCount": resources["images"]["count"],
        "volumesCount": resources["volumes"]["count"],
        "volumeSnapshotsCount": resources["volume_snapshots"]["count"],
        "databasesCount": resources["databases"]["count"],
    }
    return State(tag["name"], {"name": tag["name"], **counts})
