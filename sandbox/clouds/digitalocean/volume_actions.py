"""Attach, detach and resize: what can be done to a volume that exists."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from sandbox.clouds.cloud import Cloud, CloudDep
from sandbox.clouds.digitalocean.actions import action_json, begin, carry_out, of_resource, one_of_resource
from sandbox.clouds.digitalocean.bodies import Body, Strings, remember_tags
from sandbox.clouds.digitalocean.errors import invalid
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.digitalocean.volumes import check_size, found, is_busy, named
from sandbox.clouds.state import Action, DigitalOceanState, Droplet, Volume

router = APIRouter(prefix="/volumes")

MAX_PER_DROPLET = 15


class Attach(Body):
    type: Literal["attach"]
    droplet_id: int
    region: str = ""
    tags: Strings


class Detach(Body):
    type: Literal["detach"]
    droplet_id: int
    region: str = ""


class Resize(Body):
    type: Literal["resize"]
    size_gigabytes: int
    region: str = ""


class AttachByName(Attach):
    volume_name: str


class DetachByName(Detach):
    volume_name: str


ActionBody = Annotated[Attach | Detach | Resize, Field(discriminator="type")]
ActionByNameBody = Annotated[AttachByName | DetachByName, Field(discriminator="type")]


def check_attachable(state: DigitalOceanState, volume: Volume, region: str) -> None:
    if volume.droplet_id:
        raise invalid("This volume is already attached")
    if volume.region != region:
        raise invalid("Droplet and volume must be in the same region")
    if is_busy(state, volume):
        raise invalid("Volume already has a pending event.")


def _droplet(state: DigitalOceanState, droplet_id: int) -> Droplet:
    droplet = state.droplets.get(droplet_id)
    if droplet is None:
        raise invalid("Droplet not found")
    return droplet


def _begin(cloud: Cloud, state: DigitalOceanState, volume: Volume, body: Attach | Detach | Resize) -> Action:
    if body.region and body.region.lower() != volume.region:
        raise invalid("region does not match the volume's region")
    match body:
        case Attach():
            return _attach(cloud, state, volume, body)
        case Detach():
            return _detach(cloud, state, volume, body.droplet_id)
        case Resize():
            return _resize(cloud, state, volume, body.size_gigabytes)


def _attach(cloud: Cloud, state: DigitalOceanState, volume: Volume, body: Attach) -> Action:
    droplet = _droplet(state, body.droplet_id)
    check_attachable(state, volume, droplet.region)
    if sum(each.droplet_id == droplet.id for each in state.volumes.values()) >= MAX_PER_DROPLET:
        raise invalid("cannot attach more volumes to the Droplet")
    action = begin(state, "attach_volume", "volume", volume.id, volume.region, droplet=droplet)
    volume.tags = remember_tags(state, [*volume.tags, *body.tags])
    volume_id, droplet_id = volume.id, droplet.id

    def attached(state: DigitalOceanState) -> None:
        state.volumes[volume_id].droplet_id = droplet_id

    carry_out(cloud, action, lambda: cloud.hypervisor.attach_volume(volume_id, droplet_id), attached)
    return action


def _detach(cloud: Cloud, state: DigitalOceanState, volume: Volume, droplet_id: int) -> Action:
    if volume.droplet_id is None or volume.droplet_id != droplet_id:
        raise invalid("Attachment not found")
    action = begin(state, "detach_volume", "volume", volume.id, volume.region, droplet=_droplet(state, droplet_id))
    volume_id = volume.id

    def detached(state: DigitalOceanState) -> None:
        state.volumes[volume_id].droplet_id = None

    carry_out(cloud, action, lambda: cloud.hypervisor.detach_volume(volume_id, droplet_id), detached)
    return action


def _resize(cloud: Cloud, state: DigitalOceanState, volume: Volume, size_gigabytes: int) -> Action:
    check_size(size_gigabytes)
    if size_gigabytes <= volume.size_gigabytes:
        raise invalid("new volume size must be greater than the current size: volumes can not be shrunk")
    if is_busy(state, volume):
        raise invalid("Volume already has a pending event.")
    action = begin(state, "resize_volume", "volume", volume.id, volume.region)
    volume_id = volume.id

    def resized(state: DigitalOceanState) -> None:
        state.volumes[volume_id].size_gigabytes = size_gigabytes

    carry_out(cloud, action, lambda: cloud.hypervisor.resize_volume(volume_id, size_gigabytes), resized)
    return action


@router.post("/actions", status_code=202)
def start_by_name(cloud: CloudDep, body: ActionByNameBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        return {"action": action_json(_begin(cloud, state, named(state, body.volume_name, body.region), body))}


@router.post("/{volume_id}/actions", status_code=202)
def start(cloud: CloudDep, volume_id: str, body: ActionBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        return {"action": action_json(_begin(cloud, state, found(state, volume_id), body))}


@router.get("/{volume_id}/actions")
def list_actions(cloud: CloudDep, request: Request, volume_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        found(whole.digitalocean, volume_id)
        return paged(request, "actions", of_resource(whole.digitalocean, "volume", volume_id), action_json)


@router.get("/{volume_id}/actions/{action_id}")
def get_action(cloud: CloudDep, volume_id: str, action_id: int) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"action": action_json(one_of_resource(whole.digitalocean, "volume", volume_id, action_id))}
