"""Where Spaces is sold, and what its host names mean."""

from dataclasses import dataclass

from sandbox.layout import SPACES_DOMAIN

REGIONS = ("ams3", "atl1", "blr1", "fra1", "lon1", "mkc1", "nyc3", "ric1", "sfo2", "sfo3", "sgp1", "syd1", "tor1")
"""As in the official provider, since the API does not list them."""


@dataclass(frozen=True)
class Endpoint:
    region: str
    bucket: str | None = None
    """None where the bucket is in the path instead."""


def endpoint(region: str) -> str:
    return f"{region}.{SPACES_DOMAIN}"


def endpoint_of(host: str) -> Endpoint | None:
    """What a host name stands for; None when Spaces has no such name. A port at its end does not count."""
    name = host.partition(":")[0].rstrip(".").lower()
    rest, _, domain = name.partition(f".{SPACES_DOMAIN}")
    bucket, _, region = rest.rpartition(".")
    if domain or name == rest or region not in REGIONS:
        return None
    return Endpoint(region, bucket or None)
