"""Block volumes. They are kept when a droplet is destroyed, are attached to one at a time, and only grow."""

import re
import uuid
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.digitalocean import projects
from sandbox.clouds.digitalocean.actions import timestamp
from sandbox.clouds.digitalocean.bodies import Body, Strings, known_region, remember_tags
from sandbox.clouds.digitalocean.catalogue import region_json
from sandbox.clouds.digitalocean.errors import ApiError, conflict, invalid, not_found
from sandbox.clouds.digitalocean.keys import VOLUME_LIMIT
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import DigitalOceanState, Volume
from sandbox.droplets.hypervisor import HypervisorError, VolumeSpec

router = APIRouter(prefix="/volumes")

_NAME = re.compile(r"[a-z][a-z0-9\-]{0,63}")
_LABEL_LENGTH = {"ext4": 16, "xfs": 12}
MAX_SIZE = 16_384


class VolumeCreate(Body):
    name: str
    region: str = ""
    size_gigabytes: int
    description: str = Field(default="", max_length=256)
    filesystem_type: Literal["", "ext4", "xfs"] = ""
    filesystem_label: str = ""
    snapshot_id: str = ""
    tags: Strings


def check_size(size_gigabytes: int) -> None:
    if not 1 <= size_gigabytes <= MAX_SIZE:
        raise invalid(f"size_gigabytes must be between 1 and {MAX_SIZE}")


def spec(volume: Volume) -> VolumeSpec:
    return VolumeSpec(
        id=volume.id,
        name=volume.name,
        size_gb=volume.size_gigabytes,
        filesystem_type=volume.filesystem_type,
        filesystem_label=volume.filesystem_label,
    )


def found(state: DigitalOceanState, volume_id: str) -> Volume:
    volume = state.volumes.get(volume_id)
    if volume is None:
        raise not_found()
    return volume


def named(state: DigitalOceanState, name: str, region: str = "") -> Volume:
    for volume in state.volumes.values():
        if volume.name == name and region in ("", volume.region):
            return volume
    raise not_found()


def is_busy(state: DigitalOceanState, volume: Volume) -> bool:
    return any(
        (action.resource_type, action.resource, action.status) == ("volume", volume.id, "in-progress")
        for action in state.actions.values()
    )


def _json(volume: Volume) -> dict[str, Any]:
    return {
        "id": volume.id,
        "name": volume.name,
        "created_at": timestamp(volume.created_at),
        "description": volume.description,
        "droplet_ids": [volume.droplet_id] if volume.droplet_id else [],
        "region": region_json(volume.region),
        "size_gigabytes": volume.size_gigabytes,
        "filesystem_type": volume.filesystem_type,
        "filesystem_label": volume.filesystem_label,
        "tags": volume.tags,
    }


@router.get("")
def list_volumes(cloud: CloudDep, request: Request, name: str = "", region: str = "") -> dict[str, Any]:
    with cloud.store.read() as whole:
        every = whole.digitalocean.volumes.values()
        chosen = [each for each in every if name in ("", each.name) and region in ("", each.region)]
        return paged(request, "volumes", chosen, _json)


@router.post("", status_code=201)
def create_volume(cloud: CloudDep, body: VolumeCreate) -> dict[str, Any]:
    if body.snapshot_id:
        raise invalid("snapshot not found")
    if not _NAME.fullmatch(body.name):
        raise invalid("invalid name: use lowercase letters, numbers and dashes, a letter first, at most 64 characters")
    check_size(body.size_gigabytes)
    if body.filesystem_label and not body.filesystem_type:
        raise invalid("filesystem_label requires filesystem_type")
    if len(body.filesystem_label) > _LABEL_LENGTH.get(body.filesystem_type, 0):
        raise invalid(f"filesystem_label is too long for {body.filesystem_type}")
    region = known_region(body.region)
    with cloud.store.change() as whole:
        state = whole.digitalocean
        if any((each.name, each.region) == (body.name, region) for each in state.volumes.values()):
            raise conflict("already exists")
        if len(state.volumes) >= VOLUME_LIMIT:
            raise ApiError(403, "volume limit exceeded: capacity limit exceeded")
        volume = Volume(
            id=str(uuid.uuid4()),
            name=body.name,
            region=region,
            size_gigabytes=body.size_gigabytes,
            description=body.description,
            filesystem_type=body.filesystem_type,
            filesystem_label=body.filesystem_label,
            tags=remember_tags(state, body.tags),
        )
        state.volumes[volume.id] = volume
        projects.assign(state, f"do:volume:{volume.id}")
        answer = {"volume": _json(volume)}
    try:
        cloud.hypervisor.create_volume(spec(volume))
    except HypervisorError as error:
        with cloud.store.change() as whole:
            _forget(whole.digitalocean, volume.id)
        raise ApiError(500, f"failed to create volume: {error}") from error
    return answer


def _forget(state: DigitalOceanState, volume_id: str) -> None:
    state.volumes.pop(volume_id, None)
    projects.forget(state, f"do:volume:{volume_id}")


@router.get("/{volume_id}")
def get_volume(cloud: CloudDep, volume_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"volume": _json(found(whole.digitalocean, volume_id))}


@router.get("/{volume_id}/snapshots")
def list_snapshots(cloud: CloudDep, request: Request, volume_id: str) -> dict[str, Any]:
    """Always empty: no snapshots can be taken here."""
    with cloud.store.read() as whole:
        found(whole.digitalocean, volume_id)
    return paged(request, "snapshots", [], str)


@router.delete("/{volume_id}", status_code=204)
def delete_volume(cloud: CloudDep, volume_id: str) -> Response:
    with cloud.store.read() as whole:
        _delete(cloud, found(whole.digitalocean, volume_id))
    return Response(status_code=204)


@router.delete("", status_code=204)
def delete_volume_by_name(cloud: CloudDep, name: str, region: str) -> Response:
    with cloud.store.read() as whole:
        _delete(cloud, named(whole.digitalocean, name, region))
    return Response(status_code=204)


def _delete(cloud: CloudDep, volume: Volume) -> None:
    """Call this with the state locked, so that the volume is not attached while its device is removed."""
    with cloud.store.change() as whole:
        if volume.droplet_id or is_busy(whole.digitalocean, volume):
            raise conflict(
                "A volume that's attached to a Droplet cannot be deleted. Please detach it first before deleting."
            )
        try:
            cloud.hypervisor.delete_volume(volume.id)
        except HypervisorError as error:
            raise ApiError(500, f"failed to delete volume: {error}") from error
        _forget(whole.digitalocean, volume.id)
