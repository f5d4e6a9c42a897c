"""What must not get lost."""

from collections.abc import Iterable

from policy.resource import Resource, Rule

VOLUME = "digitalocean:index/volume:Volume"
BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"


def _volume_unprotected(resource: Resource) -> Iterable[str]:
    if resource.type == VOLUME and not resource.protect:
        yield "It would be deleted without another question: set auren:protectData."


def _bucket_unprotected(resource: Resource) -> Iterable[str]:
    if resource.type != BUCKET:
        return
    if not resource.protect:
        yield "It would be deleted without another question: set auren:protectData."
    if not resource.flag("versioning", "enabled"):
        yield "What is deleted or overwritten in it would be gone: set its versioning."


RULES = (
    Rule("volume-unprotected", "Every volume is protected.", _volume_unprotected),
    Rule("bucket-unprotected", "Every bucket is protected, and keeps earlier versions.", _bucket_unprotected),
)
