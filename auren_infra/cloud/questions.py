"""What only a cloud can say, asked before anything is registered: the zone, and a droplet's disk before a resize."""

import pulumi
import pulumi_digitalocean as digitalocean

from auren_infra.cloud.dns import find_zone
from auren_infra.cloud.last_update import last_update_in_full
from auren_infra.cloud.refusals import is_gone
from auren_infra.settings import Fault, Settings, refusal
from auren_infra.settings.deployed import Deployed, resizes, too_small


def ask(settings: Settings, before: Deployed) -> str:
    """The id of the domain's zone. Raises `SettingsError` with all that the clouds' answers speak against."""
    zone, faults = find_zone(settings.cloudflare_zone)
    if fault := _droplet_size(settings, before):
        faults.append(fault)
    if faults:
        raise refusal(faults)
    return zone


def _droplet_size(settings: Settings, before: Deployed) -> Fault | None:
    """The cloud is asked only when a droplet is to be resized, so that other previews cost nothing.

    The state may be old: somebody may have resized the droplet, or deleted it, in the control panel. If the cloud does
    not answer, the state counts.
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
            return None  # it is gone, so a new one is made
        pulumi.log.debug(f"DigitalOcean was asked for the droplet's disk and said: {error}")
        disk_gb = droplet.disk_gb
    return too_small(settings, droplet, disk_gb)
