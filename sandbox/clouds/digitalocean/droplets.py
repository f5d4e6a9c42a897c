"""Existing droplets: list, read, destroy. `droplet_create` creates them, and `droplet_actions` changes them."""

import logging
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request, Response

from sandbox import layout
from sandbox.clouds.cloud import Cloud, CloudDep
from sandbox.clouds.digitalocean import projects
from sandbox.clouds.digitalocean.actions import begin, carry_out, timestamp
from sandbox.clouds.digitalocean.catalogue import image_by, image_json, region_json, size_json
from sandbox.clouds.digitalocean.enforcement import enforce_firewalls
from sandbox.clouds.digitalocean.errors import ApiError, not_found
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import DigitalOceanState, Droplet
from sandbox.droplets.hypervisor import DropletSpec, Power

router = APIRouter(prefix="/droplets")
log = logging.getLogger("sandbox.clouds")


def found(state: DigitalOceanState, droplet_id: int) -> Droplet:
    droplet = state.droplets.get(droplet_id)
    if droplet is None:
        raise not_found()
    return droplet


def spec(droplet: Droplet) -> DropletSpec:
    return DropletSpec(
        id=droplet.id,
        name=droplet.name,
        image=droplet.image,
        memory_mb=droplet.memory,
        vcpus=droplet.vcpus,
        disk_gb=droplet.disk,
        public_ipv4=droplet.public_ipv4,
        private_ipv4=droplet.private_ipv4,
        vpc_id=droplet.vpc_id,
        ssh_keys=tuple(droplet.ssh_keys),
        user_data=droplet.user_data,
    )


def droplet_json(state: DigitalOceanState, droplet: Droplet) -> dict[str, Any]:
    """A droplet that is `new` has no addresses to show yet, as in the real API."""
    vpc = state.vpcs[droplet.vpc_id].ip_range
    networks = [
        {
            "ip_address": str(droplet.private_ipv4),
            "netmask": str(vpc.netmask),
            "gateway": str(vpc.network_address + 1),
            "type": "private",
        },
        {
            "ip_address": str(droplet.public_ipv4),
            "netmask": str(layout.PUBLIC_NETWORK.netmask),
            "gateway": str(layout.GATEWAY),
            "type": "public",
        },
    ]
    image = image_by(droplet.image)
    return {
        "id": droplet.id,
        "name": droplet.name,
        "memory": droplet.memory,
        "vcpus": droplet.vcpus,
        "disk": droplet.disk,
        "disk_info": [{"type": "local", "size": {"amount": droplet.disk, "unit": "gib"}}],
        "locked": droplet.pending_action is not None,
        "status": droplet.status,
        "kernel": None,
        "created_at": timestamp(droplet.created_at),
        "features": droplet.features,
        "backup_ids": [],
        "next_backup_window": None,
        "snapshot_ids": [],
        "image": image_json(image) if image else {},
        "volume_ids": [each.id for each in state.volumes.values() if each.droplet_id == droplet.id],
        "size": size_json(droplet.size),
        "size_slug": droplet.size,
        "networks": {"v4": [] if droplet.status == "new" else networks, "v6": []},
        "region": region_json(droplet.region),
        "tags": droplet.tags,
        "vpc_uuid": droplet.vpc_id,
    }


def _observe_power(cloud: Cloud, droplets: Iterable[Droplet]) -> None:
    """Record the real status of the machines: after `poweroff` inside a droplet, its status is `off`."""
    for droplet in [each.model_copy() for each in droplets]:
        if droplet.pending_action or droplet.status == "new":
            continue
        try:
            real = "active" if cloud.hypervisor.power(droplet.id) is Power.ACTIVE else "off"
        except Exception:
            log.exception("droplet %s does not tell whether it is on", droplet.id)
            continue
        if real != droplet.status:
            with cloud.store.change() as whole:
                current = whole.digitalocean.droplets.get(droplet.id)
                if current and not current.pending_action and current.status == droplet.status:
                    current.status = real


@router.get("")
def list_droplets(cloud: CloudDep, request: Request, name: str = "", tag_name: str = "") -> dict[str, Any]:
    if request.query_params.get("type") == "gpus":
        return paged(request, "droplets", [], str)

    def chosen(state: DigitalOceanState) -> list[Droplet]:
        return [
            each
            for each in state.droplets.values()
            if name.lower() in ("", each.name.lower()) and (not tag_name or tag_name in each.tags)
        ]

    with cloud.store.read() as whole:
        seen = chosen(whole.digitalocean)
    _observe_power(cloud, seen)
    with cloud.store.read() as whole:
        state = whole.digitalocean
        return paged(request, "droplets", chosen(state), lambda droplet: droplet_json(state, droplet))


@router.get("/{droplet_id}")
def get_droplet(cloud: CloudDep, droplet_id: int) -> dict[str, Any]:
    with cloud.store.read() as whole:
        seen = found(whole.digitalocean, droplet_id)
    _observe_power(cloud, [seen])
    with cloud.store.read() as whole:
        state = whole.digitalocean
        return {"droplet": droplet_json(state, found(state, droplet_id))}


@router.get("/{droplet_id}/{kind}")
def list_nothing(cloud: CloudDep, request: Request, droplet_id: int, kind: str) -> dict[str, Any]:
    """What a droplet here never has: snapshots, backups, kernels to choose from, and neighbours are always none."""
    key = {"snapshots": "snapshots", "backups": "backups", "kernels": "kernels", "neighbors": "droplets"}.get(kind)
    if key is None:
        raise not_found()
    with cloud.store.read() as whole:
        found(whole.digitalocean, droplet_id)
    return paged(request, key, [], str)


@router.delete("/{droplet_id}", status_code=204)
def delete_droplet(cloud: CloudDep, droplet_id: int) -> Response:
    with cloud.store.change() as whole:
        destroy(cloud, whole.digitalocean, found(whole.digitalocean, droplet_id))
    return Response(status_code=204)


@router.delete("", status_code=204)
def delete_droplets_by_tag(cloud: CloudDep, tag_name: str) -> Response:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        if tag_name not in state.tags:
            raise not_found()
        tagged = [each for each in state.droplets.values() if tag_name in each.tags]
        if any(each.pending_action for each in tagged):
            raise ApiError(422, "Droplet already has a pending event.")
        for droplet in tagged:
            destroy(cloud, state, droplet)
    return Response(status_code=204)


def destroy(cloud: Cloud, state: DigitalOceanState, droplet: Droplet) -> None:
    """Destroy the machine in the background. Its volumes and its reserved IP stay in the account, unassigned."""
    action = begin(state, "destroy", "droplet", str(droplet.id), droplet.region, droplet=droplet)
    droplet.deleting = True
    droplet_id = droplet.id
    volumes = [each.id for each in state.volumes.values() if each.droplet_id == droplet_id]
    reserved = [each.ip for each in state.reserved_ips.values() if each.droplet_id == droplet_id]

    def work() -> None:
        for address in reserved:
            cloud.hypervisor.assign_reserved_ip(address, None)
        for volume_id in volumes:
            cloud.hypervisor.detach_volume(volume_id, droplet_id)
        cloud.hypervisor.destroy_droplet(droplet_id)

    def gone(state: DigitalOceanState) -> None:
        forget(state, droplet_id)
        enforce_firewalls(cloud)

    def failed(state: DigitalOceanState) -> None:
        state.droplets[droplet_id].deleting = False

    carry_out(cloud, action, work, gone, failed)


def forget(state: DigitalOceanState, droplet_id: int) -> None:
    """Remove a droplet from the state after its machine was destroyed."""
    del state.droplets[droplet_id]
    for holder in (*state.volumes.values(), *state.reserved_ips.values()):
        if holder.droplet_id == droplet_id:
            holder.droplet_id = None
    for firewall in state.firewalls.values():
        firewall.droplet_ids = [each for each in firewall.droplet_ids if each != droplet_id]
        for rule in (*firewall.inbound, *firewall.outbound):
            rule.peers.droplet_ids = [each for each in rule.peers.droplet_ids if each != droplet_id]
    projects.forget(state, f"do:droplet:{droplet_id}")
