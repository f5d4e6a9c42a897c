"""VPCs: private networks. The account has a default one in each region from the beginning, as older accounts do.

(In a region without any, the first VPC that is made becomes the default and can never be deleted again.)
"""

import re
import uuid
from ipaddress import IPv4Network
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.digitalocean.actions import timestamp
from sandbox.clouds.digitalocean.bodies import Body, known_region
from sandbox.clouds.digitalocean.catalogue import REGIONS
from sandbox.clouds.digitalocean.errors import ApiError, conflict, invalid, not_found
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import DigitalOceanState, Droplet, Vpc
from sandbox.droplets.hypervisor import HypervisorError

router = APIRouter(prefix="/vpcs")

_NAME = re.compile(r"[A-Za-z0-9.\-]+")
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_RESERVED = tuple(map(IPv4Network, ("10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24", "10.229.0.0/16")))
_GENERATED = IPv4Network("10.128.0.0/11")
"""Where a VPC without a range of its own gets a /20."""


class VpcCreate(Body):
    name: str
    region: str
    description: str = Field(default="", max_length=255)
    ip_range: str | None = None


class VpcUpdate(Body):
    name: str
    description: str = Field(default="", max_length=255)
    default: bool | None = None


class VpcPatch(Body):
    name: str | None = None
    description: str | None = Field(default=None, max_length=255)
    default: bool | None = None


def defaults() -> dict[str, Vpc]:
    made = (
        Vpc(
            id=str(uuid.uuid4()),
            name=f"default-{region.slug}",
            description="",
            region=region.slug,
            ip_range=IPv4Network(region.default_vpc),
            default=True,
        )
        for region in REGIONS.values()
    )
    return {vpc.id: vpc for vpc in made}


def members(state: DigitalOceanState, vpc_id: str) -> list[Droplet]:
    return [droplet for droplet in state.droplets.values() if droplet.vpc_id == vpc_id]


def _json(vpc: Vpc) -> dict[str, Any]:
    return {
        "id": vpc.id,
        "urn": f"do:vpc:{vpc.id}",
        "name": vpc.name,
        "description": vpc.description,
        "region": vpc.region,
        "ip_range": str(vpc.ip_range),
        "default": vpc.default,
        "created_at": timestamp(vpc.created_at),
    }


def _found(state: DigitalOceanState, vpc_id: str) -> Vpc:
    vpc = state.vpcs.get(vpc_id)
    if vpc is None:
        raise not_found()
    return vpc


def _check_name(state: DigitalOceanState, name: str, own: str = "") -> None:
    if not _NAME.fullmatch(name):
        raise invalid("name must be non-empty and may only contain alphanumeric characters, dashes, and periods")
    if any(vpc.name == name and vpc.id != own for vpc in state.vpcs.values()):
        raise conflict(f"a VPC with the name {name!r} already exists in your account")


def _range(state: DigitalOceanState, region: str, text: str | None) -> IPv4Network:
    if not text:
        taken = [vpc.ip_range for vpc in state.vpcs.values()]
        return next(each for each in _GENERATED.subnets(new_prefix=20) if not any(each.overlaps(one) for one in taken))
    try:
        wanted = IPv4Network(text)
    except ValueError as error:
        raise invalid(f"ip_range is not a valid network in CIDR notation: {error}") from error
    if not any(wanted.subnet_of(private) for private in _PRIVATE):
        raise invalid("ip_range must be within the private ranges of RFC 1918")
    if not 16 <= wanted.prefixlen <= 28:
        raise invalid("ip_range size must be between /16 and /28")
    if any(wanted.overlaps(kept) for kept in (*_RESERVED, IPv4Network(REGIONS[region].reserved))):
        raise invalid("This range/size overlaps with a range that is reserved by DigitalOcean.")
    for vpc in state.vpcs.values():
        if wanted.overlaps(vpc.ip_range):
            raise invalid(
                "This range/size overlaps with another VPC network in your account: "
                f"{vpc.ip_range} ({vpc.name}). Please use a different range/size."
            )
    return wanted


def _make_default(state: DigitalOceanState, vpc: Vpc) -> None:
    for each in state.vpcs.values():
        if each.region == vpc.region:
            each.default = each.id == vpc.id


@router.get("")
def list_vpcs(cloud: CloudDep, request: Request) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return paged(request, "vpcs", list(whole.digitalocean.vpcs.values()), _json)


@router.post("", status_code=201)
def create_vpc(cloud: CloudDep, body: VpcCreate) -> dict[str, Any]:
    region = known_region(body.region)
    with cloud.store.change() as whole:
        state = whole.digitalocean
        _check_name(state, body.name)
        vpc = Vpc(
            id=str(uuid.uuid4()),
            name=body.name,
            description=body.description,
            region=region,
            ip_range=_range(state, region, body.ip_range),
            default=False,
        )
        state.vpcs[vpc.id] = vpc
        answer = {"vpc": _json(vpc)}
    try:
        cloud.hypervisor.ensure_vpc(vpc.id, vpc.ip_range)
    except HypervisorError as error:
        with cloud.store.change() as whole:
            whole.digitalocean.vpcs.pop(vpc.id, None)
        raise ApiError(500, f"the network could not be made: {error}") from error
    return answer


@router.get("/{vpc_id}")
def get_vpc(cloud: CloudDep, vpc_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"vpc": _json(_found(whole.digitalocean, vpc_id))}


@router.put("/{vpc_id}")
def update_vpc(cloud: CloudDep, vpc_id: str, body: VpcUpdate) -> dict[str, Any]:
    return _update(cloud, vpc_id, body.name, body.description, body.default)


@router.patch("/{vpc_id}")
def patch_vpc(cloud: CloudDep, vpc_id: str, body: VpcPatch) -> dict[str, Any]:
    return _update(cloud, vpc_id, body.name, body.description, body.default)


def _update(
    cloud: CloudDep, vpc_id: str, name: str | None, description: str | None, default: bool | None
) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        vpc = _found(state, vpc_id)
        if name is not None:
            _check_name(state, name, own=vpc_id)
            vpc.name = name
        if description is not None:
            vpc.description = description
        if default:
            _make_default(state, vpc)
        return {"vpc": _json(vpc)}


@router.delete("/{vpc_id}", status_code=204)
def delete_vpc(cloud: CloudDep, vpc_id: str) -> Response:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        vpc = _found(state, vpc_id)
        if vpc.default:
            raise ApiError(403, "Can not delete default VPCs")
        if members(state, vpc_id):
            raise ApiError(403, "Can not delete VPC with members")
        del state.vpcs[vpc_id]
    try:
        cloud.hypervisor.delete_vpc(vpc_id)
    except HypervisorError as error:
        with cloud.store.change() as whole:
            whole.digitalocean.vpcs[vpc_id] = vpc
        raise ApiError(500, f"the network could not be deleted: {error}") from error
    return Response(status_code=204)


@router.get("/{vpc_id}/members")
def list_members(cloud: CloudDep, request: Request, vpc_id: str, resource_type: str = "") -> dict[str, Any]:
    with cloud.store.read() as whole:
        _found(whole.digitalocean, vpc_id)
        found = members(whole.digitalocean, vpc_id) if resource_type in ("", "droplet") else []
        return paged(
            request,
            "members",
            found,
            lambda droplet: {
                "urn": f"do:droplet:{droplet.id}",
                "name": droplet.name,
                "created_at": timestamp(droplet.created_at),
            },
        )
