"""Reserved IP addresses and their assignment to a droplet."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from datetime import UTC, datetime

from sandbox.plugins.digitalocean.client import Client, once_idle, until
from sandbox.plugins.resource import Operation, RefusedError, Resource, State
from sandbox.plugins.values import Values


class ReservedIp(Resource):
    """`digitalocean.ReservedIp`."""

    token = "digitalocean:index/reservedIp:ReservedIp"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        created = await self._client.post("/v2/reserved_ips", {"region": inputs["region"]})
        state = _state(created["reserved_ip"], {})
        operation.made(state)
        if inputs.get("dropletId"):
            await _droplet_ready(self._client, operation, inputs["dropletId"])
            await assign(self._client, operation, state.id, inputs["dropletId"])
            state = State(state.id, state.outputs | {"dropletId": inputs["dropletId"]})
        return state

    async def read(self, operation: Operation, state: State) -> State | None:
        found = await self._client.find(f"/v2/reserved_ips/{state.id}")
        return _state(found["reserved_ip"], state.outputs) if found else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        old, new = state.outputs.get("dropletId"), inputs.get("dropletId")
        if new and new != old:
            await _droplet_ready(self._client, operation, new)
            await assign(self._client, operation, state.id, new)
        elif old and not new:
            await unassign(self._client, operation, state.id)
        found = await self._client.get(f"/v2/reserved_ips/{state.id}")
        return _state(found["reserved_ip"], inputs)

    async def delete(self, operation: Operation, state: State) -> None:
        found = await self._client.find(f"/v2/reserved_ips/{state.id}")
        if found is None:
            return
        if found["reserved_ip"].get("droplet") and state.outputs.get("dropletId"):
            await unassign(self._client, operation, state.id)
        await self._client.delete_if_there(f"/v2/reserved_ips/{state.id}")


class ReservedIpAssignment(Resource):
    """`digitalocean.ReservedIpAssignment`."""

    token = "digitalocean:index/reservedIpAssignment:ReservedIpAssignment"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        await assign(self._client, operation, inputs["ipAddress"], inputs["dropletId"])
        unique = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}"
        return State(f"{inputs['dropletId']}-{inputs['ipAddress']}-{unique}", inputs)

    async def read(self, operation: Operation, state: State) -> State | None:
        outputs = state.outputs
        if not outputs:
            address, _, droplet = state.id.partition(",")
            if not droplet.isdigit():
                raise RefusedError("must use the reserved IP and the ID of the Droplet joined with a comma")
            outputs = {"ipAddress": address, "dropletId": int(droplet)}
        holds = await self._holder(outputs["ipAddress"]) == outputs["dropletId"]
        return State(state.id, outputs) if holds else None

    async def delete(self, operation: Operation, state: State) -> None:
        """Leaves the address alone when it points elsewhere by now."""
        address = state.outputs["ipAddress"]
        if await self._holder(address) == state.outputs["dropletId"]:
            await unassign(self._client, operation, address)

    async def _holder(self, address: str) -> int | None:
        found = await self._client.find(f"/v2/reserved_ips/{address}")
        droplet = found["reserved_ip"].get("droplet") if found else None
        return droplet["id"] if droplet else None


async def assign(client: Client, operation: Operation, address: str, droplet: int) -> None:
    """Points the address at a droplet and waits until it does."""
    await _act(client, operation, address, {"type": "assign", "droplet_id": droplet})


async def unassign(client: Client, operation: Operation, address: str) -> None:
    """Points the address at nothing."""
    await _act(client, operation, address, {"type": "unassign"})


async def _act(client: Client, operation: Operation, address: str, body: Values) -> None:
    path = f"/v2/reserved_ips/{address}/actions"
    answer = await once_idle(operation, lambda: client.post(path, body))
    await client.completed(operation, answer["action"], path)


async def _droplet_ready(client: Client, operation: Operation, droplet: int) -> None:
    async def look() -> bool:
        return (await client.get(f"/v2/droplets/{droplet}"))["droplet"]["status"] == "active"

    await until(operation, look, f"droplet ({droplet}) to be ready for reserved IP assign")


def _state(address: Values, kept: Values) -> State:
    """The droplet is set only if it was an input, because the assignment may be a resource of its own."""
    droplet = address.get("droplet")
    outputs: Values = {
        "ipAddress": address["ip"],
        "region": address["region"]["slug"],
        "reservedIpUrn": f"do:reservedip:{address['ip']}",
        "dropletId": droplet["id"] if droplet and kept.get("dropletId") else None,
    }
    return State(address["ip"], outputs)
