"""Look-ups at the clouds before anything is registered: the zone, and a droplet's disk before a resize."""

from collections.abc import Mapping

import pulumi
import pulumi_digitalocean as digitalocean

from auren_infra.cloud.adoption import find_records
from auren_infra.cloud.dns import find_zone
from auren_infra.cloud.last_update import last_update_in_full
from auren_infra.cloud.refusals import is_gone
from auren_infra.settings import Fault, Settings, refusal
from auren_infra.settings.deployed import Deployed, resizes, too_small


def ask(settings: Settings, before: Deployed) -> tuple[str, Mapping[str, str]]:
    """The id of the domain's zone, and the ids of the records that become part of the stack, by name.

    Raises `SettingsError` with all faults that the clouds' answers show.
    """
    zone, faults = find_zone(settings.cloudflare_zone)
    adopted: Mapping[str, str] = {}
    if settings.moving_from and not faults:
        adopted, faults = find_records(zone, settings, before)
    if fault := _droplet_size(settings, before):
        faults.append(fault)
    if faults:
        raise refusal(faults)
    return zone, adopted


def _droplet_size(settings: Settings, before: Deployed) -> Fault | None:
    """Asks the cloud only when a droplet would be resized, so that other previews stay fast.

    The state may be out of date: somebody may have resized or deleted the droplet in the control panel. If the cloud
    does not answer, the size of the disk in the state is used.
    """
    if before.droplet_size in ("", settings.droplet_size):
        return None
    droplet = resizes(settings, last_update_in_full())
    if droplet is None:
        return None
    try:
        disk_gb = digitalocean.get_droplet(id=droplet.id).disk
    except Exception as error:  # the SDK has no narrower one for a look-up that failed
        if is_gone(error):
            return None  # the droplet was deleted, so a new one is created
        pulumi.log.debug(f"DigitalOcean was asked for the droplet's disk and said: {error}")
        disk_gb = droplet.disk_gb
    return too_small(settings, droplet, disk_gb)
