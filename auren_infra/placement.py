"""Where everything runs: which service has a container on which machine, and under which name and address there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from auren_infra.blueprint import Blueprint
from auren_infra.services.model import Link, Service
from auren_infra.settings import CONTAINER_SUBNET


@dataclass(frozen=True)
class Instance:
    """A service on a machine. It has a container, an address, and the commands that deploy it."""

    service: Service

    @property
    def name(self) -> str:
        """What its commands, their locks and its directory of releases are named after."""
        return self.service.name

    @property
    def container(self) -> str:
        return f"auren-{self.name}"

    @property
    def address(self) -> IPv4Address:
        """On `auren-network` of its machine."""
        return CONTAINER_SUBNET[self.service.host_number]


@dataclass(frozen=True)
class Connection:
    """A link between two instances of one machine."""

    source: Instance
    target: Instance
    link: Link


@dataclass(frozen=True)
class MachinePlan:
    """What is on one machine."""

    name: str
    """Of the machine. The names of all that is made for it begin with this."""
    blueprint: Blueprint
    instances: tuple[Instance, ...]
    """Each after those that it talks to."""

    @property
    def by_name(self) -> dict[str, Instance]:
        return {instance.name: instance for instance in self.instances}

    @property
    def services(self) -> tuple[Service, ...]:
        """Those that run on this machine."""
        return tuple(instance.service for instance in self.instances)

    @property
    def connections(self) -> tuple[Connection, ...]:
        """In the order of the links."""
        here = self.by_name
        return tuple(
            Connection(here[link.source], here[link.target], link)
            for link in self.blueprint.links
            if link.source in here and link.target in here
        )

    def targets(self, instance: Instance) -> tuple[Instance, ...]:
        """The instances that this one talks to, in the order of the links."""
        return tuple(each.target for each in self.connections if each.source == instance)

    def with_images(self, images: Mapping[str, str]) -> "MachinePlan":
        """The same with other images for some services, by name."""
        blueprint = self.blueprint.with_images(images)
        services = blueprint.by_name
        instances = tuple(replace(each, service=services[each.service.name]) for each in self.instances)
        return replace(self, blueprint=blueprint, instances=instances)


@dataclass(frozen=True)
class Placement:
    """Which instance is on which machine.

    Raises `ValueError` for two machines with one name, and for a link that would lead from one machine to another: the
    containers' network ends at its machine.
    """

    machines: tuple[MachinePlan, ...]
    """The first one is the one that the domain's names lead to."""

    def __post_init__(self) -> None:
        if faults := [*_names_twice(self.machines), *_links_between(self.machines)]:
            raise ValueError("; ".join(faults))

    @property
    def blueprint(self) -> Blueprint:
        return self.machines[0].blueprint


def place(blueprint: Blueprint) -> Placement:
    """One machine, named like the stack, with an instance of each service."""
    instances = tuple(Instance(service) for service in blueprint.services)
    return Placement((MachinePlan(blueprint.settings.name, blueprint, instances),))


def _names_twice(machines: Sequence[MachinePlan]) -> Iterator[str]:
    for name, count in Counter(plan.name for plan in machines).items():
        if count > 1:
            yield f"{count} machines have the name {name}"


def _links_between(machines: Sequence[MachinePlan]) -> Iterator[str]:
    for plan in machines:
        here = {instance.service.name for instance in plan.instances}
        for link in plan.blueprint.links:
            if link.source in here and link.target not in here:
                yield f"{link.source} is on {plan.name}, and {link.target}, which it talks to, is not"
