"""What can be done to a droplet that exists: power, size, name, backups. One thing at a time for each droplet."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from sandbox.clouds.cloud import Cloud, CloudDep
from sandbox.clouds.digitalocean.actions import action_json, begin, carry_out, of_resource, one_of_resource
from sandbox.clouds.digitalocean.bodies import Body
from sandbox.clouds.digitalocean.catalogue import SIZES
from sandbox.clouds.digitalocean.droplet_create import BackupPolicy, check_name
from sandbox.clouds.digitalocean.droplets import found, spec
from sandbox.clouds.digitalocean.errors import invalid, not_found, pending_event
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import Action, DigitalOceanState, Droplet
from sandbox.droplets.hypervisor import HypervisorError, Power

router = APIRouter(prefix="/droplets")


class Simple(Body):
    """Kinds without parameters. The last four are known to the real API and cannot be done here."""

    type: Literal[
        "power_on",
        "power_off",
        "power_cycle",
        "shutdown",
        "reboot",
        "disable_backups",
        "enable_ipv6",
        "enable_private_networking",
        "password_reset",
    ]


class ActionResize(Body):
    type: Literal["resize"]
    size: str
    disk: bool = False


class ActionRename(Body):
    type: Literal["rename"]
    name: str


class ActionBackups(Body):
    type: Literal["enable_backups", "change_backup_policy"]
    backup_policy: BackupPolicy | None = None


class ActionImage(Body):
    """Images of droplets cannot be taken or put back here: refused, with the reason."""

    type: Literal["snapshot", "rebuild", "restore"]
    name: str | None = None
    image: str | int | None = None


ActionBody = Annotated[Simple | ActionResize | ActionRename | ActionBackups | ActionImage, Field(discriminator="type")]

Work = Callable[[], None]
Effect = Callable[[Droplet], None]


def _start(cloud: Cloud, state: DigitalOceanState, droplet: Droplet, body: ActionBody) -> Action:
    if droplet.pending_action:
        raise pending_event()
    work, effect = _plan(cloud, droplet, body)
    action = begin(state, body.type, "droplet", str(droplet.id), droplet.region, droplet=droplet)
    droplet_id = droplet.id
    carry_out(cloud, action, work, lambda state: effect(state.droplets[droplet_id]))
    return action


def _plan(cloud: Cloud, droplet: Droplet, body: ActionBody) -> tuple[Work, Effect]:
    """The operation on the machine and its effect on the droplet; refused if the droplet's status does not allow it."""
    match body:
        case ActionResize():
            return _resize(cloud, droplet, body)
        case ActionRename():
            check_name(body.name)
            return _nothing, lambda droplet: setattr(droplet, "name", body.name)
        case ActionBackups():
            if body.type == "change_backup_policy" and "backups" not in droplet.features:
                raise invalid("Backups are not enabled for this Droplet.")
            return _nothing, lambda droplet: _set_feature(droplet, "backups", present=True)
        case ActionImage():
            raise invalid(f"{body.type} is not available for this Droplet.")
        case Simple(type="disable_backups"):
            return _nothing, lambda droplet: _set_feature(droplet, "backups", present=False)
        case Simple(type="enable_ipv6"):
            raise invalid("IPv6 is not available in this region.")
        case Simple(type="enable_private_networking"):
            raise invalid("Private networking is already enabled for this Droplet.")
        case Simple(type="password_reset"):
            raise invalid("password_reset is not available for this Droplet: it is reached with SSH keys only.")
        case Simple():
            return _power(cloud, droplet, body.type)


def _power(cloud: Cloud, droplet: Droplet, kind: str) -> tuple[Work, Effect]:
    machines, droplet_id = cloud.hypervisor, droplet.id
    is_on = machines.power(droplet_id) is Power.ACTIVE

    def shut_down() -> None:
        if machines.power(droplet_id) is Power.ACTIVE and not machines.shut_down(droplet_id):
            raise HypervisorError(f"droplet {droplet_id} did not shut down in a minute")

    def power_cycle() -> None:
        machines.power_off(droplet_id)
        machines.power_on(droplet_id)

    match kind:
        case "power_on" if is_on:
            raise invalid("Droplet is already powered on.")
        case "power_off" if not is_on:
            raise invalid("Droplet is already powered off.")
        case "reboot" | "power_cycle" if not is_on:
            raise invalid("Droplet is currently powered off. Please power it on to run this event.")
        case "power_on":
            return lambda: machines.power_on(droplet_id), _is_active
        case "power_off":
            return lambda: machines.power_off(droplet_id), _is_off
        case "shutdown":
            return shut_down, _is_off
        case "reboot":
            return lambda: machines.reboot(droplet_id), _is_active
        case _:
            return power_cycle, _is_active


def _resize(cloud: Cloud, droplet: Droplet, body: ActionResize) -> tuple[Work, Effect]:
    size = SIZES.get(body.size.lower())
    if size is None:
        raise invalid("You specified an invalid size for Droplet resize.")
    if cloud.hypervisor.power(droplet.id) is Power.ACTIVE:
        raise invalid("Droplet is currently on. Please power it off to run this event.")
    if size.slug == droplet.size:
        raise invalid("This Droplet is already the requested size.")
    if size.disk < droplet.disk:
        raise invalid("This size is not available because it has a smaller disk.")
    machine = droplet.model_copy(
        update={
            "size": size.slug,
            "memory": size.memory,
            "vcpus": size.vcpus,
            "disk": size.disk if body.disk else droplet.disk,
        }
    )

    def effect(droplet: Droplet) -> None:
        droplet.size, droplet.memory, droplet.vcpus, droplet.disk = (
            machine.size,
            machine.memory,
            machine.vcpus,
            machine.disk,
        )

    return lambda: cloud.hypervisor.resize_droplet(spec(machine)), effect


def _nothing() -> None:
    """The machine has no part in it."""


def _is_active(droplet: Droplet) -> None:
    droplet.status = "active"


def _is_off(droplet: Droplet) -> None:
    droplet.status = "off"


def _set_feature(droplet: Droplet, name: str, *, present: bool) -> None:
    droplet.features = [each for each in droplet.features if each != name] + ([name] if present else [])


@router.post("/{droplet_id}/actions", status_code=201)
def start_action(cloud: CloudDep, droplet_id: int, body: ActionBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        return {"action": action_json(_start(cloud, state, found(state, droplet_id), body))}


@router.post("/actions", status_code=201)
def start_actions_by_tag(cloud: CloudDep, tag_name: str, body: ActionBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        if tag_name not in state.tags:
            raise not_found()
        tagged = [each for each in state.droplets.values() if tag_name in each.tags]
        return {"actions": [action_json(_start(cloud, state, droplet, body)) for droplet in tagged]}


@router.get("/{droplet_id}/actions")
def list_droplet_actions(cloud: CloudDep, request: Request, droplet_id: int) -> dict[str, Any]:
    with cloud.store.read() as whole:
        found(whole.digitalocean, droplet_id)
        return paged(request, "actions", of_resource(whole.digitalocean, "droplet", str(droplet_id)), action_json)


@router.get("/{droplet_id}/actions/{action_id}")
def get_droplet_action(cloud: CloudDep, droplet_id: int, action_id: int) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"action": action_json(one_of_resource(whole.digitalocean, "droplet", str(droplet_id), action_id))}
