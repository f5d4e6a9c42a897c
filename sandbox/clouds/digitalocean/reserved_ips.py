"""Reserved IPs: addresses that stay in the account and can be assigned to one droplet after another."""

from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from sandbox.clouds.cloud import Cloud, CloudDep
from sandbox.clouds.digitalocean import projects
from sandbox.clouds.digitalocean.actions import action_json, begin, carry_out, of_resource, one_of_resource
from sandbox.clouds.digitalocean.addresses import next_reserved
from sandbox.clouds.digitalocean.bodies import Body, known_region
from sandbox.clouds.digitalocean.catalogue import region_json
from sandbox.clouds.digitalocean.droplets import droplet_json
from sandbox.clouds.digitalocean.errors import ApiError, invalid, not_found
from sandbox.clouds.digitalocean.keys import RESERVED_IP_LIMIT
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import Action, DigitalOceanState, ReservedIp
from sandbox.droplets.hypervisor import HypervisorError

router = APIRouter(prefix="/reserved_ips")


class ReservedIpCreate(Body):
    region: str = ""
    droplet_id: int | None = None
    project_id: str = ""


class Assign(Body):
    type: Literal["assign"]
    droplet_id: int


class Unassign(Body):
    type: Literal["unassign"]


ActionBody = Annotated[Assign | Unassign, Field(discriminator="type")]


def _found(state: DigitalOceanState, address: str) -> ReservedIp:
    reserved = state.reserved_ips.get(address)
    if reserved is None:
        raise not_found()
    return reserved


def _json(state: DigitalOceanState, reserved: ReservedIp) -> dict[str, Any]:
    droplet = state.droplets.get(reserved.droplet_id) if reserved.droplet_id else None
    return {
        "ip": str(reserved.ip),
        "droplet": droplet_json(state, droplet) if droplet else None,
        "region": region_json(reserved.region),
        "locked": reserved.pending_action is not None,
        "project_id": reserved.project_id,
    }


def _lead(cloud: Cloud, state: DigitalOceanState, reserved: ReservedIp, droplet_id: int | None) -> Action:
    """Start to assign the address to the droplet, and no longer to another one. None: unassign it."""
    if reserved.pending_action:
        raise invalid("The reserved IP already has a pending event.")
    holder = reserved.droplet_id if droplet_id is None else droplet_id
    if holder is None:
        raise invalid("The reserved IP is not assigned to a Droplet.")
    droplet = state.droplets.get(holder)
    if droplet is None:
        raise invalid("Droplet not found")
    if droplet.region != reserved.region:
        raise invalid("The reserved IP and the Droplet must be in the same region.")
    if any(
        each.droplet_id == droplet_id and each.ip != reserved.ip for each in state.reserved_ips.values() if droplet_id
    ):
        raise invalid("The Droplet already has a reserved IP assigned.")
    kind = "unassign_ip" if droplet_id is None else "assign_ip"
    action = begin(state, kind, "reserved_ip", str(reserved.ip), reserved.region, droplet=droplet)
    reserved.pending_action = action.id
    address = reserved.ip

    def led(state: DigitalOceanState) -> None:
        state.reserved_ips[str(address)].droplet_id = droplet_id

    carry_out(cloud, action, lambda: cloud.hypervisor.assign_reserved_ip(address, droplet_id), led)
    return action


@router.get("")
def list_reserved_ips(cloud: CloudDep, request: Request) -> dict[str, Any]:
    with cloud.store.read() as whole:
        state = whole.digitalocean
        return paged(request, "reserved_ips", list(state.reserved_ips.values()), lambda each: _json(state, each))


@router.post("", status_code=202)
def create_reserved_ip(cloud: CloudDep, request: Request, body: ReservedIpCreate) -> dict[str, Any]:
    """For a region, or for a droplet: then it is in the droplet's region and assigned to it at once."""
    if bool(body.region) == bool(body.droplet_id):
        raise invalid("either region or droplet_id is required")
    with cloud.store.change() as whole:
        state = whole.digitalocean
        if len(state.reserved_ips) >= RESERVED_IP_LIMIT:
            raise invalid("reserved IP limit exceeded")
        if body.droplet_id and body.droplet_id not in state.droplets:
            raise invalid("Droplet not found")
        region = state.droplets[body.droplet_id].region if body.droplet_id else known_region(body.region)
        address = next_reserved(state)
        reserved = ReservedIp(
            ip=address,
            region=region,
            project_id=projects.assign(state, f"do:reservedip:{address}", body.project_id),
        )
        state.reserved_ips[str(address)] = reserved
        links: dict[str, Any] = {}
        if body.droplet_id:
            action = _lead(cloud, state, reserved, body.droplet_id)
            base = str(request.base_url).rstrip("/")
            links = {
                "droplets": [{"id": body.droplet_id, "rel": "droplet", "href": f"{base}/droplets/{body.droplet_id}"}],
                "actions": [{"id": action.id, "rel": "assign_ip", "href": f"{base}/actions/{action.id}"}],
            }
        return {"reserved_ip": _json(state, reserved), "links": links}


@router.get("/{address}")
def get_reserved_ip(cloud: CloudDep, address: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"reserved_ip": _json(whole.digitalocean, _found(whole.digitalocean, address))}


@router.delete("/{address}", status_code=204)
def delete_reserved_ip(cloud: CloudDep, address: str) -> Response:
    """Release the address. An assigned one is unassigned first."""
    with cloud.store.change() as whole:
        state = whole.digitalocean
        reserved = _found(state, address)
        if reserved.pending_action:
            raise invalid("The reserved IP already has a pending event.")
        try:
            cloud.hypervisor.assign_reserved_ip(IPv4Address(address), None)
        except HypervisorError as error:
            raise ApiError(500, f"the reserved IP could not be unassigned: {error}") from error
        del state.reserved_ips[address]
        projects.forget(state, f"do:reservedip:{address}")
    return Response(status_code=204)


@router.post("/{address}/actions", status_code=201)
def start_action(cloud: CloudDep, address: str, body: ActionBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        droplet_id = body.droplet_id if isinstance(body, Assign) else None
        return {"action": action_json(_lead(cloud, state, _found(state, address), droplet_id))}


@router.get("/{address}/actions")
def list_actions(cloud: CloudDep, request: Request, address: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        _found(whole.digitalocean, address)
        return paged(request, "actions", of_resource(whole.digitalocean, "reserved_ip", address), action_json)


@router.get("/{address}/actions/{action_id}")
def get_action(cloud: CloudDep, address: str, action_id: int) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"action": action_json(one_of_resource(whole.digitalocean, "reserved_ip", address, action_id))}
