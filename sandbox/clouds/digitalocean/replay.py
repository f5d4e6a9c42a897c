"""After a start: the machines brought in line with what the account holds.

The machines are changed to match the state. Actions that were running when the last process ended are finished first: a
droplet that was being destroyed is destroyed, and one that was being created is created. Any other action has failed,
and the replay reverts its partial changes.
"""

import logging
from collections.abc import Callable, Iterator

from sandbox.clouds.cloud import Cloud
from sandbox.clouds.digitalocean.droplets import forget, spec
from sandbox.clouds.digitalocean.enforcement import enforce_firewalls_now
from sandbox.clouds.digitalocean.volumes import spec as volume_spec
from sandbox.clouds.state import Action, DigitalOceanState, Droplet, now
from sandbox.droplets.hypervisor import Power

log = logging.getLogger("sandbox.clouds")


def replay(cloud: Cloud) -> list[str]:
    """Change the machines to match the state. Returns the failures as texts, and never raises for one machine."""
    with cloud.store.change() as whole:
        interrupted = [each.model_copy() for each in whole.digitalocean.actions.values() if not each.completed_at]
        state = whole.digitalocean.model_copy(deep=True)
    faults: list[str] = []
    for what, step in _steps(cloud, state, interrupted):
        try:
            step()
        except Exception as error:
            log.exception("replay: %s failed", what)
            faults.append(f"{what}: {error}")
    with cloud.store.change() as whole:
        _settle(whole.digitalocean)
    enforce_firewalls_now(cloud)
    return faults


def _steps(
    cloud: Cloud, state: DigitalOceanState, interrupted: list[Action]
) -> Iterator[tuple[str, Callable[[], None]]]:
    machines = cloud.hypervisor
    staying = [each for each in state.droplets.values() if not each.deleting]
    used = {each.vpc_id for each in staying}
    for vpc in state.vpcs.values():
        if vpc.id in used or not vpc.default:
            yield f"VPC {vpc.name}", lambda vpc=vpc: machines.ensure_vpc(vpc.id, vpc.ip_range)
    for volume in state.volumes.values():
        yield f"volume {volume.name}", lambda volume=volume: machines.create_volume(volume_spec(volume))
    for action in interrupted:
        if action.type == "attach_volume" and action.droplet_id:
            droplet_id = action.droplet_id
            yield (
                f"volume {action.resource}",
                lambda action=action, droplet_id=droplet_id: machines.detach_volume(action.resource, droplet_id),
            )
    for droplet in state.droplets.values():
        if droplet.deleting:
            yield f"droplet {droplet.name}", lambda droplet=droplet: machines.destroy_droplet(droplet.id)
        else:
            yield f"droplet {droplet.name}", lambda droplet=droplet: _bring_back(cloud, droplet)
    for volume in state.volumes.values():
        holder = state.droplets.get(volume.droplet_id or 0)
        if holder and not holder.deleting:
            yield (
                f"volume {volume.name}",
                lambda volume=volume, holder=holder: machines.attach_volume(volume.id, holder.id),
            )
    for reserved in state.reserved_ips.values():
        holder = state.droplets.get(reserved.droplet_id or 0)
        target = holder.id if holder and not holder.deleting else None
        yield (
            f"reserved IP {reserved.ip}",
            lambda reserved=reserved, target=target: machines.assign_reserved_ip(reserved.ip, target),
        )


def _bring_back(cloud: Cloud, droplet: Droplet) -> None:
    machines = cloud.hypervisor
    if droplet.status == "off" and machines.power(droplet.id) is not Power.ABSENT:
        return
    machines.create_droplet(spec(droplet))
    if droplet.status == "off":
        machines.power_off(droplet.id)


def _settle(state: DigitalOceanState) -> None:
    for droplet in list(state.droplets.values()):
        if droplet.deleting:
            forget(state, droplet.id)
            continue
        droplet.pending_action = None
        if droplet.status == "new":
            droplet.status = "active"
    for reserved in state.reserved_ips.values():
        reserved.pending_action = None
    for action in state.actions.values():
        if not action.completed_at:
            action.status = "completed" if action.type in ("create", "destroy") else "errored"
            action.completed_at = now()
