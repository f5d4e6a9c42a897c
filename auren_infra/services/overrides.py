"""What the settings choose for services by name: images over the pins, and images that are built.

How an entry is written is judged by `auren_infra.settings`, which does not know the services.
"""

from collections.abc import Iterator, Mapping, Sequence

from auren_infra.services.model import NO_PUBLIC_IMAGE, Service
from auren_infra.settings import NAMESPACE, Fault, Settings
from auren_infra.settings.images import STAND_IN
from auren_infra.settings.releases import misfit

IMAGES = f"{NAMESPACE}:images"
BUILDS = f"{NAMESPACE}:builds"


def faults(settings: Settings, services: Sequence[Service], *, images_known: bool) -> list[Fault]:
    """One fault for each setting, with all its reasons.

    `services` are those of the catalogue, with their pins. Without `images_known`, nothing of `auren:images` could be
    read, and only the names of the builds are judged.
    """
    found = {BUILDS: [*_strangers(settings.builds, services)]}
    if images_known:
        found = {IMAGES: [*_of_images(settings, services)], BUILDS: found[BUILDS] + [*_of_builds(settings, services)]}
    return [Fault(key, "; ".join(reasons)) for key, reasons in found.items() if reasons]


def directories(services: Sequence[Service]) -> list[str]:
    """The names of the directories whose files may come from an image."""
    return [each.source for service in services for each in service.directories if each.released]


def _of_images(settings: Settings, services: Sequence[Service]) -> Iterator[str]:
    yield from _strangers(settings.images, services, directories(services))
    for name in directories(services):
        chosen = settings.images.get(name, STAND_IN)
        if chosen != STAND_IN and "@" not in chosen:
            yield (
                f"{name}: {chosen} has no digest, and a tag can be moved to another image; "
                "add @sha256:... of what was pushed"
            )
    for service in services:
        chosen = settings.images.get(service.name, service.image)
        if chosen == NO_PUBLIC_IMAGE:
            yield f"{service.name} has no public image; add {service.name}=REGISTRY/REPOSITORY:TAG"
        elif service.name in settings.images and (fault := misfit(service.name, chosen)):
            yield f"{service.name}: {fault}"


def _of_builds(settings: Settings, services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        if service.name not in settings.builds:
            continue
        chosen = settings.images.get(service.name, NO_PUBLIC_IMAGE)
        if service.image != NO_PUBLIC_IMAGE and chosen in (NO_PUBLIC_IMAGE, service.image):
            yield f"{service.name} would be pushed over its public image; name your own for it in {IMAGES}"
        elif "@" in chosen:
            yield f"{service.name}: its image in {IMAGES} has a digest, which a build gives; leave the tag alone"


def _strangers(named: Mapping[str, str], services: Sequence[Service], others: Sequence[str] = ()) -> Iterator[str]:
    for name in named:
        if fault := stranger(name, services, others):
            yield fault


def stranger(name: str, services: Sequence[Service], others: Sequence[str] = ()) -> str:
    """What to say of a name that is neither of a service nor one of the `others`; empty for all other names."""
    known = sorted(service.name for service in services)
    more = f"; {' and '.join(others)} may be named as well" if others else ""
    if name in (*known, *others):
        return ""
    return f"there is no service {name!r}; the services are {', '.join(known)}{more}"
