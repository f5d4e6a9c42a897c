"""The status of a machine or a zone that does not answer, read by the clouds' plugins."""

from collections.abc import Sequence

import pulumi_digitalocean as digitalocean

from auren_infra.cloud import cloudflare
from auren_infra.cloud.refusals import is_gone
from auren_infra.smoke_test.advice import GONE


def droplet_status(droplet: str) -> str:
    """`active`, `off` and the like, or `GONE`; empty when DigitalOcean does not answer."""
    try:
        return digitalocean.get_droplet(id=int(droplet)).status
    except Exception as error:  # Pulumi has no narrower one for a look-up that failed
        return GONE if is_gone(error) else ""


def zone_status(zone: str) -> tuple[str, Sequence[str]]:
    """Its status and the name servers that Cloudflare has for it; empty when Cloudflare does not answer."""
    try:
        found = cloudflare.zones(zone)
    except Exception:  # as above
        return "", ()
    return (found[0].status, found[0].name_servers) if found else ("", ())
