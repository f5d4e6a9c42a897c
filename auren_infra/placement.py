"""Where everything runs: which service has a container on which machine, and under which name and address there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address

from auren_infra.blueprint import Blueprint
from auren_infra.services.model import Link, Service
from auren_infra.settings import CONTAINER_SUBNET


class Slot(StrEnum):
    """The two instances of a service that starts its new container beside the old one. They take turns."""

    BLUE = "blue"
    GREEN = "green"


@dataclass(frozen=True)
class Instance:
    """A service in a slot on a machine: it has a container and an address. Most services have the blue slot alone."""

    service: Service
    slot: Slot = Slot.BLUE

    @property
    def name(self) -> str:
        """In the compose file."""
        return self.service.name if self.slot is Slot.BLUE else f"{self.service.name}-{self.slot}"

    @property
    def container(self) -> str:
        return f"auren-{self.name}"

    @property
    def address(self) -> IPv4Address:
        """On `auren-network` of its machine."""
        return CONTAINER_SUBNET[self.service.host_numbers[0 if self.slot is Slot.BLUE else 1]]


def instances(service: Service) -> tuple[Instance, ...]:
    """Those that a machine has of the service, the blue one first."""
    return tuple(Instance(service, slot) for slot, _ in zip(Slot, service.host_numbers, strict=False))


def restore_address(service: Service) -> IPv4Address | None:
    """On `auren-network`, of the container that restores the service's data; None for one that is not backed up."""
    return None if service.restore_number is None else CONTAINER_SUBNET[service.restore_number]


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
        return tuple(instance.service for instance in self.instances if instance.slot is Slot.BLUE)

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Of every instance of a service with every one of the other, in the order of the links."""
        here: dict[str, list[Instance]] = {}
        for instance in self.instances:
            here.setdefault(instance.service.name, []).append(instance)
        return tuple(
            Connection(source, target, link)
            for link in self.blueprint.links
            for source in here.get(link.source, ())
            for target in here.get(link.target, ())
        )

    def targets(self, service: str) -> tuple[Service, ...]:
        """The services of this machine that this one talks to, in the order of the links."""
        here = {each.name: each for each in self.services}
        return tuple(here[name] for name in self.blueprint.targets(service) if name in here)

    def chooses(self, service: str) -> bool:
        """Whether it talks to one that has two instances, so that it must know which of them is live."""
        return any(len(target.host_numbers) > 1 for target in self.targets(service))

    def with_images(self, images: Mapping[str, str]) -> "MachinePlan":
        """The same with other images for some services, by name."""
        blueprint = self.blueprint.with_images(images)
        services = blueprint.by_name
        changed = tuple(replace(each, service=services[each.service.name]) for each in self.instances)
        return replace(self, blueprint=blueprint, instances=changed)


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
    """One machine, named like the stack, with all services."""
    everything = tuple(each for service in blueprint.services for each in instances(service))
    return Placement((MachinePlan(blueprint.settings.name, blueprint, everything),))


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
