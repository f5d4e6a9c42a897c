"""Block volumes and their attachment to a droplet."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from datetime import UTC, datetime

from sandbox.plugins.digitalocean.client import ApiError, Client, once_idle
from sandbox.plugins.digitalocean.tags import retag
from sandbox.plugins.resource import Operation, RefusedError, Resource, State
from sandbox.plugins.schema import Fault
from sandbox.plugins.values import UNKNOWN, Values

_FILESYSTEMS = ("ext4", "xfs")


class Volume(Resource):
    """`digitalocean.Volume`. It only ever grows."""

    token = "digitalocean:index/volume:Volume"
    autoname = "name"

    def __init__(self, client: Client) -> None:
        self._client = client

    def check(self, inputs: Values) -> list[Fault]:
        faults: list[Fault] = []
        if isinstance(inputs["size"], int) and inputs["size"] < 1:
            faults.append(Fault("size", f"expected size to be at least (1), got {inputs['size']}"))
        faults += [
            Fault(name, f"expected {name} to be one of {_FILESYSTEMS}, got {inputs[name]}")
            for name in ("filesystemType", "initialFilesystemType")
            if inputs.get(name) not in (None, UNKNOWN, *_FILESYSTEMS)
        ]
        if inputs.get("filesystemType") and inputs.get("initialFilesystemType"):
            faults.append(Fault("filesystemType", "conflicts with initialFilesystemType"))
        return faults

    def replaces(self, old: Values, new: Values) -> frozenset[str]:
        if isinstance(new["size"], int) and new["size"] < old.get("size", 0):
            raise RefusedError(
                "volumes `size` can only be expanded and not shrunk "
                f"({old.get('name')} is {old['size']} GiB, {new['size']} GiB are asked for)"
            )
        return frozenset()

    async def create(self, operation: Operation, inputs: Values) -> State:
        body = {"name": inputs["name"], "region": inputs["region"].lower(), "size_gigabytes": inputs["size"]}
        body |= {key: inputs[name] for name, key in _OPTIONAL.items() if inputs.get(name)}
        return _state((await self._client.post("/v2/volumes", body))["volume"], inputs)

    async def read(self, operation: Operation, state: State) -> State | None:
        found = await self._client.find(f"/v2/volumes/{state.id}")
        return _state(found["volume"], state.outputs) if found else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        if inputs["size"] != state.outputs["size"]:
            body = {"type": "resize", "size_gigabytes": inputs["size"], "region": inputs["region"].lower()}
            resized = await self._client.post(f"/v2/volumes/{state.id}/actions", body)
            await self._client.completed(operation, resized["action"])
        await retag(self._client, "volume", state.id, state.outputs, inputs)
        return _state((await self._client.get(f"/v2/volumes/{state.id}"))["volume"], inputs)

    async def delete(self, operation: Operation, state: State) -> None:
        await self._client.delete_if_there(f"/v2/volumes/{state.id}")


class VolumeAttachment(Resource):
    """`digitalocean.VolumeAttachment`."""

    token = "digitalocean:index/volumeAttachment:VolumeAttachment"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        droplet, volume = inputs["dropletId"], inputs["volumeId"]
        if droplet not in await self._attached_to(volume):
            await self._act(operation, "attach", droplet, volume)
        return State(f"{droplet}-{volume}-{datetime.now(UTC):%Y%m%d%H%M%S%f}", inputs)

    async def read(self, operation: Operation, state: State) -> State | None:
        outputs = state.outputs
        if not outputs:
            droplet, _, volume = state.id.partition(",")
            if not droplet.isdigit() or not volume:
                raise RefusedError(f"expected import ID in the format 'droplet_id,volume_id', got: {state.id!r}")
            outputs = {"dropletId": int(droplet), "volumeId": volume}
        found = await self._client.find(f"/v2/volumes/{outputs['volumeId']}")
        attached = found is not None and outputs["dropletId"] in found["volume"]["droplet_ids"]
        return State(state.id, outputs) if attached else None

    async def delete(self, operation: Operation, state: State) -> None:
        """Nothing is done when it is not attached: the droplet may be gone already, and with it the attachment."""
        droplet, volume = state.outputs["dropletId"], state.outputs["volumeId"]
        found = await self._client.find(f"/v2/volumes/{volume}")
        if found is not None and droplet in found["volume"]["droplet_ids"]:
            await self._act(operation, "detach", droplet, volume)

    async def _attached_to(self, volume: str) -> list[int]:
        return (await self._client.get(f"/v2/volumes/{volume}"))["volume"]["droplet_ids"]

    async def _act(self, operation: Operation, kind: str, droplet: int, volume: str) -> None:
        await volume_action(self._client, operation, kind, droplet, volume)


async def volume_action(client: Client, operation: Operation, kind: str, droplet: int, volume: str) -> None:
    """Attach or detach, after waiting for other actions of the droplet."""
    body = {"type": kind, "droplet_id": droplet}
    try:
        answer = await once_idle(operation, lambda: client.post(f"/v2/volumes/{volume}/actions", body))
        await client.completed(operation, answer["action"])
    except ApiError as error:
        side = "to" if kind == "attach" else "from"
        raise RefusedError(f"Error {kind}ing volume ({volume}) {side} Droplet ({droplet}): {error}") from error


_OPTIONAL = {
    "description": "description",
    "snapshotId": "snapshot_id",
    "filesystemType": "filesystem_type",
    "initialFilesystemType": "filesystem_type",
    "initialFilesystemLabel": "filesystem_label",
    "tags": "tags",
}


def _state(volume: Values, kept: Values) -> State:
    """`kept` holds inputs that the API does not return: the requested file system, and the snapshot."""
    outputs: Values = {
        "name": volume["name"],
        "region": volume["region"]["slug"],
        "size": volume["size_gigabytes"],
        "description": volume.get("description") or None,
        "dropletIds": volume["droplet_ids"],
        "filesystemType": volume.get("filesystem_type", ""),
        "filesystemLabel": volume.get("filesystem_label", ""),
        "tags": volume.get("tags") or None,
        "volumeUrn": f"do:volume:{volume['id']}",
    }
    given = ("snapshotId", "initialFilesystemType", "initialFilesystemLabel")
    return State(volume["id"], outputs | {name: kept[name] for name in given if kept.get(name)})
