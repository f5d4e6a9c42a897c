"""Actions: operations that take time. Clients poll them, and their droplet is busy until they are done."""

import logging
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any, Literal

from fastapi import APIRouter, Request

from sandbox.clouds.cloud import Cloud, CloudDep
from sandbox.clouds.digitalocean.catalogue import region_json
from sandbox.clouds.digitalocean.errors import not_found, pending_event
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import Action, DigitalOceanState, Droplet, now

router = APIRouter(prefix="/actions")
log = logging.getLogger("sandbox.clouds")

KEPT = 1000
"""Finished actions beyond this many are forgotten, the oldest first."""


def begin(
    state: DigitalOceanState,
    kind: str,
    resource_type: Literal["droplet", "volume", "reserved_ip"],
    resource: str,
    region: str,
    *,
    droplet: Droplet | None = None,
) -> Action:
    """Record a new action, and that `droplet` is busy with it; refused when it is busy already."""
    if droplet and droplet.pending_action:
        raise pending_event()
    numbers = {"droplet": int, "reserved_ip": lambda text: int(IPv4Address(text))}
    action = Action(
        id=state.next_id(),
        type=kind,
        resource_type=resource_type,
        resource=resource,
        resource_id=numbers[resource_type](resource) if resource_type in numbers else None,
        region=region,
        droplet_id=droplet.id if droplet else None,
    )
    state.actions[action.id] = action
    if droplet:
        droplet.pending_action = action.id
    finished = [each.id for each in state.actions.values() if each.completed_at]
    for old in finished[: max(0, len(state.actions) - KEPT)]:
        del state.actions[old]
    return action


def carry_out(
    cloud: Cloud,
    action: Action,
    work: Callable[[], None],
    done: Callable[[DigitalOceanState], None],
    failed: Callable[[DigitalOceanState], None] | None = None,
) -> None:
    """Do `work` on the machines in the background, then record the outcome and its effect."""
    action_id = action.id

    def run() -> None:
        try:
            work()
        except Exception:
            log.exception("action %s %s of %s %s failed", action_id, action.type, action.resource_type, action.resource)
            _finish(cloud, action_id, failed, "errored")
        else:
            _finish(cloud, action_id, done, "completed")

    cloud.start(run)


def _finish(
    cloud: Cloud,
    action_id: int,
    effect: Callable[[DigitalOceanState], None] | None,
    status: Literal["completed", "errored"],
) -> None:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        action = state.actions[action_id]
        action.status, action.completed_at = status, now()
        for droplet in state.droplets.values():
            if droplet.pending_action == action_id:
                droplet.pending_action = None
        for reserved in state.reserved_ips.values():
            if reserved.pending_action == action_id:
                reserved.pending_action = None
        if effect:
            effect(state)


def action_json(action: Action) -> dict[str, Any]:
    return {
        "id": action.id,
        "status": action.status,
        "type": action.type,
        "started_at": timestamp(action.started_at),
        "completed_at": timestamp(action.completed_at) if action.completed_at else None,
        "resource_id": action.resource_id,
        "resource_type": action.resource_type,
        "region": region_json(action.region),
        "region_slug": action.region,
    }


def timestamp(moment: Any) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def of_resource(state: DigitalOceanState, resource_type: str, resource: str) -> list[Action]:
    """The actions of one resource, the newest first."""
    own = [each for each in state.actions.values() if (each.resource_type, each.resource) == (resource_type, resource)]
    return own[::-1]


def one_of_resource(state: DigitalOceanState, resource_type: str, resource: str, action_id: int) -> Action:
    action = state.actions.get(action_id)
    if action is None or (action.resource_type, action.resource) != (resource_type, resource):
        raise not_found()
    return action


@router.get("")
def list_actions(cloud: CloudDep, request: Request) -> dict[str, Any]:
    with cloud.store.read() as whole:
        everything = list(whole.digitalocean.actions.values())[::-1]
        return paged(request, "actions", everything, action_json)


@router.get("/{action_id}")
def get_action(cloud: CloudDep, action_id: int) -> dict[str, Any]:
    with cloud.store.read() as whole:
        action = whole.digitalocean.actions.get(action_id)
        if action is None:
            raise not_found()
        return {"action": action_json(action)}
