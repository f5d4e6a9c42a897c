"""What must not get lost."""

from collections.abc import Iterable

from policy.resource import Resource, Rule

VOLUME = "digitalocean:index/volume:Volume"


def _volume_unprotected(resource: Resource) -> Iterable[str]:
    if resource.type == VOLUME and not resource.protect:
        yield "It would be deleted without another question: set auren:protectData."


RULES = (Rule("volume-unprotected", "Every volume is protected.", _volume_unprotected),)
