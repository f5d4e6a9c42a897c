"""Firewalls: what may reach a droplet and what it may reach. Rules are enforced in front of the machine."""

import uuid
from concurrent.futures import Future, wait
from typing import Any

from fastapi import APIRouter, Request, Response

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.digitalocean.actions import timestamp
from sandbox.clouds.digitalocean.enforcement import covers, enforce_firewalls
from sandbox.clouds.digitalocean.errors import not_found
from sandbox.clouds.digitalocean.firewall_rules import (
    DropletIds,
    FirewallBody,
    Rules,
    Tags,
    both,
    check_droplets,
    check_size,
    existing_tags,
    fill,
)
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import DigitalOceanState, Firewall, FirewallRule

router = APIRouter()

ENFORCED_WITHIN = 5.0
"""Seconds that an answer is held back until the rules are in force; then it goes out with status `waiting`."""


def _found(state: DigitalOceanState, firewall_id: str) -> Firewall:
    firewall = state.firewalls.get(firewall_id)
    if firewall is None:
        raise not_found()
    return firewall


def _in_force(enforcing: Future[None]) -> None:
    """Hold the answer back for a moment: a client that reads at once then sees the final status."""
    wait([enforcing], timeout=ENFORCED_WITHIN)


def _rule_json(rule: FirewallRule, peers: str) -> dict[str, Any]:
    return {"protocol": rule.protocol, "ports": rule.ports, peers: rule.peers.model_dump(exclude_defaults=True)}


def firewall_json(firewall: Firewall) -> dict[str, Any]:
    waiting = {"removing": False, "status": "failed" if firewall.status == "failed" else "waiting"}
    return {
        "id": firewall.id,
        "name": firewall.name,
        "status": firewall.status,
        "inbound_rules": [_rule_json(rule, "sources") for rule in firewall.inbound],
        "outbound_rules": [_rule_json(rule, "destinations") for rule in firewall.outbound],
        "created_at": timestamp(firewall.created_at),
        "droplet_ids": firewall.droplet_ids,
        "tags": firewall.tags,
        "pending_changes": [{"droplet_id": each} | waiting for each in firewall.pending_droplets],
    }


@router.get("/firewalls")
def list_firewalls(cloud: CloudDep, request: Request) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return paged(request, "firewalls", list(whole.digitalocean.firewalls.values()), firewall_json)


@router.get("/droplets/{droplet_id}/firewalls")
def list_firewalls_of_droplet(cloud: CloudDep, request: Request, droplet_id: int) -> dict[str, Any]:
    with cloud.store.read() as whole:
        state = whole.digitalocean
        if droplet_id not in state.droplets:
            raise not_found()
        own = [each for each in state.firewalls.values() if covers(each, state.droplets[droplet_id])]
        return paged(request, "firewalls", own, firewall_json)


@router.post("/firewalls", status_code=202)
def create_firewall(cloud: CloudDep, body: FirewallBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        firewall = Firewall(id=str(uuid.uuid4()), name="", inbound=[], outbound=[], droplet_ids=[], tags=[])
        fill(state, firewall, body)
        state.firewalls[firewall.id] = firewall
        enforcing = enforce_firewalls(cloud)
        answer = {"firewall": firewall_json(firewall)}
    _in_force(enforcing)
    return answer


@router.get("/firewalls/{firewall_id}")
def get_firewall(cloud: CloudDep, firewall_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"firewall": firewall_json(_found(whole.digitalocean, firewall_id))}


@router.put("/firewalls/{firewall_id}")
def update_firewall(cloud: CloudDep, firewall_id: str, body: FirewallBody) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        firewall = _found(state, firewall_id)
        fill(state, firewall, body)
        enforcing = enforce_firewalls(cloud)
        answer = {"firewall": firewall_json(firewall)}
    _in_force(enforcing)
    return answer


@router.delete("/firewalls/{firewall_id}", status_code=204)
def delete_firewall(cloud: CloudDep, firewall_id: str) -> Response:
    with cloud.store.change() as whole:
        _found(whole.digitalocean, firewall_id)
        del whole.digitalocean.firewalls[firewall_id]
        enforcing = enforce_firewalls(cloud)
    _in_force(enforcing)
    return Response(status_code=204)


@router.api_route("/firewalls/{firewall_id}/droplets", methods=["POST", "DELETE"], status_code=204)
def change_droplets(cloud: CloudDep, request: Request, firewall_id: str, body: DropletIds) -> Response:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        firewall = _found(state, firewall_id)
        check_droplets(state, body.droplet_ids)
        kept = [each for each in firewall.droplet_ids if each not in body.droplet_ids]
        firewall.droplet_ids = kept if request.method == "DELETE" else kept + list(dict.fromkeys(body.droplet_ids))
        check_size(firewall)
        enforcing = enforce_firewalls(cloud)
    _in_force(enforcing)
    return Response(status_code=204)


@router.api_route("/firewalls/{firewall_id}/tags", methods=["POST", "DELETE"], status_code=204)
def change_tags(cloud: CloudDep, request: Request, firewall_id: str, body: Tags) -> Response:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        firewall = _found(state, firewall_id)
        kept = [each for each in firewall.tags if each not in body.tags]
        firewall.tags = kept if request.method == "DELETE" else kept + existing_tags(state, body.tags)
        check_size(firewall)
        enforcing = enforce_firewalls(cloud)
    _in_force(enforcing)
    return Response(status_code=204)


@router.api_route("/firewalls/{firewall_id}/rules", methods=["POST", "DELETE"], status_code=204)
def change_rules(cloud: CloudDep, request: Request, firewall_id: str, body: Rules) -> Response:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        firewall = _found(state, firewall_id)
        inbound, outbound = both(state, body)
        firewall.inbound = [rule for rule in firewall.inbound if rule not in inbound]
        firewall.outbound = [rule for rule in firewall.outbound if rule not in outbound]
        if request.method == "POST":
            firewall.inbound += inbound
            firewall.outbound += outbound
        check_size(firewall)
        enforcing = enforce_firewalls(cloud)
    _in_force(enforcing)
    return Response(status_code=204)
