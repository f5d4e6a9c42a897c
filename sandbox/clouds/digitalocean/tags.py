"""Tags and what carries them. Droplets and volumes can be tagged here; firewalls follow tags of droplets."""

from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.digitalocean.bodies import Body, remember_tags
from sandbox.clouds.digitalocean.enforcement import enforce_firewalls
from sandbox.clouds.digitalocean.errors import invalid, not_found
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import DigitalOceanState, Droplet, Volume

router = APIRouter(prefix="/tags")


class TagCreate(Body):
    name: str


class TaggedResource(Body):
    resource_id: str
    resource_type: Literal["droplet", "volume"]


class TagResources(Body):
    resources: list[TaggedResource]


def _known(state: DigitalOceanState, name: str) -> str:
    if name not in state.tags:
        raise not_found()
    return name


def _json(state: DigitalOceanState, name: str) -> dict[str, Any]:
    def counted(kind: str, ids: list[Any]) -> dict[str, Any]:
        return {"count": len(ids)} | ({"last_tagged_uri": f"/v2/{kind}/{ids[-1]}"} if ids else {})

    droplets = counted("droplets", [each.id for each in state.droplets.values() if name in each.tags])
    volumes = counted("volumes", [each.id for each in state.volumes.values() if name in each.tags])
    return {
        "name": name,
        "resources": {
            "count": droplets["count"] + volumes["count"],
            "droplets": droplets,
            "volumes": volumes,
            "images": {"count": 0},
            "volume_snapshots": {"count": 0},
            "databases": {"count": 0},
        },
    }


def _named(state: DigitalOceanState, resources: list[TaggedResource]) -> Iterator[Droplet | Volume]:
    for resource in resources:
        found: Droplet | Volume | None = None
        if resource.resource_type == "volume":
            found = state.volumes.get(resource.resource_id)
        elif resource.resource_id.isdecimal():
            found = state.droplets.get(int(resource.resource_id))
        if found is None:
            raise not_found()
        yield found


@router.get("")
def list_tags(cloud: CloudDep, request: Request) -> dict[str, Any]:
    with cloud.store.read() as whole:
        state = whole.digitalocean
        return paged(request, "tags", list(state.tags), lambda name: _json(state, name))


@router.post("", status_code=201)
def create_tag(cloud: CloudDep, body: TagCreate) -> dict[str, Any]:
    with cloud.store.change() as whole:
        remember_tags(whole.digitalocean, [body.name])
        return {"tag": _json(whole.digitalocean, body.name)}


@router.get("/{name}")
def get_tag(cloud: CloudDep, name: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"tag": _json(whole.digitalocean, _known(whole.digitalocean, name))}


@router.delete("/{name}", status_code=204)
def delete_tag(cloud: CloudDep, name: str) -> Response:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        del state.tags[_known(state, name)]
        for carrier in (*state.droplets.values(), *state.volumes.values(), *state.firewalls.values()):
            carrier.tags = [tag for tag in carrier.tags if tag != name]
        for firewall in state.firewalls.values():
            for rule in (*firewall.inbound, *firewall.outbound):
                rule.peers.tags = [tag for tag in rule.peers.tags if tag != name]
    enforce_firewalls(cloud)
    return Response(status_code=204)


@router.post("/{name}/resources", status_code=204)
def tag_resources(cloud: CloudDep, name: str, body: TagResources) -> Response:
    if not body.resources:
        raise invalid("resources can't be blank")
    with cloud.store.change() as whole:
        state = whole.digitalocean
        _known(state, name)
        for carrier in _named(state, body.resources):
            carrier.tags = list(dict.fromkeys([*carrier.tags, name]))
    enforce_firewalls(cloud)
    return Response(status_code=204)


@router.delete("/{name}/resources", status_code=204)
def untag_resources(cloud: CloudDep, name: str, body: TagResources) -> Response:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        _known(state, name)
        for carrier in _named(state, body.resources):
            carrier.tags = [tag for tag in carrier.tags if tag != name]
    enforce_firewalls(cloud)
    return Response(status_code=204)
