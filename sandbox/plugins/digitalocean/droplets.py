"""Droplets: created, resized, renamed, tagged and deleted by way of the API's actions."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

import hashlib
from typing import Any

from sandbox.plugins.digitalocean.client import PATIENCE, ApiError, Client, once_idle, until
from sandbox.plugins.digitalocean.tags import retag
from sandbox.plugins.digitalocean.volumes import volume_action
from sandbox.plugins.resource import Operation, RefusedError, Resource, State
from sandbox.plugins.schema import Fault
from sandbox.plugins.values import Values

_DELETE_PATIENCE = 60.0
_USER_DATA_LIMIT = 64 * 1024


class Droplet(Resource):
    """`digitalocean.Droplet`.

    As with the official plugin, the image is not read back (a slug moves on to newer images), `userData` is kept
    as its SHA-1, and volumes that are attached are detached before the droplet is destroyed.
    """

    token = "digitalocean:index/droplet:Droplet"
    autoname = "name"
    digested = frozenset({"userData"})

    def __init__(self, client: Client) -> None:
        self._client = client

    def check(self, inputs: Values) -> list[Fault]:
        faults = [Fault(name, f'"{name}" must not be empty') for name in _NOT_EMPTY if inputs.get(name) == ""]
        if inputs.get("backupPolicy") and inputs.get("backups") is False:
            faults.append(Fault("backupPolicy", "backup_policy can only be set when backups are enabled"))
        user_data = inputs.get("userData")
        if isinstance(user_data, str) and len(user_data.encode()) > _USER_DATA_LIMIT:
            faults.append(Fault("userData", f"is larger than {_USER_DATA_LIMIT} bytes"))
        return faults

    def replaces(self, old: Values, new: Values) -> frozenset[str]:
        """IPv6 can be enabled on a running droplet, never disabled."""
        return frozenset({"ipv6"}) if old.get("ipv6") is True and new.get("ipv6") is False else frozenset()

    async def create(self, operation: Operation, inputs: Values) -> State:
        try:
            created = (await self._client.post("/v2/droplets", _creation(inputs)))["droplet"]
        except ApiError as error:
            raise RefusedError(f"Error creating droplet: {error}") from error
        operation.made(_state(created, inputs))
        return _state(await self._wait(operation, created["id"], "status", "active"), inputs)

    async def read(self, operation: Operation, state: State) -> State | None:
        found = await self._client.find(f"/v2/droplets/{state.id}")
        if found is None:
            return None
        image = found["droplet"]["image"]
        imported = {} if state.outputs else {"image": image.get("slug") or str(image["id"])}
        return _state(found["droplet"], state.outputs | imported, digest=False)

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        """Each step is left out when it was done already, so that an update cut short can be repeated."""
        old, droplet = state.outputs, int(state.id)
        if inputs["size"] != old["size"]:
            await self._resize(operation, droplet, inputs)
        if inputs["name"] != old["name"]:
            await self._act(operation, droplet, {"type": "rename", "name": inputs["name"]})
            await self._wait(operation, droplet, "name", inputs["name"])
        await self._change_backups(operation, droplet, old, inputs)
        if inputs.get("privateNetworking") and not old.get("privateNetworking"):
            await self._act(operation, droplet, {"type": "enable_private_networking"})
        if inputs.get("ipv6") and not old.get("ipv6"):
            await self._act(operation, droplet, {"type": "enable_ipv6"})
        await retag(self._client, "droplet", state.id, old, inputs)
        if "volumeIds" in inputs:
            await self._change_volumes(operation, droplet, set(old.get("volumeIds") or ()), set(inputs["volumeIds"]))
        return _state((await self._client.get(f"/v2/droplets/{droplet}"))["droplet"], inputs)

    async def delete(self, operation: Operation, state: State) -> None:
        path = f"/v2/droplets/{state.id}"
        if await self._client.find(path) is None:
            return
        droplet = await self._wait(operation, int(state.id), "locked", False, _DELETE_PATIENCE)
        if state.outputs.get("gracefulShutdown") and droplet["status"] != "off":
            await self._act(operation, droplet["id"], {"type": "shutdown"}, wait=False)
            droplet = await self._wait(operation, droplet["id"], "status", "off", _DELETE_PATIENCE)
        for volume in droplet["volume_ids"]:
            await volume_action(self._client, operation, "detach", droplet["id"], volume)
        await self._client.delete_if_there(path)

        async def gone() -> bool:
            return await self._client.find(path) is None

        await until(operation, gone, f"droplet ({state.id}) to be destroyed", _DELETE_PATIENCE)

    async def _resize(self, operation: Operation, droplet: int, inputs: Values) -> None:
        """Powers it off, resizes it and powers it on again, on again too when the resize is refused."""
        try:
            await self._act(operation, droplet, {"type": "power_off"})
        except ApiError as error:
            if "already powered off" not in error.reason:
                raise
        await self._wait(operation, droplet, "status", "off")
        try:
            body = {"type": "resize", "size": inputs["size"], "disk": inputs["resizeDisk"]}
            await self._act(operation, droplet, body)
        except RefusedError as error:
            raise RefusedError(f"Error resizing droplet ({droplet}): {error}") from error
        finally:
            await self._act(operation, droplet, {"type": "power_on"})
            await self._wait(operation, droplet, "status", "active")

    async def _change_backups(self, operation: Operation, droplet: int, old: Values, new: Values) -> None:
        wanted, policy = bool(new.get("backups")), new.get("backupPolicy")
        if wanted != bool(old.get("backups")):
            body: Values = {"type": "enable_backups" if wanted else "disable_backups"}
            if wanted and policy:
                body["backup_policy"] = policy
            await self._act(operation, droplet, body)
        elif policy and policy != old.get("backupPolicy"):
            await self._act(operation, droplet, {"type": "change_backup_policy", "backup_policy": policy})

    async def _change_volumes(self, operation: Operation, droplet: int, old: set[str], new: set[str]) -> None:
        for volume in sorted(new - old):
            await volume_action(self._client, operation, "attach", droplet, volume)
        for volume in sorted(old - new):
            await volume_action(self._client, operation, "detach", droplet, volume)

    async def _act(self, operation: Operation, droplet: int, body: Values, *, wait: bool = True) -> None:
        path = f"/v2/droplets/{droplet}/actions"
        answer = await once_idle(operation, lambda: self._client.post(path, body))
        if wait:
            await self._client.completed(operation, answer["action"])

    async def _wait(
        self, operation: Operation, droplet: int, attribute: str, target: Any, patience: float = PATIENCE
    ) -> Values:
        """Waits for an unlocked droplet whose attribute is that, and returns it.

        A droplet that is at rest with a status that does not lead there will never get there: it failed to boot, say.
        """
        latest: Values = {}

        async def look() -> bool:
            latest.update((await self._client.get(f"/v2/droplets/{droplet}"))["droplet"])
            if latest["locked"] or latest[attribute] == target:
                return not latest["locked"]
            if attribute == "status" and latest["status"] not in _LEADS_TO[target]:
                raise RefusedError(
                    f"Error waiting for droplet ({droplet}) to become {target}: "
                    f"unexpected state '{latest['status']}', wanted target '{target}'"
                )
            return False

        await until(operation, look, f"droplet ({droplet}) to have {attribute} of {target}", patience)
        return latest


_LEADS_TO = {"active": ("new",), "off": ("active",)}
_NOT_EMPTY = ("image", "name", "region", "size", "userData", "vpcUuid")
_OPTIONAL = {
    "backups": "backups",
    "ipv6": "ipv6",
    "privateNetworking": "private_networking",
    "publicNetworking": "public_networking",
    "userData": "user_data",
    "monitoring": "monitoring",
    "vpcUuid": "vpc_uuid",
    "tags": "tags",
    "backupPolicy": "backup_policy",
}
_NOT_REPORTED = ("image", "sshKeys", "userData", "gracefulShutdown", "resizeDisk", "dropletAgent", "backupPolicy")
_FEATURES = {
    "backups": "backups",
    "ipv6": "ipv6",
    "monitoring": "monitoring",
    "privateNetworking": "private_networking",
}


def _creation(inputs: Values) -> Values:
    body: Values = {
        "name": inputs["name"],
        "region": inputs.get("region", "").lower(),
        "size": inputs["size"].lower(),
        "image": _number(inputs["image"]),
    }
    body |= {key: inputs[name] for name, key in _OPTIONAL.items() if inputs.get(name)}
    body["ssh_keys"] = [_number(key) for key in inputs.get("sshKeys", [])]
    if inputs.get("volumeIds"):
        body["volumes"] = inputs["volumeIds"]
    if "dropletAgent" in inputs:
        body["with_droplet_agent"] = inputs["dropletAgent"]
    return body


def _number(value: str) -> str | int:
    """An id travels as a number; a slug or a fingerprint is text."""
    return int(value) if value.isdigit() else value


def _state(droplet: Values, kept: Values, *, digest: bool = True) -> State:
    """`kept` holds what the API does not tell; `digest` says that its user data is not hashed yet."""
    state: Values = {name: kept[name] for name in _NOT_REPORTED if kept.get(name) is not None}
    if digest and state.get("userData"):
        state["userData"] = hashlib.sha1(state["userData"].encode(), usedforsecurity=False).hexdigest()
    return State(str(droplet["id"]), state | _outputs(droplet))


def _outputs(droplet: Values) -> Values:
    """The API's values of a droplet, by the properties' names."""
    size = droplet["size"]
    return {
        **{name: feature in droplet["features"] for name, feature in _FEATURES.items()},
        "name": droplet["name"],
        "dropletUrn": f"do:droplet:{droplet['id']}",
        "region": droplet["region"]["slug"],
        "size": size["slug"] if size else droplet["size_slug"],
        "priceHourly": size["price_hourly"],
        "priceMonthly": size["price_monthly"],
        "disk": droplet["disk"],
        "vcpus": droplet["vcpus"],
        "memory": droplet["memory"],
        "status": droplet["status"],
        "locked": droplet["locked"],
        "createdAt": droplet["created_at"],
        "vpcUuid": droplet.get("vpc_uuid", ""),
        "ipv4Address": _address(droplet, "v4", "public"),
        "ipv4AddressPrivate": _address(droplet, "v4", "private"),
        "ipv6Address": _address(droplet, "v6", "public").lower(),
        "publicNetworking": bool(_address(droplet, "v4", "public")),
        "volumeIds": droplet["volume_ids"],
        "tags": droplet["tags"] or None,
    }


def described(droplet: Values) -> Values:
    """A droplet as `get_droplet` gives it back."""
    known = _outputs(droplet)
    renamed = {"dropletUrn", "publicNetworking"}
    image = droplet["image"]
    return {name: value for name, value in known.items() if name not in renamed} | {
        "id": droplet["id"],
        "urn": known["dropletUrn"],
        "image": image.get("slug") or str(image["id"]),
        "ipv6AddressPrivate": "",
        "tags": droplet["tags"],
    }


def _address(droplet: Values, family: str, kind: str) -> str:
    networks = droplet["networks"].get(family) or []
    return next((network["ip_address"] for network in networks if network["type"] == kind), "")
