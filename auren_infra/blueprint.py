"""What is deployed: the settings and the services that follow from them, before any cloud or machine is asked.

`auren_infra.admission.admit` makes the blueprint of a configuration, and `auren_infra.stack.deploy` takes nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from auren_infra.services.catalogue import described
from auren_infra.services.inbound import inbound
from auren_infra.services.links import LINKS
from auren_infra.services.model import DirectoryMount, Given, Link, SecretFile, Service
from auren_infra.settings import Settings


@dataclass(frozen=True)
class Blueprint:
    """One stack as it is wanted."""

    settings: Settings
    services: tuple[Service, ...]
    """Each after those that it talks to."""
    links: tuple[Link, ...]
    """Who may open a connection to whom."""
    ports: Mapping[int, Sequence[str]]
    """Port of a machine -> the networks that may reach it; without any, it is closed."""

    @property
    def by_name(self) -> dict[str, Service]:
        return {service.name: service for service in self.services}

    def targets(self, service: str) -> tuple[str, ...]:
        """The services that this one talks to, in the order of the links."""
        return tuple(link.target for link in self.links if link.source == service)

    def with_images(self, images: Mapping[str, str]) -> "Blueprint":
        """The same with other images for some services, and for some directories that are released, by name."""

        def changed(directory: DirectoryMount) -> DirectoryMount:
            return replace(directory, image=images.get(directory.source, directory.image))

        services = (
            replace(
                one,
                image=images.get(one.name, one.image),
                directories=tuple(changed(each) if each.released else each for each in one.directories),
            )
            for one in self.services
        )
        return replace(self, services=tuple(services))


def describe(settings: Settings, links: tuple[Link, ...] = LINKS) -> Blueprint:
    """The blueprint of settings that may be deployed: the catalogue with `auren:images` and `auren:serviceSecrets`.

    Raises `graphlib.CycleError` for links that lead in a circle.
    """
    pinned = Blueprint(settings, described(settings), links, inbound(settings))
    unordered = _with_given_secrets(pinned.with_images(settings.images))
    by_name = unordered.by_name
    order = TopologicalSorter({name: unordered.targets(name) for name in by_name}).static_order()
    return replace(unordered, services=tuple(by_name[name] for name in order))


def _with_given_secrets(blueprint: Blueprint) -> Blueprint:
    """With a file for each secret that the settings let a service read."""
    readers = blueprint.settings.service_secrets

    def own(service: Service) -> Service:
        given = (SecretFile(name, Given(name)) for name, services in readers.items() if service.name in services)
        return replace(service, secrets=(*service.secrets, *given))

    return replace(blueprint, services=tuple(own(service) for service in blueprint.services))
